"""When a study ends: at the first hit, or later so that its losing trials can be judged too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from empirics.errors import InputError

StopKind = Literal["race", "hits", "factor", "never"]


@dataclass(frozen=True)
class StopRule:
    """How long trials go on after one of them has reached the goal; K* and its winner are the same under every rule.

    With several draws of each point a hit is a point that is decided, see `hits_of_points`.

    Args:
        kind: `race` ends a study at its first hit, `hits` at its amount-th, `factor` at amount times the first,
            `never` at the budget.
        amount: Hits, an integer >= 1, or a factor >= 1; 1 where the kind has none.

    Example:
        >>> str(StopRule("factor", 2.5)), str(StopRule())
        ('factor 2.5', 'race')
    """

    kind: StopKind = "race"
    amount: float = 1.0

    def __str__(self) -> str:
        """Return the rule as it is typed."""
        return f"{self.kind} {self.amount:g}" if self.kind in {"hits", "factor"} else self.kind

    def step(self, hits: Sequence[int], max_steps: int, eval_interval: int) -> int | None:
        """Return the step at which a study is over, None while the hits so far leave it open.

        Args:
            hits: Steps at which trials reached the goal.
            max_steps: Budget of a trial.
            eval_interval: Steps between two goal tests; a study ends at a test.

        Example:
            >>> StopRule("factor", 1.5).step([6, 10], max_steps=100, eval_interval=2)
            10
            >>> StopRule("hits", 3).step([6, 10], max_steps=100, eval_interval=2)
        """
        if self.kind == "never":
            return max_steps
        if self.kind == "hits":
            return sorted(hits)[int(self.amount) - 1] if len(hits) >= self.amount else None
        if not hits:
            return None
        wanted = min(self.amount * min(hits), max_steps)  # a float beyond which no integer is made
        return min(math.ceil(wanted / eval_interval) * eval_interval, max_steps)


RACE = StopRule()
# Far beyond any median. Draws that never meet the goal would else take most of the time.
_TIMES_ITS_STEPS = 10


def last_step_again(won_at: int, max_steps: int) -> int:
    """Return up to which step a winner is watched when it is trained again: ten times its own, within the budget.

    Args:
        won_at: The step at which it reached the goal, >= 1.
        max_steps: Budget of a trial.

    Example:
        >>> last_step_again(40, 1000), last_step_again(400, 1000)
        (400, 1000)
    """
    return min(_TIMES_ITS_STEPS * won_at, max_steps)


def hits_of_points(reached: Mapping[int, int], points: int, draws: int) -> list[int]:
    """Return when the points of a study were decided: more than half their draws at the goal, and its K* known.

    With one draw these are the steps at which trials reached the goal.

    Args:
        reached: Number of a training, draw times points plus point, to the step at which it reached the goal.
        points: Search points, >= 1.
        draws: D of each, odd.

    Returns:
        One step a decided point, in no order; none before draw 0 of some point has reached the goal.

    Example:
        Of three draws of two points, draw 0 of the second is at the goal at step 8, two of the first's at 6:

        >>> hits_of_points({1: 8, 2: 4, 4: 6}, points=2, draws=3)
        [8]
    """
    first = min((step for number, step in reached.items() if number < points), default=None)
    if first is None:
        return []
    of_points: dict[int, list[int]] = {}
    for number, step in reached.items():
        of_points.setdefault(number % points, []).append(step)
    middle = draws // 2
    return [max(first, sorted(steps)[middle]) for steps in of_points.values() if len(steps) > middle]


def read_stop_rule(words: Sequence[str]) -> StopRule:
    """Return the rule that a command line names.

    Args:
        words: e.g. `["race"]`, `["hits", "3"]`, `["factor", "4"]`, `["never"]`.

    Raises:
        InputError: If there is no such rule.

    Example:
        >>> read_stop_rule(["hits", "3"])
        StopRule(kind='hits', amount=3.0)
    """
    usage = f"--stop {' '.join(words)}: write one of race, hits M, factor F, never"
    kinds = {str(kind): kind for kind in get_args(StopKind)}
    if not words or words[0] not in kinds or len(words) != (2 if words[0] in {"hits", "factor"} else 1):
        raise InputError(usage)
    if len(words) == 1:
        return StopRule(kinds[words[0]])
    try:
        amount = float(words[1])
    except ValueError:
        raise InputError(usage) from None
    if not (1 <= amount < math.inf) or (words[0] == "hits" and amount != int(amount)):
        kind = "an integer" if words[0] == "hits" else "a number"
        raise InputError(f"--stop {' '.join(words)}: must be {kind} >= 1")
    return StopRule(kinds[words[0]], amount)
