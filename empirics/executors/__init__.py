"""Where tasks are carried out: this process, several, several that train together, or a Ray cluster."""
