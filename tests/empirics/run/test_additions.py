"""A run folder measured further: what is there already is neither measured nor changed again."""

import contextlib
import json
import shutil
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from samples.measured_runs import MEASUREMENT, QUICK, run
from tools.checkout import ROOT
from tools.commands import assert_one_line, rows

from empirics.store.schema import SCHEMA_VERSION
from empirics.store.shrink import shrink
from empirics.store.store import read_store
from empirics.training import following
from empirics.training import race as engine
from empirics.training.laboratory import Laboratory
from empirics.workloads.catalogue import WORKLOADS
from empirics.workloads.find import find_workload
from empirics.workloads.goal_label import GoalCount


@contextlib.contextmanager
def measured_units(monkeypatch):
    """Note which units the engine is asked for."""
    asked = []
    real_study, real_constants = engine.measure_study, following.measure_constants

    def measure_study(laboratory, study, masks, *rest):
        asked.append(("study", study.sparsity, study.replicate, study.batch_size, len(masks)))
        return real_study(laboratory, study, masks, *rest)

    def measure_constants(laboratory, run, mask, report):
        asked.append(("constants", run.sparsity, run.replicate, run.batch_size))
        return real_constants(laboratory, run, mask, report)

    monkeypatch.setattr(engine, "measure_study", measure_study)
    monkeypatch.setattr(following, "measure_constants", measure_constants)
    yield asked


def test_a_second_run_measures_nothing_again(copied, monkeypatch):
    before = {name: (copied / name).read_bytes() for name in ("curves.csv", "constants.csv")}
    with measured_units(monkeypatch) as asked:
        assert run(*QUICK, "--examples", "50", "--out", copied) == 0
    assert asked == []
    assert {name: (copied / name).read_bytes() for name in before} == before
    assert len(json.loads((copied / "provenance.json").read_text())["sessions"]) == 2


@dataclass(frozen=True)
class Addition:
    name: str
    words: tuple[str, ...]
    measured: list[tuple]


ADDITIONS = [
    Addition("a batch size", ("--batch-sizes", "128", "64"), [("study", 0.0, 0, 64, 3)]),
    Addition("a sparsity", ("--sparsity", "0", "50"), [("study", 50.0, 0, 128, 3), ("constants", 50.0, 0, 128)]),
    Addition("a replicate", ("--replicates", "2"), [("study", 0.0, 1, 128, 3), ("constants", 0.0, 1, 128)]),
    Addition("another sparsity alone", ("--sparsity", "50"), [("study", 50.0, 0, 128, 3), ("constants", 50.0, 0, 128)]),
]


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.name)
def test_only_what_is_added_is_measured(addition, copied, monkeypatch):
    (old,) = rows(copied / "curves.csv")
    with measured_units(monkeypatch) as asked:
        assert run(*QUICK, "--examples", "50", *addition.words, "--out", copied) == 0
    assert asked == addition.measured
    found = rows(copied / "curves.csv")
    assert len(found) == 2
    assert old in found


def test_only_masks_that_are_missing_are_made(copied, monkeypatch):
    made, real = [], Laboratory.mask_records

    def mask_records(laboratory, replicate, trial, sparsities, draw):
        made.append((replicate, trial, sparsities))
        return real(laboratory, replicate, trial, sparsities, draw)

    monkeypatch.setattr(Laboratory, "mask_records", mask_records)
    assert run(*QUICK, "--batch-sizes", "64", "--no-constants", "--out", copied) == 0
    assert made == []
    assert run(*QUICK, "--sparsity", "0", "50", "--no-constants", "--out", copied) == 0
    assert made == [(0, trial, (50.0,)) for trial in range(3)]


def test_every_study_is_given_the_masks_of_its_own_replicate(tmp_path, monkeypatch):
    given, real = {}, engine.measure_study

    def measure_study(laboratory, study, masks, *rest):
        given.update({(study.replicate, trial, study.sparsity): mask for trial, mask in enumerate(masks)})
        return real(laboratory, study, masks, *rest)

    monkeypatch.setattr(engine, "measure_study", measure_study)
    words = ("--sparsity", "50", "90", "--replicates", "2", "--trials", "2", "--no-constants", "--max-steps", "2")
    assert run(*QUICK, *words, "--out", tmp_path / "run") == 0
    with read_store(tmp_path / "run") as store:
        stored = {(replicate, trial, s): bits for (replicate, trial, _, s), bits in store.masks().items()}
    assert {key: np.packbits(mask).tobytes() for key, mask in given.items()} == stored
    assert len(set(stored.values())) == len(stored) == 8


def test_added_trials_extend_every_study_as_if_asked_for_at_once(copied, tmp_path, monkeypatch):
    words = (*QUICK, "--trials", "5", "--examples", "50")
    with measured_units(monkeypatch) as asked:
        assert run(*words, "--out", copied) == 0
        assert ("study", 0.0, 0, 128, 5) in asked
        assert run(*words, "--out", tmp_path / "fresh") == 0
    for name in ("curves.csv", "constants.csv"):
        assert (copied / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_added_trials_leave_no_constants_of_an_old_winner(copied):
    with read_store(copied) as store:
        (old,) = store.constants()
    assert run(*QUICK, "--trials", "7", "--no-constants", "--out", copied) == 0
    with read_store(copied) as store:
        (record,) = store.studies().values()
        found = store.constants()
    assert (record.winner.trial, record.winner.step) != (old.trial, old.goal_step), "the winner must change"
    assert all(known.trial == record.winner.trial for known in found)


def test_asking_again_for_a_part_measures_nothing_again(undisturbed, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "copy"))
    before = (folder / "constants.csv").read_bytes()
    with measured_units(monkeypatch) as asked:
        assert run(*MEASUREMENT, "--batch-sizes", "8", "--out", folder) == 0
    assert asked == []
    assert (folder / "constants.csv").read_bytes() == before


def test_constants_of_all_sparsities_are_measured_at_one_batch_size(quick, tmp_path):
    folder = Path(shutil.copytree(quick, tmp_path / "copy"))
    rest = ("--examples", "20", "--every", "50", "--out", folder)
    assert run(*QUICK, "--batch-sizes", "32", "128", *rest) == 0
    assert run(*QUICK, "--sparsity", "50", "--batch-sizes", "32", *rest) == 0
    with read_store(folder) as store:
        found = {(known.study.sparsity, known.study.batch_size) for known in store.constants()}
    assert found == {(0.0, 32), (50.0, 32)}


def test_a_table_of_points_may_grow_below_and_never_change_above(tmp_path, capsys):
    table, words = tmp_path / "points.csv", (*QUICK[:-4], "--goal-error", "0.5", "--max-steps", "200", "--no-constants")
    words = tuple(word for word in words if word not in {"--trials", "3"})
    table.write_text("learning_rate\n0.5\n0.2\n")
    assert run(*words, "--points", table, "--out", tmp_path / "run") == 0
    table.write_text("learning_rate\n0.5\n0.2\n0.3\n")
    assert run(*words, "--points", table, "--out", tmp_path / "run") == 0
    (row,) = rows(tmp_path / "run" / "curves.csv")
    assert row["trials"] == "3"
    table.write_text("learning_rate\n0.5\n0.25\n0.3\n")
    capsys.readouterr()
    assert run(*words, "--points", table, "--out", tmp_path / "run") == 2
    assert_one_line(capsys, "was measured with another point 2 than --points holds; points can be added below")
    assert run(*words, "--trials", "3", "--out", tmp_path / "run") == 2
    assert_one_line(capsys, 'was measured with points = "table", this asks for null')


def test_every_batch_size_may_have_points_of_its_own(tmp_path, capsys):
    table, words = tmp_path / "points.csv", (*QUICK[:-4], "--goal-error", "0.5", "--max-steps", "200", "--no-constants")
    words = (*(word for word in words if word not in {"--trials", "3"}), "--points", table, "--out", tmp_path / "run")
    text = "sparsity,batch_size,learning_rate\n0,32,0.5\n0,32,0.2\n0,64,0.7\n0,64,0.3\n"
    table.write_text(text)
    assert run(*words, "--sparsity", "0", "--batch-sizes", "32", "64") == 0
    table.write_text("sparsity,batch_size,learning_rate\n90,64,0.9\n90,64,0.8\n")
    assert run(*words, "--sparsity", "90", "--batch-sizes", "64") == 0
    with read_store(tmp_path / "run") as store:
        rates = {
            (study.sparsity, study.batch_size): [trial.metaparameters["learning_rate"] for trial in record.trials]
            for study, record in store.studies().items()
        }
    assert rates == {(0.0, 32): [0.5, 0.2], (0.0, 64): [0.7, 0.3], (90.0, 64): [0.9, 0.8]}
    for changed, told in (
        (text.replace("0,64,0.3", "0,64,0.25"), "was measured with another point 2"),
        (
            text.replace("0,64,0.3\n", ""),
            "its points are 1 of sparsity 0, batch size 64 and 2 of sparsity 0",
        ),
        (text.replace(",64,", ",16,"), "holds no point of sparsity 0, batch_size 64"),
    ):
        table.write_text(changed)
        capsys.readouterr()
        assert run(*words, "--sparsity", "0", "--batch-sizes", "32", "64") == 2
        assert_one_line(capsys, told)


def nudge_points(folder, factor):
    """Multiply the learning rates of a store's points; return them."""
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection, connection:
        found = connection.execute("SELECT point, metaparameters FROM points ORDER BY point").fetchall()
        rates = [factor * json.loads(text)["learning_rate"] for _, text in found]
        for (row, _), rate in zip(found, rates, strict=True):
            text = json.dumps({"learning_rate": rate})
            connection.execute("UPDATE points SET metaparameters = ? WHERE point = ?", (text, row))
    return rates


def test_a_folder_whose_points_were_rounded_otherwise_goes_on_with_its_own(copied):
    words = (*QUICK, "--no-constants", "--batch-sizes", "64", "128")
    rates = nudge_points(copied, 1 + 2.0**-51)
    assert run(*words, "--out", copied) == 0
    assert run(*words, "--trials", "4", "--out", copied) == 0
    with read_store(copied) as store:
        for record in store.studies().values():
            *old, new = [trial.metaparameters["learning_rate"] for trial in record.trials]
            assert old == rates
            assert new == find_workload("digits").search_space[0].value(0.375)


def test_a_folder_whose_points_are_others_by_more_than_rounding_is_refused(copied, capsys):
    nudge_points(copied, 1 + 1e-6)
    assert run(*QUICK, "--batch-sizes", "64", "--out", copied) == 2
    assert_one_line(capsys, "was measured with another point 1 than its search has; an earlier version")


def test_a_run_with_other_points_than_its_search_has_is_refused(copied, capsys, monkeypatch):
    def zeros(space, trials, _numbers):
        return tuple({axis.name: axis.low for axis in space} for _ in range(trials))

    monkeypatch.setattr("empirics.specification.specification.search_points", zeros)
    assert run(*QUICK, "--out", copied) == 2
    assert_one_line(capsys, "was measured with another point 1 than its search has; an earlier version")


@pytest.mark.parametrize(("most", "code"), [(0, 2), (53, 0)])
def test_a_goal_met_at_more_errors_than_meet_it_now_is_not_gone_on_with(most, code, copied, capsys, monkeypatch):
    counts = (GoalCount(0.3, 179, most),)  # 0.3 x 179 = 53.7
    monkeypatch.setitem(WORKLOADS, "digits/small-cnn/sgd", replace(find_workload("digits"), goal_counts=counts))
    assert run(*QUICK, "--no-constants", "--out", copied) == code
    if code:
        assert_one_line(capsys, "errors met the goal 0.3; now 0 do: use another --out")


def test_memory_that_is_exhausted_is_one_line(tmp_path, capsys, monkeypatch):
    def none_left(*_):
        raise MemoryError

    monkeypatch.setattr("empirics.search.sobol.np.outer", none_left)
    assert run(*QUICK, "--out", tmp_path / "run") == 2
    assert_one_line(capsys, "error: memory is exhausted; use fewer --trials or --jobs; finished work is kept")


def records_of(folder):
    with read_store(folder) as store:
        return store.outcomes()


def test_repeats_of_a_winner_are_kept_beside_its_study_and_not_trained_again(copied, monkeypatch):
    (old,) = rows(copied / "curves.csv")
    words = (*QUICK, "--examples", "50", "--jitter", "2", "--out", copied)
    assert run(*words, "--rerun-winner", "3") == 0
    (record,), (row,) = records_of(copied), rows(copied / "curves.csv")
    assert [(one.kind, one.number) for one in record.repeats] == [*(("draw", n) for n in (1, 2, 3)), *JITTERED]
    assert {one.trial.trial for one in record.repeats} == {record.winner.trial}
    assert row == {**old, **{name: row[name] for name in ("draws", *BY_DRAWS, "rounding_spread")}}
    assert (row["draws"], row["redrawn"], row["reached_share"]) == ("3", "winner", "1")
    assert float(row["steps_at_best_rate_low"]) < float(row["steps_at_best_rate"])
    assert float(row["rounding_spread"]) < float(row["log_spread"])
    monkeypatch.delattr(engine, "repeat_winner")  # what is there is not trained again
    assert run(*words, "--rerun-winner", "1") == 0
    assert records_of(copied) == [record]


JITTERED = [("jitter", 1), ("jitter", 2)]
BY_DRAWS = (
    *("redrawn", "steps_at_best_rate", "steps_at_best_rate_low", "steps_at_best_rate_high"),
    *("reached_share", "log_spread"),
)


def test_only_winners_that_are_asked_for_are_trained_again(copied):
    assert run(*QUICK, "--batch-sizes", "64", "--rerun-winner", "1", "--no-constants", "--out", copied) == 0
    assert {record.study.batch_size: len(record.repeats) for record in records_of(copied)} == {64: 1, 128: 0}


def test_a_winner_of_two_goals_is_trained_once_more_for_both(tmp_path, monkeypatch):
    asked, real = [], engine.repeat_winner

    def repeat_winner(laboratory, study, winner, *rest):
        asked.append(winner.trial)
        return real(laboratory, study, winner, *rest)

    monkeypatch.setattr(engine, "repeat_winner", repeat_winner)
    words = ("--batch-sizes", "256", "--trials", "5", "--goal-error", "0.2", "0.3", "0.5")
    words = (*words, "--rerun-winner", "1", "--no-constants")
    assert run(*QUICK, *words, "--out", tmp_path / "run") == 0
    winners = {record.goal: record.winner.trial for record in records_of(tmp_path / "run")}
    assert winners[0.2] == winners[0.5] != winners[0.3], "two goals must have one winner, the third another"
    assert sorted(asked) == sorted(set(winners.values()))
    for record in records_of(tmp_path / "run"):
        assert [(one.goal, one.trial.trial) for one in record.repeats] == [(record.goal, record.winner.trial)]


def test_added_draws_leave_the_steps_to_result_and_end_as_if_asked_for_at_once(copied, tmp_path, monkeypatch):
    (old,), words = rows(copied / "curves.csv"), (*QUICK, "--draws", "3", "--no-constants")
    made, real = [], Laboratory.mask_records

    def mask_records(laboratory, replicate, trial, sparsities, draw):
        made.append((trial, draw))
        return real(laboratory, replicate, trial, sparsities, draw)

    monkeypatch.setattr(Laboratory, "mask_records", mask_records)
    assert run(*words, "--out", copied) == 0
    assert made == [(trial, draw) for draw in (1, 2) for trial in range(3)]
    assert run(*words, "--out", tmp_path / "fresh") == 0
    assert (copied / "curves.csv").read_bytes() == (tmp_path / "fresh" / "curves.csv").read_bytes()
    (row,) = rows(copied / "curves.csv")
    changed = {"draws", *BY_DRAWS, "complete", "incomplete", "infeasible", "censored"}
    assert {name: row[name] for name in row.keys() - changed} == {name: old[name] for name in old.keys() - changed}
    assert row["draws"] == "3"
    assert float(row["reached_share"]) > 0.5
    (record,) = records_of(copied)
    reached = [one for one in (*record.trials, *record.redrawn) if one.ending == "complete"]
    assert max(one.step for one in reached) == record.stopping_step


def test_draws_are_not_taken_away(copied, capsys):
    assert run(*QUICK, "--draws", "3", "--no-constants", "--out", copied) == 0
    capsys.readouterr()
    assert run(*QUICK, "--no-constants", "--out", copied) == 2
    assert_one_line(capsys, "holds studies of 3 draws, this asks for 1; draws can be added but not taken away: use --")


def test_a_run_of_an_earlier_version_is_read_and_gone_on_with(tmp_path):
    """A run of two studies by a version without draws."""
    folder = Path(shutil.copytree(ROOT / "tests/data/run-of-version-3", tmp_path / "run"))
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection, connection:
        (version,) = connection.execute("SELECT schema_version FROM run").fetchone()
        connection.execute("DELETE FROM studies WHERE sparsity = 0 AND batch_size = 256")
        connection.execute("DELETE FROM trials WHERE sparsity = 0 AND batch_size = 256")
    assert version < SCHEMA_VERSION
    before = (folder / "study.sqlite").read_bytes()
    old = records_of(folder)
    assert (folder / "study.sqlite").read_bytes() == before
    assert {trial.ending for record in old for trial in record.trials} == {"complete", "incomplete"}  # other words then
    words = ("--sparsity", "0", "--batch-sizes", "128", "256", "--engine", "torch", "--no-constants")
    assert run(*words, "--out", folder) == 0
    new = records_of(folder)
    assert [record for record in new if record in old] == old
    (added,) = (record for record in new if record not in old)
    assert str(added.study) == "S=0 B=256"
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        assert connection.execute("SELECT schema_version FROM run").fetchone() == (SCHEMA_VERSION,)


def test_a_run_without_its_masks_is_gone_on_with_as_if_it_had_them(copied):
    """Constants of the same winners, and a study more: pruning finds the masks that were dropped."""
    further = (*QUICK, "--examples", "60", "--replicates", "2")
    whole = Path(shutil.copytree(copied, copied.with_name("whole")))
    shrink(copied)
    with read_store(copied) as store:
        assert store.masks() == {}
    for folder in (copied, whole):
        assert run(*further, "--out", folder) == 0
    assert (copied / "constants.csv").read_bytes() == (whole / "constants.csv").read_bytes()
    assert (copied / "curves.csv").read_bytes() == (whole / "curves.csv").read_bytes()


def test_constants_of_all_sparsities_are_measured_where_masks_were_dropped(tmp_path):
    words, folder = (*QUICK, "--trials", "1", "--max-steps", "100"), tmp_path / "run"
    assert run(*words, "--sparsity", "0", "50", "--replicates", "2", "--no-constants", "--out", folder) == 0
    shrink(folder)
    assert run(*words, "--examples", "50", "--steps", "0", "--flow-gradients", "0", "--out", folder) == 0
    with read_store(folder) as store:
        found = {(one.study.sparsity, one.study.replicate) for one in store.followed()}
    assert found == {(0.0, 0), (0.0, 1), (50.0, 0), (50.0, 1)}
