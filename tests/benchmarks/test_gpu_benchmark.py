"""Every stage of the command for a GPU, with tiny sizes: on the CPU, and most of them on a pretend GPU."""

import itertools
import json

import pytest
import torch
from tools.pretend_gpu import PretendGpu

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import paper
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.estimate import BATCH_SIZES, DESIGNS, LAWS, STEP, minutes, steps_of, study_seconds
from empirics.executors import checked_gpu
from empirics.records import Study, StudyRecord, TrialRecord


@pytest.fixture(autouse=True)
def _as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    torch.use_deterministic_algorithms(False)


def run(tmp_path, *words):
    """Run the command quickly; return its code and what it wrote."""
    path = tmp_path / "found.json"
    code = command.main(["--quick", "--out", str(tmp_path / "run"), "--json", str(path), *words])
    return code, json.loads(path.read_text())


@pytest.mark.slow
def test_every_stage_runs_on_a_cpu_and_every_check_holds(tmp_path, capsys):
    code, found = run(tmp_path, "--device", "cpu")
    assert code == 0
    assert all(check["held"] for check in found["checks"])
    printed = capsys.readouterr().out
    assert all(f"==    {name}\n" in printed for name in (*command.RIGHT, *command.FAST))
    assert "checks hold\n" in printed
    assert {"matrix product, TFLOP/s, float32", "memory, GB/s", "images a trial of 2"} <= found["facts"].keys()
    assert "S=90 B=16: steps to result, seconds" in found["facts"]
    assert not checked_gpu._record().exists()


def test_the_checks_hold_on_a_pretend_gpu_where_steps_are_captured_and_memory_ends(tmp_path):
    with PretendGpu() as gpu:
        stages = [name for name in (*command.RIGHT, *command.FAST) if name != "paper"]  # whose command is not in here
        code, found = run(tmp_path, "--only", *stages)
        assert code == 0
        assert gpu.counts["graph launch"] > 0
        assert not checked_gpu.passed(), "a quick run proves nothing"
    names = {check["name"]: check for check in found["checks"]}
    assert names["memory did end"]["detail"] != "0 halvings"


def stages(monkeypatch, **found):
    """Let the stages of right answers find what is written down."""
    for name in command.RIGHT:
        monkeypatch.setitem(command.RIGHT, name, lambda bench, name=name: bench.check(name, held=found.get(name, True)))


@pytest.mark.parametrize(
    ("found", "words", "passes"),
    [
        ({}, (), True),
        ({"graphs": False}, (), False),
        ({}, ("--only", "gradients", "graphs"), False),
        ({}, ("--budget", "1"), False),
    ],
)
def test_a_record_is_left_once_every_answer_was_right(found, words, passes, monkeypatch, capsys):
    stages(monkeypatch, **found)
    only = () if words[:1] == ("--only",) else ("--only", *command.RIGHT)
    with PretendGpu():
        assert command.main([*only, *words]) == (0 if all(found.values()) else 1)
        assert checked_gpu.passed() == passes
    assert ("takes this GPU" in capsys.readouterr().out) == passes


def test_a_check_that_fails_takes_the_record_away(monkeypatch):
    stages(monkeypatch, digits=False)
    with PretendGpu():
        checked_gpu.remember()
        assert command.main(["--only", *command.RIGHT]) == 1
        assert not checked_gpu.passed()


def test_a_stage_that_raises_has_failed_and_the_next_one_runs(monkeypatch, capsys):
    stages(monkeypatch)
    monkeypatch.setitem(command.RIGHT, "graphs", lambda _: 1 / 0)
    assert command.main(["--quick", "--device", "cpu", "--only", "graphs", "memory"]) == 1
    assert "not stage graphs" in capsys.readouterr().out


def test_an_interruption_keeps_what_was_found(tmp_path, monkeypatch, capsys):
    def interrupted(bench):
        bench.check("first", held=True)
        raise KeyboardInterrupt

    monkeypatch.setitem(command.RIGHT, "gradients", interrupted)
    _, found = run(tmp_path, "--device", "cpu")
    assert [check["name"] for check in found["checks"]] == ["first"]
    assert "paper: no time left" in capsys.readouterr().out


def test_a_cache_that_cannot_be_written_to_is_told_of(tmp_path, monkeypatch, capsys):
    stages(monkeypatch)
    (tmp_path / "cache").write_text("a file, no folder")
    with PretendGpu():
        assert command.main(["--only", *command.RIGHT]) == 0
        assert not checked_gpu.passed()
    assert "no record is left, the cache cannot be written to" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--quick", "--json", "nowhere/found.json"), "--json nowhere/found.json: its folder does not exist"),
        ((), "there is no GPU here; --quick goes through the stages on a CPU"),
        (("--device", "cuda"), "--device cuda: this machine has no usable CUDA device"),
        (("--only", "speed"), "invalid choice: 'speed'"),
    ],
)
def test_what_cannot_be_run_is_one_line(words, told, capsys):
    with pytest.raises(SystemExit) as left:
        command.main([*words])
    assert left.value.code == 2
    assert told in capsys.readouterr().err


@pytest.fixture
def bench(tmp_path):
    return Bench(torch.device("cpu"), quick=True, deadline=float("inf"), out=tmp_path / "run")


def record(size, steps, seconds):
    """Return a dense study's record."""
    trial = TrialRecord(0, {"learning_rate": 0.1}, "complete", steps)
    return StudyRecord(Study(0.0, 0, size), 0.02, (trial,), 40_000, 16, None, seconds)


def test_studies_that_are_missing_are_extrapolated_from_timed_parts(bench):
    bench.step_seconds, bench.test_seconds = {2: 0.001, 16: 0.002}, 0.016
    found = {Study(0.0, 0, 16): record(16, 1000, 2.0)}
    paper._extrapolate(bench, found)
    assert bench.facts["seconds of studies, as timed in parts over as measured"] == pytest.approx(1000 * 0.003 / 2.0)
    assert bench.facts["workload, minutes, 1 of 56 studies measured"] == pytest.approx(2 / 60)
    rest = sum(steps_of(s, 2) * 0.002 + steps_of(s, 16) * 0.003 for s in LAWS) - steps_of(0.0, 16) * 0.003
    assert bench.facts["workload, minutes, 7 studies EXTRAPOLATED from expected steps"] == pytest.approx(rest / 60)


def test_the_batch_sizes_that_take_least_come_first_and_none_that_is_done(bench, monkeypatch):
    bench.quick, found = False, {}
    monkeypatch.setattr(paper, "_studies", lambda _: found)
    commands = list(paper._batch_sizes(bench))
    assert commands[0] == [8, 16, 32, 64, 128]
    assert all(set(one) < set(other) for one, other in itertools.pairwise(commands))
    assert commands[-1] == list(BATCH_SIZES)
    found.update({Study(sparsity, 0, size): None for sparsity in LAWS for size in commands[1]})
    assert list(paper._batch_sizes(bench)) == commands[2:]


@pytest.mark.parametrize(("code", "held"), [(0, None), (130, None), (2, None), (1, False)])
def test_a_workload_that_is_cut_or_refused_is_no_wrong_answer(code, held, bench, monkeypatch):
    monkeypatch.setattr(paper, "_measure", lambda *_: code)
    paper.paper(bench)
    assert [one.held for one in bench.checks] == ([] if held is None else [held])


def test_a_command_is_interrupted_when_the_time_is_over(bench, monkeypatch):
    monkeypatch.setattr(Bench, "left", 0.0)
    assert paper._measure(bench, ["--out", str(bench.out)]) in paper._INTERRUPTED


def test_the_estimate_by_hand():
    # At B = 16384 a hundred trials take 100 x 16384 x 21.56e6 operations a step, at half of 67 TFLOP/s 1.07 s.
    after = DESIGNS[1]
    assert steps_of(90.0, 16) == 74_800 / 16 + 348
    step = 100 * 16_384 * STEP / 33e12
    tests = 100 * max(766 * 7.5e6 / 33e12, 240e-6)
    assert study_seconds(320, 16_384, after) == pytest.approx(320 * step + 20 * tests)
    assert minutes(after) == pytest.approx(sum(minutes(after, [size]) for size in BATCH_SIZES))
    share = sum(steps_of(s, b) * b for s in LAWS for b in BATCH_SIZES if b >= 1024)
    assert share / sum(steps_of(s, b) * b for s in LAWS for b in BATCH_SIZES) > 0.94
    assert [round(minutes(one)) for one in DESIGNS] == sorted((round(minutes(one)) for one in DESIGNS), reverse=True)
