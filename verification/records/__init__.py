"""Records in: measured curves, trials and constants, from run folders or tables."""
