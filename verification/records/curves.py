"""Measured curves: steps to result against batch size, of one workload, goal and sparsity."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from empirics.workloads.goal_label import goal_label
from verification.records.trials import Trial


@dataclass(frozen=True, order=True)
class CurvePoint:
    """One measured steps-to-result, known to lie in (lower, upper].

    Attributes:
        batch_size: Examples per step, >= 1.
        replicate: Index of the independent repetition, >= 0.
        lower: Steps, >= 0. The last evaluation before the goal was met; the budget when it never was.
        upper: Steps, the evaluation that met the goal; None when the budget ran out first.
            Equal to lower where the count is exact.
        metaparameters: The winner's, name to value; empty where the input does not say.
        interval: 95% interval of K_rate, where the point is that; None otherwise.
        least: K*, where the point is K_rate; None otherwise, and where no trial reached the goal.

    Example:
        >>> CurvePoint(batch_size=64, replicate=0, lower=12.0, upper=14.0).reached
        True
    """

    batch_size: int
    replicate: int
    lower: float
    upper: float | None
    metaparameters: Mapping[str, float] = field(default_factory=dict, compare=False)
    interval: tuple[float, float] | None = field(default=None, compare=False)
    least: float | None = field(default=None, compare=False)

    @property
    def won(self) -> float | None:
        """K*, whatever else the point is; None when no trial met the goal within the budget."""
        return self.upper if self.least is None else self.least

    @property
    def reached(self) -> bool:
        """Whether the goal was met within the budget."""
        return self.upper is not None


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The points of one workload, goal and sparsity; replicates are repeated points.

    Attributes:
        workload: As recorded; empty when the file does not say.
        goal: As typed; empty when the file does not say.
        sparsity: Percent of weights pruned, in [0, 100).
        points: Sorted by batch size, then replicate. Not empty.
        trials: All trials behind the points; empty where the input holds none.
        stop: The stop rule of its studies as typed, empty where the input does not say.
        sign: What is compared with the goal and how, `error <=`; empty where the input does not say.
        draws: D, where its points are K_rate, the median over D draws at the best rate; 1 where they are K*.
        seconds_per_step: Batch size to the mean time of a step; empty where the input does not say.
        agreed: Whether repeats were left out because all took the same steps.
    """

    points: tuple[CurvePoint, ...]
    workload: str = ""
    goal: str = ""
    sparsity: float = 0.0
    trials: tuple[Trial, ...] = ()
    stop: str = ""
    sign: str = ""
    draws: int = 1
    seconds_per_step: Mapping[int, float] = field(default_factory=dict, compare=False)
    agreed: bool = False

    @property
    def quantity(self) -> str:
        """What its points are: `K*`, the least over trials, or `K_rate`."""
        return "K_rate" if self.draws > 1 else "K*"

    @property
    def reached(self) -> int:
        """How many points reached the goal."""
        return sum(point.reached for point in self.points)

    @property
    def group(self) -> tuple[str, str]:
        """Workload and goal: curves that share both can be compared across sparsity."""
        return self.workload, self.goal

    @property
    def goal_label(self) -> str:
        """What its goal is called, empty where the input has none."""
        return goal_label(self.goal, self.sign)

    @property
    def title(self) -> str:
        """Workload and goal in words, what is known of them.

        Example:
            >>> Curve(points=(), workload="mine:make", goal="0.45", sign="r_squared >=").title, Curve(points=()).title
            ('mine:make, goal r_squared >= 0.45', '')
        """
        return ", ".join(part for part in (self.workload, self.goal_label) if part)

    @property
    def reached_batch_sizes(self) -> tuple[int, ...]:
        """The distinct batch sizes at which the goal was met, ascending."""
        return tuple(sorted({point.batch_size for point in self.points if point.reached}))

    @property
    def torn_batch_sizes(self) -> tuple[int, ...]:
        """Those at which some runs met the goal and others missed it, ascending."""
        missed = {point.batch_size for point in self.points if not point.reached}
        return tuple(size for size in self.reached_batch_sizes if size in missed)

    def without(self, batch_sizes: Collection[int]) -> "Curve":
        """Return the curve without some batch sizes.

        Args:
            batch_sizes: Which ones.
        """
        return replace(self, points=tuple(point for point in self.points if point.batch_size not in batch_sizes))

    def without_equal_repeats(self) -> "Curve":
        """Return the curve with one point a batch size where all repeats took the same steps: they tell no scatter.

        Only exact counts of one metaparameter can be the same run again; intervals and winners of a search stay.

        Example:
            >>> points = tuple(CurvePoint(size, seed, 9.0, 9.0) for size in (1, 2) for seed in (0, 1))
            >>> len(Curve(points=points).without_equal_repeats().points)
            2
        """
        first = {point.batch_size: point for point in reversed(self.points)}
        pairs = [(point, first[point.batch_size]) for point in self.points]
        if len(first) == len(pairs) or any(
            not one.lower == one.upper == other.upper or one.metaparameters != other.metaparameters
            for one, other in pairs
        ):
            return self
        points = tuple(first[size] for size in sorted(first))
        kept = {(point.batch_size, point.replicate) for point in points}
        trials = tuple(one for one in self.trials if (one.batch_size, one.replicate) in kept)
        return replace(self, points=points, trials=trials, agreed=True)

    @property
    def studies(self) -> dict[tuple[int, int], list[Trial]]:
        """(batch size, replicate) to the trials of that study, both in the order of `trials`."""
        found: dict[tuple[int, int], list[Trial]] = {}
        for one in self.trials:
            found.setdefault((one.batch_size, one.replicate), []).append(one)
        return found


class Grouped(Protocol):
    """A curve, measured or fitted, as it is grouped."""

    @property
    def group(self) -> tuple[str, str]:
        """Workload and goal."""

    @property
    def sparsity(self) -> float:
        """Percent of weights pruned."""


Member = TypeVar("Member", bound=Grouped)


def curve_groups(curves: Iterable[Member]) -> dict[tuple[str, str], list[Member]]:
    """Return the curves by workload and goal, in order of appearance.

    Args:
        curves: Any curves, measured or fitted.

    Returns:
        (workload, goal) to its curves, ascending in sparsity.
    """
    groups: dict[tuple[str, str], list[Member]] = {}
    for curve in curves:
        groups.setdefault(curve.group, []).append(curve)
    return {key: sorted(members, key=lambda c: c.sparsity) for key, members in groups.items()}
