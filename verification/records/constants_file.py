"""Measured constants of the theory, read from a constants.csv."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.columns import CONSTANTS_COLUMNS
from empirics.reading.table import Row, read_plain_table
from verification.records.measured_constants import MeasuredConstants

# Tables of others need not say how much of the data they have seen, nor how a quantity changes with units.
NEEDED_OF_CONSTANTS = tuple(name for name in CONSTANTS_COLUMNS if name not in {"standard_error", "exponents"})


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One measured constant of the theory (`L_mean`, `Delta`, `beta`, ...) at one sparsity.

    Attributes:
        workload: As recorded.
        sparsity: Percent, in [0, 100).
        quantity: Name of the constant.
        value: Finite.
        low: Lower end of its interval, None when it has none.
        high: Upper end of its interval, None when it has none.
        n: Number of measurements behind the value, >= 1.
    """

    workload: str
    sparsity: float
    quantity: str
    value: float
    low: float | None
    high: float | None
    n: int


def read_constants(path: Path) -> tuple[Constant, ...]:
    """Read constants.csv.

    Args:
        path: A CSV file with the columns `workload, sparsity, quantity, value, low, high, n`.

    Returns:
        The constants in the order of the file.

    Raises:
        ValueError: If the file is empty or malformed, or gives one constant twice.
    """
    table = read_plain_table(path, NEEDED_OF_CONSTANTS)
    constants: dict[tuple[str, float, str], Constant] = {}
    for row in table.rows:
        constant = _constant(row)
        key = (constant.workload, constant.sparsity, constant.quantity)
        if key in constants:
            raise row.refuse("quantity", f"{constant.quantity} at this sparsity was given before")
        constants[key] = constant
    return tuple(constants.values())


def printed_constant(row: Sequence[object]) -> Constant:
    """Return the constant of a row of `constants.csv` as `empirics.store.tables.constants_rows` makes it."""
    workload, sparsity, quantity, value, low, high, n, *_ = map(str, row)
    return Constant(
        workload=workload,
        sparsity=float(sparsity),
        quantity=quantity,
        value=float(value),
        low=float(low) if low else None,
        high=float(high) if high else None,
        n=int(n),
    )


def without_seeds(constants: Iterable[Constant]) -> dict[tuple[str, float], list[MeasuredConstants]]:
    """Return what constants.csv alone holds: means over seeds, which cannot be compared in pairs and have no error.

    Args:
        constants: As read.

    Returns:
        Workload and sparsity to one set of values.
    """
    values: dict[tuple[str, float], dict[str, float]] = {}
    for one in constants:
        values.setdefault((one.workload, one.sparsity), {})[one.quantity] = one.value
    return {key: [MeasuredConstants(0, found)] for key, found in values.items()}


def _constant(row: Row) -> Constant:
    """Return the constant of a row."""
    value = row.number_in("value")
    quantity = row.text("quantity")
    if value is None:
        raise row.refuse("value", "need a number")
    if not quantity:
        raise row.refuse("quantity", "need a name")
    low, high = row.number_in("low"), row.number_in("high")
    if (low is not None and low > value) or (high is not None and high < value):
        raise row.refuse("value", f"{value:g} lies outside its own interval")
    n = row.whole("n", low=1, default=1)
    return Constant(
        workload=row.text("workload"),
        sparsity=row.percentage("sparsity"),
        quantity=quantity,
        value=value,
        low=low,
        high=high,
        n=n,
    )
