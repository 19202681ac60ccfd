"""The bounds and schedules as numbers, on doubles at any size."""
