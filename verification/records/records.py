"""Records in: measured curves and constants, read from a run folder or from one flat CSV file."""

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from empirics.columns import CURVES_WIDTHS
from empirics.records import number_text
from empirics.workloads.goal_label import sign_of
from verification.records.constants_file import Constant, printed_constant, read_constants, without_seeds
from verification.records.curve_tables import read_curves
from verification.records.curves import Curve, CurvePoint, curve_groups
from verification.records.measured_constants import Measured, measured_by_sparsity
from verification.records.notes import draws_notes, masks_notes, undrawn_notes, winners_notes
from verification.records.provenance_file import goal_signs
from verification.records.trials import SmoothnessRun, drawn_interval, smoothness_run, stored_trial

if TYPE_CHECKING:
    from empirics.records import StudyRecord

IMPORT_COMMAND = "python -m empirics.exchange import"


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
            note = f"{error}; read from curves.csv, without trials".replace(str(path), path.name)
            with contextlib.suppress(ValueError):  # where neither can be read, the store's reason tells more
                if table:
                    return _read_tables(path, (note,))
            raise
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
        raise ValueError(f"{folder / 'study.sqlite'} holds no finished study yet; measure on into it")
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
    others = (studies for (goal, _), studies in grouped.items() if goal not in drawn and not minimum)
    notes = (*masks, *draws_notes(curve.draws for curve in curves), *winners_notes(outcomes))
    notes += undrawn_notes([drawn_interval(one) is not None for studies in others for one in studies])
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
