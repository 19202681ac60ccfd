"""What a user asks for, and the frozen specification it resolves to."""
