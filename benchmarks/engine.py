"""The time that the engine saves: one raced study against the plain way, on one core.

Run `python -m benchmarks.engine --workload mnist/simple-cnn/sgd --data-dir DATA --batch-size 16`. The plain
way's step and evaluation are timed on samples taken in the middle of the engine's run and multiplied by how often it
takes them: counted from the trials in `benchmarks/data/`, which went on beyond K* (`--stop factor F`). A trial that was
still short of its goal there counts up to that test and no further, so each ratio is a lower bound. Times are CPU
seconds of one thread. Pruning and reading data, which the plain way repeats in every trial, are left out of both sides.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.one_study import only_study, request_of, study_parser
from benchmarks.operations import matrix_product_rate, useful_operations
from benchmarks.plain import PlainCost, PlainSample, PlainTrial, plain_study
from empirics.errors import InputError
from empirics.executors.memory import peak_bytes
from empirics.records import Study, StudyRecord, number_text
from empirics.specification.request import Request
from empirics.specification.specification import Specification
from empirics.training.block import TrialBlock
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.workloads.goal import Goals, GoalTest
from empirics.workloads.goal_label import goal_count

COUNTS = Path(__file__).parent / "data" / "mnist-simple-cnn-sgd.csv"
_SAMPLES = 5
_LATER_TESTS = 5
_CONFIRMED_TRIALS = 4  # of MNIST's, which the plain way trains in minutes


@dataclass
class Meter:
    """CPU seconds and work of the engine, all of it and its two halves; the plain way's samples in between left out."""

    total: float = 0.0
    training: float = 0.0
    evaluation: float = 0.0
    examples: int = 0


class MeteredLaboratory(Laboratory):
    """A laboratory whose goal test is at hand afterwards."""

    goals: GoalTest | None = None

    def goal_test(self, replicate: int) -> Goals:
        """Return the goal test, and keep it."""
        made = super().goal_test(replicate)
        self.goals = made if isinstance(made, GoalTest) and self.goals is None else self.goals
        return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = study_parser(
        "python -m benchmarks.engine", "Compare the engine with the plain way.", batch_size=16, trials=16
    )
    options = parser.parse_args(arguments)
    try:
        result = compare(*_study_of(request_of(options)))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(f"{name:>24}  {_shown(value)}" for name, value in result.items()))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _study_of(request: Request) -> tuple[MeteredLaboratory, Study]:
    """Return the laboratory and the one study of a request."""
    specification, dataset, study = only_study(request)
    return MeteredLaboratory(specification, dataset), study


def compare(laboratory: MeteredLaboratory, study: Study) -> dict[str, object]:
    """Run a study by the engine, sample the plain way meanwhile, and return what both take.

    Args:
        laboratory: The data and network at hand.
        study: Which study.
    """
    specification = laboratory.specification
    masks = np.concatenate([laboratory.masks((study.sparsity,), 0, trial) for trial in range(specification.trials)])
    sample = PlainSample(PlainTrial(laboratory, study, 0, masks[0]))
    matmul = matrix_product_rate()
    record, meter = _metered(laboratory, study, masks, sample)
    engine = meter.total
    cost, kept = sample.cost(), kept_trials(specification, study)
    raced = plain_seconds(cost, specification, [trial.step for trial in record.trials])
    plain = with_budget = None
    if kept is not None:
        budget = specification.workload.max_steps
        plain = plain_seconds(cost, specification, [trial.steps for trial in kept])
        with_budget = plain_seconds(cost, specification, [trial.steps if trial.ended else budget for trial in kept])
    confirmed = _confirm(laboratory, study, masks, record)
    goals, network = laboratory.goals, laboratory.network
    assert goals is not None
    dense = useful_operations(specification.workload.network, network.image_shape, np.ones(network.size, np.bool_))
    return {
        "workload": specification.workload.name,
        "batch_size": study.batch_size,
        "sparsity": study.sparsity,
        "trials": specification.trials,
        "steps_to_result": record.steps_to_result,
        "counted_to": kept and kept[0].stop,
        "plain_seconds": plain,
        "raced_plain_seconds": raced,
        "engine_seconds": engine,
        "ratio": None if plain is None else plain / engine,
        "ratio_with_budget": None if with_budget is None else with_budget / engine,
        "ratio_raced": raced / engine,
        "examples_per_second": meter.examples / engine,
        "matmul_share_training": dense.step * meter.examples / meter.training / matmul,
        "matmul_share_evaluation": dense.evaluation * goals.images_seen / meter.evaluation / matmul,
        "images_per_goal_test": goals.images_seen / goals.tests,
        "plain_steps_to_result": confirmed and confirmed[0],
        "same_steps_to_result": confirmed and confirmed[0] == record.steps_to_result,
        "same_winner": confirmed and record.winner is not None and confirmed[1] == record.winner.trial,
        "peak_memory_bytes": peak_bytes(),
        "plain_step_seconds": cost.step,
        "plain_evaluation_seconds": cost.evaluation,
        "plain_steps_timed": cost.steps_timed,
        "plain_evaluations_timed": cost.evaluations_timed,
        "matmul_flop_per_second": matmul,
    }


def _metered(
    laboratory: MeteredLaboratory, study: Study, masks: NDArray[np.bool_], sample: PlainSample
) -> tuple[StudyRecord, Meter]:
    """Run a study; return its record and what its halves took, taking plain samples ever more seldom on the way."""
    meter, tests = Meter(), 0
    step, reached = TrialBlock.step, GoalTest.reached

    def timed_step(block: TrialBlock, images: Tensor, labels: Tensor) -> Tensor:
        meter.examples += len(block.trials) * len(labels)
        start = time.process_time()
        finite = step(block, images, labels)
        meter.training += time.process_time() - start
        return finite

    def timed_test(goals: GoalTest, weights: Tensor, trials: Sequence[int]) -> Tensor:
        start = time.process_time()
        answer = reached(goals, weights, trials)
        meter.evaluation += time.process_time() - start
        return answer

    def report(_step: int) -> None:
        nonlocal tests
        tests += 1
        if tests & (tests - 1) == 0:
            start = time.process_time()
            sample.take()
            meter.total -= time.process_time() - start

    with mock.patch.object(TrialBlock, "step", timed_step), mock.patch.object(GoalTest, "reached", timed_test):
        start = time.process_time()
        (record,) = measure_study(laboratory, study, masks, report).records
        meter.total += time.process_time() - start
    for _ in range(_SAMPLES - sample.taken):
        sample.take()
    return record, meter


@dataclass(frozen=True)
class KeptTrial:
    """How far a trial was seen to go the plain way: to its end, or to the last test that saw it short of the goal."""

    steps: int
    ended: bool
    stop: str


def kept_trials(specification: Specification, study: Study) -> list[KeptTrial] | None:
    """Return the kept trials of a study, None where there are none of the same protocol."""
    workload = specification.workload
    wanted = {
        "workload": workload.name,
        "goal": number_text(specification.goals[0]),
        "sparsity": number_text(study.sparsity),
        "replicate": "0",
        "batch_size": str(study.batch_size),
        "max_steps": str(workload.max_steps),
        "eval_interval": str(workload.eval_interval),
    }
    with COUNTS.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row[name] == value for name, value in wanted.items())]
    points = [{axis.name: float(row[axis.name]) for axis in workload.search_space} for row in rows]
    if specification.seed != 0 or tuple(points) != specification.points:
        return None
    ends = [row["upper"] or row["lower"] for row in rows]
    return [
        KeptTrial(int(end), row["status"] in {"complete", "infeasible"}, row["stop"])
        for row, end in zip(rows, ends, strict=True)
    ]


def plain_seconds(cost: PlainCost, specification: Specification, steps: Sequence[int]) -> float:
    """Return what the plain way takes for so many steps of each trial, with an evaluation at every goal test."""
    interval = specification.workload.eval_interval
    return sum(cost.step * taken + cost.evaluation * (taken // interval) for taken in steps)


def _confirm(
    laboratory: Laboratory, study: Study, masks: NDArray[np.bool_], record: StudyRecord
) -> tuple[int | None, int | None] | None:
    """Return K* and winner as the plain way really finds them, where that takes minutes; None elsewhere."""
    specification = laboratory.specification
    if specification.workload.dataset != "digits" and specification.trials > _CONFIRMED_TRIALS:
        return None
    most = goal_count(specification.goals[0], len(laboratory.split(0).validation_labels))
    interval = specification.workload.eval_interval  # rounding may move a hit by a goal test or two, either way
    return plain_study(laboratory, study, masks, most, record.stopping_step + _LATER_TESTS * interval)


def _shown(value: object) -> str:
    """Return a value as it is printed."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
