"""The weights that a trial keeps, by one of several methods, and the treatment of a network cut in two."""
