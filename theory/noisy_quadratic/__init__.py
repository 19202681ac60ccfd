"""Steps to result on a noisy quadratic, computed without training, and law Q."""
