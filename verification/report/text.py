"""The report on an analysis in plain text, as the command prints it."""

from collections.abc import Sequence

from verification.claims.analysis import Analysis
from verification.claims.needs import remedies, remedy_lines
from verification.claims.rules import NEEDS
from verification.prediction.table import describe
from verification.records.records import too_few_batch_sizes
from verification.report.advice import answer_lines, efficiency_question, step_time_question
from verification.report.details import detail_lines
from verification.report.tables import (
    WIDTH,
    claim_details,
    claim_lines,
    fits_and_ratios,
    note_lines,
    steps_lines,
    wrapped,
)


def report_text(analysis: Analysis, efficiency: float | None = None, step_time: Sequence[float] | None = None) -> str:
    """Return how the input was read, the verdicts, the fits, what was asked for, then the details.

    Args:
        analysis: The analysis.
        efficiency: Also say which batch size keeps it, in (0, 1).
        step_time: (t0, t1), also say which batch size is fastest if a step takes t0 + t1 B, both > 0.

    Returns:
        Lines that fit 100 columns.
    """
    records = analysis.records
    too_few = too_few_batch_sizes(records)
    lines = note_lines(records)
    lines += [] if too_few is None else [*steps_lines(analysis), wrapped(too_few), ""]
    found = remedies(records, analysis.claims, NEEDS)
    lines += [*claim_lines(analysis.claims), *claim_details(analysis.claims), *remedy_lines(found, WIDTH)]
    lines += ["", fits_and_ratios(analysis)]
    rejected = next(claim.against for claim in analysis.claims if claim.id == "C1")
    if efficiency is not None:
        lines += ["", *answer_lines(efficiency_question(efficiency), analysis.curves, rejected)]
    if step_time is not None:
        lines += ["", *answer_lines(step_time_question(*step_time), analysis.curves, rejected)]
    if records.source.is_dir() and records.constants:
        lines.append(describe(records.source))
    return "\n".join([*lines, "", *detail_lines(analysis)])
