"""Which GPU a worker takes, with counted and injected devices: no machine of the tests has several."""

from types import SimpleNamespace

import torch

from empirics.executors import processes as executor
from empirics.executors import resources, worker
from empirics.executors.resources import Resources, this_machine, use_gpu
from empirics.run.running import prepare
from empirics.specification.request import Request
from empirics.specification.specification import resolve


def test_by_default_tasks_fill_the_gpus_or_the_cores():
    machine = Resources(cores=16, gpus=3)
    assert prepare(Request(device="cuda"), None, None, machine).jobs == 3
    assert prepare(Request(device="cpu"), None, None, machine).jobs == 16
    assert prepare(Request(), None, None, Resources(cores=16, gpus=0)).jobs == 16
    assert prepare(Request(device="cuda"), 5, None, machine).jobs == 5


def test_this_machine_counts_the_gpus_that_torch_can_use(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda gpu: SimpleNamespace(total_memory=80 - gpu))
    for usable, found in ((True, (4, 77.0)), (False, (0, None))):
        monkeypatch.setattr(torch.cuda, "is_available", lambda usable=usable: usable)
        assert (this_machine().gpus, this_machine().gpu_memory) == found


def test_gpus_that_do_not_answer_are_none(monkeypatch):
    def broken(gpu):
        raise RuntimeError("CUDA unknown error")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", broken)
    assert this_machine().gpus == 0


def test_workers_take_the_gpus_in_turn(monkeypatch):
    taken = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    for number in range(5):
        use_gpu("cpu", number)
        use_gpu("cuda", number)
    assert taken == [0, 1, 2, 0, 1]


class Closed:
    """A pipe that closes after the first thing."""

    def __init__(self, *given):
        self.given = [given]

    def recv(self):
        if not self.given:
            raise EOFError
        return self.given.pop()

    def send(self, _message):
        pass


def test_a_worker_takes_its_gpu_before_it_sets_up_its_laboratory(digits, monkeypatch):
    seen = []
    monkeypatch.setattr(worker, "_leave_with_parent", lambda: None)
    monkeypatch.setattr(worker, "use_gpu", lambda *told: seen.append(told))
    monkeypatch.setattr("empirics.training.laboratory.Laboratory", lambda *_: seen.append("laboratory"))
    specification, _ = resolve(Request(device="cuda"), cuda_available=True)
    worker._work(Closed(specification, digits), None, 4)
    assert seen == [("cuda", 4), "laboratory"]


def test_workers_of_a_run_are_numbered_from_0(digits, monkeypatch):
    class Noted:
        def __init__(self, args, **_):
            self.args = args

        def start(self):
            numbers.append(self.args[2])

    numbers = []
    monkeypatch.setattr(worker.multiprocessing.get_context("spawn"), "Process", Noted)
    monkeypatch.setattr(worker.WorkerProcess, "equip", lambda *_: None)
    specification, _ = resolve(Request(), cuda_available=False)
    workers = executor.ProcessExecutor(specification, digits, 3)
    workers._start(2)
    workers._start(3)
    assert numbers == [0, 1, 2]
    for one in workers._workers:
        one.connection.close()
        one.said.close()


def test_no_machine_has_no_slot():
    assert resources.Resources(cores=0, gpus=0).slots("cpu") == 1
