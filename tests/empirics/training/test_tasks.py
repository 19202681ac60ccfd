from types import SimpleNamespace

import pytest
from reference.empirics import plain

from empirics.errors import InputError
from empirics.followed import ConstantsRecord
from empirics.records import MaskRecord, Study, StudyRecord, TrialRecord
from empirics.specification.probe import FollowedRun
from empirics.training.tasks import ConstantsTask, PruneTask, RepeatTask, StartTask, StudyTask, carry_out


def test_each_task_does_its_unit_and_reports(laboratory_of):
    laboratory, reports = laboratory_of(goal_error=(0.5,), max_steps=30, trials=2, examples=20), []
    pruning = PruneTask(0, 0, (0.0, 70.0))
    masks = pruning.run(laboratory, reports.append)
    assert [(type(mask), mask.sparsity) for mask in masks] == [(MaskRecord, 0.0), (MaskRecord, 70.0)]
    assert reports == [0]

    study = StudyTask(Study(70.0, 0, 64), (masks[1].bits,))
    (record,) = study.run(laboratory, reports.append).records
    assert isinstance(record, StudyRecord)
    assert (record.study, len(record.trials)) == (Study(70.0, 0, 64), 1)
    assert reports[-1] == record.trials[0].step

    winner = TrialRecord(0, {"learning_rate": 0.1}, "complete", 4)
    (repeat,) = RepeatTask(study.study, winner, masks[1].bits, "draw", 2).run(laboratory, reports.append)
    assert (repeat.kind, repeat.number, repeat.study, repeat.trial.draw) == ("draw", 2, study.study, 2)

    followed = FollowedRun(70.0, 0, 64, 0, {"learning_rate": 0.1}, 4)
    constants = ConstantsTask(followed, masks[1].bits).run(laboratory, reports.append)
    assert isinstance(constants, ConstantsRecord)
    assert constants.study == study.study
    assert reports[-1] == 4


def test_labels_say_what_a_task_is():
    winner = TrialRecord(0, {}, "complete", 4)
    study = Study(90.0, 0, 16)
    assert PruneTask(0, 3, ()).label == "masks of trial 3"
    assert PruneTask(2, 3, ()).label == "masks of trial 3 r=2"
    assert StudyTask(study, ()).label == "S=90 B=16"
    assert PruneTask(2, 3, (), 4).label == "masks of trial 3 draw 4 r=2"
    assert RepeatTask(study, winner, b"", "jitter", 2).label == "S=90 B=16 jitter 2 of the winner"
    assert ConstantsTask(FollowedRun(90.0, 0, 16, 0, {}, 4), b"").label == "L, Delta, beta of S=90 B=16"


def test_the_reference_counts_as_many_weights_as_a_mask_has_bits(laboratory):
    (record,) = laboratory.mask_records(0, 0, (90.0,))
    assert len(record.bits) == -(-sum(p.numel() for p in plain.SmallCnn().parameters()) // 8)


class Raises:
    label = "S=0 B=4"

    def __init__(self, error):
        self.error = error

    def run(self, laboratory, report):
        raise self.error


def of_workload(description):
    workload = SimpleNamespace(name="mine:make", own_description=description)
    return SimpleNamespace(specification=SimpleNamespace(workload=workload))


def test_what_a_users_own_code_raises_is_one_line_with_its_place():
    message = r"^mine:make: S=0 B=4: KeyError: 'absent' \(.*test_tasks.py, line \d+\)$"
    with pytest.raises(InputError, match=message):
        carry_out(Raises(KeyError("absent")), of_workload((("module", "Linear"),)), lambda _: None)
    for error, description in ((KeyError("absent"), None), (OSError(28, "disk full"), (("module", "Linear"),))):
        with pytest.raises(type(error)):
            carry_out(Raises(error), of_workload(description), lambda _: None)


def test_a_start_is_looked_at_under_every_mask(laboratory):
    masks = laboratory.mask_records(0, 1, (0.0, 90.0))
    nothing = bytes(len(masks[0].bits))
    task = StartTask(0, 1, (*((mask.sparsity, mask.bits) for mask in masks), (99.0, nothing)))
    records = task.run(laboratory, lambda _: None)
    assert [(record.trial, record.sparsity, record.fault) for record in records] == [
        (1, 0.0, None),
        (1, 90.0, None),
        (1, 99.0, "no path is left from inputs to outputs"),
    ]
    assert records[2].emptied == ("conv1.weight", "conv2.weight", "linear.weight")
