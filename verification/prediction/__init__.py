"""Predictions from measured constants: c1, c2, and the ratio of a sparse network to the dense one."""
