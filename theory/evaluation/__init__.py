"""What the bounds say for given constants: models, their numbers, and the command that prints them."""
