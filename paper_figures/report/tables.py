"""Tables of the report: fitted laws, constants, ratios, and the verdicts of several runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from paper_figures.reading.report_verdicts import ClaimFound, LawFound, RatioFound, Verdicts
from paper_figures.report.chart import title
from verification.fits.fit import Interval
from verification.records.constants_file import Constant
from verification.records.records import Curve
from verification.report.tables import estimate_text, number, percent

Groups = Mapping[tuple[str, str], Sequence[Curve]]

# What the constants of constants.csv are; a quantity that is not here shows under its own name alone.
QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "L_mean": "smoothness, mean along the winner's run up to its goal",
        "L_max": "smoothness, largest on that way",
        "L_at_goal": "smoothness, at the goal",
        "L_mean_budget": "smoothness, mean along the whole run that was followed",
        "Delta": "2 (f(w₁) - f_inf), f_inf = 0",
        "Delta_best": "2 (f(w₁) - f_inf), f_inf the lowest loss any sparsity saw",
        "beta": "variance of a one-example gradient at w₁",
        "beta_mean": "variance of a one-example gradient, mean along the run",
        "hessian_top": "largest eigenvalue of the Hessian, mean along the run",
        "epsilon": "squared gradient norm, mean along the run",
    }
)


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        caption: What it shows.
        columns: Headings; the first is of the row headings.
        rows: Each as long as the columns; the first text is the row's heading.
        remarks: What a reader should know about it.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...] = ()


def fit_tables(groups: Groups, verdicts: Verdicts) -> tuple[Table, ...]:
    """Return the fitted constants of every curve, one table for each workload and goal.

    Args:
        groups: (workload, goal) to its curves.
        verdicts: Of the same run.

    Returns:
        The tables, in the order of the groups.
    """
    columns = (
        "sparsity",
        "reached",
        "c1, steps * examples",
        "c2, steps",
        "B_crit, examples",
        "sigma",
        "worst residual",
    )
    tables = []
    for curves in groups.values():
        rows: list[tuple[str, ...]] = []
        remarks: list[tuple[str, str]] = []
        for curve in curves:
            sparsity, law = f"{curve.sparsity:g}%", verdicts.law(curve)
            if isinstance(law, str):
                remarks.append((sparsity, f"no fit ({law})."))
                continue
            reached = f"{sum(point.reached for point in curve.points)} of {len(curve.points)}"
            constants = [estimate_text(law.estimates[name], law.intervals[name]) for name in ("c1", "c2", "b_crit")]
            rows.append((sparsity, reached, *constants, _sigma(law), _percent(law.worst_residual)))
            if not law.converged:
                remarks.append((sparsity, "the fit did not converge; do not use its numbers."))
        caption = f"The law K = c1/B + c2 fitted to {title(curves[0])}, with 95% profile-likelihood intervals"
        tables.append(Table(caption, columns, tuple(rows), tuple(_by_remark(remarks))))
    return tuple(tables)


def constants_tables(constants: Sequence[Constant]) -> tuple[Table, ...]:
    """Return the measured constants, one table a workload.

    Args:
        constants: In the order of the file.

    Returns:
        One row a quantity, one column a sparsity; empty when there are none.
    """
    tables = []
    for workload in dict.fromkeys(constant.workload for constant in constants):
        mine = {(c.quantity, c.sparsity): c for c in constants if c.workload == workload}
        sparsities = sorted({sparsity for _, sparsity in mine})
        rows = tuple(
            (_quantity(quantity), *(_constant(mine.get((quantity, sparsity))) for sparsity in sparsities))
            for quantity in dict.fromkeys(quantity for quantity, _ in mine)
        )
        counts = sorted({constant.n for constant in mine.values()})
        known = f"n = {' or '.join(map(str, counts))} a value"
        caption = f"Constants of {workload or 'the unnamed workload'}: mean [95% interval], {known}"
        tables.append(Table(caption, ("quantity", *(f"{sparsity:g}%" for sparsity in sparsities)), rows))
    return tuple(tables)


def ratio_tables(groups: Groups, verdicts: Verdicts) -> tuple[Table, ...]:
    """Return the ratios to the dense network, measured beside predicted, one table for each workload and goal.

    Args:
        groups: (workload, goal) to its curves.
        verdicts: Of the same run.

    Returns:
        The tables; a group without a pair says what it lacks.
    """
    columns = ("sparsity", "c1, measured", "c1, predicted", "= Delta * L * beta", "c2, measured", "B_crit, measured")
    tables = []
    for group, curves in groups.items():
        ratios = [ratio for ratio in verdicts.ratios if ratio.group == group]
        remarks = _by_remark([(f"{ratio.sparsity:g}%", remark) for ratio in ratios for remark in _remarks(ratio)])
        if not ratios:
            dense = any(curve.sparsity == 0.0 for curve in curves)
            remarks.append(f"No ratio to the dense network: {'a sparse' if dense else 'the dense'} curve is missing.")
        named = title(curves[0])
        caption = f"Sparse over dense for {named}: curves fitted jointly, 95% intervals; predicted from the constants"
        tables.append(Table(caption, columns, tuple(map(_ratio_row, ratios)), tuple(remarks)))
    return tuple(tables)


def glance_table(paths: Sequence[str], claims: Sequence[Sequence[ClaimFound]]) -> Table:
    """Return the verdicts of several runs side by side.

    Args:
        paths: Folders of the runs.
        claims: Of each run.

    Returns:
        One row a claim, one column a run.
    """
    statements = {claim.id: claim.statement for listed in claims for claim in listed}
    verdicts = [{claim.id: claim.verdict for claim in listed} for listed in claims]
    rows = tuple(
        (f"{id_}: {statement}", *(of_run.get(id_, "-") for of_run in verdicts)) for id_, statement in statements.items()
    )
    return Table("Verdicts of all runs", ("claim", *paths), rows)


def _ratio_row(ratio: RatioFound) -> tuple[str, ...]:
    """Return the ratios of one pair."""
    fitted = {
        name: "-" if value is None else estimate_text(value, ratio.intervals[name])
        for name, value in ratio.ratios.items()
    }
    factors = " * ".join(number(ratio.factors[name]) for name in ("Delta", "L", "beta") if name in ratio.factors)
    predicted = number(ratio.predicted)
    return (f"{ratio.sparsity:g}%", fitted["c1"], predicted, factors or "-", fitted["c2"], fitted["b_crit"])


def _remarks(ratio: RatioFound) -> list[str]:
    """Return what a reader must know about a pair, one sentence each."""
    remarks = [f"{reason}." for reason in ratio.reasons]
    if ratio.opposite and ratio.predicted is not None:
        word = "rise" if ratio.predicted > 1.0 else "fall"
        remarks.append(f"the constants predict that c1 will {word}; the fit says the opposite.")
    return remarks


def _by_remark(remarks: Sequence[tuple[str, str]]) -> list[str]:
    """Return one sentence per remark, naming all the sparsities it is about."""
    about: dict[str, list[str]] = {}
    for sparsity, remark in remarks:
        about.setdefault(remark, []).append(sparsity)
    return [f"Sparsity {', '.join(levels)}: {remark}" for remark, levels in about.items()]


def _quantity(quantity: str) -> str:
    """Return the name of a constant, with what it is where that is known."""
    return f"{quantity}: {QUANTITIES[quantity]}" if quantity in QUANTITIES else quantity


def _constant(constant: Constant | None) -> str:
    """Return a constant with its interval, where it has one."""
    if constant is None:
        return "-"
    if constant.low is None and constant.high is None:
        return number(constant.value)
    return estimate_text(constant.value, Interval(constant.low, constant.high))


def _sigma(law: LawFound) -> str:
    """Return sigma, as a bound where the evaluation grid hides it."""
    return f"< {number(law.sigma)}" if law.sigma_at_floor else number(law.sigma)


def _percent(ratio: float | None) -> str:
    """Return a relative size in percent, a dash for none."""
    return "-" if ratio is None else percent(ratio)
