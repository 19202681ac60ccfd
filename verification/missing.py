"""What stands in the place of a result that could not be had: the reason, for a reader."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Missing:
    """Why there is no result.

    Attributes:
        reason: One clause.

    Example:
        >>> print(Missing("needs 3 sparsities"))
        needs 3 sparsities
    """

    reason: str

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason


def each_once(reasons: Iterable[Missing], otherwise: str) -> Missing:
    """Return each reason once, in order; where there is none, another.

    Example:
        >>> few, flat = Missing("too few"), Missing("too flat")
        >>> each_once([few, flat, few], "no curve").reason, each_once([], "no curve").reason
        ('too few; too flat', 'no curve')
    """
    return Missing("; ".join(dict.fromkeys(one.reason for one in reasons)) or otherwise)
