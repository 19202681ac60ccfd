"""A whole study by both engines: CPU seconds from masks to K*, and whether they find the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.one_study import only_study
from empirics.records import StudyRecord
from empirics.specification.request import EngineName, Request
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study

SPARSITY = 90.0  # percent pruned


@dataclass(frozen=True)
class WholeStudy:
    """CPU seconds of one study, and what came of it.

    Args:
        seconds: From masks to the record.
        record: Of the workload's first goal.
    """

    seconds: float
    record: StudyRecord

    @property
    def winner(self) -> int | None:
        """The trial that won, None where none reached the goal."""
        return self.record.winner.trial if self.record.winner else None


@dataclass(frozen=True)
class StudyPair:
    """One study by both engines.

    Args:
        workload: Its name.
        batch_size: Examples of a step.
        torch: By the torch engine.
        sparse: By the sparse engine.
    """

    workload: str
    batch_size: int
    torch: WholeStudy
    sparse: WholeStudy

    @property
    def ratio(self) -> float:
        """How many times as fast the sparse engine is."""
        return self.torch.seconds / self.sparse.seconds

    @property
    def same_steps_to_result(self) -> bool:
        """Whether both found the same K*, which rounding alone may change."""
        return self.torch.record.steps_to_result == self.sparse.record.steps_to_result

    @property
    def same_winner(self) -> bool:
        """Whether the same trial won."""
        return self.torch.winner == self.sparse.winner

    def line(self) -> str:
        """Return it in a line of text."""
        steps = " and ".join(str(one.record.steps_to_result) for one in (self.torch, self.sparse))
        return (
            f"{self.workload} S={SPARSITY:g} B={self.batch_size}: {self.torch.seconds:.1f} and "
            f"{self.sparse.seconds:.1f} CPU s, {self.ratio:.1f} times; K* {steps}; same winner {self.same_winner}"
        )


def study_pair(workload: str, data_dir: Path | None, batch_size: int, trials: int) -> StudyPair:
    """Measure one study by each engine in this process.

    Args:
        workload: Its name.
        data_dir: Where its data are; None for the digits.
        batch_size: Examples of a step.
        trials: Search points.

    Raises:
        InputError: If the workload's data are missing.
    """
    torch, sparse = (_whole_study(engine, workload, data_dir, batch_size, trials) for engine in ("torch", "sparse"))
    return StudyPair(workload, batch_size, torch, sparse)


def _whole_study(engine: EngineName, workload: str, data_dir: Path | None, batch_size: int, trials: int) -> WholeStudy:
    """Measure one study."""
    request = Request(
        workload=workload,
        sparsity=(SPARSITY,),
        batch_sizes=(batch_size,),
        trials=trials,
        data_dir=data_dir,
        device="cpu",
        engine=engine,
    )
    specification, dataset, study = only_study(request)
    laboratory = Laboratory(specification, dataset)
    laboratory.split(0)
    start = time.process_time()
    masks = np.concatenate([laboratory.masks((SPARSITY,), 0, trial) for trial in range(trials)])
    outcome = measure_study(laboratory, study, masks, lambda _: None)
    return WholeStudy(time.process_time() - start, outcome.records[0])
