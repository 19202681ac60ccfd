"""The pretend GPU refuses and counts what a real one refuses and waits for."""

import numpy as np
import pytest
import torch
from samples.networks import SMALL_CNN
from tools.pretend_gpu import COPY, LAUNCH, SYNCHRONISATION, DeviceTensor, PretendGpu

from empirics.networks.gradient import loss_and_gradient


@pytest.fixture
def gpu():
    with PretendGpu() as entered:
        yield entered


def ones(*shape):
    return torch.ones(shape, device="cuda")


def test_gradients_are_the_cpus():
    random = np.random.default_rng(0)
    weights = torch.from_numpy(np.stack([SMALL_CNN.initial_weights(random) for _ in range(2)])).double()
    given = (weights, torch.from_numpy(random.standard_normal((8, 1, 8, 8), np.float32)), torch.arange(8))
    expected = loss_and_gradient(SMALL_CNN, *given)
    with PretendGpu() as gpu:
        there = [one.to("cuda") for one in given]
        with gpu.counted() as counts:
            found = loss_and_gradient(SMALL_CNN, *there)
        assert all(isinstance(one, DeviceTensor) and one.device.type == "cuda" for one in found)
        assert set(counts) == {LAUNCH}
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.cpu(), other, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.cat([x, torch.ones(3)]),
        lambda x: x.mul_(torch.ones(3)),
        lambda x: torch.where(x > 0, x, torch.ones(3)),
    ],
)
def test_tensors_of_two_devices_are_refused(gpu, work):
    with pytest.raises(RuntimeError, match="all tensors to be on the same device"):
        work(ones(3))


def test_a_host_number_may_be_mixed_in(gpu):
    assert (ones(3) * torch.tensor(2.0) + 1).tolist() == [3.0] * 3


SEEN = {
    "item": (lambda x: x[0].item(), SYNCHRONISATION),
    "bool": (lambda x: bool(x[0] > 0), SYNCHRONISATION),
    "tolist": (lambda x: x.tolist(), SYNCHRONISATION),
    "cpu": (lambda x: x.cpu(), SYNCHRONISATION),
    "to": (lambda x: x.to("cpu"), SYNCHRONISATION),
    "equal": (lambda x: torch.equal(x, x), SYNCHRONISATION),
    "nonzero": (lambda x: x.nonzero(), SYNCHRONISATION),
    "mask": (lambda x: x[x > 0], SYNCHRONISATION),
    "copy to the host": (lambda x: torch.zeros(3).copy_(x), SYNCHRONISATION),
    "tensor": (lambda x: torch.tensor([1.0], device=x.device), COPY),
    "to the device": (lambda x: torch.zeros(3).to(x.device), COPY),
    "new": (lambda x: x.new_tensor([1.0]), COPY),
    "host index": (lambda x: x[torch.tensor([0, 1])], COPY),
    "copy into": (lambda x: x.copy_(torch.zeros(3)), COPY),
    "kernel": (lambda x: x.add_(1), LAUNCH),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_the_host_does_is_counted(gpu, name):
    work, kind = SEEN[name]
    given = ones(3)
    with gpu.counted() as counts:
        work(given)
    assert counts[kind] == 1
    assert counts[SYNCHRONISATION] + counts[COPY] == (0 if kind == LAUNCH else 1)


def test_views_launch_nothing_and_numpy_is_refused(gpu):
    given = ones(4, 6)
    with gpu.counted() as counts:
        given.view(24)[3:].unsqueeze(1).flatten().split([7, 14])
    assert not counts
    with pytest.raises(TypeError, match="cpu"):
        given.numpy()
    with pytest.raises(TypeError, match="cpu"):
        np.asarray(given)


def test_a_kernel_that_is_not_deterministic_is_refused(gpu):
    images = ones(1, 1, 4, 4).requires_grad_()
    torch.use_deterministic_algorithms(True)
    try:
        pooled = torch.nn.functional.adaptive_avg_pool2d(images, 2).sum()
        with pytest.raises(RuntimeError, match="deterministic"):
            torch.autograd.grad(pooled, images)
    finally:
        torch.use_deterministic_algorithms(False)


def test_memory_ends_where_it_is_told_to(gpu):
    given = ones(3)
    with gpu.memory_ends(after=1):
        given + 1
        with pytest.raises(torch.OutOfMemoryError):
            given + 1
        given.add_(1)
    assert (given + 1).tolist() == [3.0] * 3


def captured(work, pool=None):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        result = work()
    return graph, result


def test_a_capture_computes_nothing_and_a_replay_everything(gpu):
    value, twice = ones(3), ones(3)
    graph, _ = captured(lambda: twice.copy_(value.add_(1) * 2))
    assert value.tolist() == twice.tolist() == [1.0] * 3
    with gpu.counted() as counts:
        graph.replay()
        graph.replay()
    assert value.tolist() == [3.0] * 3
    assert twice.tolist() == [6.0] * 3
    assert counts == {"graph launch": 2}


@pytest.mark.parametrize("name", [name for name in SEEN if name != "kernel"])
def test_a_capture_with_a_word_from_the_host_fails(gpu, name):
    given = ones(3)
    with pytest.raises(RuntimeError, match="previous error during capture") as raised:
        captured(lambda: SEEN[name][0](given.add_(1)))
    assert "not permitted when stream is capturing" in str(raised.value.__context__)
    assert given.tolist() == [1.0] * 3


def test_a_graph_loses_its_own_memory_to_others_of_its_pool(gpu):
    value = ones(3)
    pool = torch.cuda.graph_pool_handle()
    first, result = captured(lambda: value + 1, pool)
    first.replay()
    assert result.tolist() == [2.0] * 3
    second, _ = captured(lambda: value + 2, pool)
    assert result.tolist() != [2.0] * 3
    first.replay()
    assert result.tolist() == [2.0] * 3
    second.replay()
    assert result.tolist() != [2.0] * 3
    alone, kept = captured(lambda: value + 3)
    alone.replay()
    first.replay()
    assert kept.tolist() == [4.0] * 3
    assert len(gpu.pools) == 2
