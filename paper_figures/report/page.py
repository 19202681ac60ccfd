"""The report as plain data: records, verdicts, provenance and drawn figures in; texts and coordinates out.

Nothing in it is markup: the template escapes every string.
"""

import base64
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from paper_figures.catalogue import CARD, drawn, figure_of
from paper_figures.report.chart import Chart, chart
from paper_figures.report.provenance import Measured, Step, measured, steps_to_reproduce
from paper_figures.report.tables import (
    Table,
    account_tables,
    card_tables,
    constants_tables,
    fit_tables,
    glance_table,
    ratio_tables,
)
from paper_figures.run import Run, figures_folder, read_run
from verification.cells import estimate_text, number, p_text
from verification.claims.judge import Claim, Verdict
from verification.claims.needs import Remedy, remedies
from verification.claims.rules import EFFECTS, NEEDS
from verification.inference.curve_tests import DRAWS
from verification.records.curves import curve_groups
from verification.records.provenance_file import read_provenance
from verification.records.records import Records
from verification.records.run_command import measured_run


@dataclass(frozen=True)
class Meaning:
    """A verdict as the page shows it: a name for its style, a sign, and what it means."""

    style: str
    sign: str
    text: str


MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        Verdict.SUPPORTED: Meaning("supported", "✓", "the data agree, and are precise enough to have disagreed"),
        Verdict.INCONCLUSIVE: Meaning(
            "inconclusive",
            "?",
            "the data decide neither way; only an effect beyond the detectable one would have shown",
        ),
        Verdict.REJECTED: Meaning("rejected", "✗", "the data disagree"),
        Verdict.NOT_MEASURED: Meaning("unmeasured", "·", "the data cannot speak; the reason names what would"),
    }
)


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """One row of the verdict table."""

    id: str
    statement: str
    effect: str
    verdict: str
    meaning: Meaning
    estimate: str
    p: str
    detectable: str
    detail: str


@dataclass(frozen=True)
class DrawnFigure:
    """A figure that was found: its name in words, its file, and its bytes as a data URL."""

    name: str
    file: str
    url: str


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run as the page shows it.

    Attributes:
        key: Names it in the page; not from the data.
        name: Of its folder or file.
        path: The same, as typed.
        counts: (verdict, meaning, how many claims), best first, without empty ones.
        claims: The verdict table.
        notes: What a reader should know of verdicts and records.
        cards: Which batch size to use, one table for each workload and goal.
        card: The picture of that.
        charts: One for each workload and goal.
        fits: One table for each chart.
        account: What K* over the dense network's is made of, and the prediction that follows; empty where unknown.
        constants: Measured constants, one table a workload.
        ratios: Measured and predicted ratios, one table for each workload and goal.
        figures: Those drawn before.
        measured: How.
        steps: How to do it again.
        commands: What makes the parts that may be missing, by part.
        remedies: What measures the claims that were not measured.
    """

    key: str
    name: str
    path: str
    counts: tuple[tuple[str, Meaning, int], ...]
    claims: tuple[ClaimRow, ...]
    notes: tuple[str, ...]
    cards: tuple[Table, ...]
    card: DrawnFigure
    charts: tuple[Chart, ...]
    fits: tuple[Table, ...]
    account: tuple[Table, ...]
    constants: tuple[Table, ...]
    ratios: tuple[Table, ...]
    figures: tuple[DrawnFigure, ...]
    measured: Measured
    steps: tuple[Step, ...]
    commands: Mapping[str, str]
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: Of the document.
        runs: At least one.
        glance: Verdicts of all runs side by side, None for a single run.
        meanings: Every verdict with its meaning.
    """

    title: str
    runs: tuple[RunView, ...]
    glance: Table | None
    meanings: Mapping[str, Meaning]


def page(sources: Sequence[Path]) -> Page:
    """Read run folders and CSV files into the page.

    Args:
        sources: Run folders and files, at least one.

    Returns:
        The page.

    Raises:
        ValueError: If one is neither, or cannot be read.
        OSError: Likewise.
    """
    found = [_read(f"run{i}", source) for i, source in enumerate(sources, 1)]
    runs = tuple(run for run, _ in found)
    several = glance_table([run.path for run in runs], [claims for _, claims in found])
    return Page(
        title=f"kstar report: {', '.join(run.name for run in runs)}",
        runs=runs,
        glance=several if len(runs) > 1 else None,
        meanings=MEANINGS,
    )


def _read(key: str, source: Path) -> tuple[RunView, Sequence[Claim]]:
    """Read one run source or file."""
    computed: list[str] = []
    found = read_run(source, DRAWS, computed.append)
    records, claims = found.records, found.analysis.claims
    provenance = read_provenance(source)
    groups = curve_groups(found.analysis.curves)
    quoted = shlex.quote(str(source))
    run = RunView(
        key=key,
        name=source.resolve().name,
        path=str(source),
        counts=_counts(claims),
        claims=tuple(claim_row(claim) for claim in claims),
        notes=(*computed, *records.notes),
        cards=card_tables(found.analysis),
        card=_card(found),
        charts=tuple(chart(f"{key}-chart{i}", curves) for i, curves in enumerate(groups.values())),
        fits=fit_tables(groups),
        account=account_tables(records),
        constants=constants_tables(records.constants),
        ratios=ratio_tables(groups, found.analysis.pairs),
        figures=drawn_figures(source),
        measured=measured(source, provenance),
        steps=steps_to_reproduce(source, provenance),
        commands={
            "constants": _constants_command(records),
            "figures": f"python -m paper_figures {quoted}",
        },
        remedies=tuple(remedies(records, claims, NEEDS)),
    )
    return run, claims


def _card(run: Run) -> DrawnFigure:
    """Return the picture of which batch size to use."""
    return DrawnFigure("Which batch size to use", "", _as_url(drawn(figure_of(CARD, [run]), "svg")))


def _constants_command(records: Records) -> str:
    """Return the command that measures the constants which a run left out, empty where it did not leave them out."""
    run = measured_run(records)
    if run is None or run.asked("constants") is not False:
        return ""
    return run.command(constants=True) or ""


def _counts(claims: Sequence[Claim]) -> tuple[tuple[str, Meaning, int], ...]:
    """Return how many claims got each verdict."""
    verdicts = [str(claim.verdict) for claim in claims]
    return tuple((str(v), meaning, verdicts.count(v)) for v, meaning in MEANINGS.items() if v in verdicts)


def claim_row(claim: Claim) -> ClaimRow:
    """Return a claim as a row of texts.

    Args:
        claim: The claim.

    Returns:
        Texts; what does not exist is empty.
    """
    was_measured = claim.verdict != Verdict.NOT_MEASURED
    corrected = "" if claim.p_holm is None else p_text(claim.p_holm)
    return ClaimRow(
        id=claim.id,
        statement=claim.statement,
        effect=EFFECTS.get(claim.id, ""),
        verdict=claim.found,
        meaning=MEANINGS[claim.verdict],
        estimate=estimate_text(claim.estimate, claim.interval) if was_measured else "",
        p=corrected,
        detectable="" if claim.detectable is None else number(claim.detectable),
        detail="; ".join(part for part in (claim.subject, claim.detail) if part),
    )


def drawn_figures(source: Path) -> tuple[DrawnFigure, ...]:
    """Return the figures drawn for a run or a file, the paper's first.

    An SVG inside an `img` element runs no script and loads nothing.

    Args:
        source: The run folder, or the CSV file.

    Returns:
        One per SVG file where `python -m paper_figures` puts them, by name; without the one that the page draws itself.
    """
    found = [file for file in figures_folder(source).glob("*.svg") if file.is_file() and file.stem != CARD]
    files = sorted(found, key=lambda file: (file.stem.startswith("extra"), file.name))
    return tuple(
        DrawnFigure(
            name=figure_name(file.stem),
            file=str(file),
            url=_as_url(file.read_bytes()),
        )
        for file in files
    )


def _as_url(svg: bytes) -> str:
    """Return an SVG as the address of an image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"


def figure_name(stem: str) -> str:
    """Return a figure's name in words.

    Args:
        stem: Name of its file without the suffix.

    Returns:
        Short text.

    Example:
        >>> figure_name("figure_07"), figure_name("extra_rate_and_steps"), figure_name("mine")
        ('Figure 7', 'Extra figure: rate and steps', 'Figure mine')
    """
    kind, _, rest = stem.partition("_")
    if kind == "figure" and rest.isdecimal():
        return f"Figure {int(rest)}"
    return f"Extra figure: {rest.replace('_', ' ')}" if kind == "extra" else f"Figure {stem}"
