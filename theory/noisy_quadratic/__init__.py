"""Steps to result on a noisy quadratic, known without training anything, and law Q."""
