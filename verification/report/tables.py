"""Plain-text and Markdown tables of an analysis; plain text is made for 100 columns."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from empirics.records import FEW_STEPS
from verification.cells import columns, estimate_text, known_text, number, p_text, percent, wrapped
from verification.claims.analysis import Analysis
from verification.claims.evidence import NOT_SEEDS
from verification.claims.judge import Claim, Verdict
from verification.claims.rules import EFFECTS
from verification.fits.curves import FittedCurve, FittedLaw
from verification.fits.fit import FIRST_TEST
from verification.fits.units import FEWEST_OF_A_UNIT
from verification.inference.pairs import Pair
from verification.missing import Missing
from verification.prediction.prediction import Prediction
from verification.records.curves import Curve, CurvePoint, curve_groups
from verification.records.records import Records

# All of so many different counts are multiples of 10 by chance in one table of 100 000.
_COUNTS_OF_A_GRID = 5
_FINEST_GRID = 10
_SHARE_OF_A_GRID = 0.1  # of the fewest steps: a finer grid changes little
_LEFT_OF_A_GRID = 0.02  # of that share: counts that were rounded do not lie so near to a law

LAW = "Law K(B) = c1/B + c2, fitted by maximum likelihood; [95% intervals]"


def fits_and_ratios(analysis: Analysis) -> str:
    """Return the fitted constants of every curve, then the ratios to the dense network, in plain text.

    Args:
        analysis: The analysis.

    Returns:
        Lines that fit 100 columns.
    """
    fits = [line for fitted in curve_groups(analysis.curves).values() for line in fit_lines(fitted)]
    return "\n".join([LAW, *fits, "", *ratio_lines(analysis)])


def fit_lines(fitted: Sequence[FittedCurve]) -> list[str]:
    """Return the fitted constants of curves of one workload and goal, and what to know of them.

    Args:
        fitted: The curves.
    """
    title, (_, about) = fitted[0].curve.title, fit_rows(fitted)
    return [*([title] if title else []), *fit_table(fitted), *map(wrapped, about)]


def fit_table(fitted: Sequence[FittedCurve]) -> list[str]:
    """Return the fitted constants alone, a line a curve.

    Args:
        fitted: Curves of one workload and goal.
    """
    header = ("sparsity", "reached", "c1", "c2", "B_crit", "sigma", "worst residual")
    rows, _ = fit_rows(fitted)
    return columns(header, rows) if rows else []


def ratio_lines(analysis: Analysis) -> list[str]:
    """Return the fitted and predicted ratios to the dense network, then what is missing and what disagrees.

    Args:
        analysis: The analysis.
    """
    lines = []
    header = ("ratio", "c1", "c2", "B_crit", "c1 predicted: Delta*L*beta")
    for group, fitted in curve_groups(analysis.curves).items():
        rows, about = ratio_rows(fitted, [pair for pair in analysis.pairs if pair.sparse.group == group])
        title = "Ratio to the dense network, both curves fitted jointly; the prediction is not invariant"
        of = fitted[0].curve.title
        lines += [*([of] if of else []), *([title, *columns(header, rows)] if rows else []), *map(wrapped, about), ""]
    return lines[:-1]


def note_lines(records: Records) -> list[str]:
    """Return what a reader should know of the input before any number of it.

    Args:
        records: What was read.

    Returns:
        Lines that fit 100 columns, and a blank one below them; none where there is nothing to know.
    """
    return [*(wrapped(f"Note: {note}") for note in records.notes), ""] if records.notes else []


_LEGEND = (
    "Intervals and p: where an equality is supported 90% and the test of its margin, else as Holm's correction over "
    "this report asks for (C6, C7, C8 count as one). A dash: data of this kind cannot decide."
)


def claim_lines(claims: Sequence[Claim]) -> list[str]:
    """Return the verdict table in plain text: first what was tested, then what was not and why.

    Args:
        claims: C1 to C18.

    Returns:
        Lines that fit 100 columns.
    """
    tested = [claim for claim in claims if claim.verdict is not Verdict.NOT_MEASURED]
    others = [claim for claim in claims if claim.verdict is Verdict.NOT_MEASURED]
    rows = [(c.id, c.statement, c.brief, estimate_text(c.estimate, c.interval), p_text(c.p_holm)) for c in tested]
    lines = [*columns(("", "claim", "verdict", "estimate [interval]", "p"), rows), wrapped(_LEGEND)] if tested else []
    return [*lines, *_not_measured(others)]


def claim_details(claims: Sequence[Claim]) -> list[str]:
    """Return a paragraph for each claim that was tested: what was measured, the curve shown, and what else to know.

    Args:
        claims: C1 to C18.

    Returns:
        Lines that fit 100 columns.
    """
    lines = []
    for claim in claims:
        if claim.verdict is Verdict.NOT_MEASURED:
            continue
        seen = "" if claim.detectable is None else f"detectable effect {number(claim.detectable)}"
        level = "" if claim.level is None else f"interval at {100.0 * claim.level:.4g}%"
        parts = (EFFECTS[claim.id], f"shown: {claim.subject}", level, seen, claim.detail)
        lines.append(wrapped(f"{claim.id} {claim.found}: {'; '.join(part for part in parts if part)}"))
    return lines


Rows = list[tuple[str, ...]]


def fit_rows(fitted: Sequence[FittedCurve]) -> tuple[Rows, list[str]]:
    """Return the fitted constants of curves as text.

    Args:
        fitted: Curves of one workload and goal.

    Returns:
        Sparsity, points reached, c1, c2, B_crit, sigma and worst residual of each fitted curve; then one sentence
        for each thing a reader should know, among them why a curve has no fit.
    """
    rows: Rows = []
    about: list[tuple[str, str]] = []
    for one in fitted:
        sparsity = f"{one.curve.sparsity:g}%"
        reached = f"{one.curve.reached}/{len(one.curve.points)}"
        about += [(sparsity, remark) for remark in remarks(one)]
        if (law := one.hyperbola) is not None:
            rows.append((sparsity, reached, *_constants(law), _sigma(law), percent(law.fit.worst_residual)))
    return rows, by_remark(about)


def remarks(fitted: FittedCurve) -> list[str]:
    """Return what to know before using the numbers of a curve.

    Args:
        fitted: Any curve.

    Returns:
        Whether counts are coarse, why there is no fit, whether it failed to converge, what its intervals are between;
        one sentence each.
    """
    found, law = _coarse_counts(fitted), fitted.hyperbola
    if law is None:
        return [*found, f"no fit ({fitted.reason})."]
    if not law.fit.converged:
        return [*found, "the fit did not converge; do not use its numbers."]
    return [*found, *_units(fitted)]


def _units(fitted: FittedCurve) -> list[str]:
    """Return what the intervals of a curve are between, and which replicates they leave out."""
    counted = fitted.units.replicates
    if not counted:
        same = "all repeats took the same steps and count once: is the goal tested rarely, or the seed unused?"
        return [*([same] if fitted.curve.agreed else []), f"intervals are {NOT_SEEDS}."]
    left = sorted({point.replicate for point in fitted.curve.points} - set(counted))
    few = (
        f"; replicate {', '.join(map(str, left))} is known at fewer than {FEWEST_OF_A_UNIT} batch sizes" if left else ""
    )
    return [f"intervals are between {len(counted)} replicates{few}."]


def _coarse_counts(fitted: FittedCurve) -> list[str]:
    """Return where K* is known from above alone, and where it is too few steps to be counted finely."""
    data, remarks = fitted.data, []
    first = data.reached & ~data.bounded
    if first.any() and data.bounded.any():
        remarks.append(f"at B = {_sizes(fitted, first)} {FIRST_TEST}.")
    if data.few.any():
        coarse = f"K* is {FEW_STEPS} steps or fewer at B = {_sizes(fitted, data.few)}"
        remarks.append(f"{coarse}: one step more or less is a third of it or more; a harder goal tells more.")
    return [*remarks, *_unstated_grid(fitted)]


def _unstated_grid(fitted: FittedCurve) -> list[str]:
    """Return that exact counts share a divisor, as those do that were read off a grid of evaluations."""
    exact = {point.lower for point in fitted.curve.points if point.lower == point.upper}
    if len(exact) < _COUNTS_OF_A_GRID or not all(count.is_integer() for count in exact):
        return []
    grid = math.gcd(*map(int, exact))
    coarse, law = grid / min(exact), fitted.hyperbola
    if grid < _FINEST_GRID or coarse < _SHARE_OF_A_GRID or (law and law.fit.worst_residual < _LEFT_OF_A_GRID * coarse):
        return []
    return [
        f"all counts are multiples of {grid}: if the goal was tested every {grid} steps, say so (lower, or a column "
        "eval_interval), or intervals are too narrow."
    ]


def _sizes(fitted: FittedCurve, where: NDArray[np.bool_]) -> str:
    """Return the batch sizes of some points of a curve, each once."""
    points = zip(fitted.curve.points, where.tolist(), strict=True)
    return ", ".join(str(size) for size in sorted({point.batch_size for point, chosen in points if chosen}))


def by_remark(remarks: Sequence[tuple[str, str]]) -> list[str]:
    """Return one sentence per remark, naming all the sparsities it is about.

    Args:
        remarks: (sparsity, remark).

    Example:
        >>> by_remark([("0%", "few points."), ("90%", "few points.")])
        ['Sparsity 0%, 90%: few points.']
    """
    about: dict[str, list[str]] = {}
    for sparsity, remark in remarks:
        about.setdefault(remark, []).append(sparsity)
    return [f"Sparsity {', '.join(levels)}: {remark}" for remark, levels in about.items()]


def _constants(law: FittedLaw) -> tuple[str, ...]:
    """Return c1, c2 and the critical batch size as text."""
    return tuple(estimate_text(law.estimates[q], law.intervals[q]) for q in ("c1", "c2", "b_crit"))


def _sigma(law: FittedLaw) -> str:
    """Return sigma, as a bound where the evaluation grid hides it."""
    return f"< {number(law.fit.sigma)}" if law.fit.sigma_at_floor else number(law.fit.sigma)


def ratio_rows(fitted: Sequence[FittedCurve], pairs: Sequence[Pair]) -> tuple[Rows, list[str]]:
    """Return the ratios to the dense network as text.

    Args:
        fitted: Curves of one workload and goal.
        pairs: Of them.

    Returns:
        Sparsity, ratios of c1, c2 and B_crit and the predicted ratio of c1 of each pair that has any; then one
        sentence for each thing a reader should know.
    """
    if not pairs:
        dense = any(one.curve.sparsity == 0.0 for one in fitted)
        missing = "a sparse" if dense else "the dense (sparsity 0)"
        return [], [f"No ratio to the dense network: {missing} curve is missing."]
    levels = [(f"{pair.sparse.curve.sparsity:g}%", pair) for pair in pairs]
    rows = [(level, *_ratio_cells(pair)) for level, pair in levels if has_ratio(pair)]
    about = by_remark([(level, remark) for level, pair in levels for remark in _pair_remarks(pair)])
    return rows, about + [told for pair in pairs if (told := _beside_the_least(pair))]


def _beside_the_least(pair: Pair) -> str:
    """Return the ratio of K_rate and that of K*, means over batch sizes, where the pair is of K_rate."""
    sides = [
        {(p.batch_size, p.replicate): (p.upper, p.least) for p in one.curve.points if p.upper and p.least}
        for one in (pair.dense, pair.sparse)
    ]
    if pair.sparse.curve.draws == 1 or not (common := sides[0].keys() & sides[1].keys()):
        return ""
    logs = np.log([[sides[1][key], sides[0][key]] for key in sorted(common)])
    rate, least = np.exp((logs[:, 0] - logs[:, 1]).mean(axis=0)).tolist()
    level = f"{pair.sparse.curve.sparsity:g}%"
    return f"Sparsity {level}: mean ratio over {len(common)} studies {number(rate)} in K_rate, {number(least)} in K*."


def has_ratio(pair: Pair) -> bool:
    """Return whether a pair has a fitted or a predicted ratio."""
    return pair.fit is not None or isinstance(pair.prediction, Prediction)


def _ratio_cells(pair: Pair) -> tuple[str, ...]:
    """Return the fitted ratios, then the predicted one."""
    fitted = tuple(
        "-" if pair.fit is None else estimate_text(pair.ratios[q], pair.intervals[q]) for q in ("c1", "c2", "b_crit")
    )
    made = pair.prediction
    return (*fitted, "-" if isinstance(made, Missing) else predicted_text(made))


def predicted_text(made: Prediction) -> str:
    """Return a predicted ratio of c1 as text, with its 95% interval, which one seed does not have.

    Args:
        made: The prediction.

    Returns:
        As in `0.32 [0.21, 0.47]`.
    """
    return f"{number(made.c1.ratio)} (one seed)" if made.seeds == 1 else known_text(made.c1.ratio, made.c1.interval)


def _pair_remarks(pair: Pair) -> list[str]:
    """Return what a reader must know about a pair, one sentence each."""
    remarks = []
    if pair.reason is not None:
        remarks.append(f"no fitted ratio ({pair.reason}).")
    if isinstance(pair.prediction, Missing):
        remarks.append(f"no predicted ratio ({pair.prediction}).")
    elif pair.direction_disagrees:
        word = "rise" if pair.prediction.c1.ratio > 1.0 else "fall"
        clear = "its interval excludes 1" if pair.intervals["c1"].excludes(1.0) else "though its interval includes 1"
        remarks.append(f"the constants predict that c1 will {word}; the fit says the opposite ({clear}).")
    return remarks


def _not_measured(claims: Sequence[Claim]) -> list[str]:
    """Return the claims nothing was said about, grouped by reason."""
    by_reason: dict[str, list[str]] = {}
    for claim in claims:
        by_reason.setdefault(claim.detail, []).append(claim.id)
    return [
        wrapped(f"{', '.join(ids)}: {reason if reason.startswith('not measured') else f'not measured: {reason}'}")
        for reason, ids in by_reason.items()
    ]


def steps_lines(analysis: Analysis) -> list[str]:
    """Return the measured steps to result, a row a batch size and a column a curve: what there is without a fit.

    Args:
        analysis: Of any records.

    Returns:
        A table for each workload and goal; its columns are sparsities.
    """
    lines: list[str] = []
    for curves in curve_groups(analysis.records.curves).values():
        sizes = sorted({point.batch_size for curve in curves for point in curve.points})
        rows = [(str(size), *(_steps_cell(curve, size) for curve in curves)) for size in sizes]
        header = ("B", *(f"S = {curve.sparsity:g}%" for curve in curves))
        lines += [
            wrapped(f"{curves[0].title or 'Steps to result'}: {curves[0].quantity}(B)"),
            *columns(header, rows),
            "",
        ]
    return lines


def _steps_cell(curve: Curve, batch_size: int) -> str:
    """Return the steps of every replicate at a batch size, a bound where the goal was not reached."""
    points = [point for point in curve.points if point.batch_size == batch_size]
    return " ".join(map(steps_text, points)) or "-"


def steps_text(point: CurvePoint) -> str:
    """Return the steps of a point, whole ones where they are K_rate, or the budget where the goal was not reached.

    Args:
        point: Any.

    Example:
        >>> steps_text(CurvePoint(64, 0, 58.0, 60.0)), steps_text(CurvePoint(64, 0, 100.0, None))
        ('60', '> 100')
    """
    if point.upper is None:
        return f"> {point.lower:g}"
    return f"{point.upper:g}" if point.interval is None else f"{point.upper:.0f}"
