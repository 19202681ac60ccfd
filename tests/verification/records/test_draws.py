"""K_rate in the place of K*: which points are read from a store of draws."""

import dataclasses

import pytest
from samples.stored_studies import GOAL, opened

from empirics.records import RepeatRecord, Study, StudyOutcome, StudyRecord, TrialRecord
from verification.records.records import read_records
from verification.report.__main__ import main

DENSE = {16: ([40, 60], [44, 52], [80, 64]), 32: ([24, 30], [28, 34], [20, 26])}
SPARSE = {16: ([90, 160], [150, 240], [170, None]), 32: ([60, 80], [70, None], [64, 96])}


def drawn(sparsity, batch_size, draws, rates=("learning_rate",)):
    """Return a study from a list of steps a draw, None for a training that misses its goal by step 400."""
    every = tuple(
        TrialRecord(trial, dict.fromkeys(rates, 0.1 + trial), "complete" if step else "incomplete", step or 400, draw=d)
        for d, steps in enumerate(draws)
        for trial, step in enumerate(steps)
    )
    points = len(draws[0])
    of, redrawn = Study(sparsity, 0, batch_size), every[points:]
    record = StudyRecord(of, GOAL, every[:points], 400, 2, None, 0.5)
    return dataclasses.replace(record, draws=len(draws), redrawn=redrawn)


def stored(folder, *records):
    with opened(folder) as store:
        for record in records:
            store.add_study(StudyOutcome((record,)))
    return folder


def both(one):
    return [
        drawn(sparsity, size, one(draws))
        for sparsity, of in ((0.0, DENSE), (90.0, SPARSE))
        for size, draws in of.items()
    ]


def test_points_of_several_draws_are_steps_at_the_best_rate_and_a_note_says_so(tmp_path):
    studies = both(lambda draws: draws)
    records = read_records(stored(tmp_path / "run", *studies))
    found = {(curve.sparsity, point.batch_size): point for curve in records.curves for point in curve.points}
    for study in studies:
        point, best = found[study.study.sparsity, study.study.batch_size], study.best_rate
        assert (point.lower, point.upper, point.interval) == (best.steps, best.steps, (best.low, best.high))
        assert point.least == study.winner.step
    assert [(curve.draws, curve.quantity) for curve in records.curves] == [(3, "K_rate")] * 2
    assert records.notes[0].startswith("steps are K_rate, the median over 3 draws at the best rate")


def test_the_minimum_is_read_where_it_is_asked_for_or_one_study_has_one_draw(tmp_path):
    studies = both(lambda draws: draws)
    folder = stored(tmp_path / "run", *studies)
    least = read_records(folder, minimum=True)
    assert [[point.upper for point in curve.points] for curve in least.curves] == [[40.0, 24.0], [90.0, 60.0]]
    assert (least.notes, least.curves[0].quantity) == ((), "K*")
    mixed = read_records(stored(tmp_path / "mixed", *studies[:-1], drawn(90.0, 32, SPARSE[32][:1])))
    assert [curve.points for curve in mixed.curves] == [curve.points for curve in least.curves]
    assert mixed.notes == ("steps are K*: K_rate, from several draws of each point, is not known for 1 of 4 studies",)
    assert not read_records(tmp_path / "mixed", minimum=True).notes


@pytest.mark.parametrize(
    ("draws", "rates", "interval"),
    [
        (([40, None], [None, None], [None, None]), ("learning_rate",), (400.0, None)),
        (([2, 2], [2, 2], [2, None]), ("learning_rate",), (0.0, 2.0)),
        (([40, 60], [44, 52], [80, 64]), ("width",), (38.0, 40.0)),
    ],
    ids=["no point is decided", "all at the first test", "points without a rate are of K*"],
)
def test_what_draws_leave_open_is_a_bound(tmp_path, draws, rates, interval):
    (curve,) = read_records(stored(tmp_path / "run", drawn(90.0, 16, draws, rates))).curves
    assert (curve.points[0].lower, curve.points[0].upper) == interval
    assert curve.points[0].interval is None


def test_winners_drawn_again_are_told_and_not_judged(tmp_path):
    study = drawn(90.0, 16, SPARSE[16][:1])
    again = [
        RepeatRecord(study.study, GOAL, "draw", n, dataclasses.replace(study.winner, step=180, draw=n))
        for n in (1, 2, 3)
    ]
    with opened(tmp_path / "run") as store:
        store.add_study(StudyOutcome((study,)))
        store.add_repeats(again)
    records = read_records(tmp_path / "run")
    (curve,) = records.curves
    assert (curve.quantity, curve.points[0].upper) == ("K*", 90.0)
    times = dataclasses.replace(study, repeats=tuple(again)).best_rate.steps / 90.0
    assert records.notes[0].startswith(
        f"drawn again, winners take {times:.2f} times K* in the median, over 1 of the studies; that"
    )


def test_a_report_tells_both_ratios_and_keeps_only_what_figures_show(tmp_path, capsys):
    folder = stored(tmp_path / "run", *both(lambda draws: draws))
    assert main([str(folder), "--draws", "0"]) == 0
    told = capsys.readouterr().out
    assert "Sparsity 90%: mean ratio over 2 studies" in told
    assert "in K_rate, 2.37 in K*." in told  # the mean of 90/40 and 60/24, geometric
    assert main([str(folder), "--draws", "0", "--minimum"]) == 0
    assert "K_rate" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([str(folder), "--minimum", "--save"])
    assert "with --minimum use --json FILE" in capsys.readouterr().err
