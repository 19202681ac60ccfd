from reference import empirics_plain as plain

from empirics.probe import FollowedRun
from empirics.records import ConstantsRecord, MaskRecord, RerunRecord, StudyRecord, TrialRecord
from empirics.specification import Study
from empirics.tasks import ConstantsTask, PruneTask, RerunTask, StudyTask


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

    winner = TrialRecord(0, {"learning_rate": 0.1}, "reached", 4)
    rerun = RerunTask(study.study, winner, 2).run(laboratory, reports.append)
    assert isinstance(rerun, RerunRecord)
    assert (rerun.rerun, rerun.study) == (2, study.study)

    followed = FollowedRun(70.0, 0, 64, 0, {"learning_rate": 0.1}, 4)
    constants = ConstantsTask(followed, masks[1].bits).run(laboratory, reports.append)
    assert isinstance(constants, ConstantsRecord)
    assert constants.study == study.study
    assert reports[-1] == 4


def test_labels_say_what_a_task_is():
    winner = TrialRecord(0, {}, "reached", 4)
    study = Study(90.0, 0, 16)
    assert PruneTask(0, 3, ()).label == "masks of trial 3"
    assert PruneTask(2, 3, ()).label == "masks of trial 3 r=2"
    assert StudyTask(study, ()).label == "S=90 B=16"
    assert RerunTask(study, winner, 2).label == "S=90 B=16 rerun 2"
    assert ConstantsTask(FollowedRun(90.0, 0, 16, 0, {}, 4), b"").label == "L, Delta, beta of S=90 B=16"


def test_the_reference_counts_as_many_weights_as_a_mask_has_bits(laboratory):
    (record,) = laboratory.mask_records(0, 0, (90.0,))
    assert len(record.bits) == -(-sum(p.numel() for p in plain.SmallCnn().parameters()) // 8)
