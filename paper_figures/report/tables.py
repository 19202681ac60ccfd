"""Tables of the report: fitted laws, constants, ratios, and the verdicts of several runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from paper_figures.report.chart import title
from verification.account.predicted_steps import predicted_steps
from verification.account.splits import PARTS, TOLD, split
from verification.account.text import UNITS, without_flow
from verification.cells import constant_text, estimate_text, known_text, number
from verification.claims.analysis import Analysis
from verification.claims.judge import Claim
from verification.fits.curves import FittedCurve
from verification.inference.pairs import Pair
from verification.missing import Missing
from verification.records.constants_file import Constant
from verification.records.curves import curve_groups
from verification.records.records import Records
from verification.report.card import card_remarks, card_table
from verification.report.recommend import cards_of
from verification.report.tables import fit_rows, has_ratio, ratio_rows

Groups = Mapping[tuple[str, str], Sequence[FittedCurve]]

# What the constants of constants.csv are; a quantity that is not here shows under its own name alone.
QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "L_mean": "smoothness, mean along the winner's run up to its goal",
        "L_max": "smoothness, largest on that way",
        "L_at_goal": "smoothness, at the goal",
        "L_mean_budget": "smoothness, mean over the whole training",
        "Delta": "2 (f(w₁) - f_inf), f_inf = 0",
        "Delta_best": "2 (f(w₁) - f_inf), f_inf the lowest loss any sparsity saw",
        "beta": "variance of a one-example gradient at w₁",
        "beta_mean": "variance of a one-example gradient, mean along the run",
        "hessian_top": "largest eigenvalue of the Hessian, mean along the run",
        "epsilon": "squared gradient norm, mean along the run",
        "L_mean_equal_loss": "smoothness, mean until the loss is 40% of the first",
        "Delta_run": "f(w₁) - f after the goal step",
        "lambda": "curvature along the steps, mean",
        "share_above_edge": "share of the squared gradient in modes with eta h > 1",
        "eta": "flow time that a step moves the run, mean",
        "T_at_40": "time of the flow to 40% of the first loss",
        "T_at_goal": "time of the flow to the loss at the goal",
        "T_over_eta": "T/eta: that time in steps of the run's rate",
        "c": "eta K*/T: what is left",
        "kappa": "largest eigenvalue of the Hessian times T",
        "N": "steps of a descent without loss",
        "e": "share of the promised decrease that the steps keep",
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


def fit_tables(groups: Groups) -> tuple[Table, ...]:
    """Return the fitted constants of every curve, one table for each workload and goal.

    Args:
        groups: (workload, goal) to its curves.

    Returns:
        The tables, in the order of the groups.
    """
    header = ("sparsity", "reached", "c1, steps * examples", "c2, steps", "B_crit, examples", "sigma", "worst residual")
    tables = []
    for fitted in groups.values():
        rows, remarks = fit_rows(fitted)
        named = title(fitted[0].curve)
        caption = f"The law K = c1/B + c2 fitted to {named}, with 95% profile-likelihood intervals"
        tables.append(Table(caption, header, tuple(rows), tuple(remarks)))
    return tuple(tables)


def card_tables(analysis: Analysis) -> tuple[Table, ...]:
    """Return which batch size to use, one table for each workload and goal.

    Args:
        analysis: Of the run.

    Returns:
        The tables; a curve without an answer has no row, and a remark says why.
    """
    found = dict(zip(map(id, analysis.curves), cards_of(analysis), strict=True))
    tables = []
    for fitted in curve_groups(analysis.curves).values():
        told = [found[id(one)] for one in fitted]
        header, rows = card_table(told)
        critical = [estimate_text(one.b_crit, one.interval) if one.allowed else "-" for one in told if one.use]
        rows = [(*row, text) for row, text in zip(rows, critical, strict=True)]
        tables.append(Table(title(fitted[0].curve), (*header, "B_crit"), tuple(rows), tuple(card_remarks(told))))
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
            (_quantity(quantity), *(_cell(mine.get((quantity, sparsity))) for sparsity in sparsities))
            for quantity in dict.fromkeys(quantity for quantity, _ in mine)
        )
        counts = sorted({constant.n for constant in mine.values()})
        known = f"n = {' or '.join(map(str, counts))} a value"
        caption = f"Constants of {workload or 'the unnamed workload'}: mean [95% interval], {known}"
        tables.append(Table(caption, ("quantity", *(f"{sparsity:g}%" for sparsity in sparsities)), rows))
    return tuple(tables)


def account_tables(records: Records) -> tuple[Table, ...]:
    """Return what K* over the dense network's is made of, and the curves that one flow and one rate predict.

    Args:
        records: Of a run folder.

    Returns:
        Two tables with a row a sparsity; none where no pruned network has an account.
    """
    runs = records.smoothness
    sparsities = sorted({one.sparsity for one in runs if one.account is not None and one.sparsity})
    if not sparsities:
        return ()
    rows, remarks = [], [f"1/eta, gap and 1/<G> make N. {UNITS}", *without_flow(records)]
    for sparsity in sparsities:
        found = {by: split(runs, sparsity, by) for by in PARTS}
        remarks += [f"{sparsity:g}%: {one}." for one in found.values() if isinstance(one, Missing)]
        known = [one for one in found.values() if not isinstance(one, Missing)]
        factors = {"K*": known[-2].total if known else None}
        for one in known:
            factors |= one.factors
        cells = (factors.get(name) for name in ("K*", *TOLD))
        rows.append((f"{sparsity:g}%", *("-" if one is None else known_text(one.ratio, one.interval) for one in cells)))
    caption = "K* over the dense network's, = T x 1/eta x c = N x 1/e x 1/a: ratio [95% over seeds]"
    header = ("sparsity", "K*", *(f"{name}: {told}" for name, told in TOLD.items()))
    return Table(caption, header, tuple(rows), tuple(dict.fromkeys(remarks))), *_predicted(records, sparsities)


def _predicted(records: Records, sparsities: Sequence[float]) -> tuple[Table, ...]:
    """Return the steps at each batch size as one flow and one best rate predict them, beside what was measured."""
    curves = next(iter(curve_groups(records.curves).values()))
    found = {sparsity: predicted_steps(records.smoothness, curves, sparsity) for sparsity in sparsities}
    known = {sparsity: one for sparsity, one in found.items() if not isinstance(one, Missing)}
    sizes = sorted({point.batch_size for one in known.values() for point in one.points})
    rows = []
    for sparsity, one in known.items():
        points = {p.batch_size: f"{number(p.predicted)}, {number(p.measured)}" for p in one.points}
        factor = known_text(one.factor.ratio, one.factor.interval)
        rows.append((f"{sparsity:g}%", factor, *(points.get(size, "-") for size in sizes)))
    name = curves[0].quantity
    caption = f"{name} predicted from the dense curve, one flow and one best rate, then {name} measured"
    remarks = tuple(f"{sparsity:g}%: {one}." for sparsity, one in found.items() if isinstance(one, Missing))
    table = Table(caption, ("sparsity", "over dense", *(f"B = {size}" for size in sizes)), tuple(rows), remarks)
    return (table,) if rows else ()


def ratio_tables(groups: Groups, pairs: Sequence[Pair]) -> tuple[Table, ...]:
    """Return the ratios to the dense network, measured beside predicted, one table for each workload and goal.

    Args:
        groups: (workload, goal) to its curves.
        pairs: Of all of them.

    Returns:
        The tables; a group without a pair says what it lacks.
    """
    header = (
        "sparsity",
        "c1, measured",
        "c2, measured",
        "B_crit, measured",
        "c1, predicted",
        "= Delta * L * beta, not invariant",
    )
    tables = []
    for group, fitted in groups.items():
        mine = [pair for pair in pairs if pair.sparse.group == group]
        rows, remarks = ratio_rows(fitted, mine)
        factors = [_factors(pair) for pair in mine if has_ratio(pair)]
        named = title(fitted[0].curve)
        caption = f"Sparse over dense for {named}: curves fitted jointly, 95% intervals; predicted from the constants"
        cells = tuple((*row, product) for row, product in zip(rows, factors, strict=bool(mine)))
        tables.append(Table(caption, header, cells, tuple(remarks)))
    return tuple(tables)


def glance_table(paths: Sequence[str], claims: Sequence[Sequence[Claim]]) -> Table:
    """Return the verdicts of several runs side by side.

    Args:
        paths: Folders of the runs.
        claims: Of each run.

    Returns:
        One row a claim, one column a run.
    """
    statements = {claim.id: claim.statement for listed in claims for claim in listed}
    verdicts = [{claim.id: claim.brief for claim in listed} for listed in claims]
    rows = tuple(
        (f"{id_}: {statement}", *(of_run.get(id_, "-") for of_run in verdicts)) for id_, statement in statements.items()
    )
    return Table("Verdicts of all runs", ("claim", *paths), rows)


def _factors(pair: Pair) -> str:
    """Return the factors of a predicted ratio, a dash where there is none."""
    made = pair.prediction
    return "-" if isinstance(made, Missing) else " * ".join(map(number, made.factors.values()))


def _quantity(quantity: str) -> str:
    """Return the name of a constant, with what it is where that is known."""
    return f"{quantity}: {QUANTITIES[quantity]}" if quantity in QUANTITIES else quantity


def _cell(constant: Constant | None) -> str:
    """Return a constant with its interval, a dash where it was not measured."""
    return "-" if constant is None else constant_text(constant)
