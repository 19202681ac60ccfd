"""Steps to a goal, a row a run, as every reader of this project takes them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from empirics.columns import share_for_percent
from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.sizes import batch_size_of, config_value, source_of_size
from empirics.logged_runs.sources import read_logs, with_configs
from empirics.logs.crossing import Crossing, Goal, crossing
from empirics.logs.epochs import first_epoch, in_steps
from empirics.logs.pooling import TOLD, Member, on_pooling, refuse_split_batches
from empirics.logs.wanted import Wanted, goal_of
from empirics.reading.names import METAPARAMETERS, is_seed, listed, meaning_of
from empirics.reading.numbers import looks_like_number
from empirics.reading.table import is_of_a_curve, is_searched
from kstar.files import csv_text

# Where a logger keeps runs together: those of two are never one curve.
_COLLECTIONS = ("experiment", "study")
_CENSORED = "; the others are censored at their last test"
_OWN = ("batch_size", "steps", "lower", "trial", "status", "replicate", "goal", "learning_rate", "run")


@dataclass(frozen=True)
class _Keys:
    """What the configs of the runs are read for.

    Attributes:
        curve: Keys that tell curves apart.
        searched: Metaparameters that vary.
        rate: The learning rate, None where it is not known.
    """

    curve: tuple[str, ...]
    searched: tuple[str, ...]
    rate: str | None


@dataclass(frozen=True)
class _Row:
    """A run with its steps to the goal."""

    run: LoggedRun
    batch_size: int
    found: Crossing
    curve: tuple[str, ...]
    point: tuple[str, ...]


def import_steps(sources: Sequence[Path], wanted: Wanted) -> tuple[str, list[str]]:
    """Return what logs say of the steps to a goal, as CSV; see `steps_table`.

    Args:
        sources: Files and folders of logs, at least one.
        wanted: The goal, and how to read a run.

    Raises:
        InputError: If something cannot be read; one line that says what to do.
    """
    runs, notes = _once(*read_logs(sources, wanted.step or ("epoch" if wanted.examples_per_epoch else None)))
    if wanted.runs is not None:
        runs = with_configs(runs, wanted.runs)
    text, more = steps_table(runs, wanted)
    return text, [*notes, *more]


def steps_table(runs: Sequence[LoggedRun], wanted: Wanted) -> tuple[str, list[str]]:
    """Return runs as CSV with their steps to the goal, and what a user should know of how it came about.

    Args:
        runs: Of one logger or several.
        wanted: What to make of them.

    Returns:
        Columns `batch_size`, `steps` (blank where the goal was not reached), `lower` (the last miss), what tells curves
        and repetitions apart, and `run`. Runs of one batch size that differ in a metaparameter are trials of a search.

    Raises:
        InputError: If a run has no batch size, or none reached the goal; says what to do.
    """
    if not runs:
        raise InputError("there are no runs in it")
    if wanted.steps_from:
        _check_key(runs, wanted.steps_from)
        if wanted.goal is not None:
            raise InputError("--goal: --steps-from tells steps already; use one of them")
    _check_epochs(wanted)
    goal = None if wanted.steps_from else goal_of(runs, wanted)
    used = [run for run in runs if goal is None or run.histories.get(goal.metric)]
    silent = [run.name for run in runs if goal is not None and not run.histories.get(goal.metric)]
    notes = [f"left out, without values of {goal}: {listed(silent)}"] if silent else []
    used, converted = _in_percent(used)
    notes += converted
    keys = _keys(used, wanted)
    first = first_epoch(used) if wanted.examples_per_epoch and wanted.first_epoch is None else wanted.first_epoch or 0
    rows = [
        _Row(
            run,
            size,
            _steps_told(run, wanted.steps_from or "")
            if goal is None
            else crossing(_counted(run, goal, first, size, wanted), goal, wanted.repeated_steps),
            tuple(config_value(run.config, key) or _blank(key) for key in keys.curve),
            tuple(config_value(run.config, key) or "" for key in keys.searched),
        )
        for run in used
        for size in [batch_size_of(run, wanted.batch_size_from, wanted.unit)]
    ]
    sizes = dict.fromkeys(source_of_size(run, wanted.batch_size_from) for run in used)
    notes += [f"batch sizes from {' and '.join(sizes)}", *_on_epochs(first, wanted), *_on_reaching(rows, goal)]
    rows = [row for row in rows if row.found.upper is not None or row.found.lower]
    members = [Member(row.run, row.curve, row.batch_size, row.point) for row in rows]
    if wanted.batch_size_from is None:
        refuse_split_batches(members)
    factors = (part.strip() for part in (wanted.batch_size_from or "").split("*"))
    notes += on_pooling(members, {*keys.curve, *keys.searched, keys.rate, *factors})
    return _csv(rows, keys, goal, wanted), notes


def _blank(key: str) -> str:
    """Return what a run is that has no value of a key that tells curves apart: without a sparsity it is dense."""
    return "0" if meaning_of(key) == "sparsity" else "none"


def _in_percent(runs: Sequence[LoggedRun]) -> tuple[list[LoggedRun], list[str]]:
    """Return runs whose sparsity is a percentage, and what was a share before.

    Raises:
        InputError: If some are shares and others percentages.
    """
    written = []
    for key in dict.fromkeys(key for run in runs for key in run.config if meaning_of(key) == "sparsity"):
        levels = {run.config[key]: run for run in runs if _is_float(run.config.get(key, ""))}
        share = next((text for text in levels if share_for_percent(float(text))), None)
        if share is None:
            continue
        if any(float(text) >= 1.0 for text in levels):
            raise levels[share].refuse(f"{key} {share_for_percent(float(share))}; or give all as shares below 1")
        percent = {text: f"{100.0 * float(text):.12g}" for text in levels}
        runs = [
            replace(run, config={**run.config, key: percent[run.config[key]]}) if run.config.get(key) in levels else run
            for run in runs
        ]
        written.append(f"{key} is a share in the logs and a percentage here")
    return list(runs), written


def _is_float(text: str) -> bool:
    """Return whether Python reads a text as a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_epochs(wanted: Wanted) -> None:
    """Refuse options on epochs that say nothing."""
    if wanted.examples_per_epoch is None:
        if wanted.first_epoch is not None:
            raise InputError("--first-epoch: say how many examples an epoch has by --examples-per-epoch")
        return
    if not 0.0 < wanted.examples_per_epoch < math.inf:
        raise InputError(f"--examples-per-epoch {wanted.examples_per_epoch:g}: give a number above 0")
    if wanted.steps_from:
        raise InputError("--examples-per-epoch: --steps-from tells steps already; use one of them")


def _counted(run: LoggedRun, goal: Goal, first: int, batch_size: int, wanted: Wanted) -> LoggedRun:
    """Return a run whose history counts steps."""
    if wanted.examples_per_epoch is None:
        return run
    return in_steps(run, goal.metric, first, wanted.examples_per_epoch, batch_size)


def _on_epochs(first: int, wanted: Wanted) -> list[str]:
    """Return how epochs were counted."""
    if wanted.examples_per_epoch is None:
        return []
    taken = first == 0 and wanted.first_epoch is None
    counted = "; values of epoch 0 are taken for those after one epoch, else say --first-epoch 1" if taken else ""
    return [f"steps are epochs x {wanted.examples_per_epoch:.12g}/batch size{counted}"]


def _check_key(runs: Sequence[LoggedRun], key: str) -> None:
    """Refuse a key for the steps that no run has."""
    if all(config_value(run.config, key) is None for run in runs):
        known = list(dict.fromkeys(name for run in runs for name in run.config))
        near = get_close_matches(key, known, 1)
        raise InputError(
            f"--steps-from {key}: no run has a value{f', perhaps {near[0]}' if near else ''}: {listed(known)}"
        )


def _once(runs: Sequence[LoggedRun], notes: Sequence[str]) -> tuple[list[LoggedRun], list[str]]:
    """Return each run once, whose name and values may be in several files; copies are no repetitions."""
    kept: list[LoggedRun] = []
    seen: dict[str, list[LoggedRun]] = {}
    copies = []
    for run in runs:
        others = seen.setdefault(run.name, [])
        if any((one.config, one.histories) == (run.config, run.histories) for one in others):
            copies.append(run.name)
            continue
        others.append(run)
        kept.append(run)
    return kept, [*notes, *([f"equal runs taken as one: {listed(copies)}"] if copies else [])]


def _keys(runs: Sequence[LoggedRun], wanted: Wanted) -> _Keys:
    """Return what the configs of some runs are read for."""
    known = list(dict.fromkeys(key for run in runs for key in run.config))
    varied = [key for key in known if len({run.config.get(key) for run in runs}) > 1]
    for key in wanted.by:
        if key in _OWN or all(config_value(run.config, key) is None for run in runs):
            raise InputError(f"--by {key}: take another key of the runs' configs: {listed(known)}")
    curve = [key for key in varied if is_of_a_curve(key) or key in _COLLECTIONS or meaning_of(key) == "sparsity"]
    curve += [key for key in wanted.by if key not in curve]
    searched = [key for key in varied if is_searched(key) and key not in curve]
    if "study" in known:  # whatever Optuna varies is searched
        sizes = {part.strip() for part in (wanted.batch_size_from or "").split("*")}
        own = {*curve, *TOLD, *sizes}
        searched = [key for key in varied if key not in own and meaning_of(key) != "batch_size" and "." not in key]
    rates = [key for key in known if meaning_of(key) == "learning_rate" and _are_numbers(runs, key)]
    return _Keys(tuple(curve), tuple(searched), rates[0] if rates else None)


def _are_numbers(runs: Iterable[LoggedRun], key: str) -> bool:
    """Return whether a key holds numbers in every run that has it."""
    return all(looks_like_number(run.config.get(key, "0")) for run in runs)


def _steps_told(run: LoggedRun, key: str) -> Crossing:
    """Return the steps that a run's own table tells; those trained, where it tells none."""
    text, missed = config_value(run.config, key) or "", config_value(run.config, "lower")
    trained = next((run.config[name] for name in run.config if meaning_of(name) == "max_steps"), None)
    trained = missed or trained or run.config.get("_step") or "0"
    try:
        steps, lower = float(text or "nan"), float(trained)
    except ValueError:
        raise run.refuse(f"{key} is {text[:40]!r}, lower {trained[:40]!r}: need numbers of steps") from None
    if math.isnan(steps):
        if not 0 < lower < math.inf:
            raise run.refuse(f"{key} is blank: give max_steps, the steps that it was trained without meeting the goal")
        return Crossing(int(lower), None, None, diverged=False)
    if not (1 <= steps < math.inf and steps == int(steps)):
        raise run.refuse(f"{key} is {text[:40]}: need a whole number of steps >= 1")
    if missed and (lower < 0 or lower > steps):
        raise run.refuse(f"lower is {missed[:40]}, {key} {text[:40]}: give the last goal test missed, from 0 to there")
    return Crossing(int(lower) if missed and lower < steps else int(steps), int(steps), None, diverged=False)


def _on_reaching(rows: Sequence[_Row], goal: Goal | None) -> list[str]:
    """Return notes on the runs that never reached the goal; refuse where none did."""
    what = str(goal or "the goal")
    missed = [row for row in rows if row.found.upper is None]
    if len(missed) == len(rows):
        best = [row.found.best for row in rows if row.found.best is not None]
        told = f"; the best value is {(max if goal.above else min)(best):.6g}" if goal and best else ""
        raise InputError(f"none of {len(rows)} runs reached {what}{told}: take a goal that good runs reach")
    first = [row.run.name for row in rows if row.found.upper is not None and not row.found.lower]
    silent = [row.run.name for row in missed if not row.found.lower]
    notes = [f"{what} is reached by {len(rows) - len(missed)} of {len(rows)} runs{_CENSORED if missed else ''}"]
    notes += [f"left out, never tested after step 0: {listed(silent)}"] if silent else []
    scale = f"; is {goal.value:g} in the units of {goal.metric}?" if goal and len(first) == len(rows) else ""
    names = listed(list(dict.fromkeys(first)))
    notes += [f"met at the first test, a bound from above only: {names}{scale}"] if first else []
    return notes


def _csv(rows: Sequence[_Row], keys: _Keys, goal: Goal | None, wanted: Wanted) -> str:
    """Return the table, sorted by curve and batch size."""
    points = dict.fromkeys(row.point for row in rows)
    studies = {(row.curve, row.batch_size) for row in rows}
    search = len({(row.curve, row.batch_size, row.point) for row in rows}) > len(studies)
    others = [
        at for at, key in enumerate(keys.searched) if key != keys.rate and (search or meaning_of(key) in METAPARAMETERS)
    ]
    size = "batch_size" if wanted.unit == "examples" else f"batch_size ({wanted.unit})"
    columns = [size, "steps", "lower", *(["trial", "status"] if search else []), "replicate"]
    columns += ["goal"] if goal else []
    columns += [*keys.curve, *(["learning_rate"] if keys.rate else []), *(keys.searched[at] for at in others), "run"]
    numbers = {point: at for at, point in enumerate(points)}
    rows = sorted(rows, key=_order)
    repeats = _replicates([(row.curve, row.batch_size, row.point if search else ()) for row in rows], rows)
    names: dict[str, int] = {}
    lines = []
    for row, replicate in zip(rows, repeats, strict=True):
        names[row.run.name] = names.get(row.run.name, 0) + 1
        line: list[object] = [row.batch_size, row.found.upper or "", row.found.lower]
        line += [numbers[row.point], _status(row)] if search else []
        line += [replicate, *([f"{goal.value:.12g}"] if goal else []), *row.curve]
        line += [row.run.config.get(keys.rate, "")] if keys.rate else []
        again = f" #{names[row.run.name]}" if names[row.run.name] > 1 else ""
        lines.append([*line, *(row.point[at] for at in others), f"{row.run.name}{again}"])
    return csv_text(columns, lines)


def _replicates(studies: Sequence[object], rows: Sequence[_Row]) -> list[int]:
    """Return the number of each row's replicate: its seed's among all seeds, where the same ones come in many studies.

    Else seeds tell nothing of other batch sizes, and the rows of each study are counted.
    """
    seeds = [_seed(row) for row in rows]
    together = set(zip(studies, seeds, strict=True))
    often = Counter(seed for _, seed in together)
    if len(together) == len(rows) and min(often.values()) > 1:
        numbers = {seed: number for number, seed in enumerate(sorted(often))}
        return [numbers[seed] for seed in seeds]
    before: Counter[object] = Counter()
    found = []
    for study in studies:
        found.append(before[study])
        before[study] += 1
    return found


def _order(row: _Row) -> tuple[object, ...]:
    """Return what puts rows in order: curve, batch size, seed, name."""
    return (row.curve, row.batch_size, _seed(row), row.run.name)


def _seed(row: _Row) -> tuple[float, str]:
    """Return a run's seed in a form that has an order."""
    text = next((row.run.config[key] for key in row.run.config if is_seed(key)), "")
    return (float(text), "") if looks_like_number(text) and "," not in text else (math.inf, text)


def _status(row: _Row) -> str:
    """Return how a trial ended."""
    if row.found.upper is not None:
        return "complete"
    if row.found.diverged:
        return "infeasible"
    return "censored" if row.run.cut else "incomplete"
