"""The studies that a run folder lacks, for the run that measures them and the plan that lists them."""

from __future__ import annotations

from collections.abc import Iterable

from empirics.records import Study
from empirics.specification.probe import FollowedRun, PlannedFlow, flow_of
from empirics.specification.runs_to_follow import runs_to_follow
from empirics.specification.specification import Specification
from empirics.store.rows import Store
from empirics.training.tasks import PruneTask


def missing_studies(specification: Specification, store: Store) -> list[Study]:
    """Return the studies not yet measured with all trials."""
    done = {s for s, record in store.studies().items() if len(record.trials) == specification.trials}
    return [study for study in specification.studies() if study not in done]


def missing_masks(specification: Specification, store: Store, trials: Iterable[tuple[int, int]]) -> list[PruneTask]:
    """Return what makes the masks of some replicates' trials that are not there yet.

    Args:
        specification: What is asked for.
        store: What there is.
        trials: (replicate, trial).
    """
    have, tasks = store.masks(), []
    for replicate, trial in trials:
        lacking = tuple(s for s in specification.sparsities if (replicate, trial, s) not in have)
        if lacking:
            tasks.append(PruneTask(replicate, trial, lacking))
    return tasks


def trials_of(specification: Specification, studies: Iterable[Study]) -> list[tuple[int, int]]:
    """Return (replicate, trial) of all trials of some studies."""
    replicates = sorted({study.replicate for study in studies})
    return [(replicate, trial) for replicate in replicates for trial in range(specification.trials)]


def missing_constants(specification: Specification, store: Store) -> list[FollowedRun]:
    """Return the runs along which constants are not yet measured in the way asked for."""
    done = {(known.study, known.trial): known for known in store.constants()}
    settings = specification.probe.settings()

    def is_known(run: FollowedRun) -> bool:
        known = done.get((Study(run.sparsity, run.replicate, run.batch_size), run.trial))
        return known is not None and known.settings == settings and run.steps in {None, known.steps}

    return [run for run in runs_to_follow(specification, store.studies()) if not is_known(run)]


def missing_flows(specification: Specification, store: Store) -> list[PlannedFlow]:
    """Return the flows not yet followed from the starts of runs along which constants were measured as asked for."""
    settings, wanted = specification.probe.settings(), set(specification.sparsities)
    plans = [
        flow_of(known, specification.probe)
        for known in store.constants()
        if known.settings == settings and known.study.sparsity in wanted and not known.along("flow_time")
    ]
    return [plan for plan in plans if plan is not None and plan.study.replicate < specification.replicates]
