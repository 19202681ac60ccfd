"""What measured constants predict for c1, c2 and the ratio of a sparse network to the dense one."""
