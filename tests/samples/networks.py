"""The two convolutional networks that the tests of empirics train."""

from empirics.networks.build import build_network

SMALL_CNN = build_network("small-cnn", (1, 8, 8))
SIMPLE_CNN = build_network("simple-cnn", (1, 28, 28))
