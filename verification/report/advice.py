"""Which batch size should I use? Answers from a fitted curve, each with its interval; none where the law fails."""

import math
from collections.abc import Callable, Collection, Sequence

from theory import HYPERBOLA, batch_size_for_efficiency, fastest_batch_size, least_total_time
from verification.claims.evidence import name
from verification.fits.curves import FittedCurve, FittedLaw
from verification.fits.fit import OPEN, Interval
from verification.report.rejection import beyond_which_nothing_improved, why_rejected
from verification.report.tables import columns, estimate_text, number, wrapped


def efficiency_lines(curves: Sequence[FittedCurve], efficiency: float, rejected: Collection[str] = ()) -> list[str]:
    """Return the batch size up to which each curve keeps an efficiency, B_crit (1 - e)/e.

    Args:
        curves: Fitted curves.
        efficiency: Of parallel scaling, in (0, 1): 0.5 means twice the examples of a small batch.
        rejected: Names of the curves for which claim C1 is rejected.

    Returns:
        A table, and what a reader should know about it.
    """

    def batch_size(b_crit: float) -> float:
        return batch_size_for_efficiency(efficiency, b_crit, 1.0)

    return _table(
        curves,
        f"Batch size at parallel efficiency {number(efficiency)}, where a run takes {number(1.0 / efficiency)} times "
        "the examples of a small batch",
        batch_size,
        lambda size, c1, c2: number(float(HYPERBOLA.steps(size, c1=c1, c2=c2))),
        "steps there",
        rejected,
    )


def step_time_lines(
    curves: Sequence[FittedCurve], fixed: float, per_example: float, rejected: Collection[str] = ()
) -> list[str]:
    """Return the batch size of the shortest run when a step takes t0 + t1 B.

    Args:
        curves: Fitted curves.
        fixed: t0, time of a step whatever its size, > 0.
        per_example: t1, time of a step per example, in the same unit, > 0.
        rejected: Names of the curves for which claim C1 is rejected.

    Returns:
        A table with the time the run takes.
    """

    def batch_size(b_crit: float) -> float:
        return fastest_batch_size(b_crit, 1.0, fixed, per_example)

    return _table(
        curves,
        f"Fastest batch size with steps of {number(fixed)} + {number(per_example)} B",
        batch_size,
        lambda _, c1, c2: number(least_total_time(c1, c2, fixed, per_example)),
        "total time there",
        rejected,
    )


def _table(
    curves: Sequence[FittedCurve],
    title: str,
    batch_size: Callable[[float], float],
    at_best: Callable[[float, float, float], str],
    heading: str,
    rejected: Collection[str],
) -> list[str]:
    """Return the table of one question; the answer is an increasing function of B_crit alone.

    A curve gets a number where the law is not rejected for it and its data bound B_crit on a side at least.
    """
    rows, outside, below, refused, without = [], [], [], [], []
    for one in curves:
        law, reason = one.hyperbola, why_rejected(one, rejected)
        measured = beyond_which_nothing_improved(one)
        if reason is not None:
            refused.append(f"No number for {name(one)}: the law is rejected here by {reason}{_then(measured)}.")
            continue
        known = _constants(law)
        if law is None or known is None:
            without.append(f"{name(one)}{_then(measured)}")
            continue
        b_crit, c1, c2 = known
        size = batch_size(b_crit)
        if size < 1.0:
            below.append(name(one))
            continue
        ends: Interval = law.intervals["b_crit"].map(batch_size)
        rows.append((name(one), estimate_text(size, ends), at_best(size, c1, c2)))
        sizes = one.curve.reached_batch_sizes
        if not sizes[0] <= size <= sizes[-1]:
            outside.append(name(one))
    lines = [wrapped(title), *(columns(("", "batch size [95%]", heading), rows) if rows else [])]
    lines += [wrapped(line) for line in refused]
    if outside:
        lines.append(wrapped(f"Outside the batch sizes measured, an extrapolation of the law: {'; '.join(outside)}."))
    if below:
        lines.append(wrapped(f"No answer, the law puts it below one example a step: {'; '.join(below)}."))
    if without:
        lines.append(wrapped(f"No answer, the critical batch size is not known: {'; '.join(without)}."))
    return lines


def _constants(law: FittedLaw | None) -> tuple[float, float, float] | None:
    """Return B_crit, c1 and c2; None where the data do not tell them, or leave B_crit open on both sides."""
    if law is None or law.intervals["b_crit"] == OPEN:
        return None
    known = [value for key in ("b_crit", "c1", "c2") if (value := law.estimates[key]) is not None]
    return (known[0], known[1], known[2]) if len(known) == 3 else None


def _then(measured: str) -> str:
    """Return what was measured as a clause to add, if anything."""
    return f"; {measured}" if measured else ""


def check_efficiency(text: str) -> float:
    """Return a number in (0, 1).

    Raises:
        ValueError: If it is anything else.
    """
    value = float(text)
    if not 0.0 < value < 1.0:
        raise ValueError(text)
    return value


def check_time(text: str) -> float:
    """Return a finite number > 0.

    Raises:
        ValueError: If it is anything else.
    """
    value = float(text)
    if not 0.0 < value < math.inf:
        raise ValueError(text)
    return value
