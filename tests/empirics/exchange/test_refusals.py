"""What `empirics.exchange` refuses, what an interruption leaves, and what is never written over."""

import signal
import subprocess
import sys

import pytest
from samples.foreign_studies import run

from empirics.records import Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.stopping import StopRule
from empirics.store.store import Store, open_store


def test_nothing_is_written_over(raced, tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/thesis.tex").write_text("x")
    (tmp_path / "taken.csv").write_text("x")
    for words in (
        ("export", raced, "--format", "batch-science", "--to", tmp_path / "taken"),
        ("export", raced, "--to", tmp_path / "taken.csv"),
        ("export", raced, "--format", "csv", "--to", tmp_path / "taken"),
        ("import", tmp_path / "taken.csv", "--to", tmp_path / "taken"),
        ("import", tmp_path / "taken", "--format", "batch-science", "--to", tmp_path / "taken.csv"),
    ):
        assert run(*words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("name another --to")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.tex"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken", "taken.csv"]


@pytest.mark.parametrize("action", ["export", "import"])
def test_an_interruption_leaves_nothing(action, raced, tmp_path, monkeypatch, capsys):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    capsys.readouterr()
    calls = []

    def interrupted(self, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    name = "traces" if action == "export" else "add_study"
    original = getattr(Store, name)
    monkeypatch.setattr(Store, name, interrupted)
    assert run(action, {"export": raced, "import": tmp_path / "tree"}[action], "--to", tmp_path / "out") == 130
    assert capsys.readouterr().err == "error: interrupted; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


KILLED = """
    import os, signal, sys
    from empirics.exchange.__main__ import main
    from empirics.store.store import Store
    original = Store.add_study
    def killed(self, outcome):
        original(self, outcome)
        os.kill(os.getpid(), signal.SIGKILL)
    Store.add_study = killed
    main(["import", sys.argv[1], "--to", sys.argv[2]])
"""


def test_a_killed_import_leaves_no_run_in_its_place(raced, tmp_path):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    words = [sys.executable, "-c", "\n".join(line[4:] for line in KILLED.splitlines())]
    done = subprocess.run([*words, str(tmp_path / "tree"), str(tmp_path / "out")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert run("import", tmp_path / "tree", "--to", tmp_path / "out") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the following arguments are required: export|import"),
        (("export", "x"), "the following arguments are required: --to"),
        (("export", "absent", "--to", "y"), "absent holds no study.sqlite; name a run folder"),
        (("export", "absent", "--to", "y.csv"), "absent holds no study.sqlite; name a run folder"),
        (("import", "absent", "--to", "y"), "absent is no folder; name one with study.json files at or below it"),
        (("import", "absent.csv", "--format", "csv", "--to", "y"), "absent.csv: no such file or folder"),
        (("import", "x", "--to", "y", "--goal-error", "nan"), "--goal-error nan: must be a finite number"),
        (("import", "x", "--to", "y", "--max-steps", "0"), "--max-steps 0: must be an integer in 1..4294967295"),
        (("import", "x", "--to", "y", "--format", "pickle"), "invalid choice: 'pickle'"),
    ],
)
def test_wrong_words_end_in_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_trials_that_differ_from_goal_to_goal_need_a_table(tmp_path, capsys):
    study = Study(0.0, 0, 16)
    records = tuple(
        StudyRecord(study, goal, (TrialRecord(0, {"learning_rate": goal}, "complete", 2),), 10, 2, None, 0.0)
        for goal in (0.2, 0.1)
    )
    with open_store(tmp_path / "run", {"workload": "a/b/c", "goal_error": [0.2, 0.1], "stop": "race"}) as store:
        store.add_study(StudyOutcome(records))
    assert run("export", tmp_path / "run", "--to", tmp_path / "tree") == 2
    assert "its trials differ from goal to goal; use --format csv" in capsys.readouterr().err
    assert run("export", tmp_path / "run", "--to", tmp_path / "trials.csv") == 0


def test_a_metaparameter_named_like_a_column_is_refused(tmp_path, capsys):
    trial = TrialRecord(0, {"lower": 0.1}, "complete", 2)
    with open_store(tmp_path / "run", {"workload": "a/b/c", "goal_error": [0.1], "stop": "race"}) as store:
        store.add_study(StudyOutcome((StudyRecord(Study(0.0, 0, 16), 0.1, (trial,), 10, 2, None, 0.0, StopRule()),)))
    assert run("export", tmp_path / "run", "--to", tmp_path / "trials.csv") == 2
    assert "its metaparameter lower has the name of a column" in capsys.readouterr().err
