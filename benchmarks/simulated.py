"""Curves of known constants with the errors that measured ones have: of seeds, of the search, of single studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory import HYPERBOLA, Law
from verification.fits.curves import FittedCurve, FittedLaw, estimate, problems_of
from verification.fits.fit import fit_laws
from verification.fits.likelihood import Array, observe
from verification.fits.units import units_of
from verification.records.curves import Curve, CurvePoint

NINE = tuple(2**i for i in range(9))


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How log K of a curve scatters.

    Attributes:
        within: Standard deviation of a single study.
        between: Of the level of a replicate.
        shape: Of its slope on log B.
        shared: Of what the replicates of a batch size have in common.
        rise: Factor by which the standard deviation of a single study rises over the batch sizes.
    """

    within: float
    between: float = 0.0
    shape: float = 0.0
    shared: float = 0.0
    rise: float = 1.0

    def drawn(self, rng: np.random.Generator, sizes: Array, replicates: int) -> Array:
        """Return errors of log K, shape (replicates, sizes)."""
        x = np.log(sizes) - float(np.log(sizes).mean())
        share = (np.log(sizes) - math.log(sizes[0])) / math.log(sizes[-1] / sizes[0]) - 0.5
        errors: Array = (
            self.within * self.rise**share * rng.standard_normal((replicates, len(sizes)))
            + self.between * rng.standard_normal((replicates, 1))
            + self.shape * x * rng.standard_normal((replicates, 1))
            + self.shared * rng.standard_normal(len(sizes))
        )
        return errors


@dataclass(frozen=True, kw_only=True)
class Design:
    """How curves are measured.

    Attributes:
        sizes: Batch sizes.
        replicates: Of each study.
        step: Steps between goal tests; 0 for exact counts.
        budget: Steps after which a study gives up.
    """

    sizes: tuple[int, ...] = NINE
    replicates: int = 1
    step: float = 0.0
    budget: float = math.inf


def measured(
    rng: np.random.Generator, design: Design, log_steps: Array, noise: Noise, workload: str, sparsity: float = 0.0
) -> Curve:
    """Return a curve drawn about a law.

    Args:
        rng: Where the errors come from.
        design: How it is measured.
        log_steps: The law at the batch sizes, shape (sizes,).
        noise: How it scatters.
        workload: Its name.
        sparsity: Percent.
    """
    steps = np.exp(log_steps + noise.drawn(rng, np.array(design.sizes, dtype=np.float64), design.replicates))
    upper = np.ceil(steps / design.step) * design.step if design.step else steps
    points = []
    for i, size in enumerate(design.sizes):
        for replicate in range(design.replicates):
            seen = float(upper[replicate, i])
            reached = seen <= design.budget
            lower, steps_seen = (seen - design.step, seen) if reached else (design.budget, None)
            # Rates as a search finds them: no one point wins at every batch size.
            points.append(CurvePoint(size, replicate, lower, steps_seen, {"learning_rate": 0.1 * size}))
    return Curve(points=tuple(points), workload=workload, goal="0.1", sparsity=sparsity)


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return rows as Markdown, columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def fitted(curves: Sequence[Curve], laws: Sequence[Law] = (HYPERBOLA,)) -> list[FittedCurve]:
    """Return curves of as many points with laws fitted, without the intervals, which take most of the time.

    Args:
        curves: With a batch size of 1 among theirs.
        laws: H first.
    """
    data = [observe(curve.points) for curve in curves]
    units = [units_of(curve.points, one) for curve, one in zip(curves, data, strict=True)]
    aligned = [one.aligned(points) for one, points in zip(units, data, strict=True)]
    fits = {law.id: fit_laws(problems_of(law, aligned, units)) for law in laws}
    return [
        FittedCurve(
            curve=curve,
            data=data[i],
            units=units[i],
            laws={
                law.id: FittedLaw(
                    law=law,
                    unit=1,
                    fit=(fit := fits[law.id][i]),
                    theta=fit.theta,
                    estimates={"b_crit": estimate(fit, (1.0, -1.0, 0.0)[: len(fit.theta)])},
                    intervals={},
                )
                for law in laws
            },
            shape_p={},
            robust=None,
            reason=None,
        )
        for i, curve in enumerate(curves)
    ]
