"""What figures share: their look, their rows and panels."""
