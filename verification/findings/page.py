"""The sections of the findings page, in Markdown."""

from dataclasses import dataclass

from verification.claims.judge import Claim, Verdict
from verification.claims.rules import EFFECTS, RULES
from verification.findings.consequences import (
    CONSEQUENCES,
    SMOOTHNESS,
    consequences_summary,
    consequences_table,
    smoothness_table,
)
from verification.findings.kept_runs import COARSE, DAGGER, KeptRun, cost, repeats, runs_table
from verification.findings.numbers import constants_table, predicted_cell, ratios_table, with_measured_epsilon
from verification.inference.pairs import Pair
from verification.prediction import paper
from verification.prediction.prediction import Prediction
from verification.report.markdown import code, escaped, literal, table
from verification.report.tables import estimate_text, p_text

# By which the command knows its own pages.
MARK = "<!-- made by: python -m verification.findings"
# Stands where a run's name does, for claims that need several workloads.
TOGETHER = "all together"
# One that is not here stands as it is.
_MARKS = {Verdict.REJECTED: "**rejected**", Verdict.NOT_MEASURED: "-"}


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
        return [*found, *((TOGETHER, claim) for claim in together if claim.id == id_)]

    def markdown(self) -> str:
        """Return the page."""
        names = " ".join(f"evidence/{run.name}" for run in self.runs).replace("-->", "")
        parts = [
            f"# Findings\n\n{MARK} {names} --to docs/findings.md -->",
            _INTRODUCTION,
            "## The runs\n\n" + runs_table(self.runs),
            "## Verdicts\n\n" + verdict_table(self),
            "## Where measurements and paper disagree\n\n" + _disagreements(self),
            "## The numbers beside the paper's\n\n" + constants_table(self.runs),
            ratios_table(self.runs),
            RATIOS_LEGEND,
            "## What follows from the theory, measured\n\n" + CONSEQUENCES,
            consequences_summary(self.runs),
            consequences_table(self.runs),
            "## What the measured L is\n\n" + SMOOTHNESS + "\n\n" + smoothness_table(self.runs),
            "## Claim by claim\n\n" + "\n\n".join(_claim_section(self, rule.id) for rule in RULES),
            "## Not measured\n\n" + _not_measured(self),
        ]
        return "\n\n".join(parts) + "\n"


_INTRODUCTION = """\
What held and what did not, on the runs kept in `evidence/`. Each claim is judged by a rule
(`verification/claims/rules.py`):
*supported* and **rejected** mean what they say at 5% after Holm's correction over all tests of a run, equality claims
are supported only if a 90% interval lies within their margin, and *inconclusive* is neither: not significant after that
correction, whatever one interval by itself excludes. A claim about every curve is as good as its worst curve.

The rules were written before all runs but `digits`. Its K\\* were known when C2 and C3 were given slopes of their own,
read off no law (read off the fitted one, both had been *supported*), and when the rules of C5, C6 and C8 to C18 were
written."""
RATIOS_LEGEND = """\
Ratios are sparse over dense, *predicted* is that of Delta L beta, epsilon taken as equal, and beside it that of Delta L
beta/epsilon^2; B_crit = c1/c2. Brackets are 95% intervals. Predictions compare seeds in pairs; one seed has no
interval."""


def verdict_table(page: Page) -> str:
    """Return claims against runs, one word a cell, and what its marks mean."""
    titles = {run.name: f"{literal(run.name)}{run.mark}" for run in page.runs}
    if len(page.runs) > 1:
        titles[TOGETHER] = TOGETHER
    rows = []
    for rule in RULES:
        found = {name: _verdict(page, name, claim) for name, claim in page.verdicts(rule.id)}
        rows.append([escaped(f"{rule.id} {rule.statement}"), *(found.get(name, "-") for name in titles)])
    marked = f"\n{COARSE}" if any(run.mark for run in page.runs) else ""
    return f"{table(['claim', *titles.values()], rows)}\n\nA dash: not measured.{marked}"


def _verdict(page: Page, name: str, claim: Claim) -> str:
    """Return a verdict, marked where a run that was searched too coarsely decides for all together."""
    mark = f" {DAGGER}" if name == TOGETHER and _coarse(page, name, claim) else ""
    return f"{_MARKS.get(claim.verdict, str(claim.verdict))}{mark}"


def _coarse(page: Page, name: str, claim: Claim) -> list[KeptRun]:
    """Return the runs behind a verdict of which one search point won every study."""
    return [
        run for run in page.runs if run.mark and (run.name == name or (name == TOGETHER and run.holds(claim.subject)))
    ]


def readme_part(page: Page) -> str:
    """Return what the first page of the project shows: verdicts, ratios, and what they took."""
    parts = (verdict_table(page), ratios_table(page.runs), RATIOS_LEGEND + repeats(page.runs), cost(page.runs))
    return "\n\n".join(parts)


def _disagreements(page: Page) -> str:
    """Return what was rejected, and where the constants predict another direction than the curves take."""
    lines = []
    for rule in RULES:
        for name, claim in page.verdicts(rule.id):
            if claim.verdict is Verdict.REJECTED:
                effect, found = escaped(EFFECTS[rule.id]), estimate_text(claim.estimate, claim.interval)
                coarse = "".join(
                    f"; one search point won every study of {_run(run.name)}" for run in _coarse(page, name, claim)
                )
                lines.append(
                    f"- **{rule.id}** ({escaped(rule.statement)}) is rejected by {_run(name)}: {effect} {found}, at "
                    f"{literal(claim.subject or '')}; the paper: {escaped(rule.reported)}{coarse}."
                )
    for run in page.runs:
        lines += [line for pair in run.analysis.pairs if (line := _other_direction(run, pair))]
    return "\n".join(lines) or "Nowhere."


def _other_direction(run: KeptRun, pair: Pair) -> str:
    """Return where predicted and measured ratio of c1 lie on different sides of 1 with all of their intervals."""
    made = pair.prediction
    if not isinstance(made, Prediction) or not pair.direction_disagrees:
        return ""
    if not (made.c1.interval.excludes(1.0) and pair.intervals["c1"].excludes(1.0)):
        return ""
    measured, sparsity = estimate_text(pair.ratios["c1"], pair.intervals["c1"]), pair.sparse.curve.sparsity
    told = f"; the paper: {paper.C1_RATIO}" if sparsity == paper.SPARSITY else ""
    nearer = predicted_cell(with_measured_epsilon(run.analysis, pair))
    return (
        f"- The product of the Delta, L and beta ratios is {predicted_cell(made)} at {sparsity:g}% in "
        f"{_run(run.name)}, with the measured epsilon {nearer}, where c1 is measured to change by {measured}: the "
        f"other direction{told}."
    )


def _claim_section(page: Page, id_: str) -> str:
    """Return all that is known of one claim."""
    rule = next(rule for rule in RULES if rule.id == id_)
    rows = [
        [
            _run(name),
            _MARKS.get(claim.verdict, str(claim.verdict)),
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
    return literal(f"{claim.subject} ({claim.detail})")


def _run(name: str) -> str:
    """Return a run's name as it is shown."""
    return name if name == TOGETHER else code(name)


_PARTS = {
    "cifar-10": "CIFAR-10",
    "resnet-8": "ResNet-8",
    "linear": "a decaying rate: C17 speaks of goals alone",
}


def _not_measured(page: Page) -> str:
    """Return the claims that no run says anything about, with what would measure them."""
    lines = []
    for rule in RULES:
        found = page.verdicts(rule.id)
        if all(claim.verdict is Verdict.NOT_MEASURED for _, claim in found):
            lines.append(f"- {rule.id}, {escaped(rule.statement)}: {literal(found[-1][1].detail)}")
    workloads = {
        part for run in page.runs for curve in run.analysis.records.curves for part in curve.workload.split("/")
    }
    lines += [f"- No run has {what}." for part, what in _PARTS.items() if part not in workloads]
    alone = [_run(run.name) for run in page.runs if run.replicates == 1]
    if alone:
        lines.append(f"- One replicate alone, which says nothing of other seeds: {', '.join(alone)}.")
    lines.append("- What the paper measured and these runs did not is a command with its cost in `evidence/README.md`.")
    return "\n".join(lines)
