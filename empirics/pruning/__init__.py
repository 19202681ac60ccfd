"""Which weights a trial keeps, by any of several methods, and what becomes of a network cut in two."""
