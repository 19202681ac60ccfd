"""Logs that count epochs: steps are epochs times the examples of one over the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun


def first_epoch(runs: Sequence[LoggedRun]) -> int:
    """Return by which number runs call the first epoch that they trained; fractions of one count from 0 to 1.

    Args:
        runs: Their histories count epochs.

    Returns:
        0 where all have values at 0, 1 where none has.

    Raises:
        InputError: If runs differ.

    Example:
        >>> first_epoch([LoggedRun("bs64", "log.csv", {}, {"loss": [(0, 0.9), (1, 0.4)]})])
        0
    """
    counted = [[epoch for values in run.histories.values() for epoch, _ in values] for run in runs]
    whole = all(epoch == int(epoch) for epochs in counted for epoch in epochs)
    from_0 = {run.name: 0.0 in epochs for run, epochs in zip(runs, counted, strict=True) if epochs}
    if not whole or not any(from_0.values()):
        return 1
    if not all(from_0.values()):
        zero, one = (next(name for name, at_0 in from_0.items() if at_0 is side)[:80] for side in (True, False))
        raise InputError(f"run {zero} has values at epoch 0, run {one} has none: give --first-epoch")
    return 0


def in_steps(run: LoggedRun, metric: str, first: int, examples: float, batch_size: int) -> LoggedRun:
    r"""Return a run whose history counts steps, :math:`(e - e_1 + 1) N/B` to the nearest, e_1 the first epoch.

    Args:
        run: Its history counts epochs.
        metric: Whose.
        first: e_1, by which number the first epoch is called whose training a value follows.
        examples: N, of an epoch, > 0; in the unit of the batch size.
        batch_size: B.

    Example:
        >>> run = LoggedRun("bs64", "log.csv", {}, {"loss": [(0, 0.9), (1, 0.4)]})
        >>> in_steps(run, "loss", 0, 1000.0, 64).histories["loss"]  # 15.625 and 31.25
        [(16.0, 0.9), (31.0, 0.4)]
    """
    told = run.histories.get(metric, ())
    steps = [(float(round((epoch - first + 1.0) * examples / batch_size)), value) for epoch, value in told]
    return replace(run, histories={**run.histories, metric: steps})
