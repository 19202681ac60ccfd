"""The checkpoint of unfinished work: one file of plain numbers, from which it resumes bit for bit."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.errors import describe
from empirics.store.provenance import hardware, provenance
from empirics.store.schema import canonical_json
from empirics.training.engine import Block
from empirics.training.race_log import RaceLog
from empirics.workloads.goal import Goals
from kstar.files import write_bytes_atomically

Arrays = dict[str, NDArray[Any]]


def write_checkpoint(
    path: Path, race: Mapping[str, object], blocks: Sequence[Block], goals: Goals, log: RaceLog
) -> None:
    """Write where a race stands, in the place of what the file held before.

    Args:
        path: The file; its folder is made where there is none.
        race: Which race it is, plain JSON values.
        blocks: The trials still at work.
        goals: The goal test, whose order of images is part of where the race stands.
        log: What happened so far.
    """
    arrays = {f"goals.{name}": value for name, value in goals.state().items()}
    for number, block in enumerate(blocks):
        arrays |= {f"block{number}.{name}": value for name, value in block.state().items()}
    plain: Arrays = {name: value.cpu().numpy() for name, value in arrays.items()}
    stood = {"blocks": [block.trials for block in blocks], "members": [list(block.members) for block in blocks]}
    write_state(path, race, plain, **stood, log=dataclasses.asdict(log))


def write_state(path: Path, which: Mapping[str, object], arrays: Mapping[str, NDArray[Any]], **more: object) -> None:
    """Write where some work stands, in the place of what the file held before.

    Args:
        path: The file; its folder is made where there is none.
        which: Which work it is, plain JSON values.
        arrays: Where it stands.
        more: Plain JSON values that belong to it.
    """
    header = {"program": _program(), "which": which, **more}
    content, plain = io.BytesIO(), dict(arrays)
    plain["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(content, **plain)  # type: ignore[arg-type]  # the stubs take every array for `allow_pickle`
    path.parent.mkdir(exist_ok=True)
    write_bytes_atomically(path, content.getvalue())


def read_state(path: Path, which: Mapping[str, object]) -> tuple[Arrays, dict[str, Any]] | str | None:
    """Read where some work stood.

    Args:
        path: The file.
        which: Which work it must be of, plain JSON values.

    Returns:
        Its arrays, and the JSON values that belong to it; None where there is no such file, and why it is not taken up
        where it was written for other work, by another program, or is not what was written.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        return "it is no regular file"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(arrays.pop("header").tobytes())
        if canonical_json(header["program"]) != canonical_json(_program()):
            return "it was written by another version of the program"
        if canonical_json(header["which"]) != canonical_json(which):
            return "it is of another run or search"
        return arrays, header
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - a file may hold anything, and work can always begin anew
        return describe(error)


def resume(
    path: Path, race: Mapping[str, object], blocks: Sequence[Block], goals: Goals, log: RaceLog
) -> tuple[list[Block], RaceLog] | str | None:
    """Take up a race where a file says it stood.

    Args:
        path: The file.
        race: Which race it must be of, plain JSON values.
        blocks: All trials at their start; not changed.
        goals: The goal test, likewise; may be changed for the worse where the file is not what it should be.
        log: That of the start, likewise not changed.

    Returns:
        The trials still at work and what happened so far; None where there is no such file, and why it is not taken up
        where it was written for another race, by another program, or is not what was written.
    """
    found = read_state(path, race)
    if found is None or isinstance(found, str):
        return found
    arrays, header = found
    try:
        stood = enumerate(zip(header["blocks"], header["members"], strict=True))
        at_work = [_block(*of, blocks, _part(arrays, f"block{n}.")) for n, of in stood]
        known = [trial for block in at_work for trial in block.trials]
        if len(known) != len(set(known)):
            raise ValueError("a trial is there twice")
        reached = _log(header["log"], log)
        if any(int(block.state()["steps"]) != reached.step for block in at_work):
            raise ValueError("its trials stand at another step than it says")
        _refuse_unknown(reached, {trial for block in blocks for trial in block.trials}, set(known))
        goals.load(_part(arrays, "goals."))
        return at_work, reached
    except Exception as error:  # noqa: BLE001 - a file may hold anything, and a study can always begin anew
        return describe(error)


def _block(trials: list[int], members: list[int], blocks: Sequence[Block], state: dict[str, Tensor]) -> Block:
    """Return some trials where a file says they stood.

    Raises:
        ValueError: If the file has not exactly what such a block has.
    """
    (whole,) = (block for block in blocks if trials[0] in block.trials)
    part = whole.part(members)
    shapes = {name: value.shape for name, value in part.state().items()}
    if part.trials != members or {name: value.shape for name, value in state.items()} != shapes:
        raise ValueError(f"not the state of trials {members}")
    part.load(state)
    part.keep(trials)
    if part.trials != trials or list(part.members) != members:
        raise ValueError(f"trials {trials} are not those of {members}")
    return part


def _part(arrays: Arrays, prefix: str) -> dict[str, Tensor]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): torch.from_numpy(value) for name, value in arrays.items() if name.startswith(prefix)
    }


def _log(fields: dict[str, Any], start: RaceLog) -> RaceLog:
    """Return the log that JSON holds, whose keys are all text, of the race that begins with another.

    Raises:
        ValueError: If it holds anything but counts where they belong.
    """
    reached = [{int(trial): _count(step) for trial, step in of.items()} for of in fields["reached"]]
    if len(reached) != len(start.reached):
        raise ValueError(f"{len(reached)} goals, not {len(start.reached)}")
    diverged = {int(trial): _count(step) for trial, step in fields["diverged"].items()}
    seen = {
        int(trial): [(_count(step), float(value)) for step, value in points] for trial, points in fields["seen"].items()
    }
    return RaceLog(
        reached,
        diverged,
        _count(fields["step"]),
        seen,
        _count(fields["halvings"]),
        start.points,
        start.draws,
        seconds_told(fields),
    )


def _refuse_unknown(log: RaceLog, trials: set[int], at_work: set[int]) -> None:
    """Refuse a log of other trials or later steps, or one that does not tell why a trial is no longer at work.

    Raises:
        ValueError: If it is one.
    """
    events = [*log.diverged.items(), *(event for of in log.reached for event in of.items())]
    events += [(trial, step) for trial, points in log.seen.items() for step, _ in points]
    if any(trial not in trials or step > log.step for trial, step in events):
        raise ValueError("a trial that is not there, or a step that has not come")
    over = set(log.diverged) | set.intersection(*map(set, log.reached))
    if trials - at_work - over:
        raise ValueError("a trial is gone without a reason")


def _count(value: object) -> int:
    """Return a whole number that is not negative.

    Raises:
        ValueError: If it is anything else.
    """
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def seconds_told(fields: Mapping[str, Any]) -> float:
    """Return the time that work took before, as its checkpoint tells.

    Args:
        fields: Plain JSON values that belong to the checkpoint.

    Raises:
        ValueError: If it is no time.
    """
    seconds = float(fields["seconds"])
    if not 0.0 <= seconds < math.inf:
        raise ValueError(f"{seconds:g} is no time")
    return seconds


def _program() -> dict[str, object]:
    """Return what must be the same for a race to go on with the same bits."""
    known, used = provenance(), "cuda" if torch.cuda.is_initialized() else "cpu"  # type: ignore[no-untyped-call]
    return {"versions": known["versions"], "commit": known["commit"], **hardware(used)}
