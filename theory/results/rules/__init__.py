"""Results 13 and 14: schedules and momentum."""
