"""How well K_rate is known: bias, spread and coverage of the estimators of steps, on simulated races.

Run `python -m benchmarks.draws` (10 minutes on one core; `--studies 100` takes a quarter). The points of a simulated
study lie at equal distances in log rate, the best rate anywhere between two of them, and some draws miss the goal. A
study races until a point has half its draws at the goal and draw 0 has its K*. The truth is the median over all draws
at the best rate, misses counted as infinite; errors are of its logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from empirics.best_rate import decided, steps_at_best_rate
from kstar.command_line import OneLineParser

Array = NDArray[np.float64]
Shape = Callable[[Array], tuple[Array, Array]]

_TYPICAL, _INTERVAL = 400.0, 2.0  # steps at the best rate where no draw misses; between two goal tests
_BUDGET = 100.0 * _TYPICAL
_RANGE = math.log(200.0)  # of rates, as for digits
_SEED = 20_210_503


def _parabola(curvature: float) -> Shape:
    """Return log K as a parabola in log rate; three quarters of the draws reach the goal at all."""
    return lambda u: (curvature * u**2, np.full_like(u, 0.75))


def _window(u: Array) -> Array:
    """Return theory's log K(r eta*)/K* = -log(r (2 - r)); infinite from r = 2 on."""
    r = np.exp(np.minimum(u, 1.0))
    return np.where(r < 2.0, -np.log(np.maximum(r * (2.0 - r), 1e-300)), np.inf)


# By name: log K less its least, and the share of draws that reach the goal, of the log rate over the best.
SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "parabola": _parabola(1.0),
        "window": lambda u: (_window(u), np.full_like(u, 0.75)),
        "cliff": lambda u: (0.8 * _window(u), 0.8 / (1.0 + np.exp(np.minimum((u - 0.5) / 0.12, 50.0)))),
        "flat": _parabola(0.5),
        "steep": _parabola(2.0),
        "all reach": lambda u: (_window(u), np.ones_like(u)),
    }
)
ESTIMATORS = ("K*", "least median", "K_rate", "winner's draws")


@dataclass(frozen=True)
class Case:
    """A kind of study.

    Args:
        shape: One of `SHAPES`.
        spread: Standard deviation of log K over draws.
        draws: D, odd.
        points: Search points over a factor 200 in rate.
        other: Curvature of log K in another metaparameter, of points anywhere within 4 in its logarithm. The truth is
            then that of the best point tried.
    """

    shape: str
    spread: float
    draws: int
    points: int = 16
    other: float = 0.0

    @property
    def truth(self) -> float:
        """Logarithm of the median over all draws at the best rate."""
        return self.least_median(*SHAPES[self.shape](np.linspace(-1.0, 0.6, 1601)))

    def least_median(self, log_steps: Array, share: Array) -> float:
        """Return the logarithm of the least median over all draws of some points, of which one has a median."""
        reach = share > 0.5
        medians = log_steps[reach] + self.spread * ndtri(0.5 / share[reach])
        return math.log(_TYPICAL) + float(medians.min())

    def __str__(self) -> str:
        """Return what it is, on one line."""
        other = f", other metaparameter {self.other:g}" if self.other else ""
        return f"{self.shape}, {self.draws} draws, {self.points} points{other}"


@dataclass(frozen=True)
class Quality:
    """What an estimator's errors come to over studies.

    Attributes:
        bias: Mean error of the logarithm.
        error: Standard error of that mean.
        spread: Standard deviation of the errors.
        coverage: Share of 95% intervals that hold the truth; None where it gives none.
        missing: Share of studies in which it gives nothing.
    """

    bias: float
    error: float
    spread: float
    coverage: float | None
    missing: float


Estimate = tuple[float, float, float] | None  # of log steps, with the ends of its interval; less the truth


def quality(case: Case, studies: int) -> dict[str, Quality]:
    """Simulate studies of a kind; return the quality of each of `ESTIMATORS`.

    Args:
        case: The kind.
        studies: How many.
    """
    random = np.random.default_rng(_SEED)
    found = [dict(zip(ESTIMATORS, _estimates(case, random), strict=True)) for _ in range(studies)]
    return {name: _quality([one[name] for one in found]) for name in ESTIMATORS}


def _quality(estimates: Sequence[Estimate]) -> Quality:
    """Return what estimates, less the truth, come to."""
    known = np.array([one for one in estimates if one is not None])
    errors, low, high = known.T
    spread = float(errors.std(ddof=1))
    return Quality(
        bias=float(errors.mean()),
        error=spread / math.sqrt(len(errors)),
        spread=spread,
        coverage=None if np.isnan(low).all() else float(((low <= 0.0) & (high >= 0.0)).mean()),
        missing=1.0 - len(known) / len(estimates),
    )


def _estimates(case: Case, random: np.random.Generator) -> Iterator[Estimate]:
    """Yield the estimates of one study less the truth, in the order of `ESTIMATORS`."""
    spacing = _RANGE / case.points
    places = np.arange(case.points, dtype=np.float64) - case.points // 2 + random.uniform(-0.5, 0.5)
    log_rates: Array = spacing * places
    log_steps, share = SHAPES[case.shape](log_rates)
    truth = case.truth
    if case.other:
        log_steps = log_steps + case.other * (random.uniform(-2.0, 2.0, case.points) - random.uniform(-1.0, 1.0)) ** 2
        truth = case.least_median(log_steps, share)
    steps = _steps(case, log_steps, share, random)
    first, median = float(steps[:, 0].min()), float(decided(steps).min())
    yield _alone(first, truth)
    yield _alone(median, truth)
    end = max(first, median)
    rates = np.exp(log_rates)
    yield _at_best_rate(rates, steps, end, truth) if end <= _BUDGET else None
    winner = slice(int(np.argmin(steps[:, 0])), int(np.argmin(steps[:, 0])) + 1)
    again = _steps(case, log_steps[winner], share[winner], random)
    yield _at_best_rate(rates[winner], again, _BUDGET, truth) if first <= _BUDGET else None


def _steps(case: Case, log_steps: Array, share: Array, random: np.random.Generator) -> Array:
    """Return the goal test that met the goal, for each point and draw; infinity for a miss."""
    size = (len(log_steps), case.draws)
    steps = _TYPICAL * np.exp(log_steps[:, None] + case.spread * random.standard_normal(size))
    steps = np.where(random.random(size) < share[:, None], steps, np.inf)
    met: Array = np.ceil(steps / _INTERVAL) * _INTERVAL
    return np.where(met <= _BUDGET, met, np.inf)


def _alone(steps: float, truth: float) -> Estimate:
    """Return the middle of an interval between two goal tests, as an estimate without an interval of its own."""
    return (math.log(steps - _INTERVAL / 2.0) - truth, math.nan, math.nan) if math.isfinite(steps) else None


def _at_best_rate(rates: Array, steps: Array, end: float, truth: float) -> Estimate:
    """Return K_rate with its interval."""
    found = steps_at_best_rate(rates.tolist(), steps - _INTERVAL, steps, end)
    if found.steps is None or found.low is None or found.high is None:
        return None
    return math.log(found.steps) - truth, math.log(found.low) - truth, math.log(found.high) - truth


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.draws", description="Simulate the estimators of K_rate.")
    parser.add_argument("--studies", type=int, default=400, help="of each kind (default: %(default)s)")
    parser.add_argument("--spread", type=float, nargs="+", default=[0.15, 0.4, 0.8], help="of log steps over draws")
    options = parser.parse_args(arguments)
    print(f"Error of log steps over {options.studies} studies: bias +- its error, standard deviation, coverage of 95%")
    for spread in options.spread:
        plain = Case("window", spread, 5)
        cases = [replace(plain, shape=shape) for shape in SHAPES]
        cases += [replace(plain, draws=draws) for draws in (3, 9)]
        cases += [replace(plain, points=points) for points in (8, 64)]
        cases += [replace(plain, other=other) for other in (0.1, 0.3)]
        print(f"\n{f'standard deviation {spread:g}':>52}" + "".join(f"{name:>34}" for name in ESTIMATORS))
        for case in cases:
            cells = "".join(f"{_cell(one):>34}" for one in quality(case, options.studies).values())
            print(f"{case!s:>52}{cells}", flush=True)
    return 0


def _cell(found: Quality) -> str:
    """Return a quality as text."""
    coverage = "" if found.coverage is None else f" {100 * found.coverage:.0f}%"
    missing = f" ({100 * found.missing:.0f}% none)" if found.missing else ""
    return f"{found.bias:+.3f}+-{found.error:.3f} {found.spread:.2f}{coverage}{missing}"


if __name__ == "__main__":
    raise SystemExit(main())
