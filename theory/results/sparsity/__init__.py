"""Results 7, 12 and 19: a sparse network against the dense one."""
