"""The report on an analysis in plain text, as the command prints it."""

from collections.abc import Sequence

from verification.account.text import describe_account
from verification.cells import WIDTH, wrapped
from verification.claims.analysis import Analysis
from verification.claims.needs import remedies, remedy_lines
from verification.claims.rules import NEEDS
from verification.prediction.table import describe
from verification.records.curves import curve_groups
from verification.records.records import too_few_batch_sizes
from verification.report.advice import answer_lines, efficiency_question, step_time_question
from verification.report.card import card_lines
from verification.report.details import detail_lines
from verification.report.recommend import cards_of, line_of_time
from verification.report.tables import LAW, claim_details, claim_lines, fit_table, note_lines, ratio_lines, steps_lines


def report_text(analysis: Analysis, efficiency: float | None = None, step_time: Sequence[float] | None = None) -> str:
    """Return the answer (which batch size to use, then the fitted curves), the verdicts, then the details.

    Args:
        analysis: The analysis.
        efficiency: Also say which batch size keeps it, in (0, 1).
        step_time: (t0, t1), also say which batch size is fastest if a step takes t0 + t1 B, both > 0.

    Returns:
        Lines that fit 100 columns; at most a screen of them before the details of a run of one workload and goal.
    """
    records = analysis.records
    too_few = too_few_batch_sizes(records)
    lines = note_lines(records)
    by_curve = cards_of(analysis, None if step_time is None else line_of_time(*step_time))
    told = dict(zip(map(id, analysis.curves), by_curve, strict=True))
    groups = curve_groups(analysis.curves).values()
    for fitted in groups:
        title = fitted[0].curve.title
        lines += [*([wrapped(title)] if title else []), *card_lines([told[id(one)] for one in fitted]), ""]
    lines += [] if too_few is None else [*steps_lines(analysis), wrapped(too_few), ""]
    lines.append(LAW)
    for fitted in groups:
        title = fitted[0].curve.title
        lines += [*([wrapped(title)] if title and len(groups) > 1 else []), *fit_table(fitted)]
    if efficiency is not None:
        lines += ["", *answer_lines(efficiency_question(efficiency), analysis.curves, analysis.rejected)]
    if step_time is not None:
        lines += ["", *answer_lines(step_time_question(*step_time), analysis.curves, analysis.rejected)]
    found = remedies(records, analysis.claims, NEEDS)
    lines += ["", *claim_lines(analysis.claims), "", "Details", *remedy_lines(found, WIDTH)]
    lines += ["", *claim_details(analysis.claims), "", *ratio_lines(analysis)]
    if records.source.is_dir() and records.constants:
        lines += [describe_account(records), describe(records.source)]
    return "\n".join([*lines, "", *detail_lines(analysis)])
