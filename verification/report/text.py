"""The report on an analysis in plain text, as the command prints it."""

from collections.abc import Sequence

from verification.account.text import describe_account
from verification.claims.analysis import Analysis
from verification.claims.needs import remedies, remedy_lines
from verification.claims.rules import NEEDS
from verification.prediction.table import describe
from verification.records.records import curve_groups, too_few_batch_sizes
from verification.report.advice import advice_lines, answer_lines, efficiency_question, step_time_question
from verification.report.details import detail_lines
from verification.report.tables import (
    LAW,
    WIDTH,
    claim_details,
    claim_lines,
    fit_lines,
    note_lines,
    ratio_lines,
    steps_lines,
    wrapped,
)


def report_text(analysis: Analysis, efficiency: float | None = None, step_time: Sequence[float] | None = None) -> str:
    """Return the answer (curves, critical batch sizes, advice), the verdicts, then the details.

    Args:
        analysis: The analysis.
        efficiency: Also say which batch size keeps it, in (0, 1).
        step_time: (t0, t1), also say which batch size is fastest if a step takes t0 + t1 B, both > 0.

    Returns:
        Lines that fit 100 columns; at most a screen of them before the details of a run of one workload and goal.
    """
    records = analysis.records
    too_few = too_few_batch_sizes(records)
    rejected = next(claim.against for claim in analysis.claims if claim.id == "C1")
    lines = note_lines(records)
    lines += [] if too_few is None else [*steps_lines(analysis), wrapped(too_few), ""]
    lines.append(LAW)
    for fitted in curve_groups(analysis.curves).values():
        lines += [*fit_lines(fitted), *advice_lines(fitted, rejected)]
    if efficiency is not None:
        lines += ["", *answer_lines(efficiency_question(efficiency), analysis.curves, rejected)]
    if step_time is not None:
        lines += ["", *answer_lines(step_time_question(*step_time), analysis.curves, rejected)]
    found = remedies(records, analysis.claims, NEEDS)
    lines += ["", *claim_lines(analysis.claims), "", "Details", *remedy_lines(found, WIDTH)]
    lines += ["", *claim_details(analysis.claims), "", *ratio_lines(analysis)]
    if records.source.is_dir() and records.constants:
        lines += [describe_account(records), describe(records.source)]
    return "\n".join([*lines, "", *detail_lines(analysis)])
