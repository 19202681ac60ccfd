"""What is measured at given weights: smoothness, curvature, and how much gradients differ."""
