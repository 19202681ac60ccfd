"""Results 8 to 11, 15, 17 and 18: what the best rate makes of the bounds, and how sharp they are."""
