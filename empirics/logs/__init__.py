"""Logs of other programs: their runs, read step by step, and the steps that each took to a goal."""
