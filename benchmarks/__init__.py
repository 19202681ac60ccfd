"""Side-by-side runs: what was tried before a constant or a kernel was chosen."""
