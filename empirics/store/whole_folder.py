"""Folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from empirics.errors import InputError


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Make a folder whose content others see only once all of it is there.

    Args:
        target: Where to; absent, or an empty folder.

    Yields:
        A hidden folder beside it to write into. It takes the target's place at the end of the block, and is removed
        where the block fails; a killed process leaves it under its hidden name.

    Raises:
        InputError: If the target is there and not an empty folder.
    """
    target = target.resolve()
    refuse_taken(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        yield partial
        refuse_taken(target)
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_taken(target: Path) -> None:
    """Raise InputError where a target is there and not an empty folder."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; name another --to")
    if target.is_dir() and any(target.iterdir()):
        raise InputError(f"{target} is not empty; name another --to")
