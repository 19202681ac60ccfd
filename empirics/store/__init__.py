"""A run folder: one SQLite file, the tables printed from it, and where its results come from."""
