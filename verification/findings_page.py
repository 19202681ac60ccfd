"""The sections of the findings page, in Markdown."""

from dataclasses import dataclass

from verification import paper
from verification.claims import Claim, Verdict
from verification.findings_numbers import (
    CONSEQUENCES,
    SMOOTHNESS,
    consequences_summary,
    consequences_table,
    constants_table,
    ratios_table,
    smoothness_table,
)
from verification.kept_runs import KeptRun, cost, runs_table
from verification.markdown import escaped, table
from verification.product_ratio import ProductRatio
from verification.rules import EFFECTS, RULES
from verification.tables import estimate_text, number, p_text

# Stands where a run's name does, for claims that need several workloads.
TOGETHER = "all together"
_MARKS = {
    Verdict.SUPPORTED: "supported",
    Verdict.APPROXIMATE: "approximately",
    Verdict.REJECTED: "**rejected**",
    Verdict.UNDERPOWERED: "open",
    Verdict.NOT_MEASURED: "-",
}


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
        names = " ".join(f"evidence/{run.name}" for run in self.runs)
        parts = [
            f"# Findings\n\n<!-- made by: python -m verification.findings {names} --to docs/findings.md -->",
            _INTRODUCTION,
            "## The runs\n\n" + runs_table(self.runs),
            "## Verdicts\n\n" + verdict_table(self),
            "## Where measurements and paper disagree\n\n" + _disagreements(self),
            "## The numbers beside the paper's\n\n" + constants_table(self.runs) + "\n\n" + ratios_table(self.runs),
            "## What follows from the theory, measured\n\n" + CONSEQUENCES,
            consequences_summary(self.runs),
            consequences_table(self.runs),
            "## What the measured L is\n\n" + SMOOTHNESS + "\n\n" + smoothness_table(self.runs),
            "## Claim by claim\n\n" + "\n\n".join(_claim_section(self, rule.id) for rule in RULES),
            "## Not measured\n\n" + _not_measured(self),
        ]
        return "\n\n".join(parts) + "\n"


_INTRODUCTION = """\
What held and what did not, on the runs kept in `evidence/`. Each claim is judged by a rule that was fixed before the
data (`verification/rules.py`): *supported* and **rejected** mean what they say at 5% after Holm's correction over all
tests of a run, equality claims are supported only if a 90% interval lies within their margin, and *open* means that
the data cannot tell. A claim about every curve is as good as its worst curve."""


def verdict_table(page: Page) -> str:
    """Return claims against runs, one word a cell."""
    names = [run.name for run in page.runs] + ([TOGETHER] if len(page.runs) > 1 else [])
    rows = []
    for rule in RULES:
        found = {name: _MARKS[claim.verdict] for name, claim in page.verdicts(rule.id)}
        rows.append([escaped(f"{rule.id} {rule.statement}"), *(found.get(name, "-") for name in names)])
    return table(["claim", *names], rows)


def readme_part(page: Page) -> str:
    """Return what the first page of the project shows: verdicts, ratios, and what they took."""
    return f"{verdict_table(page)}\n\n{ratios_table(page.runs)}\n\n{cost(page.runs)}"


def _disagreements(page: Page) -> str:
    """Return what was rejected, and where the constants predict another direction than the curves take."""
    lines = []
    for rule in RULES:
        for name, claim in page.verdicts(rule.id):
            if claim.verdict is Verdict.REJECTED:
                effect, found = escaped(EFFECTS[rule.id]), estimate_text(claim.estimate, claim.interval)
                coarse = "".join(
                    f"; one search point won every study of {_run(run.name)}"
                    for run in page.runs
                    if run.winners == 1 and (run.name == name or (name == TOGETHER and run.holds(claim.subject)))
                )
                lines.append(
                    f"- **{rule.id}** ({escaped(rule.statement)}) is rejected by {_run(name)}: {effect} {found}, at "
                    f"{claim.subject}; the paper: {escaped(rule.reported)}{coarse}."
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
    return name if name == TOGETHER else f"`{name}`"


def _not_measured(page: Page) -> str:
    """Return the claims that no run says anything about, with what would measure them."""
    lines = []
    for rule in RULES:
        found = page.verdicts(rule.id)
        if all(claim.verdict is Verdict.NOT_MEASURED for _, claim in found):
            lines.append(f"- {rule.id}, {escaped(rule.statement)}: {escaped(found[-1][1].detail)}")
    lines.append("- What the paper measured and these runs did not is a command with its cost in `evidence/README.md`.")
    return "\n".join(lines)
