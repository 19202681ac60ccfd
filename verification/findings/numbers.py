"""The tables of measured numbers on the findings page, the paper's beside them."""

import math
from collections.abc import Sequence

from verification.claims.analysis import Analysis
from verification.claims.on_pairs import log_ratios_between
from verification.findings.kept_runs import KeptRun
from verification.fits.curves import FittedCurve
from verification.inference.pairs import Pair
from verification.missing import Missing
from verification.prediction import paper
from verification.prediction.prediction import Prediction, predict_from
from verification.records.constants_file import Constant
from verification.report.markdown import code, literal, table
from verification.report.tables import constant_text, estimate_text, number, predicted_text


def constants_table(runs: Sequence[KeptRun]) -> str:
    """Return L, Delta, beta, epsilon and the noise scale by sparsity, the paper's first."""
    quantities = ("L_mean", "Delta", "beta", "epsilon", "noise_scale")
    titles = ["mean L", "Delta", "beta", "epsilon", "noise scale", "points of L"]
    told = {0.0: paper.DENSE, paper.SPARSITY: paper.SPARSE}
    rows = [
        [
            "paper, MNIST Simple-CNN",
            f"{level:g}",
            f"{smooth:g}",
            f"{told[level].Delta:g}" if level in told else "-",
            f"{told[level].noise:g}" if level in told else "-",
            *("-" * 3),
        ]
        for level, smooth in paper.MEAN_SMOOTHNESS.items()
    ]
    for run in runs:
        known = constants_of(run.analysis)
        for workload, level in dict.fromkeys((one.workload, one.sparsity) for one in known.values()):
            cells = [constant_cell(known.get((workload, level, quantity))) for quantity in quantities]
            rows.append([code(run.name), f"{level:g}", *cells, _points(run.analysis, level)])
    return table(["", "S, %", *titles], rows)


def _points(analysis: Analysis, sparsity: float) -> str:
    """Return at how many steps before the goal L was measured, from the fewest of a replicate to the most."""
    counts = [
        sum(run.goal_step is None or step < run.goal_step for step in run.along.get("L", ()))
        for run in analysis.records.smoothness
        if run.sparsity == sparsity
    ]
    return " to ".join(dict.fromkeys((f"{min(counts)}", f"{max(counts)}"))) if counts else "-"


def constants_of(analysis: Analysis) -> dict[tuple[str, float, str], Constant]:
    """Return every constant by workload, sparsity and quantity."""
    return {(one.workload, one.sparsity, one.quantity): one for one in analysis.records.constants}


def constant_cell(one: Constant | None) -> str:
    """Return a constant with its interval over replicates, a dash where it was not measured."""
    return "-" if one is None else constant_text(one)


def ratios_table(runs: Sequence[KeptRun]) -> str:
    """Return every sparse curve's ratios to the dense one, the paper's first."""
    at, (low, high) = f"{paper.SPARSITY:g}", paper.STEPS_RATIO
    critical = [f"about {size}" for size in paper.CRITICAL_BATCH_SIZES.values()]
    rows = [
        ["paper, all workloads", at, f"{low:g} to {high:g}", *("-" * 6)],
        ["paper, MNIST Simple-CNN", at, *("-" * 2), f"{paper.C1_RATIO}", *("-" * 4)],
        ["paper, the same with momentum", at, *("-" * 5), *critical],
    ]
    for run in runs:
        rows += [
            [where(run, pair.sparse), f"{pair.sparse.curve.sparsity:g}", *_ratio_cells(run.analysis, pair)]
            for pair in run.analysis.pairs
        ]
    header = [
        *("", "S, %", "K\\*_S/K\\*_0 over B", "c1 ratio", "predicted", "predicted, measured epsilon", "c2 ratio"),
        *("B_crit, dense", "B_crit, at S"),
    ]
    return table(header, rows)


def where(run: KeptRun, fitted: FittedCurve) -> str:
    """Return a run's name with its mark, and the goal of a curve where the run has several."""
    several = len({one.curve.goal for one in run.analysis.curves}) > 1
    return f"{code(run.name)}{run.mark}" + (f", {literal(fitted.curve.goal_label)}" if several else "")


def _ratio_cells(analysis: Analysis, pair: Pair) -> list[str]:
    """Return the ratios of one pair."""
    ratios = [math.exp(value) for value in log_ratios_between(pair.dense, pair.sparse).values()]
    span = f"{number(min(ratios))} to {number(max(ratios))}" if ratios else "-"
    c1, c2 = ("-" if pair.fit is None else estimate_text(pair.ratios[q], pair.intervals[q]) for q in ("c1", "c2"))
    predicted = [predicted_cell(made) for made in (pair.prediction, with_measured_epsilon(analysis, pair))]
    return [span, c1, *predicted, c2, critical_batch_cell(pair.dense), critical_batch_cell(pair.sparse)]


def with_measured_epsilon(analysis: Analysis, pair: Pair) -> Prediction | Missing:
    """Return a pair's predicted ratio of c1 with the epsilon that was measured of either network."""
    curve = pair.sparse.curve
    return predict_from(analysis.records.measured, curve.workload, curve.sparsity, "epsilon")


def predicted_cell(made: Prediction | Missing) -> str:
    """Return a predicted ratio of c1 with its interval over replicates, a dash where there is none."""
    return "-" if isinstance(made, Missing) else predicted_text(made)


def critical_batch_cell(fitted: FittedCurve) -> str:
    """Return a curve's critical batch size."""
    law = fitted.hyperbola
    return "-" if law is None else estimate_text(law.estimates["b_crit"], law.intervals["b_crit"])
