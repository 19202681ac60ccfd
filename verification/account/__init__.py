"""The account of steps: what makes the K* of a pruned network larger, in factors that no choice of units changes."""
