"""The sparse kernel: its C++ source, how it is built, and how Python calls it."""
