"""A whole study by both engines: CPU seconds from masks to K*, and whether they find the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.one_study import only_study
from empirics.records import StudyRecord
from empirics.specification.request import EngineChoice, Request
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study


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


def whole_study(
    engine: EngineChoice, workload: str, data_dir: Path | None, sparsity: float, batch_size: int, trials: int
) -> WholeStudy:
    """Measure one study in this process.

    Args:
        engine: Which one.
        workload: Its name.
        data_dir: Where its data are; None for the digits.
        sparsity: Percent of weights pruned.
        batch_size: Examples of a step.
        trials: Search points.
    """
    request = Request(
        workload=workload,
        sparsity=(sparsity,),
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
    masks = np.concatenate([laboratory.masks((sparsity,), 0, trial) for trial in range(trials)])
    outcome = measure_study(laboratory, study, masks, lambda _: None)
    return WholeStudy(time.process_time() - start, outcome.records[0])
