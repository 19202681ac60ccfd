"""The units of work that a process takes: independent, deterministic, safe to repeat.

Importing this module loads no torch; running a task does.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from empirics.errors import InputError, describe
from empirics.followed import ConstantsRecord, FlowRecord
from empirics.records import MaskRecord, RepeatKind, RepeatRecord, StartRecord, Study, StudyOutcome, TrialRecord
from empirics.specification.probe import FollowedRun, PlannedFlow

if TYPE_CHECKING:
    from empirics.training.laboratory import Laboratory

Result = StudyOutcome | tuple[RepeatRecord, ...] | ConstantsRecord | FlowRecord | list[MaskRecord] | list[StartRecord]


class Task(Protocol):
    """A unit of work."""

    @property
    def label(self) -> str:
        """What the unit is, for people."""

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> Result:
        """Do the work; `report` is called with the step now and then."""


@dataclass(frozen=True)
class PruneTask:
    """Score the weights of one draw of a trial and keep the masks of some sparsities."""

    replicate: int
    trial: int
    sparsities: tuple[float, ...]
    draw: int = 0

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        draw = f" draw {self.draw}" if self.draw else ""
        return f"masks of trial {self.trial}{draw}" + (f" r={self.replicate}" if self.replicate else "")

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> list[MaskRecord]:
        """Return one mask a sparsity."""
        report(0)
        return laboratory.mask_records(self.replicate, self.trial, self.sparsities, self.draw)


@dataclass(frozen=True)
class StartTask:
    """Look at one trial at its start, under the packed mask of each of some sparsities."""

    replicate: int
    trial: int
    masks: tuple[tuple[float, bytes], ...]

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        return f"start of trial {self.trial}" + (f" r={self.replicate}" if self.replicate else "")

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> list[StartRecord]:
        """Return what was found, one a sparsity."""
        report(0)
        return laboratory.start_records(self.replicate, self.trial, self.masks)


@dataclass(frozen=True)
class StudyTask:
    """Run one study; `masks` has the packed mask of each trial, draw by draw; it resumes from the file `checkpoint`."""

    study: Study
    masks: tuple[bytes, ...]
    checkpoint: Path | None = None

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        return str(self.study)

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> StudyOutcome:
        """Return the study's outcome for every goal."""
        from empirics.training.race import measure_study  # noqa: PLC0415 - loads torch

        return measure_study(laboratory, self.study, laboratory.unpack(self.masks), report, self.checkpoint)


@dataclass(frozen=True)
class RepeatTask:
    """Train the winner of a study again, from its draw's packed mask; see `repeat_winner`."""

    study: Study
    winner: TrialRecord
    mask: bytes
    kind: RepeatKind
    number: int

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        return f"{self.study} {self.kind} {self.number} of the winner"

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> tuple[RepeatRecord, ...]:
        """Return how the retraining ended, for each goal."""
        from empirics.training.race import repeat_winner  # noqa: PLC0415 - loads torch

        (mask,) = laboratory.unpack((self.mask,))
        return repeat_winner(laboratory, self.study, self.winner, mask, self.kind, self.number, report)


@dataclass(frozen=True)
class ConstantsTask:
    """Measure L, Delta and beta along a run, whose packed mask is `mask`."""

    followed: FollowedRun
    mask: bytes

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        run = self.followed
        return f"L, Delta, beta of {Study(run.sparsity, run.replicate, run.batch_size)}"

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> ConstantsRecord:
        """Return the constants."""
        from empirics.training.following import measure_constants  # noqa: PLC0415 - loads torch

        (mask,) = laboratory.unpack((self.mask,))
        return measure_constants(laboratory, self.followed, mask, report)


@dataclass(frozen=True)
class FlowTask:
    """Follow the flow from the start of a run with packed mask `mask`; `checkpoint` is the file it goes on from."""

    plan: PlannedFlow
    mask: bytes
    checkpoint: Path | None = None

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        return f"flow of {self.plan.study}"

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> FlowRecord:
        """Return the flow's times."""
        from empirics.training.flowing import measure_flow  # noqa: PLC0415 - loads torch

        (mask,) = laboratory.unpack((self.mask,))
        return measure_flow(laboratory, self.plan, mask, report, self.checkpoint)


def carry_out(task: Task, laboratory: Laboratory, report: Callable[[int], None]) -> Result:
    """Do a unit of work; whatever is raised in it while a user's own module is trained is the user's to mend.

    Raises:
        InputError: If the module, loss, metric or optimiser of an own workload raises; the place is named. Or if the
            memory of a GPU ends where no smaller block would help.
    """
    try:
        return task.run(laboratory, report)
    except (InputError, OSError):
        raise
    except Exception as error:
        from empirics.networks.device_memory import is_out_of_memory  # noqa: PLC0415 - loads torch

        if is_out_of_memory(error):
            raise InputError(
                f"{task.label}: the device's memory does not suffice ({describe(error)}); end what else uses it, or "
                "use --device cpu"
            ) from error
        workload = laboratory.specification.workload
        if workload.own_description is None:
            raise
        raise InputError(f"{workload.name}: {task.label}: {describe(error)}{_place(error)}") from error


def _place(error: Exception) -> str:
    """Return where the last line of the user's own is that led to an error; empty where there is none."""
    ours = Path(__file__).parents[1]
    places = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if ours not in Path(frame.filename).parents
        and not {"site-packages", "dist-packages"} & {*Path(frame.filename).parts}
    ]
    return f" ({places[-1].filename}, line {places[-1].lineno})" if places else ""
