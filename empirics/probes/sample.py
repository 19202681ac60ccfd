r"""The examples that f is the mean loss of, and the error from skipping the others.

On a random part of the training set every quantity has a standard error. The part is split into groups. Each
quantity is computed once on all of them and once without each group; the scatter of the latter is the delete-a-group
jackknife's answer. Both gradients of a difference see the same examples, so their common error cancels (paired
differences). A maximum over gamma or a mean over steps is jackknifed as a whole.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Replicates = NDArray[np.float64]
_GROUPS = 10  # Student's t has 9 degrees of freedom then; more groups would hold more gradients in memory


@dataclass(frozen=True)
class Sample:
    """Examples drawn without replacement from a training set, in random order, or the whole of it.

    Args:
        images: Shape (n, ...).
        labels: Shape (n, ...).
        population: Size of the training set, >= n.
    """

    images: Tensor
    labels: Tensor
    population: int

    @property
    def examples(self) -> int:
        """How many examples there are, n."""
        return len(self.labels)

    @property
    def whole(self) -> bool:
        """Whether they are the training set, so that nothing is estimated."""
        return self.examples == self.population

    def groups(self) -> list[slice]:
        """Return the groups that are left out one at a time; one group where nothing is estimated."""
        count = 1 if self.whole else min(_GROUPS, self.examples)
        borders = np.linspace(0, self.examples, count + 1).round().astype(int)
        return [slice(int(start), int(stop)) for start, stop in itertools.pairwise(borders)]

    def part(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Return some of the examples."""
        return self.images[rows], self.labels[rows]

    def standard_error(self, replicates: Replicates) -> float | None:
        r"""Return the standard error of a quantity from its values without each group.

        :math:`\sqrt{(1 - n/N) \frac{G-1}{G} \sum_g (\theta_{(-g)} - \bar\theta)^2}`.

        Args:
            replicates: The quantity on all examples, then without each of the G groups, shape (1 + G,).

        Returns:
            The error, >= 0; None where nothing is estimated.

        Reference:
            Efron and Tibshirani 1993, Chapter 11; the factor 1 - n/N is that of draws without replacement.

        Example:
            >>> import torch
            >>> sample = Sample(torch.zeros(2), torch.zeros(2), population=4)
            >>> sample.standard_error(np.array([1.5, 1.0, 2.0]))  # sqrt((1 - 2/4) (1/2) (1/4 + 1/4))
            0.3535533905932738
        """
        without = replicates[1:]
        if self.whole:
            return None
        spread = float(np.square(without - without.mean()).sum()) * (len(without) - 1) / len(without)
        return math.sqrt((1 - self.examples / self.population) * spread)


def with_each_left_out(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of group totals and the sums without each group.

    Args:
        parts: A total a group, shape (G, ...).

    Returns:
        Shape (1 + G, ...), or (1, ...) for one group.

    Example:
        >>> with_each_left_out(np.array([1.0, 2.0, 4.0])).tolist()
        [7.0, 6.0, 5.0, 3.0]
    """
    total: NDArray[np.float64] = parts.sum(axis=0)
    if len(parts) == 1:
        return total[None]
    return np.concatenate([total[None], total[None] - parts])
