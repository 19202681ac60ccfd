"""The runs along which the constants are measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from empirics.records import Study, StudyRecord
from empirics.specification.probe import BUDGET, FollowedRun, Probe
from empirics.specification.specification import Specification, nearest_128


def needs_search(specification: Specification) -> bool:
    """Return whether a run's metaparameters have to be searched for, as the learning rate asked for is not all."""
    names = {axis.name for axis in specification.workload.search_space}
    return specification.probe.learning_rate is None or names != {"learning_rate"}


def runs_to_follow(specification: Specification, studies: Mapping[Study, StudyRecord]) -> list[FollowedRun]:
    """Return the run of each sparsity and replicate along which its constants are measured.

    That of the winner of the study whose batch size is nearest 128: of all batch sizes measured, the nearest at which
    every sparsity reached its goal, and where there is no such one, each sparsity's own. A batch size or learning rate
    that was asked for takes the place of that study's, or of its winner's; the goal is then looked for anew. Where
    several batch sizes are to be followed, each gives such runs.

    Args:
        specification: What is asked for.
        studies: What was measured.

    Returns:
        One run a sparsity, replicate and batch size to be followed that has one.
    """
    probe = specification.probe
    if not needs_search(specification):
        batch_size = probe.batch_size or nearest_128(specification.batch_sizes)
        return [
            FollowedRun(
                sparsity, replicate, batch_size, 0, {"learning_rate": probe.learning_rate or 0.0}, None, probe.steps
            )
            for sparsity in specification.sparsities
            for replicate in range(specification.replicates)
        ]
    sizes = specification.follow or (probe.batch_size,)
    return [run for size in sizes for run in _winners(specification, studies, size)]


def shown(specification: Specification, studies: Mapping[Study, StudyRecord]) -> list[Study]:
    """Return the studies whose constants stand for their sparsity and replicate: those at the first batch size."""
    first = dataclasses.replace(specification, follow=specification.follow[:1])
    return [Study(run.sparsity, run.replicate, run.batch_size) for run in runs_to_follow(first, studies)]


def _winners(
    specification: Specification, studies: Mapping[Study, StudyRecord], batch_size: int | None
) -> list[FollowedRun]:
    """Return the winners' runs at one batch size, or at the one nearest 128."""
    probe, found = specification.probe, []
    for record in _records(studies, batch_size):
        study, winner = record.study, record.winner
        assert winner is not None
        point, goal_step = winner.metaparameters, winner.step
        run = FollowedRun(study.sparsity, study.replicate, study.batch_size, winner.trial, point, goal_step)
        if probe.learning_rate is not None:
            point = point | {"learning_rate": probe.learning_rate}
            run = FollowedRun(study.sparsity, study.replicate, study.batch_size, winner.trial, point, None)
        found.append(run)
    return [dataclasses.replace(run, steps=_steps(run, found, probe)) for run in found]


def _steps(run: FollowedRun, runs: Sequence[FollowedRun], probe: Probe) -> int | None:
    """Return how far a run is followed: as far as the others of its replicate, and at least to its goal.

    Example:
        >>> one, two = (FollowedRun(s, 0, 64, 0, {}, goal) for s, goal in ((0.0, 30), (90.0, 400)))
        >>> [_steps(run, [one, two], Probe(examples=10)) for run in (one, two)]
        [400, 400]
        >>> _steps(one, [one], Probe(examples=10)), _steps(one, [one], Probe(examples=10, steps=0))
        (300, 30)
    """
    if probe.steps or run.goal_step is None:
        return probe.steps
    if probe.steps == 0:
        return run.goal_step
    goals = {other.sparsity: other.goal_step or 0 for other in runs if other.replicate == run.replicate}
    return max(BUDGET * goals[min(goals)], *goals.values())


def _records(studies: Mapping[Study, StudyRecord], wanted: int | None) -> list[StudyRecord]:
    """Return for each sparsity and replicate the study whose winner is followed."""
    reached: dict[tuple[float, int], dict[int, StudyRecord]] = {}
    for study, record in studies.items():
        if record.winner and wanted in {None, study.batch_size}:
            reached.setdefault((study.sparsity, study.replicate), {})[study.batch_size] = record
    common = set.intersection(*(set(records) for records in reached.values())) if reached else set()
    return [records[nearest_128(common or records)] for records in reached.values()]
