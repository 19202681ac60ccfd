"""What runs of one curve and batch size differ in: seeds are repeats, and a user should know of anything else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.sizes import NAME, bare, size_in_name, source_of_size, without_size
from empirics.reading.names import listed, multiplies_batches

SEEDS = ("seed", "random_seed", "replicate")
# What a logger tells of every run, and no training depends on.
TOLD = (
    *("name", "run", "state", "status", "notes", "user", "tags", "created", "runtime", "sweep", "hostname", "value"),
    *("run_id", "experiment_id", "artifact_uri", "start_time", "end_time", "id", "group"),
)
# A number by itself in a name, perhaps after what numbers repeats: that of a seed, of a fold or of an attempt.
_NUMBER = re.compile(
    r"(?<![a-z0-9.])(?:(?:seed|rep(?:eat|licate)?|run|trial|fold|try|version|[srv])[ _=:-]?)?\d+(?![a-z0-9.])"
)


@dataclass(frozen=True)
class Member:
    """A run of a curve at a batch size."""

    run: LoggedRun
    curve: tuple[str, ...]
    batch_size: int


def is_seed(key: str) -> bool:
    """Return whether a key of a config is that of a seed.

    Example:
        >>> is_seed("config.seed"), is_seed("seed_everything")
        (True, False)
    """
    return bare(key).lower() in SEEDS


def refuse_split_batches(members: Sequence[Member]) -> None:
    """Refuse runs of one batch size that split it in several ways, or gather several of it, before a step.

    Args:
        members: Runs whose batch size nobody told apart.

    Raises:
        InputError: If there are such runs; how to say what a step takes.
    """
    for key in _varied(members):
        if multiplies_batches(key):
            run = members[0].run
            size = source if (source := source_of_size(run, None)) in run.config else NAME
            raise run.refuse(
                f"runs of one batch size differ in {key}: if a step takes so many more examples, give "
                f"--batch-size-from '{size}*{key}', else --batch-size-from {size}"
            )


def on_pooling(members: Sequence[Member], known: Collection[str | None]) -> list[str]:
    """Return notes on what runs of one batch size differ in that nobody asked about.

    Args:
        members: Runs of all curves.
        known: Keys of their configs that tell curves and trials apart.
    """
    odd = [
        key
        for key in _varied(members)
        if not (key.startswith(("_", "tags.", "metrics.")) or key.lower() in {*known, *TOLD} or is_seed(key))
        and 2 * len({one.run.config.get(key) for one in members}) <= len(members)
    ]
    notes = []
    if odd:
        notes = [
            f"runs of one batch size differ in {listed(odd)}, taken as repeats: --by KEY makes a curve for each value"
        ]
    if apart := _named_apart(members):
        notes.append(
            f"names of runs of one batch size differ in more than a number ({listed(apart)}), taken as repeats: say "
            "what differs, such as sparsity or learning_rate, in a table by --runs FILE"
        )
    return notes


def _varied(members: Sequence[Member]) -> list[str]:
    """Return the keys of configs in which runs of one curve and batch size differ."""
    keys = dict.fromkeys(key for one in members for key in one.run.config)
    return [key for key in keys if _varies((one, one.run.config.get(key)) for one in members)]


def _varies(values: Iterable[tuple[Member, str | None]]) -> bool:
    """Return whether runs of one curve and batch size have several values."""
    first: dict[object, str | None] = {}
    return any(first.setdefault((one.curve, one.batch_size), value) != value for one, value in values)


def _named_apart(members: Sequence[Member]) -> list[str]:
    """Return what the names of runs say beside batch size and number, where it tells runs of one batch size apart.

    A name of each run says nothing: at least two of what is left must come at several batch sizes.
    """
    left = [
        (one, _NUMBER.sub("", without_size(one.run.name)).strip(" _-/.=:"))
        for one in members
        if size_in_name(one.run.name)
    ]
    sizes: dict[str, set[int]] = {}
    for one, rest in left:
        sizes.setdefault(rest, set()).add(one.batch_size)
    several = [rest for rest, found in sizes.items() if len(found) > 1]
    apart = len(several) > 1 and _varies((one, rest) for one, rest in left if rest in several)
    return [rest or "nothing" for rest in several] if apart else []
