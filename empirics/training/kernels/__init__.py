"""The sparse kernel: its C++ source, how it is built, and where it was, what came of it."""
