"""What runs of one curve and batch size differ in: seeds are repeats, and a user should know of anything else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.sizes import NAME, size_in_name, source_of_size, without_size
from empirics.reading.names import counts_all, is_seed, listed, multiplies_batches
from empirics.reading.table import number_or_text

# What a logger tells of every run, and no training depends on.
TOLD = (
    *("name", "run", "state", "status", "notes", "user", "tags", "created", "runtime", "sweep", "hostname", "value"),
    *("run_id", "experiment_id", "artifact_uri", "start_time", "end_time", "id", "group"),
)
# The number of a seed, of a fold or of an attempt in a name: after such a word, or where no other word is right before.
_NUMBER = re.compile(
    r"(?<![a-z0-9])(?:seed|rep(?:eat|licate)?|run|trial|fold|try|version|[srv])[ _=:-]?\d+(?![a-z0-9.])"
    r"|(?<![a-z0-9.])(?<![a-z0-9][ _=:./-])\d+(?![a-z0-9.])"
)


@dataclass(frozen=True)
class Member:
    """A run of a curve at a batch size, perhaps at one point of a search."""

    run: LoggedRun
    curve: tuple[str, ...]
    batch_size: int
    point: tuple[str, ...] = ()


def refuse_split_batches(members: Sequence[Member]) -> None:
    """Refuse runs of one batch size that split it in several ways, or gather several of it, before a step.

    Args:
        members: Runs whose batch size nobody told apart.

    Raises:
        InputError: If there are such runs; how to say what a step takes.
    """
    split = [key for key in _varied(members) if multiplies_batches(key)]
    run = members[0].run if members else None
    if run is None or not split or counts_all(source := source_of_size(run, None)):
        return
    size = source if source in run.config else NAME
    raise run.refuse(
        f"runs of one batch size differ in {listed(split)}: if a step takes so many more examples, give "
        f"--batch-size-from '{'*'.join([size, *split])}', else --batch-size-from {size}"
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
        if not (key.startswith(("_", "tags.", "metrics.")) or key in known or key.lower() in TOLD or is_seed(key))
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
    studies = [((one.curve, one.batch_size), one.run.config) for one in members]
    keys = dict.fromkeys(key for _, config in studies for key in config)
    return [key for key in keys if _varies((study, number_or_text(config.get(key, ""))) for study, config in studies)]


def _varies(values: Iterable[tuple[object, object]]) -> bool:
    """Return whether something has several values."""
    first: dict[object, object] = {}
    return any(first.setdefault(one, value) != value for one, value in values)


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
    apart = len(several) > 1 and _varies(
        ((one.curve, one.batch_size, one.point), rest) for one, rest in left if rest in several
    )
    return [rest or "nothing" for rest in several] if apart else []
