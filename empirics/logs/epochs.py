"""Logs that count epochs: steps are epochs times the examples of one over the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from empirics.logs.logged_run import LoggedRun


def first_epoch(runs: Sequence[LoggedRun], metric: str) -> float:
    """Return which epoch the first values are of: 0 where some run counts from there, else 1.

    Args:
        runs: Their histories count epochs.
        metric: Whose.

    Example:
        >>> first_epoch([LoggedRun("bs64", "log.csv", {}, {"loss": [(0, 0.9), (1, 0.4)]})], "loss")
        0.0
    """
    counted = [epoch for run in runs for epoch, _ in run.histories.get(metric, ())]
    return 0.0 if min(counted, default=1.0) < 1.0 and all(epoch == int(epoch) for epoch in counted) else 1.0


def in_steps(run: LoggedRun, metric: str, first: float, examples: float, batch_size: int) -> LoggedRun:
    r"""Return a run whose history counts steps, :math:`(e - e_1 + 1) N/B` to the nearest, e_1 the first epoch.

    Args:
        run: Its history counts epochs; where these are whole, a value stands after the epoch.
        metric: Whose.
        first: See `first_epoch`.
        examples: N, of an epoch, > 0; in the unit of the batch size.
        batch_size: B.

    Example:
        >>> run = LoggedRun("bs64", "log.csv", {}, {"loss": [(0, 0.9), (1, 0.4)]})
        >>> in_steps(run, "loss", 0.0, 1000.0, 64).histories["loss"]  # 15.625 and 31.25
        [(16.0, 0.9), (31.0, 0.4)]
    """
    told = run.histories.get(metric, ())
    steps = [(float(round((epoch - first + 1.0) * examples / batch_size)), value) for epoch, value in told]
    return replace(run, histories={**run.histories, metric: steps})
