"""The studies that a run folder lacks, for the run that measures them and the plan that lists them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from empirics.records import RepeatKind, Study, TrialRecord
from empirics.specification.probe import FollowedRun, PlannedFlow, flow_of
from empirics.specification.runs_to_follow import runs_to_follow
from empirics.specification.specification import Specification
from empirics.store.rows import Store
from empirics.training.tasks import PruneTask

Start = tuple[int, int, int]  # replicate, trial and draw: whose initial weights and masks
Repeat = tuple[Study, int, RepeatKind, int]  # study, trial, and which retraining of it


def missing_studies(specification: Specification, store: Store) -> list[Study]:
    """Return the studies not yet measured with all trials and draws."""
    wanted = specification.trials, specification.draws
    done = {s for s, record in store.studies().items() if (len(record.trials), record.draws) == wanted}
    return [study for study in specification.studies() if study not in done]


def missing_masks(sparsities: Collection[float], store: Store, starts: Iterable[Start]) -> list[PruneTask]:
    """Return what makes the masks of some starts that are not there yet.

    Args:
        sparsities: In percent.
        store: What there is.
        starts: Whose.
    """
    have, tasks = store.masks(), []
    for replicate, trial, draw in starts:
        lacking = tuple(s for s in sparsities if (replicate, trial, draw, s) not in have)
        if lacking:
            tasks.append(PruneTask(replicate, trial, lacking, draw))
    return tasks


def starts_of(specification: Specification, studies: Iterable[Study]) -> list[Start]:
    """Return where all trainings of some studies start."""
    replicates = sorted({study.replicate for study in studies})
    draws, trials = range(specification.draws), range(specification.trials)
    return [(replicate, trial, draw) for replicate in replicates for draw in draws for trial in trials]


def missing_repeats(specification: Specification, store: Store) -> dict[Repeat, dict[float, TrialRecord]]:
    """Return the retrainings of winners that are not there yet, each with the goals that its trial has won."""
    counts: dict[RepeatKind, int] = {"draw": specification.rerun_winner, "jitter": specification.jitter}
    studies = set(specification.studies())
    found: dict[Repeat, dict[float, TrialRecord]] = {}
    for record in store.outcomes():
        if record.study not in studies or record.winner is None:
            continue
        have = {(repeat.kind, repeat.number) for repeat in record.repeats}
        for kind, count in counts.items():
            for number in range(1, count + 1):
                if (kind, number) not in have:
                    repeat = (record.study, record.winner.trial, kind, number)
                    found.setdefault(repeat, {})[record.goal] = record.winner
    return found


def missing_constants(specification: Specification, store: Store) -> list[FollowedRun]:
    """Return the runs along which constants are not yet measured in the way asked for."""
    done = {(known.study, known.trial): known for known in store.followed()}
    settings = specification.probe.settings()

    def is_known(run: FollowedRun) -> bool:
        known = done.get((Study(run.sparsity, run.replicate, run.batch_size), run.trial))
        if known is None or known.settings != settings:
            return False
        # Where its goal was looked for, the settings say how far it goes; it may have ended there or diverged before.
        return run.goal_step is None or run.steps == known.steps

    return [run for run in runs_to_follow(specification, store.studies()) if not is_known(run)]


def missing_flows(specification: Specification, store: Store) -> list[PlannedFlow]:
    """Return the flows not yet followed from the starts of runs along which constants were measured as asked for."""
    settings, wanted = specification.probe.settings(), set(specification.sparsities)
    plans = [
        flow_of(known, specification.probe)
        for known in store.followed()
        if known.settings == settings and known.study.sparsity in wanted and not known.along("flow_time")
    ]
    return [plan for plan in plans if plan is not None and plan.study.replicate < specification.replicates]
