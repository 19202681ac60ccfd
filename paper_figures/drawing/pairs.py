"""Pairs of a sparse curve and the dense one, over several runs: which there are, and how a figure calls them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from paper_figures.drawing.rows import Row, rows_of, without_sparse
from paper_figures.drawing.style import plain
from paper_figures.run import Run
from verification.inference.pairs import Pair
from verification.missing import Missing

QUANTITIES: Mapping[str, str] = MappingProxyType({"c1": "$c_1$", "c2": "$c_2$", "b_crit": "$B_{crit}$"})


@dataclass(frozen=True)
class Named:
    """A pair and its names.

    Attributes:
        row: The row it is from.
        pair: A sparse curve with a fit beside the dense one.
        short: What tells it from the others.
        sparsity: Percent.
    """

    row: Row
    pair: Pair
    short: str
    sparsity: float

    @property
    def title(self) -> str:
        """What it is of, in full."""
        return f"{self.row.title}, {self.sparsity:g}% over 0%"


def pairs_of(runs: Sequence[Run]) -> tuple[list[Named], list[str]]:
    """Return the pairs of some runs whose curves are fitted.

    Args:
        runs: One or more.

    Returns:
        The pairs, run by run, ascending in sparsity; and why others are not there, one line each.
    """
    rows = rows_of(runs)
    found, missing = [], []
    for row in rows:
        sparse = [curve for curve in row.curves if curve.sparsity > 0.0]
        missing += [] if sparse else [without_sparse(row)]
        for curve in sparse:
            pair = row.run.pair(curve)
            if isinstance(pair, Missing) or pair.fit is None:
                missing.append(f"{row.title}: {pair if isinstance(pair, Missing) else pair.reason}")
            else:
                found.append(Named(row, pair, f"{_short(row, rows)}{curve.sparsity:g}%", curve.sparsity))
    return found, list(dict.fromkeys(missing))


def _short(row: Row, rows: Sequence[Row]) -> str:
    """Return as little as tells a row from the others: the run's name and, where it has several, the goal."""
    names = [row.run.source.name] if len({one.run.source for one in rows}) > 1 else []
    of_run = [one for one in rows if one.run is row.run]
    names += [row.workload] if len({one.workload for one in of_run}) > 1 else []
    names += [row.goal] if len({one.goal for one in of_run}) > 1 else []
    return plain("".join(f"{name} " for name in names))
