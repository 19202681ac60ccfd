"""What holds along a run: units, accounts, the edge, paths, flow time."""
