"""Measurements from Python, carried out by `empirics`."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from empirics.errors import InputError
from empirics.measure import Execution
from empirics.measure import measure as measure_run
from empirics.specification.request import Request
from empirics.workloads.named import import_named, name_of
from kstar import given
from kstar.runs import Run, read

_OF_REQUEST = {field.name: field for field in dataclasses.fields(Request)}
_OF_EXECUTION = {field.name: field for field in dataclasses.fields(Execution)}
Workload = str | Callable[[], Any]


def measure(workload: Workload = Request.workload, *, progress: bool = True, **options: Any) -> Run:  # noqa: ANN401
    """Measure steps to result per sparsity and batch size, then the constants behind them.

    What the run folder holds already is not measured again: an interrupted call, repeated, resumes where it stopped,
    and the same call on a finished run reads it.

    Args:
        workload: A name such as `digits` or `mnist/simple-cnn/sgd`, or a function of yours that returns an
            `empirics.workloads.own.OwnWorkload`. A function that was defined in a notebook is measured in one process.
        progress: Whether to show on stderr how far it is.
        options: Those of `kstar measure --help`, with `_` for `-`: `sparsity`, `batch_sizes`, `trials`, `replicates`,
            `goal_error`, `max_steps`, `seed`, `constants` and more; `out` is the run folder, `jobs` the number of
            processes at once. Where an option takes several values, one is enough.

    Returns:
        The run, with `curves`, `constants`, `fits`, `report()` and `draw()`.

    Raises:
        ValueError: If an option is unknown or outside its range, or the folder belongs to another run.
        RuntimeError: If a worker process ended; finished work is kept.

    Example:
        >>> measure(sparsity=120)
        Traceback (most recent call last):
        ...
        empirics.errors.InputError: sparsity 120: must be a percentage in [0, 100)
    """
    for name in options:
        if name not in {*_OF_REQUEST, *_OF_EXECUTION}:
            near = get_close_matches(name, [*_OF_REQUEST, *_OF_EXECUTION], 1)
            hint = f"perhaps {near[0]}" if near else "see `kstar measure --help`"
            raise ValueError(f"there is no option {name}: {hint}")
    where = {name: value for name, value in options.items() if name in _OF_EXECUTION}
    if not isinstance(workload, str):
        workload = _path_of(workload)
        if _in_a_notebook(workload) and where.get("jobs") is None:
            where["jobs"] = 1
    asked = {name: value for name, value in options.items() if name in _OF_REQUEST}
    try:
        folder = measure_run(Request(workload=workload, **asked), Execution(**where), show=progress)
    except InputError as error:
        raise InputError(given.as_in_python(str(error))) from None
    return read(folder)


def _path_of(workload: Any) -> str:  # noqa: ANN401 - that is what is looked at
    """Return the import path of a user's function; workers find it there, and the run is known by it."""
    if not callable(workload):
        raise ValueError(f"workload is a {type(workload).__name__}: give a name or a function that returns OwnWorkload")
    path = name_of(workload)
    if import_named(path) is not workload:
        raise ValueError(f"workload: {path} is now something else: give the function that stands there")
    from empirics.workloads.own import load_own_workload  # noqa: PLC0415 - loads torch

    load_own_workload.cache_clear()  # in a notebook the same name may be another function than before
    return path


def _in_a_notebook(path: str) -> bool:
    """Return whether a function is one that no other process can import."""
    main = sys.modules["__main__"]
    return path.startswith("__main__:") and not Path(getattr(main, "__file__", None) or "").is_file()


def _signature() -> inspect.Signature:
    """Return the signature with every option by its name, for help and completion."""
    own = inspect.signature(measure).parameters
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for name, field in {**_OF_REQUEST, **_OF_EXECUTION}.items()
        if name not in own
    ]
    return inspect.Signature([*(own[name] for name in ("workload", "progress")), *options], return_annotation="Run")


measure.__signature__ = _signature()  # type: ignore[attr-defined]
