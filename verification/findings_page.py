"""The sections of the findings page, in Markdown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from verification import paper
from verification.analysis import Analysis
from verification.claims import Claim, Verdict
from verification.curves import FittedCurve
from verification.evidence_pairs import log_ratios_between
from verification.fit import Interval
from verification.pairs import Pair
from verification.product_ratio import ProductRatio
from verification.rates import Rates, Slope, line
from verification.records import Constant
from verification.rules import EFFECTS, RULES
from verification.tables import estimate_text, number, p_text

_MARKS = {
    Verdict.SUPPORTED: "supported",
    Verdict.APPROXIMATE: "approximately",
    Verdict.REJECTED: "**rejected**",
    Verdict.UNDERPOWERED: "open",
    Verdict.NOT_MEASURED: "-",
}


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


@dataclass(frozen=True)
class Page:
    """All that the page is made of.

    Attributes:
        runs: In the order in which they are shown.
        across: Verdicts on claims that need several workloads, from all runs together.
    """

    runs: tuple[KeptRun, ...]
    across: tuple[Claim, ...]

    def verdicts(self, id_: str) -> list[tuple[str, Claim]]:
        """Return one claim's verdict by every run, and by all together where it needs several workloads."""
        found = [(run.name, claim) for run in self.runs for claim in run.analysis.claims if claim.id == id_]
        together = self.across if len(self.runs) > 1 else ()
        return [*found, *(("all together", claim) for claim in together if claim.id == id_)]

    def markdown(self) -> str:
        """Return the page."""
        names = " ".join(f"evidence/{run.name}" for run in self.runs)
        parts = [
            f"# Findings\n\n<!-- made by: python -m verification.findings {names} --to docs/findings.md -->",
            _INTRODUCTION,
            "## The runs\n\n" + _runs_table(self.runs),
            "## Verdicts\n\n" + verdict_table(self),
            "## Where measurements and paper disagree\n\n" + _disagreements(self),
            "## The numbers beside the paper's\n\n" + "\n\n".join(_numbers(self.runs)),
            "## What follows from the theory, measured\n\n" + _CONSEQUENCES + "\n\n" + _consequences(self.runs),
            "## Claim by claim\n\n" + "\n\n".join(_claim_section(self, rule.id) for rule in RULES),
            "## Not measured\n\n" + _not_measured(self),
        ]
        return "\n\n".join(parts) + "\n"


_INTRODUCTION = """\
What held and what did not, on the runs kept in `evidence/`. Each claim is judged by a rule that was fixed before the
data (`verification/rules.py`): *supported* and **rejected** mean what they say at 5% after Holm's correction over all
tests of a run, equality claims are supported only if a 90% interval lies within their margin, and *open* means that
the data cannot tell. A claim about every curve is as good as its worst curve."""

_CONSEQUENCES = """\
If K\\* = c1/B + c2 holds because every batch size has its own best rate (result 8 of `theory.md`), then more follows
than the law: the slope of log(eta\\* K\\*) on log B is 0; eta\\* follows B/(B + B_crit), so its logarithm has slope 1
on that; away from eta\\*, K grows as 1/(r (2 - r)), power 1; the critical batch size is the noise scale
beta/epsilon; and K\\*_sparse/K\\*_dense falls with B only if the sparse noise scale is the larger one. Brackets are
95% intervals."""


def verdict_table(page: Page) -> str:
    """Return claims against runs, one word a cell."""
    names = [run.name for run in page.runs] + (["all together"] if len(page.runs) > 1 else [])
    rows = []
    for rule in RULES:
        found = {name: _MARKS[claim.verdict] for name, claim in page.verdicts(rule.id)}
        rows.append([escaped(f"{rule.id} {rule.statement}"), *(found.get(name, "-") for name in names)])
    return table(["claim", *names], rows)


def readme_part(page: Page) -> str:
    """Return what the first page of the project shows: verdicts, ratios, and what they took."""
    return f"{verdict_table(page)}\n\n{_ratios_table(page.runs)}\n\n{_cost(page.runs)}"


def _cost(runs: Sequence[KeptRun]) -> str:
    """Return how long every run took, one sentence."""
    told = ", ".join(f"`{run.name}` {_hours(run.provenance)}" for run in runs)
    return f"Time of one process, summed over all: {told}. {_machines(runs)}"


def escaped(text: str) -> str:
    r"""Return plain text with the stars of K* as Markdown wants them.

    Example:
        >>> escaped("K*_sparse")
        'K\\*_sparse'
    """
    return text.replace("*", "\\*")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    Example:
        >>> print(table(["a", "b"], [["1", "2"]]))
        | a | b |
        |---|---|
        | 1 | 2 |
    """
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _runs_table(runs: Sequence[KeptRun]) -> str:
    """Return what each run is and what it took."""
    rows = []
    for run in runs:
        asked, identity = _dictionary(run.provenance, "asked_for"), _dictionary(run.provenance, "identity")
        curves = run.analysis.records.curves
        sizes = sorted({point.batch_size for curve in curves for point in curve.points})
        replicates = 1 + max(point.replicate for curve in curves for point in curve.points)
        studies = sum(len(curve.points) for curve in curves)
        reached = sum(point.reached for curve in curves for point in curve.points)
        rows.append(
            [
                f"`{run.name}`",
                ", ".join(sorted({curve.workload for curve in curves})),
                ", ".join(sorted({curve.goal for curve in curves})),
                " ".join(f"{level:g}" for level in sorted({curve.sparsity for curve in curves})),
                " ".join(map(str, sizes)),
                f"{asked.get('trials', '-')} x {replicates}",
                str(identity.get("stop", "-")),
                f"{reached}/{studies}",
                _hours(run.provenance),
            ]
        )
    header = ["run", "workload", "goal error", "S, %", "B", "trials x replicates", "stop", "reached", "took"]
    return f"{table(header, rows)}\n\n*Took* is the time of one process, summed over all. {_machines(runs)}"


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
            versions = _dictionary(session, "versions")
            found[f"{session.get('processor')} ({session.get('device')}), torch {versions.get('torch')}"] = None
    return f"Other work ran beside; the machine: {'; '.join(found) or 'not recorded'}."


def _dictionary(facts: Mapping[str, object], name: str) -> dict[str, object]:
    """Return a part of plain data, empty where it is missing."""
    part = facts.get(name)
    return part if isinstance(part, dict) else {}


def _disagreements(page: Page) -> str:
    """Return what was rejected, and where the constants predict another direction than the curves take."""
    lines = []
    for rule in RULES:
        for name, claim in page.verdicts(rule.id):
            if claim.verdict is Verdict.REJECTED:
                effect, found = escaped(EFFECTS[rule.id]), estimate_text(claim.estimate, claim.interval)
                lines.append(
                    f"- **{rule.id}** ({escaped(rule.statement)}) is rejected by {_run(name)}: {effect} {found}, at "
                    f"{claim.subject}; the paper: {escaped(rule.reported)}."
                )
    for run in page.runs:
        for pair in run.analysis.pairs:
            if isinstance(pair.prediction, ProductRatio) and pair.direction_disagrees:
                measured = estimate_text(pair.ratios["c1"], pair.intervals["c1"])
                lines.append(
                    f"- The product of the Delta, L and beta ratios is {number(pair.prediction.c1_ratio)} at "
                    f"{pair.sparse.curve.sparsity:g}% in {_run(run.name)}, where c1 is measured to change by "
                    f"{measured}: the other direction. The paper: {paper.C1_RATIO}."
                )
    return "\n".join(lines) or "Nowhere."


def _numbers(runs: Sequence[KeptRun]) -> list[str]:
    """Return the tables of constants and of ratios."""
    return [_constants_table(runs), _ratios_table(runs)]


def _constants_table(runs: Sequence[KeptRun]) -> str:
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
    return number(one.value) if one.low is None else estimate_text(one.value, Interval(one.low, one.high))


def _ratios_table(runs: Sequence[KeptRun]) -> str:
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


def _consequences(runs: Sequence[KeptRun]) -> str:
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


def _claim_section(page: Page, id_: str) -> str:
    """Return all that is known of one claim."""
    rule = next(rule for rule in RULES if rule.id == id_)
    rows = [
        [
            _run(name),
            _MARKS[claim.verdict],
            estimate_text(claim.estimate, claim.interval),
            p_text(claim.p_holm),
            _after(claim),
        ]
        for name, claim in page.verdicts(id_)
        if claim.verdict is not Verdict.NOT_MEASURED
    ]
    statement, effect = escaped(rule.statement), escaped(rule.effect)
    head = f"### {id_}: {statement}\n\nThe paper: {escaped(rule.reported)}. Measured: {effect}."
    if not rows:
        return f"{head} Not measured."
    return head + "\n\n" + table(["run", "verdict", "estimate [95%]", "Holm p", "decided by"], rows)


def _after(claim: Claim) -> str:
    """Return which curve decided, and how the others went."""
    return f"{claim.subject} ({claim.detail})"


def _run(name: str) -> str:
    """Return a run's name as it is shown."""
    return name if name == "all together" else f"`{name}`"


def _not_measured(page: Page) -> str:
    """Return the claims that no run says anything about, with what would measure them."""
    lines = []
    for rule in RULES:
        found = page.verdicts(rule.id)
        if all(claim.verdict is Verdict.NOT_MEASURED for _, claim in found):
            lines.append(f"- {rule.id}, {escaped(rule.statement)}: {escaped(found[-1][1].detail)}")
    lines.append("- What the paper measured and these runs did not is a command with its cost in `evidence/README.md`.")
    return "\n".join(lines)
