"""The tables of numbers on the findings page, with what is said before them."""

import math
from collections.abc import Sequence

from verification import paper
from verification.analysis import Analysis
from verification.curves import FittedCurve
from verification.evidence_pairs import log_ratios_between
from verification.fit import Interval
from verification.kept_runs import KeptRun
from verification.markdown import table
from verification.pairs import Pair
from verification.product_ratio import ProductRatio
from verification.rates import Rates, Slope, line
from verification.records import Constant
from verification.tables import constant_text, estimate_text, known_text, number

CONSEQUENCES = """\
If K\\* = c1/B + c2 holds because every batch size has its own best rate (result 8 of `theory.md`), then more follows
than the law: the slope of log(eta\\* K\\*) on log B is 0; eta\\* follows B/(B + B_crit), so its logarithm has slope 1
on that; away from eta\\*, K grows as 1/(r (2 - r)), power 1; the critical batch size is the noise scale
beta/epsilon; and K\\*_sparse/K\\*_dense falls with B only if the sparse noise scale is the larger one. Brackets are
95% intervals; one that holds what the theory has may be a wide one, and curves of one
workload share search points and seeds."""

SMOOTHNESS = """\
Along a run Eq. (11) finds at most 2/eta where gradients do not grow, whatever the network (result 19 of `theory.md`);
the bound's own L would lie below 1/eta\\*. Every network is measured at its own best rate, so a ratio of L may be one
of rates. Replicates have different best rates: the power of L on the rate among runs of one sparsity is 0 where L
belongs to the network, and -1 where eta L is the same at every rate; with it goes the ratio to the dense network's L
at one rate."""


def constants_table(runs: Sequence[KeptRun]) -> str:
    """Return L, Delta, beta, epsilon and the noise scale by sparsity, the paper's first."""
    quantities = ("L_mean", "Delta", "beta", "epsilon", "noise_scale")
    titles = ["mean L", "Delta", "beta", "epsilon", "noise scale"]
    told = {0.0: paper.DENSE, 90.0: paper.SPARSE}
    rows = [
        [
            "paper, MNIST Simple-CNN",
            f"{level:g}",
            f"{smooth:g}",
            f"{told[level].Delta:g}" if level in told else "-",
            f"{told[level].noise:g}" if level in told else "-",
            "-",
            "-",
        ]
        for level, smooth in paper.MEAN_SMOOTHNESS.items()
    ]
    for run in runs:
        known = _constants(run.analysis)
        for workload, level in dict.fromkeys((one.workload, one.sparsity) for one in known.values()):
            cells = [_constant(known.get((workload, level, quantity))) for quantity in quantities]
            rows.append([f"`{run.name}`", f"{level:g}", *cells])
    return table(["", "S, %", *titles], rows)


def _constants(analysis: Analysis) -> dict[tuple[str, float, str], Constant]:
    """Return every constant by workload, sparsity and quantity."""
    return {(one.workload, one.sparsity, one.quantity): one for one in analysis.records.constants}


def _constant(one: Constant | None) -> str:
    """Return a constant with its interval over replicates, a dash where it was not measured."""
    return "-" if one is None else constant_text(one)


def ratios_table(runs: Sequence[KeptRun]) -> str:
    """Return every sparse curve's ratios to the dense one, the paper's first."""
    low, high = paper.STEPS_RATIO
    rows = [["paper, all workloads", "90", f"{low:g} to {high:g}", "-", f"{paper.C1_RATIO}", "-", "-", "-"]]
    for run in runs:
        rows += [
            [_where(run, pair.sparse), f"{pair.sparse.curve.sparsity:g}", *_ratio_cells(pair)]
            for pair in run.analysis.pairs
        ]
    header = [
        "",
        "S, %",
        "K\\*_S/K\\*_0 over B",
        "c1 ratio",
        "c1 ratio predicted",
        "c2 ratio",
        "B_crit, dense",
        "B_crit",
    ]
    return table(header, rows)


def _where(run: KeptRun, fitted: FittedCurve) -> str:
    """Return a run's name, with the goal error of a curve where the run has several."""
    several = len({one.curve.goal for one in run.analysis.curves}) > 1
    return f"`{run.name}`, {fitted.curve.goal}" if several else f"`{run.name}`"


def _ratio_cells(pair: Pair) -> list[str]:
    """Return the ratios of one pair."""
    ratios = [math.exp(value) for value in log_ratios_between(pair.dense, pair.sparse).values()]
    span = f"{number(min(ratios))} to {number(max(ratios))}" if ratios else "-"
    c1, c2 = ("-" if pair.fit is None else estimate_text(pair.ratios[q], pair.intervals[q]) for q in ("c1", "c2"))
    predicted = number(pair.prediction.c1_ratio) if isinstance(pair.prediction, ProductRatio) else "-"
    return [span, c1, predicted, c2, _b_crit(pair.dense), _b_crit(pair.sparse)]


def _b_crit(fitted: FittedCurve) -> str:
    """Return a curve's critical batch size."""
    law = fitted.hyperbola
    return "-" if law is None else estimate_text(law.estimates["b_crit"], law.intervals["b_crit"])


def consequences_summary(runs: Sequence[KeptRun]) -> str:
    """Return how many curves' intervals hold what follows from the theory, a row for each thing that follows."""
    curves = [
        (run.analysis, fitted, rates)
        for run in runs
        for fitted, rates in zip(run.analysis.curves, run.analysis.rates, strict=True)
    ]
    slopes = {
        ("eta\\* K\\* is the same at every B: its slope", 0.0): [rates.product for _, _, rates in curves],
        ("eta\\* follows the sharp bound", 1.0): [rates.sharp for _, _, rates in curves],
        ("eta\\* follows the textbook bound, its rival", 1.0): [rates.textbook for _, _, rates in curves],
        ("K away from eta\\* follows the window", 1.0): [rates.window for _, _, rates in curves],
    }
    rows = [
        held(title, value, [one.interval() for one in found if isinstance(one, Slope)])
        for (title, value), found in slopes.items()
    ]
    scaled = [one for analysis, fitted, _ in curves if (one := _critical_over_noise_scale(analysis, fitted))]
    rows.append(held("B_crit over the noise scale", 1.0, scaled))
    directions = [_direction(analysis, fitted) for analysis, fitted, _ in curves]
    signed = [
        _signed(slope.interval(), rises)
        for slope, rises in directions
        if isinstance(slope, Slope) and rises is not None
    ]
    rows.append(held("slope of K\\*_S/K\\*_0, + where the noise scales say so", None, signed))
    return table(["", "theory", "curves", "interval holds it", "lies below", "lies above"], rows)


def held(title: str, value: float | None, intervals: Sequence[Interval]) -> list[str]:
    """Return a row: how many intervals hold a value, or anything above 0 where there is none."""
    level = 0.0 if value is None else value
    below = sum(one.high is not None and one.high < level for one in intervals)
    above = sum(one.low is not None and one.low > level for one in intervals) if value is not None else 0
    rest = len(intervals) - below - above
    cells = ["> 0" if value is None else f"{value:g}", str(len(intervals)), str(rest), str(below)]
    return [title, *cells, "-" if value is None else str(above)]


def _critical_over_noise_scale(analysis: Analysis, fitted: FittedCurve) -> Interval | None:
    """Return the interval of a curve's critical batch size over that of the measured noise scale, end over far end."""
    scale, law = _noise_scale(analysis, fitted), fitted.hyperbola
    if scale is None or law is None:
        return None
    found = law.intervals["b_crit"]
    low = None if found.low is None else found.low / (scale.high or scale.value)
    high = None if found.high is None else found.high / (scale.low or scale.value)
    return Interval(low, high)


def _signed(interval: Interval, rises: bool) -> Interval:
    """Return the interval of a slope, turned around where theory has it fall."""
    ends = (None if end is None else -end for end in (interval.high, interval.low))
    return interval if rises else Interval(*ends)


def consequences_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a curve: what theory says of rates, of the noise scale and of the direction of the ratio."""
    rows = []
    for run in runs:
        analysis = run.analysis
        for fitted, rates in zip(analysis.curves, analysis.rates, strict=True):
            rows.append([_where(run, fitted), f"{fitted.curve.sparsity:g}", *_consequence(analysis, fitted, rates)])
    header = [
        *("", "S, %", "slope of eta\\* K\\* (0)", "eta\\*, sharp bound (1)", "eta\\*, textbook (1)", "window (1)"),
        *("B_crit", "noise scale", "slope of K\\*_S/K\\*_0", "predicted"),
    ]
    return table(header, rows)


def _consequence(analysis: Analysis, fitted: FittedCurve, rates: Rates) -> list[str]:
    """Return the cells of one curve."""
    slopes = [_slope(one) for one in (rates.product, rates.sharp, rates.textbook, rates.window)]
    slope, rises = _direction(analysis, fitted)
    predicted = "-" if rises is None else "rises" if rises else "falls"
    return [*slopes, _b_crit(fitted), _constant(_noise_scale(analysis, fitted)), _slope(slope), predicted]


def _slope(found: Slope | str) -> str:
    """Return a slope with its interval, a dash where there is none."""
    return "-" if isinstance(found, str) else estimate_text(found.value, found.interval())


def _noise_scale(analysis: Analysis, fitted: FittedCurve) -> Constant | None:
    """Return the measured noise scale of a curve's network."""
    return _constants(analysis).get((fitted.curve.workload, fitted.curve.sparsity, "noise_scale"))


def _direction(analysis: Analysis, fitted: FittedCurve) -> tuple[Slope | str, bool | None]:
    """Return how the ratio to the dense curve moves with B, and whether the noise scales have it rise."""
    pairs = [pair for pair in analysis.pairs if pair.sparse is fitted]
    if not pairs:
        return "needs a dense curve", None
    ratios = log_ratios_between(pairs[0].dense, fitted)
    found = line([math.log(size) for size in ratios], ratios.values())
    scales = [_noise_scale(analysis, one) for one in (pairs[0].dense, fitted)]
    if scales[0] is None or scales[1] is None:
        return found, None
    return found, scales[1].value <= scales[0].value


def smoothness_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a sparsity: the rates of the runs along which L was measured, and what L is at them."""
    rows = []
    for run in runs:
        found = run.analysis.smoothness_and_rate
        if isinstance(found, str):
            continue
        means = {one.sparsity: one for one in run.analysis.records.constants if one.quantity == "L_mean"}
        dense = means.get(0.0)
        for level in found.levels:
            mean, sparse = means.get(level.sparsity), level.sparsity > 0.0
            ratio = number(mean.value / dense.value) if mean and dense and sparse else "-"
            rates = " to ".join(dict.fromkeys(number(rate) for rate in (min(level.rates), max(level.rates))))
            same = "-" if level.at_same_rate is None else estimate_text(*level.at_same_rate)
            power = _slope(found.power) if level is found.levels[0] else ""
            cells = (f"{level.sparsity:g}", rates, known_text(level.product, level.interval), power, ratio, same)
            rows.append([f"`{run.name}`", *cells])
    header = ["", "S, %", "eta\\*", "eta\\* L (below 1)", "power of L on eta (0)", "L_S/L_0", "L_S/L_0 at one rate"]
    return table(header, rows)
