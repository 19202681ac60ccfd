r"""What follows from the constants of a run by arithmetic: the exact account of its steps, and c of its flow.

Nothing here is stored; old stores have all of it whose parts they hold. Importing this module loads no torch.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping

from empirics.followed import ConstantsRecord
from empirics.workloads.moved_time import moved_time


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean over the steps of a run from measurements at some of them.

    Args:
        value: The mean.
        error: What the steps in between leave open; None where fewer than three measurements say nothing of them.
    """

    value: float
    error: float | None

    @property
    def relative_error(self) -> float | None:
        """The error over the mean."""
        return None if self.error is None else abs(self.error / self.value)

    def times(self, factor: float) -> Mean:
        """Return a multiple of it."""
        return Mean(factor * self.value, None if self.error is None else abs(factor) * self.error)


def mean_over_steps(along: Mapping[int, float], last: int) -> Mean:
    r"""Return the mean over steps 1 to K of a quantity that is known at some of them, by the trapezoid rule.

    Between two measurements it is linear, before the first and after the last constant. With :math:`w_i` the steps that
    measurement i stands for, :math:`r_i` its distance from the line between its neighbours and :math:`\sigma_i` that
    distance over its standard deviation where single steps scatter by 1, the error is

    .. math:: \frac{1}{K} \sqrt{\Bigl(\sum_i \frac{w_i r_i}{6} (1 - w_i^{-2})\Bigr)^2
        + \sum_i (w_i \sigma_i)^2 (1 - w_i^{-1})}

    First what a smooth curve's bend adds up to, then what steps that scatter independently leave open.

    Args:
        along: Step -> value, ascending, at least one step, from 1 to K.
        last: K.

    Returns:
        The mean and its error.

    Example:
        >>> mean_over_steps({1: 5.0, 3: 3.0, 5: 1.0}, 5)  # 5, 4, 3, 2, 1
        Mean(value=3.0, error=0.0)
    """
    steps, values = list(along), list(along.values())
    weights = [1.0] * len(steps)
    for place, (left, right) in enumerate(itertools.pairwise(steps)):
        for end in (place, place + 1):
            weights[end] += (right - left - 1) / 2
    weights[0] += steps[0] - 1
    weights[-1] += last - steps[-1]
    mean = math.fsum(weight * value for weight, value in zip(weights, values, strict=True)) / last
    bend = scatter = 0.0
    for i in range(1, len(steps) - 1):
        share = (steps[i] - steps[i - 1]) / (steps[i + 1] - steps[i - 1])
        residual = weights[i] * (values[i] - (1 - share) * values[i - 1] - share * values[i + 1])
        bend += residual / 6 * (1 - weights[i] ** -2)
        scatter += residual**2 / (1 + share**2 + (1 - share) ** 2) * (1 - 1 / weights[i])
    return Mean(mean, math.sqrt(bend**2 + scatter) / last if len(steps) > 2 else None)


@dataclasses.dataclass(frozen=True)
class Account:
    r"""The steps of a run to its goal, split exactly: :math:`K^* = c\,T/\eta = N/(e\,a)`.

    Args:
        steps: K*.
        eta: The flow time that a step moves the run, on average; the rate of plain SGD.
        gap: f(w_1) - f after the goal step.
        gradient: The mean of :math:`|\nabla f|^2` over the steps, with the error of its quadrature.
        slope: The mean of what the gradient promises of a step d, :math:`-d \cdot \nabla f`, likewise; for plain SGD it
            is :math:`\eta\,\langle|\nabla f|^2\rangle`, its expectation.
        flow_time: T, the time of the flow to the loss after the goal step; None where it was not followed so far, or
            saw a sample of the examples alone.
        common_time: Its time to 40% of the first loss, likewise.

    Reference:
        docs/theory.md, results 20 and 24.

    Example:
        >>> run = Account(12, 0.5, gap=3.0, gradient=Mean(2.0, None), slope=Mean(1.0, None), flow_time=2.0)
        >>> run.flow_steps, run.c, run.needed, run.kept, run.alignment  # 12 = 3 * 4 = 3/0.25
        (4.0, 3.0, 3.0, 0.25, 1.0)
    """

    steps: int
    eta: float
    gap: float
    gradient: Mean
    slope: Mean
    flow_time: float | None = None
    common_time: float | None = None

    @property
    def needed(self) -> float:
        r"""N, the steps that a descent without loss would take: :math:`\Delta/(\eta \langle G \rangle)`."""
        return self.gap / (self.eta * self.gradient.value)

    @property
    def kept(self) -> float:
        """The share e of what the gradient promises of the steps that the loss fell."""
        return self.gap / (self.steps * self.slope.value)

    @property
    def alignment(self) -> float:
        """How far the steps go along the gradient, a: their slope over that of plain steps of the same flow time."""
        return self.slope.value / (self.eta * self.gradient.value)

    @property
    def flow_steps(self) -> float | None:
        r"""The steps T/eta that the flow's time takes at the run's rate."""
        return None if self.flow_time is None else self.flow_time / self.eta

    @property
    def c(self) -> float | None:
        r"""What is left, c: :math:`\eta K^*/T`."""
        return None if self.flow_time is None else self.eta * self.steps / self.flow_time


def mean_rate(record: ConstantsRecord, workload: str) -> float | None:
    """Return the flow time that a step moves a run, on average; of an older store by the workload's name.

    Args:
        record: The run.
        workload: Name of its workload.

    Returns:
        The time; None where a step has none or the run reached no goal.
    """
    if "eta" in record.values:
        return record.values["eta"]
    parts = workload.split("/")
    if record.goal_step is None or len(parts) not in {3, 4}:
        return None
    schedule = parts[3] if len(parts) > 3 else "constant"
    time = moved_time(parts[2], schedule, record.metaparameters, record.goal_step)
    return None if time is None else time / record.goal_step


def account_of(record: ConstantsRecord, workload: str) -> Account | None:
    """Return the account of a run; None where it lacks a part: a goal, a rate, or losses and gradients along it.

    Args:
        record: What was measured along it.
        workload: Name of its workload.
    """
    eta, steps, gap = mean_rate(record, workload), record.goal_step, _gap(record)
    if eta is None or steps is None or gap is None:
        return None
    squares, slopes = (_up_to(steps, record.along(name)) for name in ("gradient_square", "step_slope"))
    plain = not {"momentum", "decay_steps"} & record.metaparameters.keys()
    if not squares or not (plain or slopes):
        return None
    gradient = mean_over_steps(squares, steps)
    slope = gradient.times(eta) if plain else mean_over_steps(slopes, steps).times(-1.0)
    if min(gap, gradient.value, slope.value) <= 0.0:
        return None
    to_goal = None if record.sampled else record.values.get("T_at_goal")  # a flow over a sample fits its examples
    return Account(steps, eta, gap, gradient, slope, to_goal, record.values.get("T_at_40"))


def _up_to(last: int, along: Mapping[int, float]) -> dict[int, float]:
    """Return what is known at steps up to one."""
    return {step: value for step, value in along.items() if step <= last}


def _gap(record: ConstantsRecord) -> float | None:
    """Return how far the loss fell from w_1 to after the goal step; None where one of both was not measured."""
    loss = record.along("training_loss")
    last = (record.goal_step or 0) + 1
    return loss[1] - loss[last] if last > 1 and {1, last} <= loss.keys() else None


def with_derived(record: ConstantsRecord, records: Iterable[ConstantsRecord], workload: str) -> ConstantsRecord:
    """Return a record with the quantities that follow from it.

    Delta_best takes all sparsities: its f_inf is the lowest training loss that any run of the replicate has seen.

    Args:
        record: The record.
        records: Those of all sparsities.
        workload: Name of their workload.
    """
    found: dict[str, float | None] = {}
    seen = [
        loss
        for other in records
        if other.study.replicate == record.study.replicate
        for loss in other.along("training_loss").values()
    ]
    if seen and "Delta" in record.values:
        found["Delta_best"] = record.values["Delta"] - 2 * min(seen)
    found["Delta_run"] = _gap(record)
    account = account_of(record, workload)
    if account is not None:
        found |= {"K": account.steps, "eta": account.eta, "T_over_eta": account.flow_steps, "c": account.c}
        found |= {"N": account.needed, "e": account.kept, "alignment": account.alignment}
        if account.flow_time is not None and "hessian_top" in record.values:
            found["kappa"] = record.values["hessian_top"] * account.flow_time
    known = {name: value for name, value in found.items() if value is not None}
    return dataclasses.replace(record, values=record.values | known)
