"""A run made small enough to be kept."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from empirics.store.schema import FILE_NAME
from empirics.store.store import open_store, read_store


def shrink(run: Path, *, traces: bool = False) -> tuple[int, int]:
    """Drop a run's masks, the largest part of its store, and give their space back.

    A run that goes on finds the masks it needs again: the same ones, in the time that pruning takes.

    Args:
        run: The run folder; no run may be in progress there.
        traces: Whether to drop the errors of its trials, too, which only exports and further runs read.

    Returns:
        Bytes of its store before and after.

    Raises:
        InputError: If there is no run, or it is damaged or in use.
    """
    path = run / FILE_NAME
    with read_store(run) as store:
        identity = store.identity
    before = path.stat().st_size
    with open_store(run, identity) as store:
        store.drop("masks")
        if traces:
            store.drop("traces")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    return before, path.stat().st_size
