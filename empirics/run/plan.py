"""`--plan`: the studies of a measurement, with an estimate from steps timed on this machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from empirics.datasets.arrays import Dataset
from empirics.executors.memory import expected_bytes, expected_gpu_bytes
from empirics.pruning.methods import kept_weights
from empirics.records import Study, duration_text, number_text
from empirics.run.constants_cost import cheaper, expected_seconds
from empirics.run.cost import expected_end
from empirics.run.missing import missing_constants, missing_masks, missing_studies, starts_of
from empirics.run.running import refuse_what_cannot_be_added
from empirics.specification.specification import Specification, nearest_128
from empirics.store.store import planned_store
from empirics.streams import Stream, generator
from empirics.training.engine import Block
from empirics.training.laboratory import Laboratory
from empirics.workloads.goal_label import goal_label

_TIMED_SECONDS = 0.5
_SMALL_RATE = 1e-6  # trials that diverge take no time
_AGAIN = 2.0  # times its steps: what a winner takes from another draw, in the mean, rather more than less
_MOST_TIMED_EXAMPLES = 256
_SHARE_OF_EVALUATION = 0.1  # of the validation set, looked at by the average goal test before it is decided
# Pruning that leaves so little may leave no path from inputs to outputs; all masks would have to be made to know.
_HIGH = 95.0  # percent
_FEW_KEPT = 100


@dataclass(frozen=True)
class Missing:
    """What is left to do.

    Attributes:
        studies: Not measured, or with fewer trials.
        masks: How many draws of trials need masks of their own.
        constants: (sparsity, replicate) of which no constants are known.
        there: What the folder holds already, for a person; empty where it holds nothing of this.
    """

    studies: tuple[Study, ...]
    masks: int
    constants: tuple[tuple[float, int], ...]
    there: str = ""


def missing_in(folder: Path | None, specification: Specification, dataset: Dataset) -> Missing:
    """Return what a run into a folder has left to do.

    Args:
        folder: The run folder, there or not; None for one that is new.
        specification: What is asked for.
        dataset: On what.

    Raises:
        InputError: For whatever the run itself would refuse.
    """
    studies = specification.studies()
    followed = tuple(specification.runs_followed())
    new = Missing(studies, len(starts_of(specification, studies)), followed if specification.constants else ())
    if folder is None:
        return new
    with planned_store(folder, specification.identity()) as store:
        if store is None:
            return new
        refuse_what_cannot_be_added(store, specification, dataset, folder)
        left = missing_studies(specification, store)
        masks = missing_masks(specification.sparsities, store, starts_of(specification, left))
        runs = missing_constants(specification, store)
        settings = specification.probe.settings()
        known = Counter((r.study.sparsity, r.study.replicate) for r in store.followed() if r.settings == settings)
    lacking = (Counter(followed) - known).elements()
    found = lacking if left else [(run.sparsity, run.replicate) for run in runs]
    done = len(studies) - len(left)
    there = f"{done} of {len(studies)} studies are in {folder} already." if done else ""
    return Missing(tuple(left), len(masks), tuple(found) if specification.constants else (), there)


def describe_plan(specification: Specification, dataset: Dataset, jobs: int, folder: Path | None = None) -> str:
    """Return the studies left to do, the expected time and the expected memory of a measurement.

    Args:
        specification: What would be measured.
        dataset: Its data.
        jobs: Processes at once.
        folder: Where to; None for a new folder.

    Raises:
        InputError: For whatever the run itself would refuse.
    """
    left = missing_in(folder, specification, dataset)
    laboratory = Laboratory(specification, dataset)
    workload = specification.workload
    times = Times(laboratory)
    goal = goal_label(" and ".join(map(number_text, specification.goals)), workload.goal_sign)
    header = (
        f"{workload.name}: {goal}, {specification.trials} trials a study{_of_draws(specification)}, budget "
        f"{workload.max_steps} steps, goal test every {workload.eval_interval}, device {specification.device}, "
        f"{specification.engine} engine"
    )
    lines, expected, most = _study_lines(times, left.studies)
    masks = _masks_seconds(times, left.masks)
    constants = expected_seconds(specification, dataset, left.constants)
    how = f"{jobs} at once" if specification.data_parallel == 1 else f"each by {jobs} processes together"
    return "\n".join(
        (
            header,
            *([left.there] if left.there else []),
            *lines,
            "",
            f"{len(left.studies)} studies, {how}: {_at_least(specification)}"
            f"{duration_text(expected / jobs)} expected, {duration_text(most / jobs)} at most; before them masks, "
            f"{duration_text(masks / jobs)}; after them constants, {duration_text(constants / jobs)}"
            f"{cheaper(specification.probe, constants)}.",
            f"Expected steps are a guess from earlier runs{_of_rule(specification)}; times are timed here and scaled.",
            _memory(specification, dataset, jobs),
            *_looked_at_later(left.studies, laboratory.network.size),
            "Nothing was measured or written.",
        )
    )


def _memory(specification: Specification, dataset: Dataset, jobs: int) -> str:
    """Return a line about the memory to expect."""
    of = specification, dataset, specification.workload.build_network(dataset)
    gpu = f", and {expected_gpu_bytes(*of) / 1e9:.1f} GB of its GPU each process" * (specification.device == "cuda")
    return f"Memory: about {jobs * expected_bytes(*of) / 1e9:.1f} GB{gpu}."


def _looked_at_later(studies: Sequence[Study], size: int) -> list[str]:
    """Return which sparsities of a network of some size may be refused when the run begins; nothing where none is."""
    high = sorted(
        {s for s in (study.sparsity for study in studies) if s > _HIGH or (s and kept_weights(size, s) < _FEW_KEPT)}
    )
    if not high:
        return []
    named = ", ".join(f"{sparsity:g}" for sparsity in high)
    return [f"The run checks first whether --sparsity {named} cuts the network, and stops if it does."]


def _study_lines(times: Times, studies: Sequence[Study]) -> tuple[list[str], float, float]:
    """Return a line a study, and the seconds of all: expected, and at most."""
    if not studies:
        return [], 0.0, 0.0
    specification = times.laboratory.specification
    share = 1.0 if specification.trace == "full" else _SHARE_OF_EVALUATION
    lines = ["", f"{'study':<24} {'expected steps':>14} {'expected time':>14} {'at most':>14}"]
    expected, most = 0.0, 0.0
    for study in studies:
        steps, step = expected_end(specification, study), times.step(study.sparsity, study.batch_size)
        test = times.evaluation(study.sparsity) / specification.workload.eval_interval
        trainings, again = specification.trials * specification.draws, specification.rerun_winner + specification.jitter
        likely = (trainings + _AGAIN * again) * steps * (step + share * test)
        limit = (trainings + again) * specification.workload.max_steps * (step + test)
        lines.append(f"{study!s:<24} {steps:>14.0f} {duration_text(likely):>14} {duration_text(limit):>14}")
        expected, most = expected + likely, most + limit
    return lines, expected, most


def _of_draws(specification: Specification) -> str:
    """Return from how many draws each trial is trained, where there are several, and how often each winner again."""
    again = specification.rerun_winner + specification.jitter
    draws = f", {specification.draws} draws of each" if specification.draws > 1 else ""
    return draws + (f", the winner {again} times more" if again else "")


def _at_least(specification: Specification) -> str:
    """Return what stands before an expected time that is only that of the first hits."""
    return "at least " if specification.stop.kind == "hits" and specification.stop.amount > 1 else ""


def _of_rule(specification: Specification) -> str:
    """Return what they are steps to, where it is not the first hit."""
    kind, amount = specification.stop.kind, specification.stop.amount
    if kind == "never":
        return ": every trial to its budget (--stop never)"
    if kind == "factor":
        return f": {amount:g} times those to the first hit, at most the budget (--stop factor {amount:g})"
    return f" of the first hit; hit {amount:g} comes at it or later (--stop hits {amount:g})" if amount > 1 else ""


class Times:
    """Times of one trial, each taken once on this machine; where nothing is skipped those of a dense network serve all.

    Args:
        laboratory: The data and network at hand.
    """

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self._step, self._evaluation = cache(self._seconds_per_step), cache(self._seconds_per_evaluation)

    def step(self, sparsity: float, batch_size: int) -> float:
        """Return the seconds of one step."""
        return self._step(self._pruned(sparsity), batch_size)

    def evaluation(self, sparsity: float) -> float:
        """Return the seconds of one full evaluation."""
        return self._evaluation(self._pruned(sparsity))

    def _pruned(self, sparsity: float) -> float:
        """Return how much is pruned of what is timed."""
        return sparsity if self.laboratory.engine.skips_pruned else 0.0

    def _seconds_per_step(self, sparsity: float, batch_size: int) -> float:
        """Time steps on at most some hundred examples and scale them from there."""
        laboratory, examples = self.laboratory, min(batch_size, _MOST_TIMED_EXAMPLES)
        block = self._block(min(laboratory.network.trials_at_once(examples), laboratory.specification.trials), sparsity)
        data, rows = laboratory.split(0), np.arange(examples)[None]
        trials = len(block.trials)
        block.advance(data, rows)
        steps, spent = 0, 0.0
        while steps == 0 or spent < _TIMED_SECONDS / len(laboratory.specification.batch_sizes):
            if len(block.trials) < trials:  # some diverged, at a rate of the user's own
                block = self._block(trials, sparsity)
            start = time.perf_counter()
            block.advance(data, rows)
            spent += time.perf_counter() - start
            steps += 1
        return spent / steps / trials * batch_size / examples

    def _seconds_per_evaluation(self, sparsity: float) -> float:
        """Time one evaluation."""
        block, test = self._block(1, sparsity), self.laboratory.goal_test(0)
        start = time.perf_counter()
        test.values(block.weights)
        return time.perf_counter() - start

    def _block(self, trials: int, sparsity: float) -> Block:
        """Return trials at their start, pruned at random, with a small rate."""
        laboratory, random = self.laboratory, generator(0, Stream.PROBE, 0)
        weights = np.stack([laboratory.network.initial_weights(random) for _ in range(trials)])
        masks = random.random(weights.shape) >= sparsity / 100
        points = [
            point | ({"learning_rate": _SMALL_RATE} if "learning_rate" in point else {})
            for point in laboratory.specification.points[:trials]
        ]
        return laboratory.engine.block(range(trials), weights, masks, points)


def _masks_seconds(times: Times, trials: int) -> float:
    """Return the expected time of one epoch of gradients for every trial that needs masks."""
    specification = times.laboratory.specification
    if not any(specification.sparsities):
        return 0.0
    size = nearest_128(specification.batch_sizes)
    return trials * len(times.laboratory.split(0).training_labels) * times.step(0.0, size) / size
