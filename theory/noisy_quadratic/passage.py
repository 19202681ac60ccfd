"""The first step at which a loss in closed form reaches a goal, and the rate that makes it earliest."""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from theory.noisy_quadratic.modes import Modes, State
from theory.numbers.log_space import Array

LONGEST = 2**53  # steps a double still counts one by one
_SHORT, _WALK = 16, 64  # a stride below the first is not worth its two states: visit so many steps instead
_FASTEST = 8.0  # first rate tried, as z = log(eta/(largest - eta)): 0.03% below the largest
_COARSE, FINE = 2.0**-3, 2.0**-12  # distances of z: from one rate tried to the next, and where refining ends
_MINIMA = 8  # of the minima over rates, the lowest so many are refined


class Passage(NamedTuple):
    """A first passage, ordered by `time` in (steps - 1, steps]: where the loss, joined linearly, meets the goal."""

    time: float
    steps: int
    eta: float
    z: float


def _approach(modes: Modes, goal: float, limit: int, close: float) -> tuple[int | None, float]:
    """Return the first k <= limit with loss_k <= goal; without one, the least loss so far, infinite if none is close.

    No step is passed over unproven: a stride is taken only if the loss cannot have come below `close` on the way, and
    is halved otherwise. Instead of short strides every step is visited.
    """
    here, stride, least = modes.state(0), _WALK, math.inf
    while here.loss > goal:
        if here.step >= limit or here.noise > close:
            return None, least
        walking = stride < _SHORT
        there = modes.state(min(here.step + (_WALK if walking else stride), limit))
        if _least_loss(here, there, modes.angle) > close:
            here, stride = there, 2 * stride
        elif not walking:
            stride //= 2
        else:
            losses = modes.walk(here.step, there.step - here.step)
            reached = np.flatnonzero(losses <= goal)
            if reached.size:
                return here.step + 1 + int(reached[0]), goal
            here, stride, least = there, _SHORT, min(least, float(losses.min()))
    return here.step, goal


def _least_loss(here: State, there: State, angle: Array) -> float:
    """Return a bound from below on the loss at every step from here to there.

    The noise only adds up; |e| of a mode that cannot have changed sign is smallest at one end.
    """
    kept = (here.amplitudes * there.amplitudes > 0.0) & ((there.step - here.step) * angle < np.pi)
    smaller = np.minimum(np.abs(here.amplitudes), np.abs(there.amplitudes))[kept]
    return here.noise + float(smaller @ smaller)


class RateSearch:
    """Rates in (0, largest) and the first passages they give; the earliest is `best`.

    A rate scores its time or, where it misses the goal, more than any time by how far it misses: a window of rates
    narrower than their distance then shows as a minimum between two near misses.
    """

    def __init__(self, modes_at: Callable[[float], Modes], goal: float, largest: float) -> None:
        self._modes_at, self._goal, self._largest = modes_at, goal, largest
        self._scores: dict[float, float] = {}
        self.best: Passage | None = None

    def descend(self, calm: float) -> None:
        """Try coarse rates downwards until none below can do better.

        Up to `calm` the loss without noise falls as the rate grows, so a rate that leaves it above the goal after the
        fewest steps found rules out all smaller ones.
        """
        for number in itertools.count():
            z = _FASTEST - number * _COARSE
            self.attempt([z], _COARSE)
            eta = self._rate(z)
            fewest = self.best.steps if self.best else LONGEST
            if eta <= calm and self._modes_at(eta).state(fewest).bias > self._goal:
                return

    def comb(self) -> None:
        """Try rates around the best so close that the phase of an oscillation hardly changes, and refine near misses.

        The phase at step K changes by about K/2 per unit of z. The work is limited to 2^17 steps.
        """
        if self.best is None:
            return
        steps = max(1, self.best.steps)
        spacing = min(max(0.5 / steps, 2.0**-9), 2.0**-5)
        count = min(2**9, 2**17 // steps)
        first = min(self.best.z + 0.5 * count * spacing, _FASTEST)
        self.attempt((first - number * spacing for number in range(count)), 0.0, close=1.1)
        self.refine(spacing, close=1.1)

    def refine(self, spacing: float = _COARSE, close: float = 1.0) -> None:
        """Quarter the distance to the neighbours around every minimum that may still be the best."""
        while spacing > FINE:
            minima = self._minima(slack=spacing / 2.0)
            spacing /= 4.0
            self.attempt((z + further * spacing for z in minima for further in (-3, -2, -1, 1, 2, 3)), spacing, close)

    def attempt(self, rates: Iterable[float], slack: float, close: float = 1.0) -> None:
        """Score rates, given as z, up to the fewest steps so far and a slack; `close` is a near miss over the goal."""
        for z in rates:
            eta = self._rate(z)
            modes = self._modes_at(eta)
            limit = int(min(self.best.steps * (1.0 + slack), LONGEST)) if self.best else LONGEST
            steps, least = _approach(modes, self._goal, limit, close * self._goal)
            self._scores[z] = LONGEST * least / self._goal
            if steps is not None:
                passage = Passage(_time(modes, self._goal, steps), steps, eta, z)
                self._scores[z] = passage.time
                self.best = min(self.best or passage, passage)

    def _rate(self, z: float) -> float:
        return self._largest / (1.0 + math.exp(-z))

    def _minima(self, slack: float) -> list[float]:
        """Return the rates no neighbour of which scores less, if within the slack of the best or a near miss."""
        order = sorted(self._scores)
        scores = [math.inf, *(self._scores[z] for z in order), math.inf]
        latest = (1.0 + slack) * self.best.time if self.best else math.inf
        minima = [
            (score, z)
            for z, before, score, after in zip(order, scores, scores[1:], scores[2:], strict=False)
            if score < math.inf and score <= min(before, after) and (score <= latest or score > LONGEST)
        ]
        return [z for _, z in sorted(minima)[:_MINIMA]]


def _time(modes: Modes, goal: float, steps: int) -> float:
    if steps == 0:
        return 0.0
    before, after = modes.state(steps - 1).loss, modes.state(steps).loss
    return steps - (goal - after) / (before - after)
