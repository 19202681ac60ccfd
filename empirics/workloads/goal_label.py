"""A goal's metric, direction, value and count, and its label in print."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CLASSIFICATION_ERROR = "classification_error"


@dataclass(frozen=True)
class GoalCount:
    """A goal that is met at fewer errors than its share of the validation set.

    Args:
        goal: As it is typed.
        examples: Size of the validation set.
        most_errors: With which it is met.
    """

    goal: float
    examples: int
    most_errors: int


def goal_count(goal_error: float, examples: int, known: Sequence[GoalCount] = ()) -> int:
    """Return the largest number of errors that reaches the goal.

    Args:
        goal_error: Goal as a share of the validation set, in (0, 1).
        examples: Size of the validation set.
        known: Goals whose count is another.

    Returns:
        floor(goal_error x examples), safe against the rounding of the product; the count of a known goal.

    Reference:
        Lee et al. 2021, Appendix B: 0.02 of 6000 is reached at 120 errors; published code for those known.

    Example:
        >>> goal_count(0.02, 6000), goal_count(0.08, 179)
        (120, 14)
        >>> goal_count(0.12, 6000, (GoalCount(0.12, 6000, 719),))
        719
    """
    counts = {(of.goal, of.examples): of.most_errors for of in known}
    if (goal_error, examples) in counts:
        return counts[goal_error, examples]
    return math.floor(goal_error * examples + 1e-6)


def goal_sign(metric: str, *, maximise: bool) -> str:
    """Return what is compared with a goal and how.

    Args:
        metric: What the goal is a value of.
        maximise: Whether the goal is reached from below.

    Example:
        >>> goal_sign("classification_error", maximise=False), goal_sign("r_squared", maximise=True)
        ('error <=', 'r_squared >=')
    """
    return f"{'error' if metric == CLASSIFICATION_ERROR else metric} {'>=' if maximise else '<='}"


def sign_of(identity: Mapping[str, object]) -> str:
    """Return the sign of the goals of a run, from what its store or provenance.json keeps of it.

    Args:
        identity: The run's identity, which names its metric where that is not the classification error.

    Returns:
        As `goal_sign`; empty where nobody knows, as in a run imported from a table.

    Example:
        >>> sign_of({}), sign_of({"metric": "r_squared >="}), sign_of({"imported": {"format": "csv"}})
        ('error <=', 'r_squared >=', '')
    """
    metric = identity.get("metric")
    if isinstance(metric, str):
        return metric
    return "" if "imported" in identity else goal_sign(CLASSIFICATION_ERROR, maximise=False)


def goal_label(value: str, sign: str) -> str:
    """Return a goal as every table, figure and page calls it.

    Args:
        value: As typed; empty where it is not known.
        sign: From `goal_sign`; empty where the metric is not known.

    Returns:
        Nothing where there is no value.

    Example:
        >>> goal_label("0.08", "error <="), goal_label("0.45", "r_squared >="), goal_label("0.45", "")
        ('goal error <= 0.08', 'goal r_squared >= 0.45', 'goal 0.45')
    """
    return " ".join(word for word in ("goal", sign, value) if word) if value else ""
