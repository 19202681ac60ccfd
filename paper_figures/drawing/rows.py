"""Rows of curves that belong together, one for each workload and goal."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from paper_figures.drawing.style import plain
from paper_figures.run import Run
from verification.claims.needs import more_sparsities
from verification.inference.rates import raced
from verification.missing import Missing, each_once
from verification.records.curves import Curve, curve_groups
from verification.records.run_command import measured_run, new_run_command


@dataclass(frozen=True)
class Row:
    """The curves of one workload and goal, ascending in sparsity, and the run they are from."""

    run: Run
    title: str
    curves: tuple[Curve, ...]

    @property
    def workload(self) -> str:
        """The workload's name, empty where the records do not say."""
        return self.curves[0].workload

    @property
    def goal(self) -> str:
        """The goal as typed, empty where the records do not say."""
        return self.curves[0].goal


@dataclass(frozen=True)
class Family:
    """Workloads of the paper that stand in one figure.

    Attributes:
        workloads: Their names.
        goal: The goal error where other goals of the same workloads stand elsewhere, else empty.
    """

    workloads: tuple[str, ...]
    goal: str = ""

    def holds(self, row: Row) -> bool:
        """Return whether a row belongs to it."""
        return row.workload in self.workloads and (not self.goal or row.goal == self.goal)

    def missing(self, rows: Sequence[Row]) -> list[str]:
        """Return which workloads no row is of, with the command that measures the first; empty where none lacks."""
        there = {row.workload for row in rows if self.holds(row)}
        absent = [name for name in self.workloads if name not in there]
        beside = rows[0].run.records if rows else None
        if not absent:
            return []
        others = ", ".join(name.split("/")[2] for name in absent[1:])
        told = f"{absent[0]} (nor with {others})" if others else absent[0]
        return [f"no run of {told}; {new_run_command(absent[0], self.goal, beside)}"]


MNIST = Family(tuple(f"mnist/simple-cnn/{name}" for name in ("sgd", "momentum", "nesterov")))
FASHION_12 = Family(tuple(f"fashion-mnist/simple-cnn/{name}" for name in ("sgd", "momentum", "nesterov")), "0.12")
FASHION_14 = Family(FASHION_12.workloads, "0.14")
CIFAR_DECAY = Family(tuple(f"cifar-10/resnet-8/{name}/linear" for name in ("sgd", "momentum", "nesterov")))
CIFAR_CONSTANT = Family(tuple(f"cifar-10/resnet-8/{name}" for name in ("sgd", "momentum")))
PAPER = (MNIST, FASHION_12, FASHION_14, CIFAR_DECAY, CIFAR_CONSTANT)


def rows_of(runs: Sequence[Run]) -> list[Row]:
    """Return every workload and goal of some runs; titles name the folder where there are several runs.

    Args:
        runs: One or more.

    Returns:
        The rows, run by run.
    """
    return [
        Row(run, _title(run, curves[0], named=len(runs) > 1), tuple(curves))
        for run in runs
        for curves in curve_groups(run.records.curves).values()
    ]


def measured_by(row: Row, told: str, **changes: object) -> str:
    """Return what is missing and, where the row is of a measured run, the command that measures it.

    Args:
        row: Whose it is.
        told: What is missing.
        changes: Options of the command that differ from the run's, see `verification.records.run_command`.

    Returns:
        One line that begins with the row's title.
    """
    run = measured_run(row.run.records)
    command = run.command(**changes) if run is not None and run.workload == row.workload else None
    return f"{row.title}: {told}; {command}" if command else f"{row.title}: {told}"


def without_sparse(row: Row) -> str:
    """Return that a row has no sparse network, and what measures some."""
    run = measured_run(row.run.records)
    command = more_sparsities(run) if run is not None and run.workload == row.workload else None
    from_logs = "; name theirs in a column sparsity" if row.run.is_table else ""
    return f"{row.title}: no sparse network{f'; {command}' if command else from_logs}"


def without_losers(row: Row, reasons: Iterable[Missing]) -> str:
    """Return why nothing is known of the losing trials of a row, and what measures it where they were cut short."""
    told = each_once(reasons, "no losing trials").reason
    return measured_by(row, told, stop="never") if any(map(raced, row.curves)) else f"{row.title}: {told}"


def outside_the_paper(row: Row) -> bool:
    """Return whether a row is of no workload and goal of the paper: digits, say, or a user's own."""
    return not any(family.holds(row) for family in PAPER)


def prefer(rows: Sequence[Row], wanted: Callable[[Row], bool]) -> list[Row]:
    """Return the rows that the paper shows, or all where there is none of them.

    Args:
        rows: Any.
        wanted: Whether the paper shows a row.

    Returns:
        Some of the rows; not empty unless there are none.
    """
    return [row for row in rows if wanted(row)] or list(rows)


def _title(run: Run, curve: Curve, named: bool) -> str:
    """Return what a row is headed: workload and goal, unusual masks, and the folder where there are several runs."""
    title = curve.title or run.source.name
    folder = f" ({run.source.name})" if named and title != run.source.name else ""
    return plain("; ".join((title, *run.records.masks)) + folder)


def title_of(run: Run) -> str:
    """Return the workload a run is of, and the name of its folder or file."""
    workload = run.records.curves[0].workload
    return plain(f"{workload} ({run.source.name})" if workload else run.source.name)
