"""One run as a logger kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from empirics.errors import InputError

# Step and value; a text where the log has something else than a number.
History = Sequence[tuple[float, float | str]]


@dataclass(frozen=True)
class LoggedRun:
    """A training run.

    Attributes:
        name: What its logger calls it.
        place: Where it was read, for messages.
        config: What it was started with, key to text.
        histories: Metric to its values, in the order of the log.
        cut: Whether it was stopped before its budget was spent, because others did better.
    """

    name: str
    place: str
    config: Mapping[str, str] = field(default_factory=dict)
    histories: Mapping[str, History] = field(default_factory=dict)
    cut: bool = False

    def refuse(self, reason: str) -> InputError:
        """Return the error that names this run."""
        return InputError(f"{self.place}: run {self.name[:80]}: {reason}")
