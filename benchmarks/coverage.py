"""How often 95% intervals hold the truth, where seeds, searches and single studies scatter as in the kept runs.

Run `python -m benchmarks.coverage`. Each cell is two shares of the same drawn curves: intervals that take all points as
independent, then those of `verification.fits.errors`. An interval holds the truth where the deviance there is below its
limit. The sparse curve scatters as its row says; the dense one beside it, for the ratios, does so at two thirds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.simulated import Design, Noise, measured, table
from kstar.command_line import OneLineParser
from theory import HYPERBOLA
from verification.fits.curves import problems_of
from verification.fits.errors import Scale, beside, errors_of
from verification.fits.fit import Fit, Problem, fit_laws
from verification.fits.likelihood import Array, joined, observe
from verification.fits.profile import deviances_at
from verification.fits.units import NO_UNITS, units_of
from verification.inference.pairs import RATIOS, JointLaw
from verification.records.curves import Curve

QUANTITIES = {"c1": (1.0, 0.0), "c2": (0.0, 1.0), "B_crit": (1.0, -1.0)}
_DENSE, _SPARSE = np.log([500.0, 14.0]), np.log([1500.0, 28.0])
_SEED = 20_210_503


@dataclass(frozen=True)
class Setting:
    """A row of the table."""

    name: str
    noise: Noise
    design: Design = field(default_factory=Design)


SETTINGS = (
    Setting("independent points", Noise(within=0.15)),
    Setting("seeds as dense SGD", Noise(within=0.15, between=0.05)),
    Setting("seeds as SGD at 90%", Noise(within=0.24, between=0.20)),
    Setting("seeds as Nesterov at 90%", Noise(within=0.20, between=0.26)),
    Setting("seeds, noise falls fourfold", Noise(within=0.15, between=0.10, rise=0.25)),
    Setting("seeds, noise rises fourfold", Noise(within=0.15, between=0.10, rise=4.0)),
    Setting("seeds, search shared, 10%", Noise(within=0.15, between=0.10, shared=0.10)),
    Setting("seeds with a slope each", Noise(within=0.20, between=0.20, shape=0.10)),
    Setting("seeds, goal tests, budget", Noise(within=0.20, between=0.15), Design(step=2.0, budget=1400.0)),
)
# With one replicate the noise of single studies can be covered, and seeds cannot.
ALONE = (
    Setting("independent points", Noise(within=0.15)),
    Setting("noise falls fourfold", Noise(within=0.15, rise=0.25)),
    Setting("noise rises fourfold", Noise(within=0.15, rise=4.0)),
    Setting("five batch sizes", Noise(within=0.15), Design(sizes=(4, 16, 64, 128, 256))),
    Setting("goal tests, budget", Noise(within=0.20), Design(step=2.0, budget=1400.0)),
    Setting("seeds as SGD at 90%", Noise(within=0.24, between=0.20)),
)


class HasScale(Protocol):
    """Whatever says how deviances are read."""

    def of(self, contrast: Sequence[float]) -> Scale | None:
        """Return the scale of a contrast."""


@dataclass(frozen=True)
class Independent:
    """Points as independent: one scale for every contrast.

    Attributes:
        n: Points known from both sides.
        p: Constants.
    """

    n: int
    p: int

    def of(self, contrast: Sequence[float]) -> Scale:
        """Return the scale."""
        del contrast
        return Scale(self.n / (self.n - self.p), self.n - self.p, 0.0)


def coverage(setting: Setting, replicates: int, curves: int) -> dict[str, tuple[float, float]]:
    """Return the shares of intervals that hold the truth.

    Args:
        setting: How curves scatter and are measured.
        replicates: Of each.
        curves: How many are drawn.

    Returns:
        Quantity (`c1`, `c1 ratio`, ...) to the share with points as independent, and with units.
    """
    rng = np.random.default_rng([_SEED, replicates, *setting.name.encode()])
    design = replace(setting.design, replicates=replicates)
    milder = {part: 2 / 3 * getattr(setting.noise, part) for part in ("within", "between", "shape", "shared")}
    dense = _drawn(rng, design, _DENSE, replace(setting.noise, **milder), curves)
    sparse = _drawn(rng, design, _SPARSE, setting.noise, curves)
    before, now = (_found(dense, sparse, with_units) for with_units in (False, True))
    return {name: (share, now[name]) for name, share in before.items()}


def _drawn(rng: np.random.Generator, design: Design, truth: Array, noise: Noise, curves: int) -> list[Curve]:
    """Return curves drawn about law H."""
    log_steps = HYPERBOLA.log_steps(np.log(np.array(design.sizes, dtype=np.float64)), truth)
    return [measured(rng, design, log_steps, noise, str(i)) for i in range(curves)]


def _found(dense: Sequence[Curve], sparse: Sequence[Curve], with_units: bool) -> dict[str, float]:
    """Return the share of intervals that hold the truth, for the sparse curves and for the ratios."""
    problems = [_problems(side, with_units) for side in (dense, sparse)]
    fits = [fit_laws(side) for side in problems]
    errors = [[errors_of(*one) for one in zip(*side, strict=True)] for side in zip(problems, fits, strict=True)]
    law, truth = JointLaw(HYPERBOLA, len(dense[0].points), 2), np.concatenate([_DENSE, _SPARSE])
    both = [Problem(law, joined(a.data, b.data), truth[None]) for a, b in zip(*problems, strict=True)]
    joint = fit_laws(both)
    alone: Sequence[HasScale] = errors[1]
    between: Sequence[HasScale] = [beside(*one) for one in zip(both, joint, *errors, strict=True)]
    if not with_units:
        alone, between = ([Independent(fit.n, p) for fit in every] for every, p in ((fits[1], 2), (joint, 4)))
    single = _shares(QUANTITIES, _SPARSE, problems[1], fits[1], alone)
    return single | {f"{name} ratio": share for name, share in _shares(RATIOS, truth, both, joint, between).items()}


def _problems(curves: Sequence[Curve], with_units: bool) -> list[Problem]:
    """Return law H beside the points of each curve."""
    data = [observe(curve.points) for curve in curves]
    units = [units_of(curve.points, one) if with_units else NO_UNITS for curve, one in zip(curves, data, strict=True)]
    return problems_of(HYPERBOLA, [one.aligned(points) for one, points in zip(units, data, strict=True)], units)


def _shares(
    contrasts: Mapping[str, tuple[float, ...]],
    truth: Array,
    problems: Sequence[Problem],
    fits: Sequence[Fit],
    errors: Sequence[HasScale],
) -> dict[str, float]:
    """Return for each contrast how often its interval holds the truth."""
    found = {}
    for name, contrast in contrasts.items():
        deviances = deviances_at(problems, fits, contrast, float(np.dot(contrast, truth)))
        scales = [one.of(contrast) for one in errors]
        known = zip(deviances, fits, scales, strict=True)
        found[name] = float(np.mean([scale is None or d < scale.limit(fit.n, 0.95) for d, fit, scale in known]))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, fit and print; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.coverage", description="Coverage of 95% intervals.")
    parser.add_argument("--curves", type=int, default=400, help="drawn for each row (default: %(default)s)")
    parser.add_argument("--replicates", type=int, nargs="+", default=[1, 2, 3, 5, 10])
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    start, every = time.process_time(), {}
    for replicates in options.replicates:
        for setting in SETTINGS if replicates > 1 else ALONE:
            every[f"{setting.name}, R = {replicates}"] = coverage(setting, replicates, options.curves)
            print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{options.curves} curves a row, {time.process_time() - start:.0f} s of one core", file=sys.stderr)
    rows = [
        [name, *(f"{before:.3f} {now:.3f}".replace("0.", ".") for before, now in found.values())]
        for name, found in every.items()
    ]
    print(table(["independent, with units", *next(iter(every.values()))], rows))
    if options.json is not None:
        options.json.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
