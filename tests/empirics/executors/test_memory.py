import dataclasses
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tools.commands import code_of

from empirics.errors import InputError
from empirics.executors.memory import check_weights, expected_bytes, expected_gpu_bytes, jobs_within, peak_bytes
from empirics.executors.resources import Resources
from empirics.kernels.kernel import Unavailable, load
from empirics.measure import main
from empirics.networks.build import build_network
from empirics.run.running import prepare
from empirics.specification.request import Request
from empirics.specification.specification import resolve

needs_kernel = pytest.mark.skipif(isinstance(load(), Unavailable), reason="the sparse kernel is not compiled here")


@pytest.fixture(scope="module")
def case(digits):
    specification, _ = resolve(Request(trials=20, batch_sizes=(16, 64), engine="torch"), cuda_available=False)
    return specification, digits, build_network("small-cnn", (1, 8, 8))


@dataclass(frozen=True)
class Limit:
    """Memory in units of what one process is expected to take, processes wanted, and those allowed."""

    processes: float | None
    wanted: int
    allowed: int


LIMITS = [
    Limit(None, 7, 7),
    Limit(1.0, 1, 1),
    Limit(1.0, 4, 1),
    Limit(2.9, 4, 1),  # two would leave nothing for the process that writes
    Limit(3.1, 4, 2),
    Limit(100.0, 4, 4),
]


@pytest.mark.parametrize("limit", LIMITS, ids=str)
def test_a_limit_lowers_the_processes_at_once(limit, case):
    each = expected_bytes(*case) / 1e9
    allowed = jobs_within(limit.processes and limit.processes * each, limit.wanted, *case)
    assert allowed == limit.allowed


def test_what_does_not_fit_is_refused_with_what_would(case):
    # A trial of 6090 weights takes 4 x 6 x 6090 bytes by torch, so 1.2 MB less holds eight trials fewer and a bit.
    limit = (expected_bytes(*case) - 1.2e6) / 1e9
    with pytest.raises(InputError, match=r"20 trials needs about 0\.\d\d GB; use --trials 11 or a limit of at least"):
        jobs_within(limit, 2, *case)
    with pytest.raises(InputError, match=r"needs about 0\.\d\d GB; use a limit of at least 0\.\d\d$"):
        jobs_within(0.01, 2, *case)


def test_trials_whose_weights_no_machine_like_this_holds_are_refused(case):
    specification, _, network = case
    each = 4 * 6 * 6090  # float32, six copies
    check_weights(20 * each, specification, network)
    with pytest.raises(InputError, match=r"^--trials 20: .* than this machine's 0\.0 GB; use --trials 19 or fewer$"):
        check_weights(20 * each - 1, specification, network)
    machine = Resources(cores=1, gpus=0, memory=20 * each - 1)
    with pytest.raises(InputError, match="use --trials 19 or fewer"):
        prepare(Request(trials=20, engine="torch"), None, None, machine)
    assert prepare(Request(trials=20), None, None, Resources(cores=1, gpus=0)).jobs == 1


def test_on_a_gpu_its_own_memory_holds_weights_and_passes(digits):
    # 16 trials of B = 64 are one pass in single precision, the training set one of a trial alone in double precision.
    request = Request(device="cuda", trials=16, batch_sizes=(2, 64), constants=False)
    specification, network = resolve(request, cuda_available=True)[0], build_network("small-cnn", (1, 8, 8))
    weights, images = 16 * 4 * 6 * 6090, digits.images.nbytes
    found = expected_gpu_bytes(specification, digits, network)
    assert found == images + weights + 6 * 4 * network.activations * 16 * 64
    with_constants = dataclasses.replace(specification, constants=True)
    more = images + weights + 2 * 8 * network.activations * digits.training_examples
    assert expected_gpu_bytes(with_constants, digits, network) == more
    machine = Resources(cores=1, gpus=1, memory=0.0, gpu_memory=weights - 1.0)
    with pytest.raises(InputError, match=r"more than its GPU's 0\.0 GB; use --trials 15 or fewer"):
        prepare(request, None, None, machine)
    with pytest.raises(InputError, match=r"needs about \d\.\d\d GB; use a limit of at least"):
        jobs_within(expected_bytes(specification, digits, network) / 1e9 - 1e-6, 1, specification, digits, network)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_is_a_positive_number(limit, case):
    with pytest.raises(InputError, match=r"--memory-limit .*: must be a number of gigabytes > 0"):
        jobs_within(limit, 1, *case)


def test_the_peak_is_in_bytes_and_grows_by_what_is_held():
    script = (
        "from empirics.executors.memory import peak_bytes; before = peak_bytes()\n"
        "held = bytearray(b'x') * 2**28; print(before, peak_bytes())"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, after = map(int, child.stdout.split())
    assert 2**22 < before < 2**28
    assert 0.9 * 2**28 < after - before < 1.1 * 2**28


def test_the_peak_is_known_where_the_system_does_not_list_it(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "VmSize: 12 kB\nVmRSS: 8 kB\n")
    assert peak_bytes() > 10e6


def test_what_a_parent_held_is_not_counted():
    held = bytearray(os.urandom(2**20) * 400)  # 400 MiB, in memory when the child begins
    script = "from empirics.executors.memory import peak_bytes; print(peak_bytes())"
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(child.stdout) < len(held)


def measured(tmp_path, capsys, *words):
    """Run the command in a process of its own; return what it says of its memory, and what its plan expects."""
    words = (*words, "--no-constants", "--jobs", "1")
    assert code_of(main, *words, "--plan") == 0
    (expected,) = re.findall(r"Memory: about ([\d.]+) GB", capsys.readouterr().out)
    command = [sys.executable, "-m", "empirics.measure", *words, "--out", tmp_path / "run"]
    subprocess.run(command, capture_output=True, check=True)
    (session,) = json.loads((tmp_path / "run" / "provenance.json").read_text())["sessions"]
    return session["peak_memory_bytes"], float(expected)


def test_a_trial_of_the_sparse_engine_takes_its_lists_too(case):
    by_torch, digits, network = case
    sparse = dataclasses.replace(by_torch, engine="sparse")
    more = expected_bytes(sparse, digits, network) - expected_bytes(by_torch, digits, network)
    assert more == 20 * 4 * (14 - 6) * 6090


@pytest.mark.parametrize("engine", ["torch", pytest.param("sparse", marks=needs_kernel)])
def test_a_runs_peak_is_kept_and_within_what_its_plan_expects(engine, tmp_path, capsys):
    words = ("--sparsity", "0", "--batch-sizes", "128", "--trials", "3", "--max-steps", "10", "--engine", engine)
    peak, expected = measured(tmp_path, capsys, *words)
    assert 0.3 * expected < peak / 1e9 <= expected + 0.05  # the plan shows one decimal


@pytest.mark.slow
def test_the_largest_batch_of_the_paper_stays_under_two_gibibytes(tmp_path, data_dir, capsys):
    # One step of eight trials at B = 16384 in micro-batches of 128; a hundred trials add 92 x 1.5 MB of weights.
    words = (
        "--workload",
        "mnist/simple-cnn/momentum",
        "--data-dir",
        str(data_dir),
        "--sparsity",
        "0",
        "--engine",
        "torch",
    )
    sizes = ("--batch-sizes", "16384", "--trials", "8", "--max-steps", "1", "--eval-interval", "1")
    peak, expected = measured(tmp_path, capsys, *words, *sizes)
    assert peak + 92 * 24 * 62_346 < 2 * 2**30
    assert peak / 1e9 <= expected + 0.05
