"""`python -m verification.power`: the chance of each verdict before a run, which decides how many replicates it needs.

python -m verification.power [--effect F] [--batch-sizes B ...] [--b-crit B] [--sd S] [--between S] [--shape S]
    [--shared S] [--replicates R ...] [--tests M] [--misfit F]

The effect is a factor between the critical batch sizes of a sparse and a dense network. Replicates scatter in level
(`--between`) and in slope on log B (`--shape`), single studies by `--sd`. One search moves all replicates of a batch
size together (`--shared`), which more replicates do not cure. All are standard deviations of log K.
"""

import functools
import math
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from theory import HYPERBOLA
from theory.command_line import count_up_to, positive
from theory.command_line import number as finite
from verification.cells import columns, number, wrapped
from verification.claims.evidence import logs_within
from verification.claims.on_curves import END_RANGE
from verification.claims.rules import FLAT, LINEAR, MISFIT
from verification.fits.likelihood import Array
from verification.fits.variances import Source
from verification.inference.pairs import MARGIN
from verification.inference.power import (
    Chances,
    Error,
    direction_chances,
    equality_chances,
    error_of,
    law_chances,
    replicates_that_decide,
)

_SIZES = tuple(2**i for i in range(9))
# Chances of more replicates, or of less scatter, are 0 or 1; of more scatter, those of guessing.
_MOST, _LEAST_SCATTER, _MOST_SCATTER = 1000, 0.001, 100.0
# What stands for infinity where log K tells nothing of a constant.
_FAR = 1e50


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would measure, and what there is to see.

    Attributes:
        sizes: Batch sizes, three different ones at least.
        b_crit: Of the dense network, examples.
        effect: Sparse critical batch size over the dense one; c1 takes it all.
        within: Standard deviation of log K of single studies, > 0.
        between: Of the level of replicates, >= 0.
        shape: Of their slope on log B, >= 0.
        shared: Of what the replicates of a batch size share, >= 0.
        misfit: True misfit of a curve, as a share of K.
        tests: Between how many Holm's correction shares 5%.
    """

    sizes: tuple[int, ...] = _SIZES
    b_crit: float = 16.0
    effect: float = 4.0
    within: float = 0.15
    between: float = 0.0
    shape: float = 0.0
    shared: float = 0.0
    misfit: float = 0.0
    tests: int = 1

    @property
    def x(self) -> Array:
        """Log batch sizes."""
        return np.log(np.array(sorted(set(self.sizes)), dtype=np.float64))

    def log_steps(self, effect: float) -> Array:
        """Return log K of a curve whose critical batch size is the dense one's times a factor."""
        return HYPERBOLA.log_steps(self.x, np.array([math.log(self.b_crit) + math.log(effect), 0.0]))

    def chances(self, replicates: int) -> dict[str, Chances]:
        """Return for each claim the chances of its verdicts.

        Args:
            replicates: >= 2.
        """
        x, everywhere = self.x, np.ones(len(self.x), dtype=np.bool_)
        ratio = self.log_steps(self.effect) - self.log_steps(1.0)
        level = self._error([np.full(len(x), 1.0 / len(x))] * 2, 2.0 * self.between**2, replicates)
        fall = self._error([slope_weights(x, everywhere)] * 2, 2.0 * self.shape**2, replicates)
        knee = self._error(*self._knees(), replicates)
        off = math.hypot(math.log1p(self.misfit), self.shared)  # what a search shares looks like misfit
        law = law_chances(off, self.within, len(x), replicates, math.log1p(MISFIT))
        effect, tests = math.log(self.effect), self.tests
        slopes = {
            claim: equality_chances(
                float(at @ self.log_steps(1.0)), self._error([at], self.shape**2, replicates), equal, tests
            )
            for claim, inside, equal in (
                ("C2 slope -1", x <= x[0] + END_RANGE, LINEAR),
                ("C3 slope 0", x >= x[-1] - END_RANGE, FLAT),
            )
            if inside.sum() > 1
            for at in [slope_weights(x, inside)]
        }
        return {
            "C1 law": law,
            **slopes,
            "C5 sparse needs more": direction_chances(float(ratio.mean()), level, tests),
            "C6 ratio falls": direction_chances(-float(slope_weights(x, everywhere) @ ratio), fall, tests),
            "C7 B_crit no smaller": direction_chances(effect, knee, tests),
            "C8 one factor": equality_chances(effect, knee, logs_within(MARGIN), tests),
        }

    def _error(self, weights: Sequence[Array], between: float, replicates: int) -> Error:
        """Return the error of a sum over curves of weighted log K, a mean of replicates.

        Args:
            weights: Of log K at each batch size, for each curve.
            between: Variance of the sum by what moves whole replicates.
            replicates: >= 2.
        """
        squares, left = float(np.square(weights).sum()), len(weights) * (len(self.x) - 2)
        single = self.within**2 * squares / replicates
        own = Source(single + between / replicates, replicates - 1, single)
        shared = Source(single + self.shared**2 * squares, left, single)
        return error_of([own, shared], Source(single, (replicates - 1) * left))

    def _knees(self) -> tuple[list[Array], float]:
        """Return what log B_crit of both curves takes of log K, and its variance by the slopes of replicates."""
        weights = [self._knee(effect) for effect in (1.0, self.effect)]
        centred = self.x - self.x.mean()
        return weights, self.shape**2 * sum(float(one @ centred) ** 2 for one in weights)

    def _knee(self, effect: float) -> Array:
        """Return what log B_crit takes of log K at each batch size, shape (n,); far beyond them it drowns."""
        shares = HYPERBOLA.log_steps_jacobian(self.x, np.array([math.log(self.b_crit) + math.log(effect), 0.0]))
        if np.linalg.matrix_rank(shares) < 2:
            return np.full(len(self.x), _FAR)
        weights: Array = np.array([1.0, -1.0]) @ np.linalg.solve(shares.T @ shares, shares.T)
        return weights


def slope_weights(x: Array, inside: NDArray[np.bool_]) -> Array:
    """Return what the slope over some batch sizes takes of log K at each.

    Args:
        x: Log batch sizes, shape (n,).
        inside: Which, two at least; shape (n,).

    Example:
        >>> slope_weights(np.array([0.0, 1.0, 2.0]), np.array([True, True, False]))
        array([-1.,  1.,  0.])
    """
    u = np.where(inside, x - x[inside].mean(), 0.0)
    weights: Array = u / (u @ u)
    return weights


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog="python -m verification.power", description="The chance of each verdict before a run.")
    count, size = count_up_to(_MOST), count_up_to(2**30)
    parser.add_argument("--effect", type=positive, default=4.0, help="sparse over dense B_crit (default: %(default)s)")
    parser.add_argument("--batch-sizes", type=size, nargs="+", default=list(_SIZES), metavar="B")
    parser.add_argument("--b-crit", type=positive, default=16.0, metavar="B", help="of the dense network")
    parser.add_argument("--sd", type=_scatter, default=0.15, help="of log K of single studies (default: %(default)s)")
    parser.add_argument("--between", type=_spread, default=0.0, help="sd of the level of replicates")
    parser.add_argument("--shape", type=_spread, default=0.0, help="sd of the slope of replicates on log B")
    parser.add_argument("--shared", type=_spread, default=0.0, help="sd of what the replicates of a batch size share")
    parser.add_argument("--misfit", type=_spread, default=0.0, help="of each curve, as a share of K")
    parser.add_argument("--replicates", type=count, nargs="+", default=[3, 5, 10], metavar="R")
    parser.add_argument("--tests", type=count, default=1, metavar="M", help="that share 5%% (default: %(default)s)")
    options = parser.parse_args(arguments)
    if len(set(options.batch_sizes)) < 4:
        parser.refuse("--batch-sizes: need 4 different ones")
    if min(options.replicates) < 2:
        parser.refuse("--replicates: one replicate tells nothing of seeds, give 2 or more")
    if options.sd < _LEAST_SCATTER:
        parser.refuse(f"--sd: give {_LEAST_SCATTER} or more, the scatter of log K that replicates of a study show")
    say("\n".join(_told(options)))
    return 0


def _told(options: Namespace) -> list[str]:
    """Return the table of chances and what decides."""
    plan = Plan(
        sizes=tuple(options.batch_sizes),
        b_crit=options.b_crit,
        effect=options.effect,
        within=options.sd,
        between=options.between,
        shape=options.shape,
        shared=options.shared,
        misfit=options.misfit,
        tests=options.tests,
    )
    chances = functools.cache(plan.chances)
    found, rows = [chances(count) for count in options.replicates], []
    for claim in found[0]:
        needed = _needed(chances, claim)
        cells = [f"{each[claim].supported:.2f} {each[claim].rejected:.2f}" for each in found]
        rows.append((claim, *cells, "> 100" if needed is None else str(needed)))
    header = ("supported, rejected", *(f"R = {count}" for count in options.replicates), "R for 0.8")
    told = (
        f"{len(plan.x)} batch sizes, dense B_crit {number(plan.b_crit)}, effect x {number(plan.effect)}, sd of log K "
        f"{number(plan.within)} within and {number(plan.between)} between replicates, {number(plan.shape)} in slope, "
        f"{number(plan.shared)} shared"
    )
    return [wrapped(told), *columns(header, rows), wrapped(_NOTE)]


def _needed(chances: Callable[[int], Mapping[str, Chances]], claim: str) -> int | None:
    """Return the fewest replicates with which a verdict on a claim has a chance of 0.8; None for more than 100."""
    return replicates_that_decide(lambda count: chances(count)[claim])


_NOTE = "What is left to 1 is inconclusive. R for 0.8: the fewest replicates with which one verdict has that chance."


def _spread(text: str) -> float:
    """Return a standard deviation, 0 or more."""
    return 0.0 if finite(text) == 0.0 else _scatter(text)


def _scatter(text: str) -> float:
    """Return a standard deviation of log K above 0."""
    value = positive(text)
    if value > _MOST_SCATTER:
        raise ArgumentTypeError(f"must be {_MOST_SCATTER:g} or less, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
