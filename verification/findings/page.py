"""The sections of the findings page, in Markdown."""

from dataclasses import dataclass
from functools import cached_property

from verification.cells import estimate_text, p_text
from verification.claims.judge import Claim, Verdict
from verification.claims.rules import EFFECTS, RULES, Rule
from verification.findings.tables import (
    TOGETHER,
    KeptRun,
    consequences_table,
    constants_table,
    predicted_cell,
    ratios_table,
    repeats,
    runs_table,
    steps_told,
    verdict_table,
    with_measured_epsilon,
)
from verification.inference.pairs import Pair
from verification.prediction import paper
from verification.prediction.prediction import Prediction
from verification.report.markdown import code, escaped, literal, table

# By which the command knows its own pages.
MARK = "<!-- made by: python -m verification.findings"
_INTRODUCTION = """\
This page says what held and what did not on the runs kept in `evidence/`. A rule judges each claim
(`verification/claims/rules.py`). An equality is supported if its 90% interval lies within a margin. It is rejected if
the interval lies wholly outside. A direction is supported or rejected at 5%, both together. Holm's method corrects
rejections and directions for the number of tests of a run; C6, C7 and C8 count as one. *Inconclusive* is neither. Of
several curves the table says how many, and the claim's own table shows the weakest that decides. [Errors](errors.md)
says what the intervals hold, and how often each verdict is wrong.

The rules in force were written before the runs of seed 1, but for changes that `evidence/PROTOCOL.md` marks *after
data*. The runs of seed 0 are older, `fashion-mnist-sgd` and `mnist-momentum` among them. Ranges and defaults were
chosen with seed 0 in view, too, so the runs of seed 1 are those that judge (`evidence/SEEDS.md`)."""
_RUNS = """\
*Took* is the time of one process, summed over all, without winners drawn again; other work ran beside. Of studies that
were interrupted, only the time since the last interruption was kept until 2026-12. *Winners* counts the search points
that won a study. Few winners mean that the search was too coarse to say how the best rate moves."""
_RATIOS = """\
A ratio is sparse over dense. *Predicted* is the ratio of Delta L beta; beside it stands that of Delta L beta/epsilon^2.
B_crit is c1/c2. Brackets are 95% intervals: between replicates where a run has them, else between batch sizes only, not
between seeds. Predictions compare seeds in pairs; one seed has no interval. *At an edge* counts the winners of both
curves that have the smallest or largest value tried of a metaparameter: there a better one may lie outside. L is a mean
along the run, as the paper's over the whole training, or up to the goal; the prediction takes the former where it was
measured."""
_STEPS = """\
K\\* is the least over trials, K_rate the median over draws at the best rate ([draws](draws.md)). Where a claim below
says K\\*, it is judged by that run's K."""
_SECTIONS = """\
Brackets are as wide as the verdict asks: 90% for an equality, for a direction wider with the number of tests. C1 shows
alpha, the power of B, and h, the sharpness of the bend, of two wider laws; the paper's has 1 for both. C17 counts all
curves of a workload with two goals, those of C1 at the usual one among them. [Theory](theory.md) lists the laws by
their letters. L\\_mean is L up to the goal, L\\_mean\\_budget over the whole
training, L\\_mean\\_equal\\_loss down to the same training loss. *Not invariant* means that rewriting one network in
other units changes the number, and none of its runs."""
_CONSEQUENCES = """\
If every batch size has its own best rate, theory says more than the law (result 8 of `theory.md`). The header gives the
value that it expects. The slope of log(eta\\* K\\*) on log B is 0; with a decay that is the sum of the rates. The rate
eta\\* follows B/(B + B_crit) by the *sharp bound* and min(B, 2 B0) by the *textbook* one, each with slope 1. Away from
eta\\*, K grows as 1/(r (2 - r)), with power 1: the *window*. The critical batch size is the noise scale, the mean of
the gradient variance over epsilon, up to K\\* (`constants.md`). A report, like
`python -m verification.report evidence/digits`, tells more of each curve, and how the measured L goes with the rate
(result 21)."""
_PARTS = {
    "cifar-10": "CIFAR-10",
    "resnet-8": "ResNet-8",
    "linear": "a decaying rate: C17 speaks of goals alone",
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

    @cached_property
    def verdicts(self) -> dict[str, dict[str, Claim]]:
        """Each claim's verdict by every run, and by all together where it needs several workloads."""
        found: dict[str, dict[str, Claim]] = {rule.id: {} for rule in RULES}
        together = ((TOGETHER, self.across),) if len(self.runs) > 1 else ()
        for name, claims in (*((run.name, run.analysis.claims) for run in self.runs), *together):
            for claim in claims:
                found[claim.id][name] = claim
        return found

    def markdown(self) -> str:
        """Return the page."""
        names = " ".join(f"evidence/{run.name}" for run in self.runs).replace("-->", "")
        parts = [
            f"# Findings\n\n{MARK} {names} --to docs/findings.md -->",
            _INTRODUCTION,
            f"## The runs\n\n{runs_table(self.runs)}\n\n{_RUNS}{repeats(self.runs)}",
            "## Verdicts\n\n" + verdict_table(self.runs, self.verdicts),
            "## The numbers beside the paper's\n\n" + constants_table(self.runs),
            ratios_table(self.runs),
            f"{steps_told(self.runs)} {_STEPS}",
            _RATIOS,
            "## What follows from the theory\n\n" + _CONSEQUENCES,
            consequences_table(self.runs),
            f"## Claim by claim\n\n{_SECTIONS}",
            *(self._section(rule) for rule in RULES),
            "## Not measured\n\n" + _not_measured(self),
        ]
        return "\n\n".join(parts) + "\n"

    def _section(self, rule: Rule) -> str:
        """Return all that is known of one claim."""
        rows = [
            [
                name if name == TOGETHER else code(name),
                escaped(claim.found),
                estimate_text(claim.estimate, claim.interval),
                p_text(claim.p_holm),
                literal("; ".join(part for part in (claim.subject, claim.detail) if part)),
            ]
            for name, claim in self.verdicts[rule.id].items()
            if claim.verdict is not Verdict.NOT_MEASURED
        ]
        told = f"The paper: {escaped(rule.reported)}. Measured: {escaped(EFFECTS[rule.id])}."
        head = f"### {rule.id}: {escaped(rule.statement)}\n\n{told}"
        against = [line for run in self.runs for pair in run.analysis.pairs if (line := _other_direction(run, pair))]
        below = ["\n".join(against)] if against and rule.id == "C12" else []
        header = ["run", "verdict", "estimate [interval]", "p", "shown"]
        parts = [head, table(header, rows)] if rows else [f"{head} Not measured."]
        return "\n\n".join([*parts, *below])


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
        f"{code(run.name)}, with the measured epsilon {nearer}, where c1 is measured to change by {measured}: the "
        f"other direction{told}."
    )


def _not_measured(page: Page) -> str:
    """Return the claims that no run says anything about, with what would measure them."""
    lines = []
    for rule in RULES:
        found = list(page.verdicts[rule.id].values())
        if all(claim.verdict is Verdict.NOT_MEASURED for claim in found):
            lines.append(f"- {rule.id}, {escaped(rule.statement)}: {literal(found[-1].detail)}")
    workloads = {
        part for run in page.runs for curve in run.analysis.records.curves for part in curve.workload.split("/")
    }
    lines += [f"- No run has {what}." for part, what in _PARTS.items() if part not in workloads]
    alone = [code(run.name) for run in page.runs if run.replicates == 1]
    if alone:
        lines.append(f"- One replicate alone, which says nothing of other seeds: {', '.join(alone)}.")
    lines.append("- What the paper measured and these runs did not is a command with its cost in `evidence/README.md`.")
    return "\n".join(lines)
