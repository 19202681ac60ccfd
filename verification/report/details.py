"""The long part of a report: rival laws, tests, rates, search error, and the report in Markdown."""

import math

from verification.cells import columns, estimate_text, number, p_text, percent, wrapped
from verification.claims.analysis import Analysis
from verification.claims.evidence import exponential, name
from verification.claims.judge import Verdict
from verification.claims.needs import remedies
from verification.claims.rules import EFFECTS, NEEDS
from verification.fits.curves import FittedCurve
from verification.inference.known import Slope
from verification.inference.rates import Rates
from verification.inference.search_error import SearchError, ratio_by_trials, won_by_one_point
from verification.missing import Missing
from verification.records.curves import Curve, curve_groups
from verification.report.markdown import fenced, literal, table
from verification.report.tables import fits_and_ratios

# By which the command knows its own reports.
MARK = "<!-- made by: python -m verification.report -->"
_TESTS = ("lack_of_fit", "reset", "rainbow", "harvey_collier", "monotone", "convex")


def detail_lines(analysis: Analysis) -> list[str]:
    """Return the details of every curve and pair in plain text.

    Args:
        analysis: The analysis.

    Returns:
        Lines that fit 100 columns.
    """
    lines = []
    for fitted, rates, search in zip(analysis.curves, analysis.rates, analysis.search, strict=True):
        if fitted.laws:
            lines += [*_curve_lines(fitted), *_rate_lines(rates), *_search_lines(fitted.curve, search), ""]
    return [*lines, *_falls(analysis), *_pair_lines(analysis), *_smoothness_lines(analysis), *_combined_lines(analysis)]


def _curve_lines(fitted: FittedCurve) -> list[str]:
    """Return the laws of one curve and what tests say about the paper's."""
    rows = []
    for id_, one in fitted.laws.items():
        shape = one.law.shape
        third = f"{shape} {estimate_text(one.estimates[shape], one.intervals[shape])}" if shape else ""
        weight = "-" if one.weight is None else f"{one.weight:.2f}"
        rival = fitted.rivals.get(id_)
        against = "" if rival is None else f"{number(rival.log_ratio)}, p {p_text(rival.p)}"
        b_crit = estimate_text(one.estimates["b_crit"], one.intervals["b_crit"]) if "b_crit" in one.intervals else "-"
        rows.append(
            (f"{id_}  {one.law.name}", weight, b_crit, percent_or_none(one.fit.worst_residual), third or against)
        )
    title = name(fitted)
    header = ("law", "weight", "B_crit", "worst", "shape; or likelihood ratio to H")
    lines = [wrapped(f"{title}: laws by AICc weight"), *columns(header, rows)]
    tests = [f"{fitted.laws[law].law.shape} = 1 p {p_text(p)}" for law, p in fitted.shape_p.items()]
    done = [test for key in _TESTS if (test := fitted.tests.get(key)) is not None]
    tests += [test.method if test.p is None else f"{test.method} p {p_text(test.p)}" for test in done]
    lines.append(wrapped(f"Tests: {'; '.join(tests)}."))
    loose = sorted({key for one in (fitted.hyperbola,) if one for key, known in one.identified.items() if not known})
    if loose:
        lines.append(wrapped(f"Not bounded on both sides by these batch sizes: {', '.join(loose)}."))
    robust = fitted.robust
    if robust is not None and robust.farthest > 10.0:
        far = f"a point lies {number(robust.farthest)} scales off the law; without its weight"
        lines.append(wrapped(f"Robust fit: {far} c1 = {number(robust.c1)}, c2 = {number(robust.c2)}."))
    return lines


def percent_or_none(ratio: float) -> str:
    """Return a relative size in percent, a dash where a law has no finite K."""
    return percent(ratio) if ratio < 1e6 else "-"


def _rate_lines(rates: Rates) -> list[str]:
    """Return what the rates say, reasons once."""
    wanted = (
        ("slope of log eta* on log B", rates.rate),
        ("slope of log eta* K* (theory: 0)", rates.product),
        ("eta* by the sharp bound (theory: 1)", rates.sharp),
        ("by the textbook bound (its theory: 1)", rates.textbook),
        ("power of the window 1/(r (2 - r)) (theory: 1)", rates.window),
    )
    told = [f"{what} {_slope_text(slope)}" for what, slope in wanted if isinstance(slope, Slope)]
    reasons = dict.fromkeys(slope for _, slope in wanted if isinstance(slope, Missing))
    lines = [wrapped(f"Rate: {'; '.join(told)}.")] if told else []
    return [*lines, *(wrapped(f"Rate, rest: {reason}.") for reason in reasons)]


def _slope_text(slope: Slope) -> str:
    """Return a slope with its interval."""
    return estimate_text(slope.value, slope.interval())


def _search_lines(curve: Curve, search: SearchError | Missing) -> list[str]:
    """Return what half the search would have found, and whether one search point won it all."""
    lines = [_search_line(search)]
    if won := won_by_one_point(curve):
        told = f"{won}; this is K at one rate more than at the best of each"
        lines.append(wrapped(f"Search: {told}. More trials would tell."))
    return lines


def _search_line(search: SearchError | Missing) -> str:
    """Return what half the search would have found."""
    if isinstance(search, Missing):
        return wrapped(f"Search: {search}.")
    ratio = "" if search.ratio_spread is None else f", {percent(search.ratio_spread)} in the ratio to dense"
    return wrapped(
        f"Search: half of its {search.trials} points raise K* by a factor {number(search.penalty)}, give or take "
        f"{percent(search.spread)}{ratio}; a half fails at {percent(search.failed)} of the batch sizes."
    )


def _falls(analysis: Analysis) -> list[str]:
    """Return how the ratios of K* to the dense network depend on the number of trials, where losing trials went on."""
    lines = []
    for curves in curve_groups(analysis.records.curves).values():
        for sparsity, by_trials in ratio_by_trials(curves).items():
            told = ", ".join(f"{number(ratio)} with {trials}" for trials, ratio in sorted(by_trials.items()))
            if len(by_trials) > 1:
                title = f"{curves[0].title}, " if curves[0].title else ""
                lines.append(
                    wrapped(f"{title}sparsity {sparsity:g}%: ratio of K* to dense by number of trials: {told}.")
                )
    return [*lines, ""] if lines else []


def _pair_lines(analysis: Analysis) -> list[str]:
    """Return the tests of every pair, workload and goal by workload and goal."""
    lines = []
    header = ("ratio to dense", "estimate [90%]", "1 within 1.25", "p of 1", "detectable")
    for group in dict.fromkeys(pair.sparse.curve.group for pair in analysis.pairs):
        rows = [
            (
                f"{pair.sparse.curve.sparsity:g}%: {_PAIR_NAMES[key]}",
                estimate_text(pair.ratios.get(key), test.interval_90).removeprefix("- "),
                test.verdict,
                p_text(test.p),
                number(test.detectable),
            )
            for pair in analysis.pairs
            if pair.sparse.curve.group == group
            for key, test in pair.tests.items()
            if test.p is not None
        ]
        title = next(pair.sparse.curve.title for pair in analysis.pairs if pair.sparse.curve.group == group)
        if rows:
            lines += [*([title] if title else []), *columns(header, rows), ""]
    return lines


_PAIR_NAMES = {"c1": "c1", "c2": "c2", "b_crit": "B_crit", "prediction": "c1 over its prediction"}


def _smoothness_lines(analysis: Analysis) -> list[str]:
    """Return how the measured L goes with the rate of its run."""
    found = analysis.smoothness_and_rate
    if isinstance(found, Missing):
        return [wrapped(f"L and the rate: {found}.")] if analysis.records.smoothness else []
    power = found.power
    told = power if isinstance(power, Missing) else f"log L on log eta has slope {_slope_text(power)}"
    lines = [wrapped(f"L and the rate of its run, at one sparsity: {told} (0 where L is the network's own).")]
    for level in found.levels:
        ratio = level.at_same_rate
        same = "" if ratio is None else f"; L over the dense network's at one rate {estimate_text(*ratio)}"
        product = estimate_text(level.product, level.interval)
        lines.append(wrapped(f"{level.sparsity:g}%: eta L {product} (by the sharp bound below 1){same}."))
    return lines


def _combined_lines(analysis: Analysis) -> list[str]:
    """Return ratios over all workloads, where there are several."""
    lines = []
    for quantity, effect in analysis.combined.items():
        if not isinstance(effect, Missing):
            share, ends = percent(effect.heterogeneity), Slope(effect.value, effect.error, effect.freedom).interval()
            factor = estimate_text(math.exp(effect.value), ends.map(exponential))
            lines.append(wrapped(f"All workloads, {quantity} ratio: {factor}; {share} of its variance between them."))
    return lines


def markdown(analysis: Analysis) -> str:
    """Return the report in Markdown: the verdict table, then fits and details as preformatted text.

    Args:
        analysis: The analysis.

    Returns:
        A Markdown document.
    """
    header = ("claim", "statement", "tested", "verdict", "estimate [interval]", "p", "detectable", "detail")
    rows = []
    for claim in analysis.claims:
        measured = claim.verdict is not Verdict.NOT_MEASURED
        value = estimate_text(claim.estimate, claim.interval) if measured else "-"
        detail = "; ".join(part for part in (claim.subject, claim.detail) if part)
        cells = (claim.id, claim.statement, EFFECTS[claim.id], claim.found, value, p_text(claim.p_holm))
        rows.append([literal(cell) for cell in (*cells, number(claim.detectable), detail)])
    fits = ["# Fits", "", fenced(fits_and_ratios(analysis)), ""]
    details = ["# Details", "", fenced("\n".join(detail_lines(analysis))), ""]
    notes = [part for note in analysis.records.notes for part in (f"Note: {literal(note)}", "")]
    commands = [one.command for one in remedies(analysis.records, analysis.claims, NEEDS)]
    missing = ["# To measure what was not", "", fenced("\n".join(commands), "sh"), ""] if commands else []
    return "\n".join(["# Verdicts", "", *notes, table(header, rows), "", *missing, *fits, *details, MARK, ""])
