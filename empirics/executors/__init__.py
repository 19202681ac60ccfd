"""Executors of tasks: this process, several, several that train together, or a Ray cluster."""
