"""The tables of numbers on the findings page, with what is said before them."""

import math
from collections.abc import Sequence

from verification import paper
from verification.analysis import Analysis
from verification.curves import FittedCurve
from verification.evidence_pairs import log_ratios_between
from verification.fit import OPEN, Interval
from verification.kept_runs import KeptRun
from verification.markdown import table
from verification.pairs import Pair
from verification.product_ratio import ProductRatio
from verification.rates import Rates, Slope, line
from verification.records import Constant
from verification.tables import estimate_text, number

CONSEQUENCES = """\
If K\\* = c1/B + c2 holds because every batch size has its own best rate (result 8 of `theory.md`), then more follows
than the law: the slope of log(eta\\* K\\*) on log B is 0; eta\\* follows B/(B + B_crit), so its logarithm has slope 1
on that; away from eta\\*, K grows as 1/(r (2 - r)), power 1; the critical batch size is the noise scale
beta/epsilon; and K\\*_sparse/K\\*_dense falls with B only if the sparse noise scale is the larger one. Brackets are
95% intervals."""

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
        known = {(one.workload, one.sparsity, one.quantity): one for one in run.analysis.records.constants}
        for workload, level in dict.fromkeys((one.workload, one.sparsity) for one in known.values()):
            cells = [_constant(known.get((workload, level, quantity))) for quantity in quantities]
            rows.append([f"`{run.name}`", f"{level:g}", *cells])
    return table(["", "S, %", *titles], rows)


def _constant(one: Constant | None) -> str:
    """Return a constant with its interval over replicates."""
    if one is None:
        return "-"
    return _known(one.value, Interval(one.low, one.high))


def _known(value: float, interval: Interval) -> str:
    """Return a number, with its interval where there is one."""
    return number(value) if interval == OPEN else estimate_text(value, interval)


def ratios_table(runs: Sequence[KeptRun]) -> str:
    """Return every sparse curve's ratios to the dense one, the paper's first."""
    low, high = paper.STEPS_RATIO
    rows = [["paper, all workloads", "90", f"{low:g} to {high:g}", "-", f"{paper.C1_RATIO}", "-", "-", "-"]]
    for run in runs:
        rows += [
            [f"`{run.name}`", f"{pair.sparse.curve.sparsity:g}", *_ratio_cells(pair)] for pair in run.analysis.pairs
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


def consequences_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a curve: what theory says of rates, of the noise scale and of the direction of the ratio."""
    rows = []
    for run in runs:
        analysis = run.analysis
        for fitted, rates in zip(analysis.curves, analysis.rates, strict=True):
            rows.append([f"`{run.name}`", f"{fitted.curve.sparsity:g}", *_consequence(analysis, fitted, rates)])
    header = [
        *("", "S, %", "slope of eta\\* K\\* (0)", "eta\\*, sharp bound (1)", "eta\\*, textbook (1)", "window (1)"),
        *("B_crit", "noise scale", "slope of K\\*_S/K\\*_0", "predicted"),
    ]
    return table(header, rows)


def _consequence(analysis: Analysis, fitted: FittedCurve, rates: Rates) -> list[str]:
    """Return the cells of one curve."""
    slopes = [_slope(one) for one in (rates.product, rates.sharp, rates.textbook, rates.window)]
    return [*slopes, _b_crit(fitted), _constant(_noise_scale(analysis, fitted)), *_direction(analysis, fitted)]


def _slope(found: Slope | str) -> str:
    """Return a slope with its interval, a dash where there is none."""
    return "-" if isinstance(found, str) else estimate_text(found.value, found.interval())


def _noise_scale(analysis: Analysis, fitted: FittedCurve) -> Constant | None:
    """Return the measured noise scale of a curve's network."""
    wanted = (fitted.curve.workload, fitted.curve.sparsity, "noise_scale")
    known = {(one.workload, one.sparsity, one.quantity): one for one in analysis.records.constants}
    return known.get(wanted)


def _direction(analysis: Analysis, fitted: FittedCurve) -> list[str]:
    """Return how the ratio to the dense curve moves with B, and how it should by the noise scales."""
    pairs = [pair for pair in analysis.pairs if pair.sparse is fitted]
    if not pairs:
        return ["-", "-"]
    ratios = log_ratios_between(pairs[0].dense, fitted)
    found = line([math.log(size) for size in ratios], ratios.values())
    scales = [_noise_scale(analysis, one) for one in (pairs[0].dense, fitted)]
    if scales[0] is None or scales[1] is None:
        return [_slope(found), "-"]
    return [_slope(found), "falls" if scales[1].value > scales[0].value else "rises"]


def smoothness_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a sparsity: the rates of the runs along which L was measured, and what L is at them."""
    rows = []
    for run in runs:
        found = run.analysis.smoothness_and_rate
        if isinstance(found, str):
            continue
        known = {(one.sparsity, one.quantity): one for one in run.analysis.records.constants}
        dense = known.get((0.0, "L_mean"))
        for level in found.levels:
            mean, sparse = known.get((level.sparsity, "L_mean")), level.sparsity > 0.0
            ratio = number(mean.value / dense.value) if mean and dense and sparse else "-"
            rates = " to ".join(dict.fromkeys(number(rate) for rate in (min(level.rates), max(level.rates))))
            same = "-" if level.at_same_rate is None else estimate_text(*level.at_same_rate)
            power = _slope(found.power) if level is found.levels[0] else ""
            cells = (f"{level.sparsity:g}", rates, _known(level.product, level.interval), power, ratio, same)
            rows.append([f"`{run.name}`", *cells])
    header = ["", "S, %", "eta\\*", "eta\\* L (below 1)", "power of L on eta (0)", "L_S/L_0", "L_S/L_0 at one rate"]
    return table(header, rows)
