r"""K* of a pruned network over the dense one's, split exactly into factors.

.. math:: K^* = \frac{c\,T}{\eta} \qquad\text{and}\qquad K^* = \frac{N}{e\,a}

T is the time of the noise-free flow from the run's own start to its loss at the goal, eta the flow time that a step
moves the run, c what is left. N is the steps that a descent without loss would take, e the share of the promised
decrease that the run keeps, a how far its steps go along the gradient, 1 for plain SGD. T/eta, c, N, e and a stay the
same when weights or loss are counted in other units, so they can be compared between networks. T and eta alone cannot.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from empirics.derived import Account
from verification.missing import Missing
from verification.prediction.prediction import Predicted
from verification.records.trials import SmoothnessRun

# By what K* is split -> factor -> its part in one run, as ln K* = sum of the parts' logarithms.
PARTS: Mapping[str, Mapping[str, Callable[[Account], float]]] = MappingProxyType(
    {
        "flow": {
            "T": lambda one: one.flow_time or np.nan,
            "1/eta": lambda one: 1.0 / one.eta,
            "c": lambda one: one.c or np.nan,
        },
        "descent": {
            "N": lambda one: one.needed,
            "1/e": lambda one: 1.0 / one.kept,
            "1/a": lambda one: 1.0 / one.alignment,
        },
        "N": {
            "1/eta": lambda one: 1.0 / one.eta,
            "gap": lambda one: one.gap,
            "1/<G>": lambda one: 1.0 / one.gradient.value,
        },
    }
)
TOLD: Mapping[str, str] = MappingProxyType(
    {
        "T": "how long the flow takes",
        "1/eta": "how small a rate works",
        "c": "what is left",
        "N": "steps of a descent without loss",
        "1/e": "what the steps lose",
        "1/a": "steps askew to the gradient",
        "gap": "how far the loss falls",
        "1/<G>": "how small the gradient is",
    }
)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A ratio, sparse over dense, as a product of ratios.

    Attributes:
        sparsity: Percent of weights pruned.
        batch_size: At which both networks were followed.
        total: What is split: K*, or N.
        factors: Factor -> its ratio; their product is the total, in each replicate and in the mean.
        quadrature: Relative error that the steps between measurements leave in N and e, of both networks together; None
            where it is not known or nothing is averaged.
    """

    sparsity: float
    batch_size: int
    total: Predicted
    factors: Mapping[str, Predicted]
    quadrature: float | None = None


@dataclass(frozen=True)
class Pair:
    """The accounts of a pruned network and of the dense one in one replicate, at one batch size."""

    replicate: int
    batch_size: int
    sparse: Account
    dense: Account


def split(runs: Sequence[SmoothnessRun], sparsity: float, by: str) -> Split | Missing:
    """Return K* of a sparsity over the dense one's, or N, as a product.

    Geometric means over the replicates that both have; intervals are Student's on the logarithm, replicates paired.

    Args:
        runs: The runs that were followed.
        sparsity: Percent, > 0.
        by: `flow`, `descent`, or `N`, which splits N further, into parts that depend on units.

    Returns:
        The split, or why there is none, one clause.
    """
    pairs = paired(runs, sparsity)
    if isinstance(pairs, Missing):
        return pairs
    if by == "flow":
        pairs = [pair for pair in pairs if pair.sparse.flow_time and pair.dense.flow_time]
    if not pairs:
        return Missing("no flow came down to the losses at the goals")
    askew = any(pair.sparse.alignment != 1.0 for pair in pairs)
    parts = {name: part for name, part in PARTS[by].items() if askew or name != "1/a"}
    of_total: Callable[[Account], float] = (lambda one: one.needed) if by == "N" else (lambda one: float(one.steps))
    total, *factors = (
        ratio([(part(pair.sparse), part(pair.dense)) for pair in pairs]) for part in (of_total, *parts.values())
    )
    return Split(
        sparsity=sparsity,
        batch_size=pairs[0].batch_size,
        total=total,
        factors=dict(zip(parts, factors, strict=True)),
        quadrature=None if by == "flow" else _quadrature(pairs),
    )


def paired(runs: Sequence[SmoothnessRun], sparsity: float) -> list[Pair] | Missing:
    """Return the accounts of a sparsity beside the dense ones of the same replicate, or why there are none.

    Args:
        runs: The runs that were followed.
        sparsity: Percent, > 0.

    Returns:
        At least one pair, replicates ascending, both of one batch size; or why there is none, one clause.
    """
    known = {(one.sparsity, one.replicate): (one.batch_size or 0, one.account) for one in runs if one.account}
    both = [replicate for level, replicate in sorted(known) if level == sparsity and (0.0, replicate) in known]
    if not both:
        return Missing(f"no runs of {sparsity:g}% and of the dense network with losses and gradients to their goals")
    pairs = []
    for replicate in both:
        (size, sparse), (other, dense) = known[sparsity, replicate], known[0.0, replicate]
        pairs += [Pair(replicate, size, sparse, dense)] if size == other else []
    return pairs or Missing(f"the runs of {sparsity:g}% and of the dense network are at different batch sizes")


def ratio(pairs: Sequence[tuple[float, float]]) -> Predicted:
    """Return the geometric mean of ratios with the standard error of its logarithm.

    Args:
        pairs: Sparse and dense values of each replicate, > 0.

    Returns:
        The ratio; of one replicate nothing says how sure it is.

    Example:
        >>> found = ratio([(2.0, 1.0), (8.0, 1.0)])
        >>> round(found.ratio, 12), round(found.log_error / float(np.log(2.0)), 12)
        (4.0, 1.0)
    """
    logs = np.log([sparse / dense for sparse, dense in pairs])
    error = float(logs.std(ddof=1) / np.sqrt(len(logs))) if len(logs) > 1 else None
    return Predicted(float(np.exp(logs.mean())), error, len(logs))


def _quadrature(pairs: Sequence[Pair]) -> float | None:
    """Return the relative error of a mean over replicates that the averages along their runs leave."""
    errors = [one.slope.relative_error for pair in pairs for one in (pair.sparse, pair.dense)]
    known = [error for error in errors if error is not None]
    return float(np.sqrt(np.sum(np.square(known)))) / len(pairs) if len(known) == len(errors) else None
