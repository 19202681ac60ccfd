"""Data sets as arrays: the embedded digits, MNIST's files and CIFAR-10's binary version, and downloads."""
