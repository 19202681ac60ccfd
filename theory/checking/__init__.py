"""Proofs as data, and what their steps rest on: assumptions, bounds, operations, inner products."""
