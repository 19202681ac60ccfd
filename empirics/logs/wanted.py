"""What a user wants of logs, and the goal that follows from it and from what was logged."""

from __future__ import annotations

import dataclasses
import math
import numbers
import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.sizes import Unit
from empirics.logs.crossing import Goal, Repeated
from empirics.reading.names import is_seed, listed, meaning_of, multiplies_batches
from empirics.reading.table import is_searched

Direction = Literal["below", "above"]
_RISING = ("acc", "auc", "f1", "bleu", "r2", "r_squared", "precision", "recall", "reward", "score", "success")
_FALLING = ("loss", "err", "perplexity", "ppl", "nll", "mse", "mae", "bpb")
# Short ones that other words hold: "answer", "certainty".
_FALLING_WORDS = frozenset({"cer", "wer"})
_KINDS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("metric", "batch_size_from", "step", "steps_from"), (str, "a name")),
    **dict.fromkeys(("goal", "examples_per_epoch"), (numbers.Real, "a number")),
    "by": (Sequence, "the name of a key, or several"),
    "runs": (str | os.PathLike, "the name of a file"),
}
_CLOCKS = ("epoch", "epochs", "time", "wall time", "wall_time", "runtime", "timestamp", "step", "global_step")


@dataclass(frozen=True)
class Wanted:
    """What is to be made of logs.

    Attributes:
        goal: The value that counts as reached; None where the runs' own counts of steps are taken.
        metric: Whose; None where only one was logged.
        direction: Where it is reached; None where the name of the metric tells.
        batch_size_from: Where the batch size stands, see `sizes.batch_size_of`.
        unit: What a batch counts.
        steps_from: Key of the config that holds the steps to the goal; None where histories hold them.
        by: Keys of the config that tell curves apart, beside those that are known to.
        repeated_steps: Which of several values at one step counts.
        step: The column that counts steps in tables and JSON lines; None for one that is known.
        runs: A table with a row a run, for what histories do not say.
        examples_per_epoch: N, where logs count epochs; None where they count steps.
        first_epoch: By which number logs call the first epoch that was trained; None for what they show.
    """

    goal: float | None = None
    metric: str | None = None
    direction: Direction | None = None
    batch_size_from: str | None = None
    unit: Unit = "examples"
    steps_from: str | None = None
    by: Sequence[str] = ()
    repeated_steps: Repeated = ""
    step: str | None = None
    runs: Path | None = None
    examples_per_epoch: float | None = None
    first_epoch: Literal[0, 1] | None = None


_CHOICES: Mapping[str, Sequence[object]] = {
    "direction": (None, *get_args(Direction)),
    "unit": get_args(Unit),
    "repeated_steps": get_args(Repeated),
    "first_epoch": (None, 0, 1),
}


def wanted_of(options: Mapping[str, Any]) -> Wanted:
    """Return what a user of Python wants.

    Args:
        options: By their names.

    Raises:
        InputError: If one is unknown, or not one of its choices.

    Example:
        >>> wanted_of({"goal": 2, "by": "warmup"}).by
        ('warmup',)
        >>> wanted_of({"goals": 2})
        Traceback (most recent call last):
        empirics.errors.InputError: there is no option goals: perhaps goal
    """
    known = [field.name for field in dataclasses.fields(Wanted)]
    for name, value in options.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise InputError(f"there is no option {name}: {f'perhaps {near[0]}' if near else listed(known)}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InputError(
                f"{name} is {value!r}: give {' or '.join(repr(one) for one in _CHOICES[name] if one not in (None, ''))}"
            )
    wanted = {name: value for name, value in options.items() if value is not None}
    by = wanted.get("by", ())
    wanted["by"] = (by,) if isinstance(by, str) else by
    for name, value in wanted.items():
        if name in _KINDS and (isinstance(value, bool) or not isinstance(value, _KINDS[name][0])):
            raise InputError(f"{name} is {reprlib.repr(value)}: give {_KINDS[name][1]}")
    if not all(isinstance(one, str) for one in wanted["by"]):
        raise InputError(f"by is {reprlib.repr(by)}: give {_KINDS['by'][1]}")
    if "runs" in wanted:
        wanted["runs"] = Path(wanted["runs"])
    return Wanted(**wanted)


def goal_of(runs: Sequence[LoggedRun], wanted: Wanted) -> Goal:
    """Return the goal that was asked for, its metric and direction found where nobody said.

    Args:
        runs: At least one.
        wanted: The value, and perhaps the metric and direction.

    Raises:
        InputError: If nothing was logged step by step, there are several metrics, or the name of the metric does not
            tell where the goal is reached.

    Example:
        >>> runs = [LoggedRun("a", "log.csv", histories={"epoch": [(10, 1.0)], "val/loss": [(10, 0.4)]})]
        >>> str(goal_of(runs, Wanted(goal=0.5)))
        'val/loss <= 0.5'
    """
    if not any(run.histories for run in runs):
        if any(key.lower() == "epoch" for run in runs for key in run.config):
            raise InputError(
                f"{runs[0].place}: counts epochs and no steps: say how many examples an epoch has by "
                "--examples-per-epoch N, or name the steps by --step"
            )
        raise InputError(
            f"{runs[0].place}: holds a row a run and no values step by step: export the history (the chart of one "
            "metric), or name the column with the steps to the goal by --steps-from; where rows are steps, give their "
            "runs a name in a column run"
        )
    if wanted.goal is None or not math.isfinite(wanted.goal):
        raise InputError("say what counts as reached: --goal X, a finite number")
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.histories))
    metric = wanted.metric or _only_metric(metrics)
    if metric not in metrics:
        near = get_close_matches(metric, metrics, 1)
        raise InputError(f"no run has a metric {metric}{f', perhaps {near[0]}' if near else ''}: {listed(metrics)}")
    return Goal(metric, wanted.goal, _is_above(metric, wanted))


def _is_above(metric: str, wanted: Wanted) -> bool:
    """Return whether a goal is reached from below."""
    if wanted.direction is not None:
        return wanted.direction == "above"
    rising, falling = (any(word in metric.lower() for word in words) for words in (_RISING, _FALLING))
    falling = falling or not _FALLING_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", metric.lower()))
    if rising == falling:
        raise InputError(
            f"does {metric} fall to {wanted.goal:g} or rise to it? say --direction below or --direction above"
        )
    return rising


def _only_metric(metrics: Sequence[str]) -> str:
    """Return the one metric that there is, counts of time and metaparameters left out."""
    told = [
        name
        for name in metrics
        if not (name.startswith(("_", "lr-")) or is_searched(name) or meaning_of(name) in {"batch_size", "sparsity"})
        and not (multiplies_batches(name) or is_seed(name))
        and name.lower().rpartition("/")[2] not in _CLOCKS
    ]
    if len(told or metrics) > 1:
        raise InputError(f"choose one of {len(told or metrics)} metrics by --metric: {listed(told or metrics)}")
    return (told or metrics)[0]
