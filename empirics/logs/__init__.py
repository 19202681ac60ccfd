"""The steps that logged runs took to a goal, as a table."""
