"""Trials trained together, study by study, and the units of work that a process takes."""
