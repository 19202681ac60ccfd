"""The tables of the findings page: the runs, the verdicts, the numbers beside the paper's, the rates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verification.cells import constant_text, estimate_text, number
from verification.claims.analysis import Analysis
from verification.claims.judge import Claim, Verdict
from verification.claims.on_trials import winners_at_edge
from verification.claims.rules import RULES
from verification.fits.curves import FittedCurve
from verification.inference.known import Slope
from verification.inference.pairs import Pair
from verification.inference.rates import Rates
from verification.inference.ratios import log_ratios
from verification.inference.search_error import winning_points
from verification.missing import Missing
from verification.prediction import paper
from verification.prediction.prediction import Prediction, predict_from
from verification.records.constants_file import Constant
from verification.records.provenance_file import part
from verification.report.markdown import code, escaped, literal, table
from verification.report.tables import predicted_text

DAGGER = "†"
COARSE = (
    f"{DAGGER} One search point won every study of this run. Its curves are those of that point, not of the best ones."
)
# Stands where a run's name does, for claims that need several workloads.
TOGETHER = "all together"
# A verdict that is not here stands as it is.
MARKS = {Verdict.REJECTED: "**rejected**", Verdict.NOT_MEASURED: "-"}
_PROCESSOR = ("processor", "vector_instructions")
_QUANTITIES = ("L_mean_budget", "L_mean", "Delta", "beta", "epsilon", "noise_scale")


@dataclass(frozen=True)
class KeptRun:
    """A run with what was made of it.

    Attributes:
        name: Of its folder.
        analysis: What it says.
        provenance: Plain data from provenance.json; empty without one.
    """

    name: str
    analysis: Analysis
    provenance: Mapping[str, object]

    @property
    def winners(self) -> int:
        """How many search points have won a study; 0 where the records do not say."""
        return winning_points(self.analysis.records.curves)

    @property
    def replicates(self) -> int:
        """How many times the most repeated study was done."""
        return 1 + max(point.replicate for curve in self.analysis.records.curves for point in curve.points)

    @property
    def mark(self) -> str:
        """A dagger after its name where one search point won every study, else nothing; `COARSE` explains it."""
        return f" {DAGGER}" if self.winners == 1 else ""

    def holds(self, subject: str | None) -> bool:
        """Return whether what a claim was decided by, `workload, goal ...`, is one of this run's workloads."""
        return any(curve.workload == (subject or "").partition(",")[0] for curve in self.analysis.records.curves)


def runs_table(runs: Sequence[KeptRun]) -> str:
    """Return what each run is and what it took."""
    rows = []
    for run in runs:
        asked, identity = part(run.provenance, "asked_for"), part(run.provenance, "identity")
        curves = run.analysis.records.curves
        sizes = sorted({point.batch_size for curve in curves for point in curve.points})
        rows.append(
            [
                code(run.name),
                literal(str(identity.get("seed", "-"))),
                literal(", ".join(sorted({curve.workload for curve in curves}))),
                literal(", ".join(sorted({curve.goal_label.removeprefix("goal ") for curve in curves}))),
                " ".join(f"{level:g}" for level in sorted({curve.sparsity for curve in curves})),
                " ".join(map(str, sizes)),
                f"{literal(str(asked.get('trials', '-')))} x {run.replicates}",
                literal(str(identity.get("stop", "-"))),
                f"{sum(curve.reached for curve in curves)}/{sum(len(curve.points) for curve in curves)}",
                str(run.winners or "-"),
                _hours(run.provenance),
            ]
        )
    header = ["run", "seed", "workload", "goal", "S, %", "B", "trials x replicates", "stop", "reached", "winners"]
    return f"{table([*header, 'took'], rows)}\n\n{_machines(runs)}"


def _hours(provenance: Mapping[str, object]) -> str:
    """Return how long the work of a run took, summed over its processes."""
    parts = [provenance.get(name) for name in ("study_seconds", "constants_seconds")]
    seconds = sum(part for part in parts if isinstance(part, int | float))
    if not seconds:
        return "-"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{math.ceil(seconds / 60)} min"


def _machines(runs: Sequence[KeptRun]) -> str:
    """Return where the runs were made, one sentence."""
    found: dict[str, None] = {}
    for run in runs:
        sessions = run.provenance.get("sessions")
        for session in sessions if isinstance(sessions, list) else ():
            processor = ", ".join(str(session[key]) for key in _PROCESSOR if session.get(key))
            found[f"{processor} ({session.get('device')}), torch {part(session, 'versions').get('torch')}"] = None
    return f"Processors, as far as recorded: {literal('; '.join(found)) or 'not recorded'}."


def repeats(runs: Sequence[KeptRun]) -> str:
    """Return which runs hold studies of a larger run again, a sentence each; nothing where none does."""
    results = [_results(run) for run in runs]
    lines = []
    for run, found in zip(runs, results, strict=True):
        shared = [
            (len(other), len(found.items() & other.items()), larger.name)
            for larger, other in zip(runs, results, strict=True)
            if len(other) > len(found) and found.items() & other.items()
        ]
        if shared:
            _, count, name = max(shared)
            lines.append(
                f"\n\n{count} of the {len(found)} studies of {code(run.name)} have the winner and the step of "
                f"{code(name)}: they repeat it and do not confirm it."
            )
    return "".join(lines)


def _results(run: KeptRun) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return what every study that reached its goal found: where its winner did so, and with what."""
    return {
        (*curve.group, curve.sparsity, point.batch_size, point.replicate): (
            point.lower,
            point.upper,
            *sorted(point.metaparameters.items()),
        )
        for curve in run.analysis.records.curves
        for point in curve.points
        if point.reached
    }


def verdict_table(runs: Sequence[KeptRun], verdicts: Mapping[str, Mapping[str, Claim]]) -> str:
    """Return claims against runs, one word a cell, and what its marks mean.

    Args:
        runs: In the order of the columns.
        verdicts: Claim to its verdict by every run, and by all together where it needs several workloads.
    """
    titles = {run.name: f"{literal(run.name)}{run.mark}" for run in runs}
    titles |= {TOGETHER: TOGETHER} if len(runs) > 1 else {}
    rows = []
    for rule in RULES:
        found = verdicts[rule.id]
        cells = [_verdict(runs, name, found[name]) if name in found else "-" for name in titles]
        rows.append([escaped(f"{rule.id} {rule.statement}"), *cells])
    marked = f"\n{COARSE}" if any(run.mark for run in runs) else ""
    return f"{table(['claim', *titles.values()], rows)}\n\nA dash: not measured.{marked}"


def _verdict(runs: Sequence[KeptRun], name: str, claim: Claim) -> str:
    """Return a verdict, marked where a run that was searched too coarsely decides for all together."""
    coarse = name == TOGETHER and any(run.mark and run.holds(claim.subject) for run in runs)
    word = MARKS.get(claim.verdict, str(claim.verdict))
    return claim.brief.replace(str(claim.verdict), word) + (f" {DAGGER}" if coarse else "")


def constants_table(runs: Sequence[KeptRun]) -> str:
    """Return L, Delta, beta, epsilon and the noise scale by sparsity, the paper's first."""
    told = {0.0: paper.DENSE, paper.SPARSITY: paper.SPARSE}
    rows = []
    for level, smooth in paper.MEAN_SMOOTHNESS.items():
        of = [f"{told[level].Delta:g}", f"{told[level].noise:g}"] if level in told else ["-", "-"]
        rows.append(["paper, MNIST Simple-CNN", f"{level:g}", f"{smooth:g}", "-", *of, "-", "-"])
    for run in runs:
        known = constants_of(run.analysis)
        for workload, level in dict.fromkeys((one.workload, one.sparsity) for one in known.values()):
            cells = [_constant(known.get((workload, level, quantity))) for quantity in _QUANTITIES]
            rows.append([code(run.name), f"{level:g}", *cells])
    return table(["", "S, %", "L, whole training", "L, to the goal", "Delta", "beta", "epsilon", "noise scale"], rows)


def constants_of(analysis: Analysis) -> dict[tuple[str, float, str], Constant]:
    """Return every constant by workload, sparsity and quantity."""
    return {(one.workload, one.sparsity, one.quantity): one for one in analysis.records.constants}


def _constant(one: Constant | None) -> str:
    """Return a constant with its interval over replicates, a dash where it was not measured."""
    return "-" if one is None else constant_text(one)


def ratios_table(runs: Sequence[KeptRun]) -> str:
    """Return every sparse curve's ratios to the dense one, the paper's first."""
    at, (low, high) = f"{paper.SPARSITY:g}", paper.STEPS_RATIO
    critical = [f"about {size}" for size in paper.CRITICAL_BATCH_SIZES.values()]
    rows = [
        ["paper, all workloads", at, f"{low:g} to {high:g}", *("-" * 7)],
        ["paper, MNIST Simple-CNN", at, *("-" * 2), f"{paper.C1_RATIO}", *("-" * 5)],
        ["paper, the same with momentum", at, *("-" * 5), *critical, "-"],
    ]
    for run in runs:
        rows += [
            [_where(run, pair.sparse), f"{pair.sparse.curve.sparsity:g}", *_ratio_cells(run.analysis, pair)]
            for pair in run.analysis.pairs
        ]
    header = ["", "S, %", "K_S/K_0 over B", "c1 ratio", "predicted", "predicted, measured epsilon", "c2 ratio"]
    return table([*header, "B_crit, dense", "B_crit, at S", "at an edge"], rows)


def steps_told(runs: Sequence[KeptRun]) -> str:
    """Return which runs are judged by which steps, one sentence."""
    by: dict[str, list[str]] = {}
    for run in runs:
        for quantity in dict.fromkeys(curve.quantity for curve in run.analysis.records.curves):
            by.setdefault(quantity, []).append(code(run.name))
    parts = [f"{escaped(quantity)} in {', '.join(names)}" for quantity, names in sorted(by.items(), reverse=True)]
    return f"K, the steps to the goal, is {'; '.join(parts)}."


def _where(run: KeptRun, fitted: FittedCurve) -> str:
    """Return a run's name with its mark, and the goal of a curve where the run has several."""
    several = len({one.curve.goal for one in run.analysis.curves}) > 1
    return f"{code(run.name)}{run.mark}" + (f", {literal(fitted.curve.goal_label)}" if several else "")


def _ratio_cells(analysis: Analysis, pair: Pair) -> list[str]:
    """Return the ratios of one pair."""
    ratios = np.exp(log_ratios(pair.dense, pair.sparse).logs.mean(axis=0)).tolist()
    span = f"{number(min(ratios))} to {number(max(ratios))}" if ratios else "-"
    c1, c2 = ("-" if pair.fit is None else estimate_text(pair.ratios[q], pair.intervals[q]) for q in ("c1", "c2"))
    predicted = [predicted_cell(made) for made in (pair.prediction, with_measured_epsilon(analysis, pair))]
    sides = (pair.dense, pair.sparse)
    return [span, c1, *predicted, c2, *map(_critical_batch_size, sides), _at_edge(sides)]


def _at_edge(sides: Sequence[FittedCurve]) -> str:
    """Return how many winners of how many lie at an edge of the search; a dash where the trials are not known."""
    edges = [edge for side in sides for of_size in winners_at_edge(side.curve).values() for edge in of_size]
    return f"{sum(edges)}/{len(edges)}" if edges else "-"


def with_measured_epsilon(analysis: Analysis, pair: Pair) -> Prediction | Missing:
    """Return a pair's predicted ratio of c1 with the epsilon that was measured of either network."""
    curve = pair.sparse.curve
    return predict_from(analysis.records.measured, curve.workload, curve.sparsity, "epsilon")


def predicted_cell(made: Prediction | Missing) -> str:
    """Return a predicted ratio of c1 with its interval over replicates, a dash where there is none."""
    return "-" if isinstance(made, Missing) else predicted_text(made)


def _critical_batch_size(fitted: FittedCurve) -> str:
    """Return a curve's critical batch size."""
    law = fitted.hyperbola
    return "-" if law is None else estimate_text(law.estimates["b_crit"], law.intervals["b_crit"])


def consequences_table(runs: Sequence[KeptRun]) -> str:
    """Return a row a curve: what theory says of its rates and of its critical batch size."""
    rows = []
    for run in runs:
        known = constants_of(run.analysis)
        for fitted, rates in zip(run.analysis.curves, run.analysis.rates, strict=True):
            curve = fitted.curve
            scale = known.get((curve.workload, curve.sparsity, "noise_scale"))
            cells = [*_slopes(rates), _critical_batch_size(fitted), _constant(scale)]
            rows.append([_where(run, fitted), f"{curve.sparsity:g}", *cells])
    header = ["", "S, %", "slope of eta\\* K\\* (0)", "eta\\*, sharp bound (1)", "eta\\*, textbook (1)", "window (1)"]
    return table([*header, "B_crit", "noise scale"], rows)


def _slopes(rates: Rates) -> list[str]:
    """Return what the rates of a curve say, a dash where they say nothing."""
    told = (rates.product, rates.sharp, rates.textbook, rates.window)
    return [estimate_text(one.value, one.interval()) if isinstance(one, Slope) else "-" for one in told]
