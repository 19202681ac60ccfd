"""How long a run will still take, from what its finished units of work took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

# A step on B examples takes about as long as B + 4 of them, as long as nothing else is known.
OVERHEAD_EXAMPLES = 4.0


@dataclass
class TimeLeft:
    """The clock of one stage: a unit takes a (steps) + b (examples) seconds, with a and b from those that are done.

    One that has run longer is taken to go on for as long as it is late.

    Attributes:
        sizes: Unit of work to its (steps, examples), guessed beforehand, in any unit.
        jobs: Units at once.
        later: Seconds that what follows the stage takes; None where that is not known.
        latest: When the stage began, or the last unit ended, s.
        began: Running unit to when it was first seen, s.
        taken: Finished unit to how long it took, s.

    Example:
        >>> clock = TimeLeft({"long": (1, 20), "short": (1, 8)}, later=5.0, latest=100.0)
        >>> clock.left(110.0)
        >>> clock.finish("long", now=124.0)  # 24 s for 20 + 4 examples
        >>> clock.watch("short", now=124.0)
        >>> clock.left(124.0), clock.left(130.0), clock.left(146.0)  # 12 s expected; 10 s late
        (17.0, 11.0, 15.0)
    """

    sizes: Mapping[str, tuple[float, float]]
    jobs: int = 1
    later: float | None = None
    latest: float = 0.0
    began: dict[str, float] = field(default_factory=dict)
    taken: dict[str, float] = field(default_factory=dict)

    def watch(self, unit: str, now: float) -> None:
        """See that a unit is running."""
        self.began.setdefault(unit, now)

    def finish(self, unit: str, now: float) -> None:
        """Count a unit as done."""
        self.taken[unit] = now - self.began.pop(unit, self.latest)
        self.latest = now

    def left(self, now: float) -> float | None:
        """Return the seconds left until the end of the run; None where nothing tells."""
        if self.later is None or not self.taken.keys() & self.sizes.keys():
            return None
        per_step, per_example = self._rates()
        rest = {
            unit: abs(per_step * steps + per_example * examples - (now - self.began.get(unit, now)))
            for unit, (steps, examples) in self.sizes.items()
            if unit not in self.taken
        }
        return sum(rest.values()) / max(min(self.jobs, len(rest)), 1) + self.later

    def _rates(self) -> tuple[float, float]:
        """Return a and b, by least squares of relative errors where both come out positive."""
        known = [(self.sizes[unit], max(taken, 1e-6)) for unit, taken in self.taken.items() if unit in self.sizes]
        rows = np.array([np.array(size) / taken for size, taken in known])
        found = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=None)[0]
        if np.linalg.matrix_rank(rows) < 2 or found.min() <= 0.0:
            sizes = rows @ (OVERHEAD_EXAMPLES, 1.0)
            rate = float(sizes.sum() / (sizes @ sizes)) if sizes.any() else 0.0
            return OVERHEAD_EXAMPLES * rate, rate
        return float(found[0]), float(found[1])
