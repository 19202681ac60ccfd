"""What is drawn: a run's records and its verdicts."""
