"""Runs and logs read from files: tables, fits, the report and figures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empirics.errors import InputError
from kstar import given
from kstar.fitting import Fit
from kstar.tables import html_table, table
from verification.claims.analysis import Analysis, analyse
from verification.inference.curve_tests import DRAWS
from verification.records.curves import CurvePoint
from verification.records.records import Records, read_records
from verification.report.details import markdown
from verification.report.text import report_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINT = ("workload", "goal", "sparsity", "replicate", "batch_size", "steps_to_result", "lower", "upper")
_CONSTANT = ("workload", "sparsity", "quantity", "value", "low", "high", "n")


@dataclass(frozen=True, repr=False)
class Report:
    """A report: `print` it, or look at it in a notebook.

    Attributes:
        text: For a terminal, 100 columns wide.
        markdown: The same for pages.
    """

    text: str
    markdown: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown


@dataclass(frozen=True, repr=False)
class Run:
    """What was read from a run folder, a CSV file, or several of them.

    Attributes:
        records: What each of them holds.
    """

    records: tuple[Records, ...]

    @property
    def sources(self) -> tuple[Path, ...]:
        """The folders and files."""
        return tuple(one.source for one in self.records)

    @cached_property
    def analyses(self) -> tuple[Analysis, ...]:
        """Fits, tests and verdicts of each source; computed at the first use."""
        return tuple(analyse(one, DRAWS) for one in self.records)

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """The law fitted to every curve."""
        return tuple(Fit(one, fitted) for one in self.analyses for fitted in one.curves)

    @property
    def curves(self) -> Any:  # noqa: ANN401 - pandas is optional
        """The measured steps, a row a study: what it is of, `steps_to_result`, and the interval (lower, upper] of it.

        `steps_to_result` and `upper` are missing where the goal was not met within `lower` steps; metaparameters of the
        winner have a column each. A DataFrame where pandas is installed, else `kstar.tables.Rows`.
        """
        points = [(one, curve, point) for one in self.records for curve in one.curves for point in curve.points]
        found = list(dict.fromkeys(name for *_, point in points for name in point.metaparameters))
        rows = [
            {
                **dict.fromkeys(found),
                **point.metaparameters,
                "source": str(one.source),
                **dict(zip(_POINT, (curve.workload, curve.goal, curve.sparsity, *_measured(point)), strict=True)),
            }
            for one, curve, point in points
        ]
        return table([*self._source_column(), *_POINT, *found], rows)

    @property
    def constants(self) -> Any:  # noqa: ANN401 - pandas is optional
        """The measured constants of the theory, a row a constant; without rows where none were measured.

        A DataFrame where pandas is installed, else `kstar.tables.Rows`.
        """
        rows = [
            {"source": str(one.source), **{name: getattr(constant, name) for name in _CONSTANT}}
            for one in self.records
            for constant in one.constants
        ]
        return table([*self._source_column(), *_CONSTANT], rows)

    def report(self) -> Report:
        """Return fits, ratios and a verdict on each claim, as `kstar report` prints them."""
        texts, pages = zip(*((report_text(one), markdown(one)) for one in self.analyses), strict=True)
        if len(texts) > 1:
            texts = tuple(f"{source}\n\n{text}" for source, text in zip(self.sources, texts, strict=True))
        return Report("\n\n".join(texts), "\n\n".join(pages))

    def draw(self, name: str | int, to: Any = None) -> Figure:  # noqa: ANN401 - whatever names a folder
        """Draw a figure of the paper, or one of ours.

        Args:
            name: Its number or name, such as 1, "fits" or "ratio"; `kstar figures --help` lists them.
            to: A folder to write it into as well, as SVG and PNG; made where it does not exist.

        Returns:
            The figure, of matplotlib.

        Raises:
            ValueError: If there is no such figure, nothing was measured for it, or a file of yours has its name.
            OSError: If the folder cannot be written to.
        """
        from kstar.drawing import draw_runs  # noqa: PLC0415 - loads matplotlib

        folder = None if to is None else given.places(to)[0]
        return draw_runs(self.records, lambda: self.analyses, name, folder)

    def _source_column(self) -> tuple[str, ...]:
        """Return the column that tells sources apart, where there are several."""
        return ("source",) if len(self.records) > 1 else ()

    def _told(self) -> list[list[str]]:
        """Return a line a source: where it is, how many curves, points and constants it has."""
        return [
            [
                str(one.source),
                str(len(one.curves)),
                str(sum(len(c.points) for c in one.curves)),
                str(len(one.constants)),
            ]
            for one in self.records
        ]

    def __repr__(self) -> str:
        told = "; ".join(f"{where}: curves {n}, points {points}, constants {k}" for where, n, points, k in self._told())
        return f"Run({told})"

    def _repr_html_(self) -> str:
        notes = [note for one in self.records for note in one.notes]
        return html_table(["source", "curves", "points", "constants"], self._told(), notes)


def _measured(point: CurvePoint) -> tuple[int, int, float | None, float, float | None]:
    """Return what a row says of a point."""
    return point.replicate, point.batch_size, point.upper, point.lower, point.upper


def read(*sources: Any, **logs: Any) -> Run:  # noqa: ANN401 - whatever names files and folders
    """Read a run folder, a CSV file of your own logs, or several of either; or logs of other programs.

    Args:
        sources: Names or paths, one by one or in a list. A folder is one that `kstar.measure` or `kstar measure` made;
            a file has at least the columns `batch_size` and `steps`, see docs/own_logs.md.
        logs: What counts as reached in logs of W&B, TensorBoard, MLflow, Lightning and others, as the options of
            `kstar import`: `goal`, `metric`, `direction`, `batch_size_from`, `unit`, `runs`, `by`, `step`,
            `steps_from`, `examples_per_epoch`, `first_epoch`, `repeated_steps`. All sources are one measurement then.

    Returns:
        What they hold, with `curves`, `constants`, `fits`, `report()` and `draw()`.

    Raises:
        ValueError: If one is missing or cannot be read; one sentence that names the file, the row and the column.

    Example:
        >>> read("evidence/digits")
        Run(evidence/digits: curves 4, points 108, constants 124)
    """
    paths = given.places(sources[0] if len(sources) == 1 else sources)
    if logs:
        return Run((_imported(paths, logs),))
    return Run(tuple(read_records(path) for path in paths))


def _imported(sources: list[Path], options: Mapping[str, Any]) -> Records:
    """Return what logs say of the steps to a goal."""
    from empirics.logs.steps import import_steps  # noqa: PLC0415 - for few
    from empirics.logs.wanted import wanted_of  # noqa: PLC0415

    try:
        text, notes = import_steps(sources, wanted_of(options))
    except InputError as error:
        raise InputError(given.as_in_python(str(error))) from None
    with tempfile.TemporaryDirectory(prefix="kstar-") as folder:
        path = Path(folder) / "steps.csv"
        path.write_text(text, encoding="utf-8")
        records = read_records(path)
    return replace(records, source=sources[0], notes=(*notes, *records.notes))
