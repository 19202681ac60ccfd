"""Run folders as the command leaves them, but for the training: their results are made up."""

import datetime

from empirics.records import StudyOutcome, StudyRecord, TrialRecord
from empirics.run.running import inputs_of
from empirics.specification.specification import resolve
from empirics.store.store import open_store
from empirics.store.tables import write_tables


def reached(study):
    """Return a first passage of a hyperbola's shape, and the test before it."""
    return round(400 / study.batch_size + 20 + study.sparsity / 10)


def never(study):
    """Return that no trial reaches the goal."""
    del study


def write_asked(folder, request, steps=reached):
    """Write the folder of a run that was asked for; return its specification.

    Args:
        folder: The run folder.
        request: What was asked for.
        steps: From a study to its steps to result, None where the goal was not reached.
    """
    specification, dataset = resolve(request, cuda_available=False)
    budget, interval = specification.workload.max_steps, specification.workload.eval_interval
    with open_store(folder, specification.identity()) as store:
        started = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).isoformat()
        examples = {name: getattr(dataset, name) for name in ("training_examples", "validation_examples")}
        store.add_session(started, {**examples, **inputs_of(request)})
        for study in specification.studies():
            least = steps(study)
            met = None if least is None else min(-(-least // interval) * interval, budget // interval * interval)
            endings = [("incomplete", budget if met is None else met)] * specification.trials
            if met is not None:
                endings[0] = ("complete", met)
            trials = tuple(
                TrialRecord(i, point, *ending)
                for i, (point, ending) in enumerate(zip(specification.points, endings, strict=True))
            )
            outcomes = tuple(
                StudyRecord(study, goal, trials, budget, interval, None, 0.1, specification.stop)
                for goal in specification.goals
            )
            store.add_study(StudyOutcome(outcomes))
        write_tables(folder, store, identity=specification.identity(), asked_for=specification.additions())
    return specification
