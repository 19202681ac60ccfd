"""Trials whose network pruning has cut: an error if all are, a notice if some are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from empirics.errors import InputError
from empirics.records import StartRecord

_MOST_NAMES = 3


def judge_starts(records: Iterable[StartRecord], pruning: str) -> list[str]:
    """Return a line for each sparsity and replicate at which pruning cuts the network of some trials, but not all.

    A trial that is cut cannot reach a goal, and K* is the least over trials: a few cost a search some of its points,
    all of them make a curve that says nothing of training.

    Args:
        records: What was found, of every trial of some sparsities and replicates.
        pruning: The method.

    Returns:
        Lines for people; also of trials that lost whole layers and are open all the same.

    Raises:
        InputError: If all trials of a sparsity and replicate are cut.

    Example:
        >>> found = [StartRecord(0, trial, 90.0, None, ("out.weight",)) for trial in range(3)]
        >>> judge_starts(found, "snip")
        ["notice: S=90: --pruning snip leaves nothing of 'out.weight' in 3 of 3 trials; there are other paths"]
    """
    groups: dict[tuple[float, int], list[StartRecord]] = {}
    for record in records:
        groups.setdefault((record.sparsity, record.replicate), []).append(record)
    lines = []
    for (sparsity, replicate), group in sorted(groups.items()):
        where = f"S={sparsity:g}" + (f" r={replicate}" if replicate else "")
        cut = [record for record in group if record.fault]
        emptied = [record for record in group if record.emptied and not record.fault]
        if len(cut) == len(group):
            raise InputError(f"--sparsity {sparsity:g}: {_refusal(cut, replicate, pruning)}")
        if cut:
            lines.append(
                f"notice: {where}: {len(cut)} of {len(group)} trials cannot be trained: {_reason(cut)}; "
                "a lower sparsity or another --pruning would leave more to search"
            )
        if emptied:
            lines.append(
                f"notice: {where}: --pruning {pruning} leaves nothing of {_names(emptied)} in {len(emptied)} of "
                f"{len(group)} trials; there are other paths"
            )
    return lines


def _refusal(cut: Sequence[StartRecord], replicate: int, pruning: str) -> str:
    """Return why a sparsity is refused, and what to do."""
    trials = f"each of {len(cut)} trials" if len(cut) > 1 else "the trial"
    of_replicate = f" of replicate {replicate}" if replicate else ""
    if cut[0].sparsity == 0:
        return f"{trials}{of_replicate} cannot be trained: {_reason(cut)}; initialise the network otherwise"
    return (
        f"{trials}{of_replicate} cannot be trained: {_reason(cut)}; use a lower sparsity or another --pruning than "
        f"{pruning}, or initialise the network otherwise"
    )


def _reason(cut: Sequence[StartRecord]) -> str:
    """Return the commonest reason, with what pruning took whole."""
    ((reason, _),) = Counter(record.fault for record in cut).most_common(1)
    names = _names([record for record in cut if record.fault == reason])
    return f"{reason}, and nothing of {names}" if names else str(reason)


def _names(records: Sequence[StartRecord]) -> str:
    """Return the names that are emptied most often, a few of them."""
    names = [name for name, _ in Counter(name for record in records for name in record.emptied).most_common()]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(repr, names[:_MOST_NAMES])) + more
