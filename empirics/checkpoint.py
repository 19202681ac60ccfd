"""A study cut short: all that is needed to go on with it, bit for bit, in one file of plain numbers."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.files import write_bytes_atomically
from empirics.goal import Goals
from empirics.provenance import provenance, vector_instructions
from empirics.race_log import RaceLog
from empirics.training import TrialBlock

Arrays = dict[str, NDArray[Any]]


def write_checkpoint(path: Path, trials: int, blocks: Sequence[TrialBlock], goals: Goals, log: RaceLog) -> None:
    """Write where a race stands, in the place of what the file held before.

    Args:
        path: The file; its folder is made where there is none.
        trials: How many trials the study has.
        blocks: Those still at work.
        goals: The goal test, whose order of images is part of where the race stands.
        log: What happened so far.
    """
    arrays = {f"goals.{name}": value for name, value in goals.state().items()}
    for number, block in enumerate(blocks):
        arrays |= {f"block{number}.{name}": value for name, value in block.state().items()}
    header = {
        "program": _program(),
        "trials": trials,
        "blocks": [block.trials for block in blocks],
        "log": dataclasses.asdict(log),
    }
    content = io.BytesIO()
    plain: Arrays = {name: value.cpu().numpy() for name, value in arrays.items()}
    plain["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(content, **plain)  # type: ignore[arg-type]  # the stubs take every array for `allow_pickle`
    path.parent.mkdir(exist_ok=True)
    write_bytes_atomically(path, content.getvalue())


def resume(
    path: Path, trials: int, blocks: Sequence[TrialBlock], goals: Goals
) -> tuple[list[TrialBlock], RaceLog] | None:
    """Take up a race where a file says it stood.

    Args:
        path: The file.
        trials: How many trials the study has.
        blocks: All of them at their start.
        goals: The goal test, likewise.

    Returns:
        The trials still at work and what happened so far; None, and nothing changed, where there is no such file or it
        was written for another study or by another program.
    """
    found = _read(path)
    if found is None or found[0]["trials"] != trials or found[0]["program"] != _program():
        return None
    header, arrays = found
    at_work = []
    for number, of_block in enumerate(header["blocks"]):
        (whole,) = (block for block in blocks if of_block[0] in block.trials)
        at_work.append(whole.part(of_block))
        at_work[-1].load(_part(arrays, f"block{number}."))
    goals.load(_part(arrays, "goals."))
    return at_work, _log(header["log"])


def _read(path: Path) -> tuple[dict[str, Any], Arrays] | None:
    """Return header and arrays of a file, None where there is none that can be read whole."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = dict(file)
        return json.loads(arrays.pop("header").tobytes()), arrays
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, zlib.error, zipfile.BadZipFile):
        return None


def _part(arrays: Arrays, prefix: str) -> dict[str, Tensor]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): torch.from_numpy(value) for name, value in arrays.items() if name.startswith(prefix)
    }


def _log(fields: dict[str, Any]) -> RaceLog:
    """Return the log that JSON holds, whose keys are all text."""
    reached = [{int(trial): step for trial, step in of.items()} for of in fields["reached"]]
    diverged = {int(trial): step for trial, step in fields["diverged"].items()}
    seen = {int(trial): [(step, value) for step, value in points] for trial, points in fields["seen"].items()}
    return RaceLog(reached, diverged, fields["step"], seen, fields["halvings"])


def _program() -> dict[str, object]:
    """Return what must be the same for a race to go on with the same bits."""
    known = provenance()
    instructions = vector_instructions()
    return {"versions": known["versions"], "commit": known["commit"], "vector_instructions": instructions}
