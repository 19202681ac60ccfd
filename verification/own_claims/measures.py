r"""What our own claims compare: eta K*, flow times and efficiencies, each a number per replicate.

Every comparison is between two networks, or two rules, in the same replicate; its value is a logarithm.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from empirics.derived import Account, mean_over_steps
from empirics.workloads.moved_time import has_decay, moved_time, relative_sums
from verification.records.curves import Curve
from verification.records.measured_constants import MeasuredConstants, Quantities, quantities_of
from verification.records.trials import SmoothnessRun

# Batch size and replicate to a value.
Points = Mapping[tuple[int, int], float]
# What most is judged at is followed at B = 32 on digits and 64 on MNIST; others stand beside.
_MIDDLE = math.sqrt(32.0 * 64.0)


@dataclass(frozen=True)
class Beside:
    """The runs of a pruned network and of the dense one that were followed in one replicate, at one batch size."""

    replicate: int
    sparse: SmoothnessRun
    dense: SmoothnessRun

    def log_ratio(self, quantity: Callable[[SmoothnessRun], float | None]) -> float | None:
        """Return the logarithm of a quantity, sparse over dense; None where either has none."""
        over, under = quantity(self.sparse), quantity(self.dense)
        return math.log(over / under) if over and under else None


def beside(runs: Sequence[SmoothnessRun], sparsity: float) -> list[Beside]:
    """Return the runs of a sparsity beside the dense ones, at the batch size where most was followed.

    Args:
        runs: All runs that were followed.
        sparsity: Percent, > 0.

    Returns:
        One a replicate that has both, ascending.
    """
    known = {(one.sparsity, one.replicate): one for one in at_middle(runs)}
    replicates = sorted(replicate for level, replicate in known if level == sparsity)
    return [Beside(r, known[sparsity, r], known[0.0, r]) for r in replicates if (0.0, r) in known]


def at_middle(runs: Sequence[SmoothnessRun]) -> list[SmoothnessRun]:
    """Return the runs at the batch size where most was followed."""
    sizes = {one.batch_size for one in runs if one.batch_size}
    chosen = min(sizes, key=lambda size: abs(math.log(size / _MIDDLE)), default=0)
    return [one for one in runs if one.batch_size == chosen]


def of_account(part: Callable[[Account], float | None]) -> Callable[[SmoothnessRun], float | None]:
    """Return what takes a part of a run's account, None where there is none."""
    return lambda run: None if run.account is None else part(run.account)


def flow_steps_to_40(one: Account) -> float | None:
    """Return T/eta, T the time of the flow to 40% of the first loss."""
    return one.common_time / one.eta if one.common_time else None


def condition(run: SmoothnessRun) -> float | None:
    """Return K*/(h_max T), h_max the largest curvature at the start and T the time to the loss at the goal."""
    tops = run.along.get("hessian_top", {})
    if run.account is None or not run.account.flow_time or not tops:
        return None
    return run.account.steps / (tops[min(tops)] * run.account.flow_time)


def noise_scale(run: SmoothnessRun) -> float | None:
    r"""Return :math:`\langle V \rangle/\langle G \rangle` over the steps to the goal."""
    if run.account is None or run.goal_step is None:
        return None
    seen = {step: value for step, value in run.along.get("variance", {}).items() if step <= run.goal_step}
    return mean_over_steps(seen, run.goal_step).value / run.account.gradient.value if seen else None


def below_edge(run: SmoothnessRun) -> float | None:
    """Return the mean share of the squared gradient in modes with eta h at most 1."""
    above = run.values.get("share_above_edge")
    return None if above is None else 1.0 - above


def product_ratio(pair: Beside, quantities: Quantities) -> float | None:
    """Return the paper's product, sparse over dense; None where either network lacks a factor.

    Args:
        pair: Both networks in one replicate.
        quantities: Which constants are its factors, as `quantities_of` chooses them for all replicates together.
    """
    sparse, dense = _constants(pair)
    if any(one.lacks(quantities, run.sparsity) for one, run in ((sparse, pair.sparse), (dense, pair.dense))):
        return None
    return math.prod(sparse.factors(quantities)) / math.prod(dense.factors(quantities))


def product_quantities(pairs: Sequence[Beside]) -> Quantities:
    """Return which constants are the factors of the paper's product in some pairs."""
    return quantities_of("product", [one for pair in pairs for one in _constants(pair)])


def _constants(pair: Beside) -> tuple[MeasuredConstants, MeasuredConstants]:
    """Return the constants of the sparse network and of the dense one."""
    sparse, dense = (MeasuredConstants(pair.replicate, run.values) for run in (pair.sparse, pair.dense))
    return sparse, dense


def rule_of(curve: Curve) -> tuple[str, str, str]:
    """Return data set with network, optimiser and schedule of a curve; empty where its workload has no such parts."""
    parts = curve.workload.split("/")
    if len(parts) not in {3, 4}:
        return "", "", ""
    return "/".join(parts[:2]), parts[2], parts[3] if len(parts) > 3 else "constant"


def moved(curve: Curve) -> dict[tuple[int, int], float]:
    """Return eta K* of every study that reached the goal: less the lag, and with a schedule the sum of its rates."""
    _, optimizer, schedule = rule_of(curve)
    found = {}
    for point in curve.points:
        if point.won and "learning_rate" in point.metaparameters:
            time = moved_time(optimizer, schedule, point.metaparameters, round(point.won))
            if time:
                found[point.batch_size, point.replicate] = time
    return found


def steps_won(curve: Curve) -> dict[tuple[int, int], float]:
    """Return K* of every study that reached the goal."""
    return {(point.batch_size, point.replicate): point.won for point in curve.points if point.won}


def effective_steps(curve: Curve) -> dict[tuple[int, int], float]:
    """Return A_K^2/H_K up to K* under a linear decay: as many steps at a constant rate are worth as much.

    Reference:
        docs/theory.md, step 13.39.
    """
    found = {}
    for point in curve.points:
        if point.won and has_decay(point.metaparameters):
            total, squares = relative_sums(point.metaparameters, round(point.won))
            found[point.batch_size, point.replicate] = float(total[-1] ** 2 / squares[-1])
    return found


def log_ratios(over: Points, under: Points) -> dict[int, float]:
    """Return for each replicate the mean logarithm of a ratio over the batch sizes that both sides have.

    Example:
        >>> log_ratios({(8, 0): 2.0, (16, 0): 8.0, (8, 1): 3.0}, {(8, 0): 1.0, (16, 0): 1.0})[0] / math.log(4.0)
        1.0
    """
    logs: dict[int, list[float]] = {}
    for key in sorted(over.keys() & under.keys()):
        logs.setdefault(key[1], []).append(math.log(over[key] / under[key]))
    return {replicate: float(np.mean(values)) for replicate, values in logs.items()}
