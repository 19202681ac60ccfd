"""Named random streams: every draw of a run follows from its seed and a name, never from global state."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Stream(enum.IntEnum):
    """What a stream is for. The numbers are part of every stored run: append, never renumber."""

    INIT = 0
    ORDER = 1
    SPLIT = 2
    PROBE = 3
    PRUNING = 4
    LANCZOS = 5  # of earlier versions alone
    BATCHES = 6
    SIGNS = 7
    JITTER = 8


def generator(seed: int, stream: Stream, *path: int) -> np.random.Generator:
    """Return the generator of one named stream.

    Args:
        seed: The run's seed, >= 0.
        stream: What the draws are for.
        path: Where in the run they are made, e.g. (replicate, trial); each >= 0.

    Returns:
        A generator that depends on nothing but the arguments; different arguments give independent draws.

    Example:
        >>> a, b = (generator(0, Stream.INIT, 0, trial) for trial in (3, 3))
        >>> bool(a.random() == b.random())
        True
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(stream, *path))))


def split_indices(
    seed: int, replicate: int, examples: int, validation_examples: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split 0..examples-1 into validation and training indices.

    Replicate 0 is the paper's arrangement: the indices shuffled by `RandomState(seed)`, the first part validates.

    Args:
        seed: The run's seed, in [0, 2^32).
        replicate: Which independent repetition, >= 0.
        examples: Size of the full training set.
        validation_examples: How many of them validate, in [1, examples).

    Returns:
        Validation indices, shape (validation_examples,), and training indices, shape (the rest,).

    Reference:
        Lee et al. 2021, Appendix B and published code (`RandomState(0)`, first tenth validates).

    Example:
        >>> validation, training = split_indices(0, 0, examples=10, validation_examples=1)
        >>> validation.tolist(), sorted(training.tolist())
        ([2], [0, 1, 3, 4, 5, 6, 7, 8, 9])
    """
    if replicate:
        seed = int(generator(seed, Stream.SPLIT, replicate).integers(2**32))
    indices = np.arange(examples)
    np.random.RandomState(seed).shuffle(indices)
    return indices[:validation_examples], indices[validation_examples:]


class ExampleOrder:
    """An endless stream of example indices, reshuffled each epoch; batches run across epoch borders.

    Position p of the stream is the same example for every trial, batch size and sparsity, so the order of a run is a
    function of (seed, path) alone and can be entered at any step.

    Args:
        seed: The run's seed.
        path: Where in the run the order is drawn, e.g. (replicate,).
        examples: Size of the training set, >= 1.

    Example:
        >>> order = ExampleOrder(0, (0,), examples=4)
        >>> sorted(order.batch(0, 4).tolist())  # an epoch holds every example once
        [0, 1, 2, 3]
        >>> order.batch(1, 3).tolist() == [*order.batch(0, 4)[3:], *order.batch(1, 4)[:2]]
        True
    """

    def __init__(self, seed: int, path: Sequence[int], examples: int) -> None:
        self._seed = seed
        self._path = tuple(path)
        self._examples = examples
        self._epochs: dict[int, NDArray[np.int64]] = {}

    def batch(self, step: int, batch_size: int) -> NDArray[np.int64]:
        """Return the indices of the examples that step number `step` (from 0) trains on.

        Args:
            step: Step number, >= 0.
            batch_size: Examples per step, >= 1; may exceed what is left of an epoch.

        Returns:
            Indices into the training set, shape (batch_size,).
        """
        first, last = step * batch_size, (step + 1) * batch_size
        epochs = range(first // self._examples, (last - 1) // self._examples + 1)
        self._epochs = {epoch: self._permutation(epoch) for epoch in epochs}
        joined = np.concatenate([self._epochs[epoch] for epoch in epochs])
        offset = epochs[0] * self._examples
        return joined[first - offset : last - offset]

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        """Return the order of one epoch, from the last call where it was still in use."""
        if epoch in self._epochs:
            return self._epochs[epoch]
        return generator(self._seed, Stream.ORDER, *self._path, epoch).permutation(self._examples)
