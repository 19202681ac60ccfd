"""The command that repeats or extends a run, from the run's own identity.

Every command that a report, a figure or a page prints about a run is made here, so that it names the run's own
workload, goals, data and folder.
"""

import csv
import dataclasses
import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from verification.records.curves import Curve
from verification.records.provenance_file import known_provenance, listed, part
from verification.records.records import Records

MEASURE = "python -m empirics.measure"
# Options of `python -m empirics.measure` whose values stand under the same name in identity or asked_for.
_OPTIONS = (
    ("identity", "goal_error"),
    ("asked_for", "batch_sizes"),
    ("asked_for", "trials"),
    ("asked_for", "replicates"),
    ("asked_for", "draws"),
    ("asked_for", "rerun_winner"),
    ("asked_for", "jitter"),
    ("identity", "max_steps"),
    ("identity", "eval_interval"),
    ("identity", "stop"),
    ("identity", "trace"),
    ("identity", "pruning"),
    ("identity", "pruning_examples"),
    ("identity", "biases"),
    ("identity", "seed"),
    ("identity", "data_parallel"),
    ("identity", "device"),
    ("identity", "precision"),
)
_PROBE = ("examples", "every", "steps", "hessian_points", "quadratic_forms", "flow_gradients", "repeats")
# Always said, whatever the defaults are.
_SAID = frozenset({"workload", "sparsity", "goal_error", "device", "engine"})
# What may be added to a run folder; anything else makes another run.
_DRAWN = ("draws", "rerun_winner", "jitter")
ADDED = frozenset({"sparsity", "batch_sizes", "trials", "replicates", *_DRAWN, "constants", "hessian_points"})
_SWITCHES = {True: "--constants", False: "--no-constants"}
_POINTS = "POINTS.csv"
# Runs in a folder of this name are kept as they are.
KEPT = "evidence"
Options = dict[str, list[str]]


@dataclass(frozen=True)
class MeasuredRun:
    """A run folder whose provenance says how it was measured.

    Attributes:
        folder: As typed.
        provenance: What its provenance.json holds.
        curves: Those of its workload.
    """

    folder: Path
    provenance: Mapping[str, Any]
    curves: tuple[Curve, ...]

    @property
    def identity(self) -> Mapping[str, Any]:
        """What must not change within the run."""
        return part(self.provenance, "identity")

    @property
    def workload(self) -> str:
        """Its workload."""
        return str(self.identity["workload"])

    @cached_property
    def sparsities(self) -> tuple[float, ...]:
        """Those measured, in percent, ascending."""
        return tuple(sorted({curve.sparsity for curve in self.curves}))

    @cached_property
    def batch_sizes(self) -> tuple[int, ...]:
        """Those measured, ascending."""
        return tuple(sorted({point.batch_size for curve in self.curves for point in curve.points}))

    @cached_property
    def replicates(self) -> int:
        """How many times its studies were repeated."""
        return 1 + max((point.replicate for curve in self.curves for point in curve.points), default=0)

    def asked(self, name: str) -> object:
        """Return what was asked for last that may be added to."""
        return part(self.provenance, "asked_for").get(name)

    @cached_property
    def points_held(self) -> int | None:
        """How many search points its table holds, None where its points are as many as one asks for."""
        if self.identity.get("points") is None:
            return None
        found = self.session("points")
        return _rows_below_header(Path(found)) if isinstance(found, str) else 0

    @property
    def probe(self) -> Mapping[str, Any]:
        """How its constants were asked for last."""
        return _probe(self.provenance)

    def session(self, name: str) -> object:
        """Return what the last process that worked on it says."""
        sessions = [one for one in listed(self.provenance, "sessions") if isinstance(one, dict)]
        return sessions[-1].get(name) if sessions else None

    def command(self, **changes: object) -> str | None:
        """Return the command that measures the run with some options changed; the folder already has the rest.

        Args:
            changes: Name of an option, with `_` for `-`, to its value or values.

        Returns:
            One line for a shell. It goes into the run folder where that may hold the change, into another where it
            may not, or where the folder is kept or cannot be written to. None where the run's search points came from
            a table that is no longer there, or no longer holds them all.
        """
        options = measure_options(self.provenance)
        if options is None or not self._with_measured(options):
            return None
        for name, value in changes.items():
            options[name] = _values(value)
        if "workload" in changes:
            options.pop("points", None)  # which are of the run's own search space
        known = _defaults(options["workload"][0], self.session("training_examples"))
        words = {name: values for name, values in options.items() if name in _SAID or known.get(name) != values}
        data = self.session("data_dir")
        if isinstance(data, str) and Path(data).is_dir():
            words["data_dir"] = [data]
        out = self._out(changes)
        if "workload" in changes or out == self.folder:  # auto takes the one that suits it, or that it was begun with
            words.pop("engine", None)
        words["out"] = [str(out)]
        return _joined(words)

    def _with_measured(self, options: Options) -> bool:
        """Put in all that was measured, whoever asked for it; return whether its search points can be named."""
        options["sparsity"] = _values(self.sparsities)
        options["batch_sizes"] = _values(self.batch_sizes)
        options["replicates"] = _values(self.replicates)
        if {"batch_size", "learning_rate"} & {name for name, value in self.probe.items() if value}:
            options["constants"] = ["no"]  # they were measured by a command of their own; to do it here replaces them
        if "points" not in options:
            return True
        options["points"] = [str(self.session("points"))]
        trials = self.asked("trials")
        return (self.points_held or 0) >= (trials if isinstance(trials, int) else 1)

    def _out(self, changes: Mapping[str, object]) -> Path:
        """Return the folder that a changed run goes to."""
        other = {name: value for name, value in changes.items() if name not in ADDED}
        kept = self.folder.resolve().parent.name == KEPT or not os.access(self.folder, os.W_OK)
        if not other and not kept:
            return self.folder
        own = self.folder if self.folder.name not in {"", ".."} else self.folder.resolve()
        endings = ["-".join([*([] if n == "workload" else [n]), *_values(value)]) for n, value in other.items()]
        name = f"{own.name}-{re.sub('[^A-Za-z0-9.-]+', '-', '-'.join(endings) or 'more')}"
        return (Path("runs") if kept else own.parent) / name


def _rows_below_header(path: Path) -> int:
    """Return how many rows of a CSV table say something, 0 where it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return max(sum(any(map(str.strip, row)) for row in csv.reader(file)) - 1, 0)
    except (OSError, UnicodeDecodeError, csv.Error):
        return 0


def measured_run(records: Records) -> MeasuredRun | None:
    """Return the run that some records are of, None where they are a file, were imported or do not say enough."""
    if not records.source.is_dir():
        return None
    provenance = known_provenance(records.source)
    if measure_options(provenance) is None:
        return None
    workload = part(provenance, "identity")["workload"]
    curves = tuple(curve for curve in records.curves if curve.workload == workload)
    return MeasuredRun(records.source, provenance, curves) if curves else None


def measure_options(provenance: Mapping[str, Any]) -> Options | None:
    """Return the options that measure a run, but for the folder it goes to.

    Args:
        provenance: What provenance.json holds.

    Returns:
        Name, with `_` for `-`, to words; None where the file does not say enough.
    """
    identity, asked = part(provenance, "identity"), part(provenance, "asked_for")
    if not isinstance(identity.get("workload"), str) or not listed(asked, "sparsities"):
        return None
    found = {"workload": [str(identity["workload"])], "sparsity": _values(asked["sparsities"])}
    found["engine"] = [str(identity.get("engine", "torch"))]
    for kept_in, name in _OPTIONS:
        value = {"identity": identity, "asked_for": asked}[kept_in].get(name)
        if value is not None:
            found[name] = str(value).split() if name == "stop" else _values(value)
    if asked.get("constants") is False:
        found["constants"] = ["no"]
    else:
        probe = _probe(provenance)
        found |= {name: _values(probe[name]) for name in _PROBE if probe.get(name) is not None}
    if identity.get("points") is not None:
        found["points"] = [_POINTS]
    return found


def measure_command(provenance: Mapping[str, Any]) -> str | None:
    """Return the command that measures a run with every option said, without the folder it goes to.

    Args:
        provenance: What provenance.json holds.

    Returns:
        One line for a shell, None where the file does not say enough.

    Example:
        >>> measure_command({"identity": {"workload": "digits/small-cnn/sgd"},
        ...                  "asked_for": {"sparsities": [0.0, 90.0], "constants": False}})
        'python -m empirics.measure --workload digits/small-cnn/sgd --sparsity 0 90 --engine torch --no-constants'
    """
    options = measure_options(provenance)
    return None if options is None else _joined(options)


def new_run_command(workload: str, goal: str, records: Records | None) -> str:
    """Return the command that measures a workload of the paper at the paper's sparsities, beside a run there is.

    Args:
        workload: One of `empirics.workloads.catalogue`.
        goal: As typed; empty for the workload's own.
        records: Of a run whose data folder and parent folder it shares; None for none.
    """
    words = {"workload": [workload], "sparsity": ["0", "50", "70", "90"]} | ({"goal_error": [goal]} if goal else {})
    run = None if records is None else measured_run(records)
    data = None if run is None else run.session("data_dir")
    if isinstance(data, str) and Path(data).is_dir():
        words["data_dir"] = [data]
    words |= _batch_sizes_within(workload, run)
    words["out"] = [str(Path("runs") / "-".join([*workload.split("/"), *([goal] if goal else [])]))]
    return _joined(words)


def _batch_sizes_within(workload: str, run: MeasuredRun | None) -> Options:
    """Return the default batch sizes that the data of a run are enough for, nothing where they are for all."""
    from empirics.workloads.catalogue import WORKLOADS  # noqa: PLC0415 - a CSV file needs none of it

    examples = None if run is None else run.session("training_examples")
    if run is None or not isinstance(examples, int) or run.workload.split("/")[0] != workload.split("/", maxsplit=1)[0]:
        return {}
    sizes = WORKLOADS[workload].batch_sizes
    within = [size for size in sizes if size <= examples]
    return {"batch_sizes": _values(within)} if within and len(within) < len(sizes) else {}


def command_lines(command: str, width: int) -> list[str]:
    r"""Return a command broken into lines that a shell takes as one.

    Args:
        command: One line for a shell.
        width: Characters of a line, as far as its words allow.

    Example:
        >>> print("\n".join(command_lines("python -m empirics.measure --sparsity 0 '5 0'", 36)))
          python -m empirics.measure \
              --sparsity 0 '5 0'
    """
    lines = ["  "]
    for place, word in enumerate(map(shlex.quote, shlex.split(command))):
        blank = " " if place and lines[-1].strip() else ""
        if lines[-1].strip() and len(lines[-1]) + len(blank) + len(word) + 2 > width:
            lines[-1] += " \\"
            lines.append(" " * 6)
            blank = ""
        lines[-1] += blank + word
    return lines


def _joined(options: Mapping[str, Sequence[str]]) -> str:
    """Return options as one line for a shell."""
    words = MEASURE.split()
    for name, values in options.items():
        words += [_SWITCHES[values == ["yes"]]] if name == "constants" else [f"--{name.replace('_', '-')}", *values]
    return shlex.join(words)


def _probe(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how constants were asked for; older runs say it otherwise."""
    asked = part(provenance, "asked_for")
    return part(asked, "probe") or {"examples": asked.get("probe_examples")}


def _defaults(workload: str, training_examples: object) -> Options:
    """Return what the options are that are not given."""
    from empirics.specification.request import Request  # noqa: PLC0415 - a CSV file needs none of it
    from empirics.workloads.catalogue import WORKLOADS  # noqa: PLC0415

    found = {field.name: getattr(Request(), field.name) for field in dataclasses.fields(Request)}
    known = WORKLOADS.get(workload)
    if known is not None:
        found |= {name: getattr(known, name) for name in ("max_steps", "eval_interval", "trials", "batch_sizes")}
    if training_examples is not None:
        found |= {"pruning_examples": training_examples, "examples": training_examples}
    return {name: _values(value) for name, value in found.items() if value is not None}


def _values(value: object) -> list[str]:
    """Return one value or several as words."""
    values = value if isinstance(value, list | tuple) else [value]
    return [words_of(one) for one in values]


def words_of(value: object) -> str:
    """Return a JSON value as a reader writes it; what a list holds with spaces in between.

    Example:
        >>> words_of(90.0), words_of([1, 2]), words_of(None), words_of(True)
        ('90', '1 2', 'none', 'yes')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ("; " if any(isinstance(entry, list) for entry in value) else " ").join(map(words_of, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    return json.dumps(value, sort_keys=True)
