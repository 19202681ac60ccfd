"""The bounds evaluated for given constants: models, their numbers, and the command that prints them."""
