"""Whether a GPU gives the CPU's answers, and how fast: one command for a machine that has one."""
