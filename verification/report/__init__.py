"""Fits, ratios, verdicts and advice as text, tables and verdicts.json."""
