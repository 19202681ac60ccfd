"""Workloads: their data, network, optimiser, search space and goal test, listed by name or a user's own."""
