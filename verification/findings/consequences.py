"""What follows from the theory beside what was measured, on the findings page: rates, noise scales, directions, L."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from verification.claims.analysis import Analysis
from verification.claims.on_pairs import ratio_slope
from verification.findings.kept_runs import KeptRun
from verification.findings.numbers import constant_cell, constants_of, critical_batch_cell, where
from verification.fits.curves import FittedCurve
from verification.fits.fit import Interval
from verification.inference.pairs import Pair
from verification.inference.rates import Rates, Slope
from verification.missing import Missing
from verification.records.constants_file import Constant
from verification.report.markdown import code, table
from verification.report.tables import estimate_text, known_text, number

CONSEQUENCES = """\
If K\\* = c1/B + c2 holds because every batch size has its own best rate (result 8 of `theory.md`), then more follows
than the law: the slope of log(eta\\* K\\*) on log B is 0; eta\\* follows B/(B + B_crit), so its logarithm has slope 1
on that; away from eta\\*, K grows as 1/(r (2 - r)), power 1; the critical batch size is the noise scale, the mean of
the gradient variance up to K\\* over epsilon (`constants.md`); and K\\*_sparse/K\\*_dense falls with B only if the
sparse noise scale is the larger one. Brackets are 95% intervals; one that holds what the theory has may be a wide one.
Each workload, goal and sparsity counts once, by the run with most studies; their curves still share search points and
seeds, and a noise scale of one replicate counts nowhere. *Predicted* goes by the noise scales: with a question mark,
they may be equal."""

SMOOTHNESS = """\
Along a run Eq. (11) has a ceiling that the rate sets, whatever the network: where gradients do not grow 2/eta at
gamma = 1, and 20/eta with its maximum over gamma from 0.1 on (result 19 of `theory.md`). The bound's own L would lie
below 1/eta\\*. Every network is measured at its own best rate, so a ratio of L may be one
of rates. Replicates have different best rates: the power of L on the rate among runs of one sparsity is 0 where L
belongs to the network, and -1 where eta L is the same at every rate; with it goes the ratio to the dense network's L
at one rate."""


T = TypeVar("T")
# A curve with the analysis that it belongs to and what its rates say.
Told = tuple[Analysis, FittedCurve, Rates]


def consequences_summary(runs: Sequence[KeptRun]) -> str:
    """Return how many curves' intervals hold what follows from the theory, and how often a direction is as it says.

    Each workload, goal and sparsity counts once: of the runs that measured a thing, the one with most studies speaks.
    """
    curves = _largest_first(runs)
    rows = [
        held("eta\\* K\\* is the same at every B: its slope", 0.0, _once(curves, lambda told: _ends(told[2].product))),
        held("eta\\* follows the sharp bound", 1.0, _once(curves, lambda told: _ends(told[2].sharp))),
        held("eta\\* follows the textbook bound, its rival", 1.0, _once(curves, lambda told: _ends(told[2].textbook))),
        held("K away from eta\\* follows the window", 1.0, _once(curves, lambda told: _ends(told[2].window))),
        held("B_crit over the noise scale", 1.0, _once(curves, _critical_over_noise_scale)),
    ]
    header = ["", "theory", "curves", "interval holds it", "lies below", "lies above"]
    return f"{table(header, rows)}\n\n{_directions(_once(curves, _direction))}"


def _largest_first(runs: Sequence[KeptRun]) -> list[Told]:
    """Return all curves, those of the runs with most studies of their workload and goal first."""
    curves = [
        (run.analysis, fitted, rates)
        for run in runs
        for fitted, rates in zip(run.analysis.curves, run.analysis.rates, strict=True)
    ]
    return sorted(curves, key=lambda told: -told[0].studies(told[1].curve.group))


def _once(curves: Sequence[Told], measure: Callable[[Told], T | None]) -> list[T]:
    """Return what was measured of each workload, goal and sparsity by the first curve that has it."""
    found: dict[tuple[object, ...], T] = {}
    for told in curves:
        value = measure(told)
        if value is not None:
            found.setdefault((*told[1].curve.group, told[1].curve.sparsity), value)
    return list(found.values())


def _ends(slope: Slope | Missing) -> Interval | None:
    """Return the interval of a slope, None where there is none."""
    return None if isinstance(slope, Missing) else slope.interval()


def held(title: str, value: float, intervals: Sequence[Interval]) -> list[str]:
    """Return a row: how many intervals hold a value, and how many lie to either side of it."""
    below, above = _beside(value, intervals)
    counts = (len(intervals), len(intervals) - below - above, below, above)
    return [title, f"{value:g}", *map(str, counts)]


def _beside(value: float, intervals: Sequence[Interval]) -> tuple[int, int]:
    """Return how many intervals lie below a value, and how many above."""
    below = sum(one.high is not None and one.high < value for one in intervals)
    return below, sum(one.low is not None and one.low > value for one in intervals)


@dataclass(frozen=True, kw_only=True)
class Direction:
    """How K*_sparse/K*_dense moves with B, and how it should.

    Attributes:
        slope: Of its log on log B.
        rises: Whether the noise scales have it rise: whether the sparse one is not the larger.
        sure: Whether their intervals over replicates do not overlap.
    """

    slope: Slope
    rises: bool
    sure: bool

    @property
    def predicted(self) -> str:
        """The prediction in a word, with a question mark where the noise scales may be equal."""
        return ("rises" if self.rises else "falls") + ("" if self.sure else "?")

    @property
    def interval(self) -> Interval:
        """Interval of the slope, turned around where it is to fall: above 0 where it goes as predicted."""
        found = self.slope.interval()
        return found if self.rises else Interval(*(None if end is None else -end for end in (found.high, found.low)))


def _directions(found: Sequence[Direction]) -> str:
    """Return how often the ratio to the dense curve moves as the noise scales have it, one sentence."""
    if not found:
        return "Of no pair of curves are both noise scales known."
    agree = sum((one.slope.value > 0.0) == one.rises for one in found)
    against, as_told = _beside(0.0, [one.interval for one in found])
    return (
        f"K\\*_sparse/K\\*_dense moves with B as the two noise scales have it in {agree} of {len(found)} pairs of "
        f"curves, and the interval of its slope lies on that side of 0 in {as_told}, on the other in {against}. "
        f"The noise scales themselves are told apart in {sum(one.sure for one in found)}."
    )


def _critical_over_noise_scale(told: Told) -> Interval | None:
    """Return the interval of a curve's critical batch size over that of the measured noise scale, end over far end.

    None where one replicate alone was measured: its noise scale may be off by any factor.
    """
    analysis, fitted, _ = told
    scale, law = _noise_scale(analysis, fitted), fitted.hyperbola
    if scale is None or law is None or scale.low is None or scale.high is None:
        return None
    found = law.intervals["b_crit"]
    low = None if found.low is None else found.low / scale.high
    high = None if found.high is None or scale.low <= 0.0 else found.high / scale.low
    return Interval(low, high)


def consequences_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a curve: what theory says of rates, of the noise scale and of the direction of the ratio."""
    rows = []
    for run in runs:
        analysis = run.analysis
        for fitted, rates in zip(analysis.curves, analysis.rates, strict=True):
            rows.append([where(run, fitted), f"{fitted.curve.sparsity:g}", *_consequence((analysis, fitted, rates))])
    header = [
        *("", "S, %", "slope of eta\\* K\\* (0)", "eta\\*, sharp bound (1)", "eta\\*, textbook (1)", "window (1)"),
        *("B_crit", "noise scale", "slope of K\\*_S/K\\*_0", "predicted"),
    ]
    return table(header, rows)


def _consequence(told: Told) -> list[str]:
    """Return the cells of one curve."""
    analysis, fitted, rates = told
    slopes = [_slope(one) for one in (rates.product, rates.sharp, rates.textbook, rates.window)]
    scale, pair, direction = constant_cell(_noise_scale(analysis, fitted)), _pair(analysis, fitted), _direction(told)
    slope = "-" if pair is None else _slope(ratio_slope(pair))
    return [*slopes, critical_batch_cell(fitted), scale, slope, "-" if direction is None else direction.predicted]


def _slope(found: Slope | Missing) -> str:
    """Return a slope with its interval, a dash where there is none."""
    return "-" if isinstance(found, Missing) else estimate_text(found.value, found.interval())


def _noise_scale(analysis: Analysis, fitted: FittedCurve) -> Constant | None:
    """Return the measured noise scale of a curve's network."""
    return constants_of(analysis).get((fitted.curve.workload, fitted.curve.sparsity, "noise_scale"))


def _pair(analysis: Analysis, fitted: FittedCurve) -> Pair | None:
    """Return the pair that a sparse curve makes with the dense one."""
    return next((pair for pair in analysis.pairs if pair.sparse is fitted), None)


def _direction(told: Told) -> Direction | None:
    """Return how the ratio to the dense curve moves with B, and how the noise scales have it move."""
    analysis, fitted, _ = told
    pair = _pair(analysis, fitted)
    if pair is None:
        return None
    slope = ratio_slope(pair)
    dense, sparse = (_noise_scale(analysis, one) for one in (pair.dense, fitted))
    if isinstance(slope, Missing) or dense is None or sparse is None:
        return None
    smaller, larger = sorted((dense, sparse), key=lambda one: one.value)
    sure = smaller.high is not None and larger.low is not None and smaller.high < larger.low
    return Direction(slope=slope, rises=sparse.value <= dense.value, sure=sure)


def smoothness_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a sparsity: the rates of the runs along which L was measured, and what L is at them."""
    rows = []
    for run in runs:
        found = run.analysis.smoothness_and_rate
        if isinstance(found, Missing):
            continue
        means = {one.sparsity: one for one in run.analysis.records.constants if one.quantity == "L_mean"}
        dense = means.get(0.0)
        for level in found.levels:
            mean, sparse = means.get(level.sparsity), level.sparsity > 0.0
            ratio = number(mean.value / dense.value) if mean and dense and sparse else "-"
            rates = " to ".join(dict.fromkeys(number(rate) for rate in (min(level.rates), max(level.rates))))
            same = "-" if level.at_same_rate is None else estimate_text(*level.at_same_rate)
            if sparse and set(level.rates) == set(found.levels[0].rates) and len(set(level.rates)) == 1:
                same = ratio  # both were measured at one rate
            power = _slope(found.power) if level is found.levels[0] else ""
            cells = (f"{level.sparsity:g}", rates, known_text(level.product, level.interval), power, ratio, same)
            rows.append([code(run.name), *cells])
    header = ["", "S, %", "eta\\*", "eta\\* L (below 1)", "power of L on eta (0)", "L_S/L_0", "L_S/L_0 at one rate"]
    return table(header, rows)
