"""Data sets as arrays: the embedded digits, MNIST's files, CIFAR-10's binary version, and what fetches them."""
