"""The metaparameter search: quasi-random points, and the ranges a user may ask for."""
