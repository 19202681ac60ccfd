"""Tests and intervals: of one curve, of two, of rates, trends and searches."""
