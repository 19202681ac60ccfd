"""`--device auto` takes a GPU only once it is known to give right answers."""

import pytest
import torch
from tools.pretend_gpu import PretendGpu

from empirics.executors import checked_gpu
from empirics.executors.resources import Resources, this_machine
from empirics.run.running import _notices, prepare
from empirics.specification.request import Request


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_checks_are_remembered_until_something_else_computes(monkeypatch):
    with PretendGpu():
        assert not checked_gpu.passed()
        assert not this_machine().gpu_checked
        record = checked_gpu.remember()
        assert checked_gpu.passed()
        assert this_machine().gpu_checked
        with monkeypatch.context() as other:
            other.setattr("torch.version.cuda", "99.0")
            assert not checked_gpu.passed()
        with monkeypatch.context() as other:
            other.setattr("torch.cuda.get_device_name", lambda gpu=None: "another")
            assert not checked_gpu.passed()
        record.write_text("{")
        assert not checked_gpu.passed()
        checked_gpu.remember()
        checked_gpu.forget()
        checked_gpu.forget()
        assert not checked_gpu.passed()
    assert not this_machine().gpu_checked, "a machine without a GPU"


@pytest.mark.parametrize(
    ("device", "checked", "taken", "told"),
    [
        ("auto", False, "cpu", True),
        ("auto", True, "cuda", False),
        ("cuda", False, "cuda", False),
        ("cpu", False, "cpu", False),
    ],
)
def test_auto_takes_a_gpu_that_has_passed(device, checked, taken, told):
    machine = Resources(cores=1, gpus=1, gpu_checked=checked)
    prepared = prepare(Request(device=device), None, None, machine)
    assert prepared.specification.device == taken
    notices = [notice for notice in _notices(prepared) if "GPU" in notice]
    assert bool(notices) == told
    if told:
        (notice,) = notices
        assert "python -m benchmarks.gpu" in notice
        assert "\n" not in notice


def test_a_machine_without_a_gpu_is_told_nothing():
    prepared = prepare(Request(), None, None, Resources(cores=1, gpus=0))
    assert not [notice for notice in _notices(prepared) if "GPU" in notice]
    assert not torch.cuda.is_available()
