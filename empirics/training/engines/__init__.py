"""Engines: what trains a study's trials."""
