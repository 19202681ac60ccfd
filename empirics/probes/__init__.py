"""Measurements at given weights: smoothness, curvature, and the variance of gradients."""
