"""A number that was estimated, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from verification.cells import estimate_text
from verification.fits.fit import Interval


@dataclass(frozen=True, repr=False)
class Estimate:
    """A value and its 95% interval; `float(estimate)` is the value.

    Attributes:
        value: The estimate; None where the data hold no trace of it.
        low: Lower end of the interval; None where the data leave it open.
        high: Upper end of the interval; None likewise.

    Example:
        >>> Estimate(414.1, 393.0, 436.8)
        414 [393, 437]
        >>> float(Estimate(414.1, 393.0, None)), f"{Estimate(414.1, 393.0, None):.0f}"
        (414.1, '414')
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Both ends."""
        return self.low, self.high

    def __float__(self) -> float:
        if self.value is None:
            raise ValueError("the data do not tell this number: measure smaller or larger batch sizes")
        return self.value

    def __format__(self, how: str) -> str:
        return format(float(self), how) if how else repr(self)

    def __repr__(self) -> str:
        return estimate_text(self.value, Interval(self.low, self.high))


NOTHING = Estimate(None, None, None)
