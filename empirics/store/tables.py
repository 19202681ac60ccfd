"""The tables `curves.csv` and `constants.csv`, written from the store."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scipy.special import stdtrit

from empirics.columns import CONSTANTS_COLUMNS, CURVES_COLUMNS, CURVES_WIDTHS
from empirics.derived import with_derived
from empirics.followed import EXPONENTS, ConstantsRecord
from empirics.records import StudyRecord, number_text
from empirics.store.rows import Store
from kstar.files import csv_text, remove, write_atomically

_CONFIDENCE = 0.95


def write_tables(
    folder: Path,
    store: Store,
    *,
    identity: Mapping[str, object],
    asked_for: Mapping[str, object],
    within: int | None = None,
) -> None:
    """Write `curves.csv`, `constants.csv` and `provenance.json` from what the store holds.

    Args:
        folder: The run folder.
        store: Its store.
        identity: What must not change within the folder.
        asked_for: What may be added to it, as it was asked for last.
        within: Descriptor of the folder, where it must be this one whatever its name leads to now.
    """
    records, workload = store.outcomes(), str(identity["workload"])
    write_curves(folder, workload, records, within)
    constants = store.constants()
    if constants:
        write_constants(folder, workload, constants, within)
    else:
        remove(folder / "constants.csv", within)  # a print of constants that a longer search has taken from the store
    provenance = {
        "identity": identity,
        "asked_for": asked_for,
        "study_seconds": round(sum(record.seconds for record in records), 3),
        "constants_seconds": round(sum(record.seconds for record in store.followed()), 3),
        "sessions": store.sessions(),
    }
    write_atomically(folder / "provenance.json", json.dumps(provenance, indent=2) + "\n", within)


def write_curves(folder: Path, workload: str, records: Iterable[StudyRecord], within: int | None = None) -> None:
    """Write `curves.csv`, one row a study.

    Args:
        folder: The run folder.
        workload: Name of the workload.
        records: The finished studies, sorted.
        within: As for `write_tables`.
    """
    write_atomically(folder / "curves.csv", curves_text(workload, records), within)


def curves_text(workload: str, records: Iterable[StudyRecord], width: int = CURVES_WIDTHS[0]) -> str:
    """Return the text of `curves.csv`; arguments as for `write_curves`, and the number of columns to print."""
    return csv_text(CURVES_COLUMNS[:width], [(workload, *_curve_row(record))[:width] for record in records])


def write_constants(folder: Path, workload: str, records: Sequence[ConstantsRecord], within: int | None = None) -> None:
    """Write `constants.csv`; arguments as for `constants_rows` and `write_tables`."""
    write_atomically(folder / "constants.csv", csv_text(CONSTANTS_COLUMNS, constants_rows(workload, records)), within)


def constants_rows(workload: str, records: Sequence[ConstantsRecord]) -> list[tuple[object, ...]]:
    """Return the rows of `constants.csv`: each quantity's mean over replicates with its 95% interval.

    The standard error is that of having seen a part of the training set only; it is blank where all of it was. What
    follows from other quantities is added here, see `empirics.derived`.

    Args:
        workload: Name of the workload.
        records: One record a sparsity and replicate.
    """
    rows: list[tuple[object, ...]] = []
    complete = [with_derived(record, records, workload) for record in records]
    for sparsity in sorted({record.study.sparsity for record in records}):
        of_sparsity = [record for record in complete if record.study.sparsity == sparsity]
        for quantity, exponents in EXPONENTS.items():
            having = [record for record in of_sparsity if quantity in record.values]
            if having:
                ending = len(having), _error_of_mean([record.errors.get(quantity) for record in having])
                summary = _summary([record.values[quantity] for record in having])
                units = " ".join(map(str, exponents))
                rows.append((workload, number_text(sparsity), quantity, *summary, *ending, units))
    return rows


def _summary(values: Sequence[float]) -> tuple[str, ...]:
    """Return mean, lower and upper end as text; the ends are blank for a single value."""
    found = mean_and_interval(values)
    return (f"{values[0]:.6g}", "", "") if found is None else tuple(f"{value:.6g}" for value in found)


def _error_of_mean(errors: Sequence[float | None]) -> str:
    """Return the standard error of a mean of independent values; blank where one has none."""
    known = [error for error in errors if error is not None]
    if len(known) < len(errors):
        return ""
    return f"{math.sqrt(sum(error**2 for error in known)) / len(known):.6g}"


def _curve_row(record: StudyRecord) -> tuple[object, ...]:
    """Return the columns of a study after the workload."""
    winner, study = record.winner, record.study
    metaparameters = json.dumps(winner.metaparameters, sort_keys=True) if winner else ""
    return (
        number_text(record.goal),
        number_text(study.sparsity),
        study.replicate,
        study.batch_size,
        record.steps_to_result if winner else "",
        record.lower,
        record.steps_to_result if winner else "",
        "reached" if winner else "not_reached",
        str(record.stop),
        len(record.trials),
        record.count("complete"),
        record.count("incomplete"),
        record.count("infeasible"),
        record.count("censored"),
        winner.trial if winner else "",
        metaparameters,
        *_draw_columns(record),
    )


def _draw_columns(record: StudyRecord) -> tuple[object, ...]:
    """Return the columns that tell of draws and rounding; blank where a study has one draw, or was not repeated."""
    found, rounding = record.best_rate, _four_digits(record.rounding_spread)
    if found is None:
        return (record.draws, "", "", "", "", "", "", rounding)
    numbers = (found.steps, found.low, found.high, found.reached_share, found.log_spread)
    return (found.draws, "points" if record.draws > 1 else "winner", *map(_four_digits, numbers), rounding)


def _four_digits(value: float | None) -> str:
    """Return a number whose last digits are noise of its estimate; blank for none.

    Example:
        >>> _four_digits(1234.56), _four_digits(0.123456), _four_digits(None)
        ('1235', '0.1235', '')
    """
    return "" if value is None else f"{float(f'{value:.4g}'):.15g}"


def mean_and_interval(values: Sequence[float]) -> tuple[float, float, float] | None:
    r"""Return the mean of a constant over replicates and its 95% interval, None for a single value.

    :math:`\bar x \exp(\pm t s/(\bar x \sqrt n))`: Student's interval of the logarithm, its error by the delta
    method. No constant can be negative, and with three replicates the symmetric interval often reaches below zero.

    Args:
        values: One a replicate; where their mean is not positive the interval is symmetric.

    Returns:
        Mean, lower and upper end.

    Example:
        >>> [round(end, 3) for end in mean_and_interval([9.0, 10.0, 11.0])]  # t = 4.303, s = 1: 10 exp(-+0.248)
        [10.0, 7.8, 12.82]
    """
    if len(values) == 1:
        return None
    mean = statistics.fmean(values)
    half = float(stdtrit(len(values) - 1, (1 + _CONFIDENCE) / 2)) * statistics.stdev(values) / math.sqrt(len(values))
    if mean <= 0:
        return mean, mean - half, mean + half
    factor = math.exp(min(half / mean, 700.0))
    return mean, mean / factor, mean * factor
