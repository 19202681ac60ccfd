"""Runs on a real Ray cluster: several nodes, each with a process of its own for everything, on this machine."""

import contextlib
import importlib.util
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from samples.measured_runs import MEASUREMENT, measuring
from samples.tasks import Break, Die, Echo, Hold, Refuse
from tools.commands import code_of
from tools.needed import give_up
from tools.processes import is_running

from empirics import constants
from empirics.errors import InputError, WorkerError
from empirics.executors import ray_cluster
from empirics.measure import main
from empirics.specification.request import Request
from empirics.specification.specification import resolve

pytestmark = pytest.mark.slow
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}


@pytest.fixture(scope="module", autouse=True)
def ray():
    """The module, without what it does to this process's answer to being ended."""
    if importlib.util.find_spec("ray") is None:
        give_up("ray is not installed (pip install 'kstar-scaling[ray]')")
    previous = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(folder for folder in sys.path if folder))  # workers know `reference`
        yield ray_cluster._load_ray()
    signal.signal(signal.SIGTERM, previous)


@pytest.fixture
def cluster(ray):
    """A cluster of three nodes of one core each; the first is the driver's."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE)
    for _ in range(2):
        made.add_node(**NODE)
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.fixture
def three_nodes(cluster, digits):
    """An executor on it."""
    specification, _ = resolve(Request(), cuda_available=False)
    with (
        ray_cluster.ray_cluster(cluster.address) as (resources, open_executor),
        open_executor(specification, digits, resources.cores) as executor,
    ):
        assert resources.cores == 3
        yield executor


def ignore(_task, _step):
    pass


def wait_for(condition, seconds=150.0):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def lose(cluster, node):
    """End all processes of a node as a power cut would."""
    cluster.remove_node(node, allow_graceful=False)


def test_tasks_come_back_once_are_watched_and_told_as_locally(three_nodes):
    tasks = [Echo(str(number)) for number in range(20)]
    assert dict(three_nodes.run(tasks, ignore)) == {task: [task.label, 6090] for task in tasks}
    assert three_nodes.facts()["peak_memory_bytes"] > 100e6
    with pytest.raises(InputError, match="--option 7: must be less"):
        list(three_nodes.run([Refuse("refused")], ignore))
    with pytest.raises(WorkerError, match=r"(?s)^broken failed:\nTraceback.*ZeroDivisionError: a bug in the task"):
        list(three_nodes.run([Break("broken")], ignore))
    found, message = three_nodes.run([Echo("first"), Die("dying")], ignore), r"workers ended 4 times in dying \(out of"
    assert next(found) == (Echo("first"), ["first", 6090])
    with pytest.raises(WorkerError, match=message):
        next(found)


def test_tasks_of_a_lost_node_start_anew_elsewhere(three_nodes, cluster, tmp_path):
    tasks, seen, results = [Hold(name, tmp_path) for name in "abc"], set(), []

    def hold():
        results.extend(three_nodes.run(tasks, lambda task, step: seen.add((task.label, step))))

    def begun():
        return [path.name.partition("-")[0] for path in tmp_path.iterdir() if path.name != "go"]

    run = threading.Thread(target=hold)
    run.start()
    wait_for(lambda: sorted(begun()) == ["a", "b", "c"])
    wait_for(lambda: len(seen) == 3)
    lose(cluster, cluster.list_all_nodes()[-1])
    cluster.add_node(**NODE)
    wait_for(lambda: len(begun()) == 4)  # before any other has ended: on the node that came
    (tmp_path / "go").touch()
    run.join(150)
    assert sorted((task.label, result[0]) for task, result in results) == [(name, name) for name in "abc"]
    assert three_nodes.facts()["nodes"] == 4


def measuring_on_ray(folder, *words):
    """Measure on Ray until a study is kept."""
    return measuring(folder, *MEASUREMENT, "--executor", "ray", *words)


def descendants(pid):
    """Return the processes that a process started, those that they started, and so on."""
    found = []
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        with contextlib.suppress(FileNotFoundError):
            found += [child, *descendants(child)]
    return found


def test_a_run_whose_node_is_lost_in_the_middle_has_the_same_curves(cluster, undisturbed, tmp_path):
    with measuring_on_ray(tmp_path / "run", "--address", cluster.address) as (process, said):
        lose(cluster, cluster.list_all_nodes()[-1])
        assert process.wait(180) == 0, said()
    for name in ("curves.csv", "constants.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (undisturbed / name).read_bytes()
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_constants_on_a_cluster_are_those_of_this_machine(cluster, tmp_path):
    words = (
        *("--sparsity", "0", "90", "--learning-rate", "0.1", "--batch-size", "64"),
        *("--steps", "6", "--examples", "50", "--hessian-points", "1"),
    )
    places = {"here": ("--jobs", "1"), "there": ("--executor", "ray", "--address", cluster.address)}
    for name, place in places.items():
        assert constants.main([*words, *place, "--out", str(tmp_path / name)]) == 0
    here, there = ((tmp_path / name / "constants.csv").read_bytes() for name in places)
    assert here == there


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_nothing_of_its_own_cluster(ending, tmp_path):
    with measuring_on_ray(tmp_path / "run", "--jobs", "2") as (process, said):
        started = descendants(process.pid)
        assert len(started) > 4
        (os.killpg if ending == signal.SIGINT else os.kill)(process.pid, ending)
        code = process.wait(150)
    wait_for(lambda: not any(map(is_running, started)))  # Ray's own helpers look for a killed cluster for a minute
    if ending == signal.SIGKILL:
        assert code == -signal.SIGKILL
        return
    assert code == 130
    assert said().splitlines()[-1].startswith("error: interrupted; finished work is kept")
    assert "Traceback" not in said()


def workers(cluster):
    """Return the processes of a cluster that work for a driver of ours."""
    pids = [
        process.process.pid for node in cluster.list_all_nodes() for of in node.all_processes.values() for process in of
    ]
    titles = {}
    for pid in [*pids, *(child for parent in pids for child in descendants(parent))]:
        with contextlib.suppress(FileNotFoundError):
            titles[pid] = Path(f"/proc/{pid}/cmdline").read_text()
    return {pid for pid, title in titles.items() if title.startswith(("ray::Worker", "ray::Board"))}


def test_a_stopped_run_leaves_a_cluster_that_it_joined_and_nothing_on_it(cluster, three_nodes, tmp_path):
    assert len(list(three_nodes.run([Echo("a")], ignore))) == 1
    before = workers(cluster)  # the board and the worker of another driver, this one
    assert len(before) == 2
    with measuring_on_ray(tmp_path / "run", "--address", cluster.address) as (process, _):
        assert len(workers(cluster)) > len(before)
        process.terminate()
        assert process.wait(150) == 130
    wait_for(lambda: workers(cluster) == before)
    assert dict(three_nodes.run([Echo("b")], ignore)) == {Echo("b"): ["b", 6090]}


def test_an_address_where_nobody_listens_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ray_cluster, "_ANSWER_SECONDS", 15.0)
    started = time.monotonic()
    assert code_of(main, "--executor", "ray", "--address", "127.0.0.1:1", "--out", tmp_path / "run") == 2
    assert time.monotonic() - started < 30
    assert capsys.readouterr().err.startswith("error: --address 127.0.0.1:1: no Ray cluster")
    assert code_of(main, "--executor", "ray", "--address", "nowhere", "--out", tmp_path / "run") == 2
    assert "Invalid address format: nowhere" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
