"""A measurement from request to run folder: its plan, its stages, its progress and its summary."""
