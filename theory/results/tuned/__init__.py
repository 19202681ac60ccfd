"""Results 8 to 11, 15, 17 and 18: the bounds at the best rate, and how sharp they are."""
