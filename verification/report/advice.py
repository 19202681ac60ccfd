"""Advice on the batch size from a fitted curve, with intervals; none where the law fails."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from theory import HYPERBOLA, batch_size_for_efficiency, fastest_batch_size, least_total_time
from verification.cells import columns, estimate_text, number, wrapped
from verification.claims.evidence import name
from verification.fits.curves import FittedCurve, FittedLaw
from verification.fits.fit import OPEN, Interval
from verification.report.rejection import beyond_which_nothing_improved, why_rejected

# Why there is no number, or what it is worth; the sentence goes on with the curve.
REFUSED = "No number"
OUTSIDE = "Outside the batch sizes measured, an extrapolation of the law"
BELOW = "No answer, the law puts it below one example a step"
UNKNOWN = "No answer, the critical batch size is not known"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a fitted curve is asked for: a batch size that is an increasing function of B_crit alone.

    Attributes:
        title: The question in words.
        batch_size: B_crit to the batch size.
        at_best: That batch size, c1 and c2 to what a run comes to there.
        heading: What it comes to, in words.
    """

    title: str
    batch_size: Callable[[float], float]
    at_best: Callable[[float, float, float], float]
    heading: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one curve says.

    Attributes:
        size: The batch size; None where there is no answer.
        interval: Its 95% interval.
        at_best: What a run comes to there; None where there is no answer.
        remark: One of the four above, empty where there is nothing to say.
        detail: What follows it for this curve.
    """

    size: float | None = None
    interval: Interval = OPEN
    at_best: float | None = None
    remark: str = ""
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What to know about it, as of the only curve there is."""
        return f"{self.remark}{self.detail}."


def efficiency_question(efficiency: float) -> Question:
    """Return the question for the batch size up to which a curve keeps an efficiency, B_crit (1 - e)/e.

    Args:
        efficiency: Of parallel scaling, in (0, 1): 0.5 means twice the examples of a small batch.
    """
    return Question(
        title=f"Batch size at parallel efficiency {number(efficiency)}, where a run takes {number(1.0 / efficiency)} "
        "times the examples of a small batch",
        batch_size=lambda b_crit: batch_size_for_efficiency(efficiency, b_crit, 1.0),
        at_best=lambda size, c1, c2: float(HYPERBOLA.steps(size, c1=c1, c2=c2)),
        heading="steps there",
    )


def step_time_question(fixed: float, per_example: float) -> Question:
    """Return the question for the batch size of the shortest run when a step takes t0 + t1 B.

    Args:
        fixed: t0, time of a step whatever its size, > 0.
        per_example: t1, time of a step per example, in the same unit, > 0.
    """
    return Question(
        title=f"Fastest batch size with steps of {number(fixed)} + {number(per_example)} B",
        batch_size=lambda b_crit: fastest_batch_size(b_crit, 1.0, fixed, per_example),
        at_best=lambda _, c1, c2: least_total_time(c1, c2, fixed, per_example),
        heading="total time there",
    )


def answer(question: Question, one: FittedCurve, rejected: Collection[str] = ()) -> Answer:
    """Return what a curve says: a number where it does not reject the law and bounds B_crit on a side at least.

    Args:
        question: What is asked.
        one: A fitted curve.
        rejected: Names of the curves for which claim C1 is rejected.

    Returns:
        The answer, or why there is none.
    """
    law, reason = one.hyperbola, why_rejected(one, rejected)
    then = f"; {measured}" if (measured := beyond_which_nothing_improved(one)) else ""
    if reason is not None:
        return Answer(remark=REFUSED, detail=f": the law is rejected here by {reason}{then}")
    known = _constants(law)
    if law is None or known is None:
        return Answer(remark=UNKNOWN, detail=then)
    b_crit, c1, c2 = known
    size = question.batch_size(b_crit)
    if size < 1.0:
        return Answer(remark=BELOW)
    sizes = one.curve.reached_batch_sizes
    return Answer(
        size=size,
        interval=law.intervals["b_crit"].map(question.batch_size),
        at_best=question.at_best(size, c1, c2),
        remark="" if sizes[0] <= size <= sizes[-1] else OUTSIDE,
    )


def answer_lines(question: Question, curves: Sequence[FittedCurve], rejected: Collection[str] = ()) -> list[str]:
    """Return the answers of all curves.

    Args:
        question: What is asked.
        curves: Fitted curves.
        rejected: Names of the curves for which claim C1 is rejected.

    Returns:
        A table, and what a reader should know about it.
    """
    answers = [(name(one), answer(question, one, rejected)) for one in curves]
    rows = [
        (title, estimate_text(found.size, found.interval), number(found.at_best))
        for title, found in answers
        if found.size is not None
    ]
    lines = [wrapped(question.title), *(columns(("", "batch size [95%]", question.heading), rows) if rows else [])]
    lines += [wrapped(f"{REFUSED} for {title}{a.detail}.") for title, a in answers if a.remark == REFUSED]
    for remark in (OUTSIDE, BELOW, UNKNOWN):
        if about := [f"{title}{found.detail}" for title, found in answers if found.remark == remark]:
            lines.append(wrapped(f"{remark}: {'; '.join(about)}."))
    return lines


def _constants(law: FittedLaw | None) -> tuple[float, float, float] | None:
    """Return B_crit, c1 and c2; None where the data do not tell them, or leave B_crit open on both sides."""
    if law is None or law.intervals["b_crit"] == OPEN:
        return None
    known = [value for key in ("b_crit", "c1", "c2") if (value := law.estimates[key]) is not None]
    return (known[0], known[1], known[2]) if len(known) == 3 else None


def check_efficiency(text: str | float) -> float:
    """Return a number in (0, 1).

    Raises:
        ValueError: If it is anything else.
    """
    value = float(text)
    if not 0.0 < value < 1.0:
        raise ValueError(text)
    return value


def check_time(text: str | float) -> float:
    """Return a finite number > 0.

    Raises:
        ValueError: If it is anything else.
    """
    value = float(text)
    if not 0.0 < value < math.inf:
        raise ValueError(text)
    return value
