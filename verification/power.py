"""`python -m verification.power`: the chance of each verdict before a run, which decides how many replicates it needs.

python -m verification.power [--effect F] [--batch-sizes B ...] [--b-crit B] [--sd S] [--between S] [--shape S]
    [--replicates R ...] [--tests M] [--misfit F]

The effect is a factor between the critical batch sizes of a sparse and a dense network. Replicates scatter in level
(`--between`) and in slope on log B (`--shape`), single studies by `--sd`, all standard deviations of log K.
"""

import math
import sys
from argparse import Namespace
from collections.abc import Sequence
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
from verification.inference.pairs import MARGIN
from verification.inference.power import (
    Chances,
    direction_chances,
    equality_chances,
    law_chances,
    replicates_that_decide,
)

_SIZES = tuple(2**i for i in range(9))
# Chances of more replicates, or of less scatter, are 0 or 1.
_MOST, _LEAST_SCATTER = 1000, 0.001


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
        misfit: True misfit of a curve, as a share of K.
        tests: Between how many Holm's correction shares 5%.
    """

    sizes: tuple[int, ...] = _SIZES
    b_crit: float = 16.0
    effect: float = 4.0
    within: float = 0.15
    between: float = 0.0
    shape: float = 0.0
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
        x, freedom = self.x, replicates - 1
        centred = x - x.mean()
        spread = float(centred @ centred)
        one = self.within**2 / spread + self.shape**2
        ratio = self.log_steps(self.effect) - self.log_steps(1.0)
        knee = math.sqrt((self._knee(1.0) + self._knee(self.effect)) / replicates)
        level = math.sqrt(2.0 * (self.within**2 / len(x) + self.between**2) / replicates)
        law = law_chances(math.log1p(self.misfit), self.within, len(x), replicates, math.log1p(MISFIT))
        effect, tests = math.log(self.effect), self.tests
        slopes = {
            claim: equality_chances(slope, math.sqrt(variance / replicates), freedom, equal, tests)
            for claim, inside, equal in (
                ("C2 slope -1", x <= x[0] + END_RANGE, LINEAR),
                ("C3 slope 0", x >= x[-1] - END_RANGE, FLAT),
            )
            if inside.sum() > 1
            for slope, variance in [self._end(inside)]
        }
        return {
            "C1 law": law,
            **slopes,
            "C5 sparse needs more": direction_chances(float(ratio.mean()), level, freedom, tests),
            "C6 ratio falls": direction_chances(
                -float(centred @ ratio) / spread, math.sqrt(2.0 * one / replicates), freedom, tests
            ),
            "C7 B_crit no smaller": direction_chances(effect, knee, freedom, tests),
            "C8 one factor": equality_chances(effect, knee, freedom, logs_within(MARGIN), tests),
        }

    def needed(self, claim: str) -> int | None:
        """Return the fewest replicates with which a verdict on a claim has a chance of 0.8; None for more than 100."""
        return replicates_that_decide(lambda count: self.chances(count)[claim])

    def _knee(self, effect: float) -> float:
        """Return the variance of log B_crit of one replicate; infinite far beyond the batch sizes."""
        x, theta = self.x, np.array([math.log(self.b_crit) + math.log(effect), 0.0])
        shares = HYPERBOLA.log_steps_jacobian(x, theta)
        if np.linalg.matrix_rank(shares) < len(theta):
            return math.inf
        weights = np.array([1.0, -1.0]) @ np.linalg.solve(shares.T @ shares, shares.T)
        return float(self.within**2 * (weights @ weights) + self.shape**2 * (weights @ (x - x.mean())) ** 2)

    def _end(self, inside: NDArray[np.bool_]) -> tuple[float, float]:
        """Return the slope of the dense curve over some batch sizes, and its variance in one replicate."""
        x = self.x[inside] - self.x[inside].mean()
        spread = float(x @ x)
        return float(x @ self.log_steps(1.0)[inside]) / spread, self.within**2 / spread + self.shape**2


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
    parser.add_argument("--sd", type=positive, default=0.15, help="of log K of single studies (default: %(default)s)")
    parser.add_argument("--between", type=_spread, default=0.0, help="sd of the level of replicates")
    parser.add_argument("--shape", type=_spread, default=0.0, help="sd of the slope of replicates on log B")
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
        misfit=options.misfit,
        tests=options.tests,
    )
    found = [plan.chances(count) for count in options.replicates]
    rows = []
    for claim in found[0]:
        needed = plan.needed(claim)
        cells = [f"{each[claim].supported:.2f} {each[claim].rejected:.2f}" for each in found]
        rows.append((claim, *cells, "> 100" if needed is None else str(needed)))
    header = ("supported, rejected", *(f"R = {count}" for count in options.replicates), "R for 0.8")
    told = (
        f"{len(plan.x)} batch sizes, dense B_crit {number(plan.b_crit)}, effect x {number(plan.effect)}, sd of log K "
        f"{number(plan.within)} within and {number(plan.between)} between replicates, {number(plan.shape)} in slope"
    )
    return [wrapped(told), *columns(header, rows), wrapped(_NOTE)]


_NOTE = "What is left to 1 is inconclusive. R for 0.8: the fewest replicates with which one verdict has that chance."


def _spread(text: str) -> float:
    """Return a standard deviation, 0 or more."""
    return 0.0 if finite(text) == 0.0 else positive(text)


if __name__ == "__main__":
    sys.exit(main())
