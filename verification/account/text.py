"""The account of a run as plain text: what each network's K* is made of, the ratios, and a prediction of the curve."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from empirics.derived import Account
from verification.account.predicted_steps import predicted_steps
from verification.account.splits import TOLD, split
from verification.cells import known_text, number, wrapped
from verification.missing import Missing
from verification.prediction.prediction import Predicted
from verification.records.curves import Curve, curve_groups
from verification.records.records import Records, read_records
from verification.records.trials import SmoothnessRun

HEADING = "Account of the steps: what makes the K* of a pruned network larger"
UNITS = (
    "Not invariant: T, 1/eta, gap and 1/<G>, each alone, change when one network is rewritten in other units of "
    "weights or loss, with the same training runs. T/eta, c, N, e and a do not."
)
_FORMULAS = {"flow": "K* = c T/eta", "descent": "K* = N/(e a)", "N": "N = gap/(eta <G>)"}
_COLUMNS: tuple[tuple[str, Callable[[Account], float | None]], ...] = (
    ("K*", lambda one: float(one.steps)),
    ("T", lambda one: one.flow_time),
    ("eta", lambda one: one.eta),
    ("T/eta", lambda one: one.flow_steps),
    ("c", lambda one: one.c),
    ("N", lambda one: one.needed),
    ("e", lambda one: one.kept),
    ("a", lambda one: one.alignment),
)


def describe_account(records: Records) -> str:
    """Return the account of a run.

    Args:
        records: Of a run folder.

    Returns:
        Lines that fit 100 columns; one line that says what to run where there is none.
    """
    runs = [one for one in records.smoothness if one.account is not None]
    if not runs:
        return (
            f"\nNo account of the steps: no run by SGD or momentum was measured in full to a goal: {_command(records)}"
        )
    sparsities = sorted({one.sparsity for one in runs})
    sizes = ", ".join(map(str, sorted({one.batch_size for one in runs if one.batch_size})))
    lines = ["", f"{HEADING}; B = {sizes}", *_networks(runs, sparsities)]
    lines += without_flow(records)
    curves = next(iter(curve_groups(records.curves).values()))
    for sparsity in sparsities:
        lines += ["", *_splits(runs, sparsity), *_prediction(runs, curves, sparsity)] if sparsity else []
    names = "; ".join(f"{name} {told}" for name, told in TOLD.items())
    return "\n".join([*lines, "", wrapped(f"{names}."), wrapped(UNITS)])


def read_account(folder: Path) -> str:
    """Return the account of a run folder; where it cannot be read, one line that says why."""
    try:
        return describe_account(read_records(folder))
    except (ValueError, OSError) as error:
        return f"No account of the steps: {' '.join(str(error).split())}"


def without_flow(records: Records) -> list[str]:
    """Return one line that says why T and c are not known, or what to run, where no run has a flow to its goal.

    Args:
        records: Of a run folder.
    """
    accounts = [one.account for one in records.smoothness if one.account is not None]
    if any(account.flow_time for account in accounts):
        return []
    if any(account.common_time for account in accounts):
        return ["T and c are not known: flows ended above the goals' losses, as they do over a sample."]
    return [f"No flow to the goals, so T and c are not known: {_command(records)}"]


def _command(records: Records) -> str:
    """Return the command that measures what an account needs."""
    if records.source.is_file():
        return "a table has no gradients; measure a run folder by python -m empirics.measure"
    return f"python -m empirics.constants --out {shlex.quote(str(records.source))}"


def _networks(runs: Sequence[SmoothnessRun], sparsities: Sequence[float]) -> list[str]:
    """Return a row a sparsity with what enters its K*, geometric means over replicates."""
    lines = [f"{'':>5}" + "".join(f"{name:>9}" for name, _ in _COLUMNS) + "  error of <G>"]
    for sparsity in sparsities:
        accounts = [one.account for one in runs if one.sparsity == sparsity and one.account is not None]
        cells = []
        for _, part in _COLUMNS:
            values = [value for one in accounts if (value := part(one)) is not None]
            cells.append(number(float(np.exp(np.log(values).mean()))) if len(values) == len(accounts) else "-")
        errors = [one.gradient.relative_error for one in accounts]
        known = [error for error in errors if error is not None]
        told = f"{100 * max(known):.0f}%" if len(known) == len(errors) else "not known"
        lines.append(f"{sparsity:>4g}%" + "".join(f"{cell:>9}" for cell in cells) + f"  {told}")
    return lines


def _splits(runs: Sequence[SmoothnessRun], sparsity: float) -> list[str]:
    """Return the splits of one sparsity over dense."""
    lines = [f"{sparsity:g}% over dense: ratio [95% over seeds]"]
    for by, formula in _FORMULAS.items():
        found = split(runs, sparsity, by)
        if isinstance(found, Missing):
            lines += [wrapped(f"{formula}: not known, {found}")] if by != "N" else []
            continue
        factors = " x ".join(f"{name} {_ratio(factor)}" for name, factor in found.factors.items())
        error = "" if found.quadrature is None else f", quadrature error {100 * found.quadrature:.0f}%"
        lines += [f"{formula}: {_ratio(found.total)}{error}", wrapped(f"  = {factors}")]
    return lines


def _prediction(runs: Sequence[SmoothnessRun], curves: Sequence[Curve], sparsity: float) -> list[str]:
    """Return the steps at each batch size as one flow and one best rate predict them, beside what was measured."""
    found = predicted_steps(runs, curves, sparsity)
    if isinstance(found, Missing):
        return [wrapped(f"No prediction of its curve: {found}")]
    way = f"the flows to 40% of their first loss and the best rates at B = {found.batch_size}"
    rows = [
        f"  B = {one.batch_size:<6} {found.quantity} = {number(one.predicted):<8} measured {number(one.measured):<8}"
        f" ratio {_ratio(one.ratio)}"
        for one in found.points
    ]
    return [wrapped(f"Predicted: {_ratio(found.factor)} times the dense curve, by {way}"), *rows]


def _ratio(found: Predicted) -> str:
    """Return a ratio, with its interval over seeds where there is one."""
    return known_text(found.ratio, found.interval)
