"""Records in: measured curves and constants, read from a run folder or from one flat CSV file.

Every refusal is a ValueError of one line that names the file, the row (the header is row 1) and the column.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from empirics.columns import CURVES_WIDTHS
from empirics.reading.table import Row, Table, listed, other_columns, read_table
from empirics.records import number_text
from empirics.workloads.goal_label import goal_label, sign_of
from verification.records.constants_file import Constant, printed_constant, read_constants, without_seeds
from verification.records.measured_constants import Measured, measured_by_sparsity
from verification.records.notes import draws_notes, masks_notes, winners_notes
from verification.records.provenance_file import goal_signs
from verification.records.trials import (
    SmoothnessRun,
    Trial,
    drawn_interval,
    read_metaparameters,
    read_trial,
    smoothness_run,
    stored_trial,
    study_interval,
    winner,
)

if TYPE_CHECKING:
    from empirics.records import StudyRecord

IMPORT_COMMAND = "python -m empirics.exchange import"


@dataclass(frozen=True, order=True)
class CurvePoint:
    """One measured steps-to-result, known to lie in (lower, upper].

    Attributes:
        batch_size: Examples per step, >= 1.
        replicate: Index of the independent repetition, >= 0.
        lower: Steps, >= 0. The last evaluation before the goal was met; the budget when it never was.
        upper: Steps, the evaluation that met the goal; None when the budget ran out first.
            Equal to lower where the count is exact.
        metaparameters: The winner's, name to value; empty where the input does not say.
        interval: 95% interval of K_rate, where the point is that; None otherwise.
        least: K*, where the point is K_rate; None otherwise, and where no trial reached the goal.

    Example:
        >>> CurvePoint(batch_size=64, replicate=0, lower=12.0, upper=14.0).reached
        True
    """

    batch_size: int
    replicate: int
    lower: float
    upper: float | None
    metaparameters: Mapping[str, float] = field(default_factory=dict, compare=False)
    interval: tuple[float, float] | None = field(default=None, compare=False)
    least: float | None = field(default=None, compare=False)

    @property
    def won(self) -> float | None:
        """K*, whatever else the point is; None when no trial met the goal within the budget."""
        return self.upper if self.least is None else self.least

    @property
    def reached(self) -> bool:
        """Whether the goal was met within the budget."""
        return self.upper is not None


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The points of one workload, goal and sparsity; replicates are repeated points.

    Attributes:
        workload: As recorded; empty when the file does not say.
        goal: As typed; empty when the file does not say.
        sparsity: Percent of weights pruned, in [0, 100).
        points: Sorted by batch size, then replicate. Not empty.
        trials: All trials behind the points; empty where the input holds none.
        stop: The stop rule of its studies as typed, empty where the input does not say.
        sign: What is compared with the goal and how, `error <=`; empty where the input does not say.
        draws: D, where its points are K_rate, the median over D draws at the best rate; 1 where they are K*.
        seconds_per_step: Batch size to the mean time of a step; empty where the input does not say.
    """

    points: tuple[CurvePoint, ...]
    workload: str = ""
    goal: str = ""
    sparsity: float = 0.0
    trials: tuple[Trial, ...] = ()
    stop: str = ""
    sign: str = ""
    draws: int = 1
    seconds_per_step: Mapping[int, float] = field(default_factory=dict, compare=False)

    @property
    def quantity(self) -> str:
        """What its points are: `K*`, the least over trials, or `K_rate`."""
        return "K_rate" if self.draws > 1 else "K*"

    @property
    def reached(self) -> int:
        """How many points reached the goal."""
        return sum(point.reached for point in self.points)

    @property
    def group(self) -> tuple[str, str]:
        """Workload and goal: curves that share both can be compared across sparsity."""
        return self.workload, self.goal

    @property
    def goal_label(self) -> str:
        """What its goal is called, empty where the input has none."""
        return goal_label(self.goal, self.sign)

    @property
    def title(self) -> str:
        """Workload and goal in words, what is known of them.

        Example:
            >>> Curve(points=(), workload="mine:make", goal="0.45", sign="r_squared >=").title, Curve(points=()).title
            ('mine:make, goal r_squared >= 0.45', '')
        """
        return ", ".join(part for part in (self.workload, self.goal_label) if part)

    @property
    def reached_batch_sizes(self) -> tuple[int, ...]:
        """The distinct batch sizes at which the goal was met, ascending."""
        return tuple(sorted({point.batch_size for point in self.points if point.reached}))


@dataclass(frozen=True, kw_only=True)
class Records:
    """What one input holds.

    Attributes:
        source: The run folder or the CSV file.
        curves: Grouped by workload and goal in order of appearance, ascending in sparsity. Not empty.
        constants: Empty when there is no constants.csv.
        smoothness: L and loss along the winners' runs; empty where the input holds none.
        followed: The same along every run that was followed, perhaps at several batch sizes.
        measured: The constants by replicate; means over them where the input does not tell the replicates apart.
        masks: How weights were pruned where that is not by SNIP, biases with them, one line each; of `notes`.
        notes: What a reader should know about the input, one line each (how it was read, columns that were not).
    """

    source: Path
    curves: tuple[Curve, ...]
    constants: tuple[Constant, ...] = ()
    notes: tuple[str, ...] = field(default=())
    smoothness: tuple[SmoothnessRun, ...] = ()
    followed: tuple[SmoothnessRun, ...] = ()
    measured: Measured = field(default_factory=dict)
    masks: tuple[str, ...] = ()


def read_records(source: str | Path, *, minimum: bool = False) -> Records:
    """Read a run folder or one flat CSV file.

    A run folder is read from its store alone. Its `curves.csv` is a print: where somebody changed it, a note says so.
    A folder without a store is read from `curves.csv` and, where present, `constants.csv`; so is one whose store
    cannot be read, with a note.

    Args:
        source: A folder with a study.sqlite or a curves.csv, or a CSV file with columns `batch_size` and
            `steps_to_result` (or `steps`), optionally `lower, upper, status, sparsity, workload, goal` (or
            `goal_error`), `replicate`, `trial`, `max_steps`, `metaparameters` or `learning_rate`; `docs/own_logs.md`
            says in which other ways. Without lower and upper the counts are exact; without sparsity they are of dense
            networks.
        minimum: Take K* of a run folder as well where every point was trained from several draws, and K_rate is known.

    Returns:
        The records.

    Raises:
        ValueError: If the input is missing, empty or malformed; one line naming row and column.
    """
    path = Path(source)
    if not path.is_dir():
        curves, notes = read_curves(path)
        return Records(source=path, curves=curves, notes=notes)
    table = (path / "curves.csv").is_file()
    if (path / "study.sqlite").is_file():
        try:
            return _read_store(path, minimum)
        except ValueError as error:
            if not table:
                raise
            return _read_tables(path, (f"{error}; read from curves.csv, without trials".replace(str(path), path.name),))
    if table:
        return _read_tables(path, ())
    if next(path.glob("**/study.json"), None) is not None:
        raise ValueError(f"{path} is a tree of studies; make a run folder of it: {_import(path)}")
    raise ValueError(f"{path} is no run folder: it has neither study.sqlite nor curves.csv")


def _read_tables(folder: Path, notes: tuple[str, ...]) -> Records:
    """Read a folder with a curves.csv and, perhaps, a constants.csv and a provenance.json."""
    constants = read_constants(folder / "constants.csv") if (folder / "constants.csv").exists() else ()
    curves, own = read_curves(folder / "curves.csv")
    signs = goal_signs(folder)
    curves = tuple(replace(curve, sign=signs.get(curve.workload, "")) for curve in curves)
    return Records(
        source=folder,
        curves=curves,
        constants=constants,
        notes=(*own, *notes),
        measured=without_seeds(constants),
    )


def _read_store(folder: Path, minimum: bool) -> Records:
    """Read a run folder from its store; `curves.csv` and `constants.csv` are prints of it and are not read."""
    from empirics.store.store import read_store  # noqa: PLC0415 - a CSV file needs no store
    from empirics.store.tables import constants_rows, curves_text  # noqa: PLC0415

    with read_store(folder) as store:
        workload, sign = str(store.identity["workload"]), sign_of(store.identity)
        masks = masks_notes(store.identity)
        outcomes, every, shown = store.outcomes(), store.followed(), store.shown()
    constants = [one for one in every if one.study in shown]
    grouped: dict[tuple[str, float], list[StudyRecord]] = {}
    for record in outcomes:
        if record.winner or record.lower:  # the others say nothing
            grouped.setdefault((number_text(record.goal), record.study.sparsity), []).append(record)
    if not grouped:
        raise ValueError(f"{folder / 'study.sqlite'} holds no finished study; measure into it first")
    try:
        followed = {one.study: smoothness_run(one, workload) for one in every}
    except KeyError as error:
        raise ValueError(f"{folder / 'study.sqlite'} is damaged (L without a loss at step {error})") from None
    drawn = {goal for goal, _ in grouped} if not minimum else set()
    drawn -= {goal for (goal, _), studies in grouped.items() if any(drawn_interval(one) is None for one in studies)}
    curves = [_stored_curve(workload, goal, sign, studies, goal in drawn) for (goal, _), studies in grouped.items()]
    measured = {(workload, sparsity): found for sparsity, found in measured_by_sparsity(constants).items()}
    printed = folder / "curves.csv"
    text = printed.read_bytes() if printed.is_file() else None
    same = text is None or any(text == curves_text(workload, outcomes, width).encode() for width in CURVES_WIDTHS)
    notes = (*masks, *draws_notes(curve.draws for curve in curves), *winners_notes(outcomes))
    if not same:
        notes = (*notes, "curves.csv is not what study.sqlite holds, which was read; to read a table, name it")
    return Records(
        source=folder,
        curves=tuple(curve for members in curve_groups(curves).values() for curve in members),
        constants=tuple(map(printed_constant, constants_rows(workload, constants))),
        notes=notes,
        smoothness=tuple(followed[one.study] for one in constants),
        followed=tuple(followed.values()),
        measured=measured,
        masks=masks,
    )


def _stored_curve(workload: str, goal: str, sign: str, studies: "Sequence[StudyRecord]", drawn: bool) -> Curve:
    """Return one curve of a store with its trials; of K_rate where that is asked for, which all studies must have."""
    points = [_stored_point(one, drawn_interval(one) if drawn else None) for one in studies]
    trials = tuple(stored_trial(record, one) for record in studies for one in record.trials)
    points.sort(key=lambda point: (point.batch_size, point.replicate))
    return Curve(
        workload=workload,
        goal=goal,
        sparsity=studies[0].study.sparsity,
        points=tuple(points),
        trials=trials,
        stop=str(studies[0].stop),
        sign=sign,
        draws=max(one.draws for one in studies) if drawn else 1,
    )


def _stored_point(record: "StudyRecord", drawn: tuple[float, float | None] | None) -> CurvePoint:
    """Return K* of a study, or K_rate where that is given."""
    winner, found = record.winner, record.best_rate
    least, interval = float(winner.step) if winner else None, None
    if drawn is not None and found is not None and found.low is not None and found.high is not None:
        interval = found.low, found.high
    return CurvePoint(
        record.study.batch_size,
        record.study.replicate,
        *((float(record.lower), least) if drawn is None else drawn),
        metaparameters=winner.metaparameters if winner else {},
        interval=interval,
        least=least if drawn else None,
    )


def _import(tree: Path) -> str:
    """Return the command that makes a run folder of a tree of studies, beside it."""
    return f"{IMPORT_COMMAND} {shlex.quote(str(tree))} --to {shlex.quote(f'{tree}-run')}"


def too_few_batch_sizes(records: Records) -> str | None:
    """Return why no curve of an input can be fitted, None where one may be.

    Args:
        records: What was read.

    Returns:
        How many distinct batch sizes there are, and which analyses need how many.
    """
    most = max(len({point.batch_size for point in curve.points}) for curve in records.curves)
    if most >= 3:
        return None
    return (
        f"No curve has more than {most} distinct batch size{'s' if most > 1 else ''}; fits need 3 that reached the "
        "goal, tests of alpha, h and the end slopes 4, AICc weights 5."
    )


def read_curves(path: Path) -> tuple[tuple[Curve, ...], tuple[str, ...]]:
    """Read curves and notes from one CSV file.

    Args:
        path: A CSV file, see `read_records`; with a column `trial` each row is one trial, and a study's result the
            least over its trials.

    Returns:
        The curves, and notes on how the file was read.

    Raises:
        ValueError: If the file is missing, empty or malformed.
    """
    table = read_table(path)
    grouped = _trial_curves(table) if "trial" in table.columns else _study_curves(table)
    grouped = _timed(grouped, table)
    return tuple(curve for members in curve_groups(grouped).values() for curve in members), _notes(table)


def _timed(curves: list[Curve], table: Table) -> list[Curve]:
    """Return curves with the mean seconds of a step at each batch size, where the table has them."""
    if "seconds_per_step" not in table.columns:
        return curves
    told: dict[tuple[str, str, float], dict[int, list[float]]] = {}
    for row in table.rows:
        seconds = row.number_in("seconds_per_step", low=0.0)
        if seconds == 0.0:
            raise row.refuse("seconds_per_step", "need a number > 0")
        if seconds is not None:
            curve = row.text("workload"), row.text("goal"), row.percentage("sparsity")
            told.setdefault(curve, {}).setdefault(row.whole("batch_size", low=1), []).append(seconds)
    means = {key: {size: sum(all_) / len(all_) for size, all_ in sizes.items()} for key, sizes in told.items()}
    return [replace(one, seconds_per_step=means.get((*one.group, one.sparsity), {})) for one in curves]


def _study_curves(table: Table) -> list[Curve]:
    """Return the curves of a table with one row per study."""
    grouped: dict[tuple[str, str, float], list[CurvePoint]] = {}
    stops: dict[tuple[str, str, float], str] = {}
    for row in table.rows:
        curve, point = (row.text("workload"), row.text("goal"), row.percentage("sparsity")), _point(row)
        grouped.setdefault(curve, []).append(point)
        stops[curve] = row.text("stop")
    return [
        Curve(
            workload=workload,
            goal=goal,
            sparsity=sparsity,
            points=tuple(sorted(points, key=lambda p: (p.batch_size, p.replicate))),
            stop=stops[workload, goal, sparsity],
        )
        for (workload, goal, sparsity), points in grouped.items()
    ]


def _trial_curves(table: Table) -> list[Curve]:
    """Return the curves of a table with one row per trial."""
    grouped: dict[tuple[str, str, float], dict[tuple[int, int], list[Trial]]] = {}
    for row in table.rows:
        curve, trial = (row.text("workload"), row.text("goal"), row.percentage("sparsity")), read_trial(row)
        grouped.setdefault(curve, {}).setdefault((trial.batch_size, trial.replicate), []).append(trial)
    curves = []
    for (workload, goal, sparsity), studies in grouped.items():
        points = []
        for (batch_size, replicate), trials in sorted(studies.items()):
            interval = study_interval(trials)
            if interval is None:
                raise ValueError(
                    f"{table.path}: batch size {batch_size}: every trial is infeasible; give lower, the steps trained"
                )
            best = winner(trials)
            points.append(CurvePoint(batch_size, replicate, *interval, best.metaparameters if best else {}))
        every = tuple(trial for _, trials in sorted(studies.items()) for trial in trials)
        stop = "race" if any(trial.status == "censored" for trial in every) else ""
        curves.append(
            Curve(workload=workload, goal=goal, sparsity=sparsity, points=tuple(points), trials=every, stop=stop)
        )
    return curves


def _notes(table: Table) -> tuple[str, ...]:
    """Return what a reader should know of how a table was read."""
    named = "replicate" in table.columns  # then a name of each run is there for people
    others = (name for name in other_columns(table) if not (named and name == "run"))
    unread = [name for name in (*others, "eval_interval") if name in table.columns]
    notes = [*table.notes, *([f"columns not read: {listed(unread)}"] if unread else [])]
    return tuple(f"{table.path.name}: {note}" for note in notes)


def _point(row: Row) -> CurvePoint:
    """Return the measured interval of a row, after checking that its columns agree with each other."""
    batch_size = row.whole("batch_size", low=1)
    replicate = row.whole("replicate", low=0, default=0)
    steps = row.number_in("steps_to_result", low=0.0)
    lower, upper = row.number_in("lower", low=0.0), row.number_in("upper", low=0.0)
    status = row.text("status") or ("not_reached" if steps is None else "reached")
    if status == "reached":
        interval = _reached_interval(row, steps, lower, upper)
        return CurvePoint(batch_size, replicate, *interval, read_metaparameters(row))
    if status != "not_reached":
        raise row.refuse("status", f"need reached or not_reached, got {status!r}")
    if steps is not None or upper is not None:
        raise row.refuse("status", "not_reached, yet steps_to_result or upper is given")
    if not lower:
        raise row.refuse(
            "lower",
            "need the step budget (> 0) of a study that did not reach its goal, "
            "here or in max_steps; or write its steps as >5000",
        )
    return CurvePoint(batch_size, replicate, lower, None)


def _reached_interval(row: Row, steps: float | None, lower: float | None, upper: float | None) -> tuple[float, float]:
    """Return (lower, upper] of a study that reached its goal; both equal the count where it is exact."""
    if not steps:
        raise row.refuse("steps_to_result", "need a number > 0")
    if lower is None and upper is None:
        return steps, steps
    if lower is None:
        raise row.refuse("lower", "need a number, since upper is given")
    top = steps if upper is None else upper
    if not (lower < steps <= top or lower == steps == top):
        raise row.refuse("steps_to_result", f"need lower < {steps:g} <= upper, got ({lower:g}, {top:g}]")
    return lower, top


class Grouped(Protocol):
    """A curve, measured or fitted, as it is grouped."""

    @property
    def group(self) -> tuple[str, str]:
        """Workload and goal."""

    @property
    def sparsity(self) -> float:
        """Percent of weights pruned."""


Member = TypeVar("Member", bound=Grouped)


def curve_groups(curves: Iterable[Member]) -> dict[tuple[str, str], list[Member]]:
    """Return the curves by workload and goal, in order of appearance.

    Args:
        curves: Any curves, measured or fitted.

    Returns:
        (workload, goal) to its curves, ascending in sparsity.
    """
    groups: dict[tuple[str, str], list[Member]] = {}
    for curve in curves:
        groups.setdefault(curve.group, []).append(curve)
    return {key: sorted(members, key=lambda c: c.sparsity) for key, members in groups.items()}
