"""Steps on a pretend GPU: launched as graphs, equal to plain ones, and unharmed where memory ends."""

import sys

import pytest
import torch
from samples import on_gpu
from tools.pretend_gpu import COPY, SYNCHRONISATION

from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.networks.device_memory import is_out_of_memory
from empirics.workloads import optimizers

RULES = [f"{rule}{schedule}" for rule in optimizers.OPTIMIZERS for schedule in ("", "/linear")]


HELD = 4 * 24 * 2 * (16 * 9) * 16  # bytes of the patches of Small-CNN's second layer, its most, of two trials


def trained(block, network="small-cnn", chunks=(4, 4, 2), batch_size=6):
    """Take steps; return what became of the trials."""
    data, blocks, diverged, halvings = on_gpu.examples(on_gpu.NETWORKS[network].image_shape), [block], {}, 0
    for number, steps in enumerate(chunks):
        rows = on_gpu.rows_of(steps, batch_size, seed=number)
        advances = [one.advance(data, rows) for one in blocks]
        blocks = [one for advance in advances for one in advance.blocks]
        halvings += sum(advance.halvings for advance in advances)
        for advance in advances:
            diverged |= advance.diverged
    return on_gpu.state_of(blocks), diverged, halvings


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for trial, state in expected.items():
        assert found[trial].keys() == state.keys()
        assert all(torch.equal(found[trial][name], value) for name, value in state.items())


def assert_near(found, expected, tolerance=1e-5):
    """Check states that came about with other trials beside them, which round differently."""
    assert found.keys() == expected.keys()
    for trial, state in expected.items():
        for name, value in state.items():
            torch.testing.assert_close(found[trial][name], value, rtol=0, atol=tolerance)


# Every rule on one network, and every network by a rule with a state and by one whose rate changes: a rule sees a
# network's weights as one vector, of whatever network.
CAPTURED = [
    (network, rule)
    for network in on_gpu.NETWORKS
    for rule in (RULES if network == "small-cnn" else ("momentum", "adamw/linear"))
]


@pytest.mark.parametrize(("network", "rule"), CAPTURED)
def test_captured_steps_are_the_plain_ones(network, rule, gpu, capsys):
    expected = trained(on_gpu.block_of(network, rule, captures=False), network)
    assert gpu.counts["graph launch"] == 0
    found = trained(on_gpu.block_of(network, rule), network)
    assert_same(found[0], expected[0])
    assert gpu.counts["graph launch"] >= 3
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("captures", [True, False])
def test_steps_wait_for_the_device_once_a_call(captures, gpu):
    block, data = on_gpu.block_of(captures=captures), on_gpu.examples((1, 8, 8))
    block.advance(data, on_gpu.rows_of(16, 6))
    with gpu.counted() as counts:
        block.advance(data, on_gpu.rows_of(16, 6))
    assert counts[SYNCHRONISATION] == 1
    assert counts[COPY] == 1
    assert counts["graph launch"] == int(captures)


def test_a_trial_that_diverges_is_told_of_with_its_step(gpu, capsys):
    rates = (0.05, 1e30, 0.02, 1e12)
    found = trained(on_gpu.block_of(trials=4, rates=rates))
    data, cpu, diverged = on_gpu.examples((1, 8, 8), "cpu"), [on_gpu.block_of(trials=4, rates=rates, device="cpu")], {}
    for number, steps in enumerate((4, 4, 2)):
        advance = cpu[0].advance(data, on_gpu.rows_of(steps, 6, seed=number))
        diverged |= advance.diverged
        cpu = advance.blocks
    assert found[1] == diverged
    assert set(diverged) == {1, 3}
    assert_near(found[0], on_gpu.state_of(cpu))
    assert gpu.counts["graph launch"] >= 3
    assert capsys.readouterr().err == ""


def test_a_trial_that_leaves_costs_no_capture(gpu):
    block, data = on_gpu.block_of(trials=8), on_gpu.examples((1, 8, 8))
    block.advance(data, on_gpu.rows_of(4, 6))
    captures = gpu.counts["capture"]
    block.keep([0, 1, 2, 3, 4, 5, 7])
    block.advance(data, on_gpu.rows_of(4, 6))
    assert gpu.counts["capture"] == captures
    assert block.trials == [0, 1, 2, 3, 4, 5, 7]
    assert len(block.weights) == 7
    block.keep([0, 1, 2, 3])
    block.advance(data, on_gpu.rows_of(4, 6))
    assert gpu.counts["capture"] == captures + 1


def test_graphs_share_one_pool(gpu):
    data = on_gpu.examples((1, 8, 8))
    blocks = [on_gpu.block_of(trials=trials) for trials in (1, 2)]
    for _ in range(3):
        for block in blocks:
            block.advance(data, on_gpu.rows_of(2, 6))
    assert len(gpu.pools) == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
    ],
)
def test_each_library_says_in_its_own_words_that_memory_has_ended(error):
    assert is_out_of_memory(error)


def test_a_block_that_memory_does_not_hold_goes_on_in_halves(gpu):
    expected = trained(on_gpu.block_of(trials=4), batch_size=24)
    block = on_gpu.block_of(trials=4)
    with gpu.memory_ends(larger=HELD, error=lambda: RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")):
        found = trained(block, batch_size=24)
    assert found[2] == 1
    assert_near(found[0], expected[0])


@pytest.mark.parametrize("rule", ["sgd", "adamw/linear"])
def test_nothing_is_lost_wherever_memory_ends(rule, gpu):
    block, before = on_gpu.block_of(rule=rule, trials=2), gpu.allocations
    expected, _, _ = trained(block, chunks=(1, 1))
    asked = gpu.allocations - before
    for after in range(0, asked, 11):
        block = on_gpu.block_of(rule=rule, trials=2)
        with gpu.memory_ends(after=after, times=1):
            assert_near(trained(block, chunks=(1, 1))[0], expected)


def test_a_failed_pass_holds_nothing_while_its_halves_go_on(gpu, monkeypatch):
    seen, logits = [], ConvolutionalNetwork.logits

    def watched(network, parameters, images):
        if len(parameters[0]) == 2:
            seen.append(sys.exc_info())
        return logits(network, parameters, images)

    monkeypatch.setattr(ConvolutionalNetwork, "logits", watched)
    with gpu.memory_ends(larger=HELD):
        assert trained(on_gpu.block_of(trials=4), batch_size=24)[2] == 1
    assert seen
    assert set(seen) == {(None, None, None)}


def test_a_graph_that_does_something_else_is_told_of_and_left(gpu, monkeypatch, capsys):
    expected = trained(on_gpu.block_of(captures=False))
    make = torch.cuda.CUDAGraph

    def forgetful():
        graph = make()
        graph.replay = lambda: None
        return graph

    monkeypatch.setattr(torch.cuda, "CUDAGraph", forgetful)
    assert_same(trained(on_gpu.block_of())[0], expected[0])
    err = capsys.readouterr().err
    assert err.startswith("notice: ")
    assert err.count("\n") == 1


def test_a_step_that_waits_is_taken_plainly_and_told_of(gpu, monkeypatch, capsys):
    expected = trained(on_gpu.block_of(captures=False))
    update = optimizers.HeavyBall.update

    def waiting(rule, weights, gradient, rates):
        assert gradient[0, 0].item() < 1e9
        update(rule, weights, gradient, rates)

    monkeypatch.setattr(optimizers.HeavyBall, "update", waiting)
    assert_same(trained(on_gpu.block_of())[0], expected[0])
    captures = gpu.counts["capture"]
    trained(on_gpu.block_of(rule="sgd"))
    assert gpu.counts["capture"] == captures, "an allocator that is still at a capture is not asked for another"
    err = capsys.readouterr().err
    assert err.startswith("notice: ")
    assert err.count("\n") == 1
    assert torch.cuda.current_stream() is gpu.streams[0]


def test_a_tensor_of_the_host_in_a_step_is_seen(gpu, monkeypatch):
    update = optimizers.HeavyBall.update
    monkeypatch.setattr(
        optimizers.HeavyBall,
        "update",
        lambda rule, weights, gradient, rates: update(rule, weights, gradient + torch.zeros(6090), rates),
    )
    with pytest.raises(RuntimeError, match="same device"):
        trained(on_gpu.block_of())
