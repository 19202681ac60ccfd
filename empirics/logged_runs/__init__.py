"""Runs that other programs logged, step by step: a module for each form of log."""
