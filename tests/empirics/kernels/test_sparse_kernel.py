from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.empirics.sparse_cases import SHAPES, case, rule
from torch.nn import functional

from empirics.errors import InputError
from empirics.kernels.kernel import Examples, Rule, Trials
from empirics.networks.gradient import loss_and_gradient
from empirics.training.block import TrialBlock
from empirics.workloads.find import find_workload

# A gradient entry sums at most 37 x 1024 products of sums of at most 9 x 64 terms on the way through 8 layers; rounding
# loses at most u x terms of values some ten times the largest entry: 2^-53 x (37 x 1024 + 8 x 576) x 10 = 4.7e-11.
DOUBLE = 5e-11
SINGLE = 3e-6  # of the largest entry
# A sum before a relu or a maximum that float32 can place on its other side: 2^-24 x 900 terms of size 0.05 = 3e-6.
TIE = 3e-6
networks = pytest.mark.parametrize("name", SHAPES)
sparsities = pytest.mark.parametrize("sparsity", [0.0, 0.9])


def twin(one, rows, dtype=torch.float64):
    """The torch engine's loss and its gradient on the kept weights."""
    weights = torch.from_numpy(one.weights)[None].to(dtype)
    images, labels = torch.from_numpy(one.images[rows]), torch.from_numpy(one.labels[rows])
    loss, gradient = loss_and_gradient(one.network, weights, images, labels)
    return float(loss), gradient[0].numpy() * one.mask


def error(gradient, expected):
    return np.abs(gradient - expected).max() / np.abs(expected).max()


@networks
@sparsities
@pytest.mark.parametrize("batch_size", [1, 3, 16, 37])
def test_loss_and_gradient_are_torchs(kernel, name, sparsity, batch_size):
    one = case(name, sparsity)
    rows = np.random.default_rng(batch_size).permutation(40)[:batch_size]
    expected_loss, expected = twin(one, rows)
    loss, gradient = one.trials(kernel).gradient(0, one.examples, rows)
    assert loss == pytest.approx(expected_loss, rel=DOUBLE)
    assert error(gradient, expected) < DOUBLE
    assert not gradient[~one.mask].any()


def nearest_tie(one, rows, monkeypatch):
    """The smallest difference, in float64, that decides a relu or a maximum for some examples."""
    seen = []
    relu, pool = functional.relu, functional.max_pool2d

    def watched_relu(values):
        seen.append(values.abs()[values != 0].min().item())  # 0 is what a pruned unit gives on either side
        return relu(values)

    def watched_pool(values, side):
        fields = values.unfold(2, side, side).unfold(3, side, side).flatten(-2).sort(dim=-1).values
        apart = fields[..., -1] - fields[..., -2]
        seen.append(apart[(fields[..., -1] > 0) & (apart != 0)].min().item())
        return pool(values, side)

    with monkeypatch.context() as patch:
        patch.setattr(functional, "relu", watched_relu)
        patch.setattr(functional, "max_pool2d", watched_pool)
        twin(one, rows)
    return min(seen)


@networks
@sparsities
def test_in_single_precision_gradients_differ_where_there_are_ties_alone(kernel, name, sparsity, monkeypatch):
    one = case(name, sparsity)
    trials, examples = one.trials(kernel, np.float32), one.examples
    batches = np.arange(40).reshape(-1, 2)
    flipped = [rows for rows in batches if error(trials.gradient(0, examples, rows)[1], twin(one, rows)[1]) >= SINGLE]
    assert len(flipped) <= 2
    for rows in flipped:
        assert nearest_tie(one, rows, monkeypatch) < TIE


RULES = [(optimizer, schedule) for optimizer in ("sgd", "momentum", "nesterov") for schedule in ("constant", "linear")]


@pytest.mark.parametrize(("optimizer", "schedule"), RULES)
@pytest.mark.parametrize(
    "name", ["small-cnn", *(pytest.param(name, marks=pytest.mark.slow) for name in ("simple-cnn", "resnet-8"))]
)
def test_a_hundred_steps_are_torchs(kernel, name, optimizer, schedule):
    one = case(name, 0.7)
    own, point = rule(optimizer, schedule, 0.02)
    rows = np.random.default_rng(1).integers(0, 40, (100, 5))
    trials = one.trials(kernel)
    progress = trials.train(0, own, one.examples, rows)
    workload = find_workload("mnist/simple-cnn/" + optimizer + ("/linear" if schedule == "linear" else ""))
    mask = torch.from_numpy(one.mask.astype(np.float64))[None]
    weights = torch.from_numpy(one.weights).double()[None] * mask
    block = TrialBlock(one.network, workload, [0], weights, mask, [point])
    for batch in rows:
        assert block.step(torch.from_numpy(one.images[batch]), torch.from_numpy(one.labels[batch])).all()
    assert (progress.steps, progress.finite) == (100, True)
    assert np.abs(trials.get(0)[0] - block.weights[0].numpy()).max() < 1e-12
    assert np.abs(trials.get(0)[0] - one.weights).max() > 1e-3


def test_steps_go_on_from_weights_and_velocities(kernel):
    one = case("small-cnn", 0.5)
    own, _ = rule("nesterov", "linear")
    rows = np.random.default_rng(1).integers(0, 40, (30, 7))
    whole, first, second = (one.trials(kernel, np.float32) for _ in range(3))
    whole.train(0, own, one.examples, rows)
    first.train(0, own, one.examples, rows[:11])
    second.put(0, *first.get(0))
    second.train(0, own, one.examples, rows[11:], first=11)
    for mine, expected in zip(second.get(0), whole.get(0), strict=True):
        np.testing.assert_array_equal(mine, expected)


@networks
def test_errors_are_those_of_the_highest_output(kernel, name):
    one = case(name, 0.5)
    weights = torch.from_numpy(one.weights).double()[None]
    with torch.no_grad():
        outputs = one.network.logits(one.network.views(weights), torch.from_numpy(one.images).double())[0]
    expected = outputs.argmax(dim=1).numpy() != one.labels
    np.testing.assert_array_equal(one.trials(kernel).errors(0, one.examples, np.arange(40)), expected)
    np.testing.assert_array_equal(one.trials(kernel, np.float32).errors(0, one.examples, np.arange(39, 10, -1)),
                                  expected[39:10:-1])  # fmt: skip


def test_an_output_that_is_no_number_is_an_error(kernel):
    one = case("small-cnn")
    trials = one.trials(kernel, np.float32)
    weights = one.weights.copy()
    weights[-10:] = np.nan
    trials.put(0, weights)
    assert trials.errors(0, one.examples, np.arange(40)).all()


@pytest.mark.parametrize("rate", [3.0, 50.0, 1e30])
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
def test_a_trial_diverges_at_torchs_step(kernel, rate, optimizer):
    one = case("small-cnn", 0.5)
    own, point = rule(optimizer, rate=rate)
    rows = np.random.default_rng(1).integers(0, 40, (60, 5))
    progress = one.trials(kernel).train(0, own, one.examples, rows)
    mask = torch.from_numpy(one.mask.astype(np.float64))[None]
    weights = torch.from_numpy(one.weights).double()[None] * mask
    block = TrialBlock(one.network, find_workload(f"digits/small-cnn/{optimizer}"), [0], weights, mask, [point])
    finite, steps = True, 0
    while finite and steps < 60:
        batch = rows[steps]
        finite = bool(block.step(torch.from_numpy(one.images[batch]), torch.from_numpy(one.labels[batch])))
        steps += 1
    assert (progress.steps, progress.finite) == (steps, finite)


def test_a_trial_whose_weights_alone_are_infinite_has_diverged(kernel):
    one = case("small-cnn", 0.5)
    progress = one.trials(kernel, np.float32).train(0, rule(rate=1e39)[0], one.examples, np.zeros((3, 5), int))
    assert (progress.steps, progress.finite) == (1, False)
    assert np.isfinite(progress.loss)


def test_what_is_no_number_is_seen_though_its_field_has_a_larger_one(kernel):
    # Two channels are infinite at one place; the second layer subtracts them at one corner of a field whose other three
    # are its bias. Nothing leads to the outputs, so that the loss would be log 10.
    one = case("small-cnn")
    mask, weights = np.zeros_like(one.mask), np.zeros_like(one.weights)
    for place, value in ((4, 3e38), (13, 3e38), (168, 1.0), (177, -1.0), (4768, 1.0)):
        mask[place], weights[place] = True, value
    images = np.zeros((1, 1, 8, 8), np.float32)
    trials, labels, rows = one.trials(kernel, np.float32, mask=mask), np.zeros(1, np.int64), np.zeros((1, 1), int)
    trials.put(0, weights)
    assert trials.train(0, rule()[0], Examples(images, labels), rows).finite
    trials.put(0, weights)
    images[0, 0, 4, 4] = 2.0
    assert not trials.train(0, rule()[0], Examples(images, labels), rows).finite
    assert trials.errors(0, Examples(images, labels), rows[0]).all()


@pytest.mark.parametrize("emptied", [None, "conv1.weight", "conv2.weight", "linear.weight", "all"])
@pytest.mark.parametrize("biases", [True, False])
def test_layers_that_keep_nothing(kernel, emptied, biases):
    one = case("small-cnn")
    mask, start = one.mask.copy(), 0
    for parameter in one.network.parameters:
        if emptied in {parameter.name, "all"} or (not parameter.fan_in and not biases):
            mask[start : start + parameter.size] = False
        start += parameter.size
    weights = torch.from_numpy(one.weights * mask).double()[None]
    loss, gradient = loss_and_gradient(one.network, weights, torch.from_numpy(one.images), torch.from_numpy(one.labels))
    trials = one.trials(kernel, mask=mask)
    own_loss, own = trials.gradient(0, one.examples, np.arange(40))
    assert trials.kept(0) == mask.sum()
    assert own_loss == pytest.approx(float(loss), rel=DOUBLE)
    np.testing.assert_allclose(own, gradient[0].numpy() * mask, rtol=0, atol=DOUBLE)


@settings(max_examples=25)
@given(
    batch_size=st.integers(1, 70), sparsity=st.sampled_from([0.0, 0.3, 0.9, 0.99]), seed=st.integers(0, 9),
    lanes=st.sampled_from([1, 4, 6, 8, 13]),
)  # fmt: skip
def test_the_bits_are_those_of_any_register(kernel, batch_size, sparsity, seed, lanes):
    one = case("small-cnn", sparsity, seed)
    rows = np.random.default_rng(seed).integers(0, 40, batch_size)
    loss, gradient = one.trials(kernel, np.float32).gradient(0, one.examples, rows)
    same_loss, same = one.trials(kernel, np.float32, lanes).gradient(0, one.examples, rows)
    assert same_loss == loss
    np.testing.assert_array_equal(same, gradient)
    np.testing.assert_allclose(gradient, twin(one, rows)[1], rtol=0, atol=1e-3)  # ties included


@given(swapped=st.sets(st.integers(0, 7)))
def test_lanes_that_meet_first_may_change_places(kernel, swapped):
    # Of the tree over 16 lanes: a + b is b + a.
    one = case("small-cnn", 0.5)
    rows = np.arange(32)
    for lane in swapped:
        for at in (lane, lane + 16):
            rows[[at, at + 8]] = rows[[at + 8, at]]
    trials = one.trials(kernel, np.float32)
    expected = trials.gradient(0, one.examples, np.arange(32))[1]
    np.testing.assert_array_equal(trials.gradient(0, one.examples, rows)[1], expected)


@settings(max_examples=20)
@given(zeroed=st.sets(st.integers(0, 6089), max_size=300), power=st.integers(-20, 20))
def test_kept_zeros_and_powers_of_two_change_no_bit(kernel, zeroed, power):
    one = case("small-cnn")
    places = np.array(sorted(zeroed), dtype=int)
    mask = one.mask.copy()
    mask[places] = False
    mask[144:160] = False  # the first layer's biases, which do not scale with its input
    weights = one.weights * mask
    pruned, kept = one.trials(kernel, np.float32, mask=mask), one.trials(kernel, np.float32)
    kept.put(0, weights)
    loss, gradient = pruned.gradient(0, one.examples, np.arange(20))
    same_loss, same = kept.gradient(0, one.examples, np.arange(20))
    assert same_loss == loss
    np.testing.assert_array_equal(same[mask], gradient[mask])
    scaled = weights.copy()
    scaled[:144] *= 2.0**-power
    pruned.put(0, scaled)
    larger = Examples(one.images * np.float32(2.0**power), one.labels)
    scaled_loss, scaled_gradient = pruned.gradient(0, larger, np.arange(20))
    assert scaled_loss == loss
    np.testing.assert_array_equal(scaled_gradient[:144], gradient[:144] * np.float32(2.0**power))
    np.testing.assert_array_equal(scaled_gradient[144:], gradient[144:])


@networks
def test_the_work_of_a_step_grows_with_kept_weights_and_nothing_else(kernel, name):
    def work(mask, weights, labels):
        trials = one.trials(kernel, np.float32, 4, mask)
        trials.put(0, weights)
        trials.train(0, rule(rate=1e-3)[0], Examples(one.images, labels), np.zeros((1, 4), int))
        return trials.multiply_adds

    one = case(name)
    random = np.random.default_rng(2)
    half = one.mask & (random.random(one.network.size) < 0.5)
    base = work(half, one.weights, one.labels)
    assert base == work(half, one.weights * 0, one.labels) == work(half, one.weights * 3, one.labels[::-1])
    assert work(one.mask & one.network.is_bias, one.weights, one.labels) == 0
    start = 0
    for parameter in one.network.parameters:
        if parameter.fan_in:
            more = half.copy()
            more[start + np.flatnonzero(~half[start : start + parameter.size])[:10]] = True
            more_still = half.copy()
            more_still[start + np.flatnonzero(~half[start : start + parameter.size])[:20]] = True
            added = work(more, one.weights, one.labels) - base
            assert added > 0
            assert added <= work(more_still, one.weights, one.labels) - base <= 3 * added
        start += parameter.size


def test_two_studies_at_once_are_each_by_itself(kernel):
    one, other = case("small-cnn", 0.5), case("simple-cnn", 0.9)
    rows = np.random.default_rng(1).integers(0, 40, (40, 20))

    def run(which):
        trials = which.trials(kernel, np.float32)
        trials.train(0, rule("momentum", rate=0.01)[0], which.examples, rows)
        return trials.get(0)[0].tobytes()

    alone = [run(one), run(other), run(one)]
    with ThreadPoolExecutor(3) as pool:
        assert [*pool.map(run, (one, other, one))] == alone


def test_the_callers_rounding_of_small_numbers_is_neither_used_nor_lost(kernel):
    one = case("small-cnn")
    tiny = Examples(one.images * np.float32(1e-38), one.labels)
    trials = one.trials(kernel, np.float32)
    weights = one.weights.copy()
    weights[one.network.is_bias] = 0
    trials.put(0, weights)
    expected = trials.gradient(0, tiny, np.arange(40))[1]
    assert 0 < np.abs(expected[:144]).max() < np.finfo(np.float32).tiny
    torch.set_flush_denormal(True)
    try:
        np.testing.assert_array_equal(trials.gradient(0, tiny, np.arange(40))[1], expected)
        assert not float(torch.tensor([1e-39]) * 0.5)
    finally:
        torch.set_flush_denormal(False)


def test_trials_of_a_study_have_masks_and_weights_of_their_own(kernel):
    ones = [case("small-cnn", sparsity, seed) for seed, sparsity in enumerate((0.0, 0.5, 0.9))]
    together = Trials(kernel, "small-cnn", (1, 8, 8), np.stack([one.mask for one in ones]), np.float64)
    for trial, one in enumerate(ones):
        together.put(trial, one.weights)
    for trial, one in enumerate(ones):
        alone = one.trials(kernel).gradient(0, ones[0].examples, np.arange(9))
        mine = together.gradient(trial, ones[0].examples, np.arange(9))
        assert mine[0] == alone[0]
        np.testing.assert_array_equal(mine[1], alone[1])
        assert together.kept(trial) == one.mask.sum()


def test_what_does_not_fit_is_refused(kernel):
    one = case("small-cnn")
    trials, examples = one.trials(kernel), one.examples
    before = trials.get(0)[0].tobytes()
    with pytest.raises(IndexError, match="row is not one of the examples"):
        trials.train(0, rule()[0], examples, np.array([[0, 1], [2, 40]]))
    with pytest.raises(IndexError, match="its label no class"):
        trials.train(0, rule()[0], Examples(one.images, one.labels + 9), np.arange(40)[None])
    with pytest.raises(IndexError, match="no trial 1 of 1"):
        trials.kept(1)
    with pytest.raises(ValueError, match=r"rows of shape \(steps, B\)"):
        trials.train(0, rule()[0], examples, np.arange(4))
    with pytest.raises(ValueError, match="at least one example"):
        trials.gradient(0, examples, np.arange(0))
    with pytest.raises(ValueError, match=r"need shape \(6090,\)"):
        trials.put(0, one.weights[:-1])
    with pytest.raises(ValueError, match=r"images of shape \(1, 8, 8\)"):
        trials.errors(0, case("simple-cnn").examples, np.arange(3))
    assert trials.get(0)[0].tobytes() == before
    with pytest.raises(ValueError, match="has no network 'small-cnn' for images of shape"):
        Trials(kernel, "small-cnn", (1, 28, 28), one.mask[None])
    with pytest.raises(ValueError, match="need masks of shape"):
        Trials(kernel, "small-cnn", (1, 8, 8), one.mask[None].astype(np.uint8))
    with pytest.raises(ValueError, match="float32 or float64"):
        Trials(kernel, "small-cnn", (1, 8, 8), one.mask[None], np.float16)
    with pytest.raises(ValueError, match="need images"):
        Examples(one.images, one.labels[:-1])
    with pytest.raises(InputError, match="use --engine torch"):
        Rule("adamw", "constant", {"learning_rate": 0.1})


@networks
@sparsities
def test_sums_over_single_examples_are_those_of_their_gradients(kernel, name, sparsity):
    """Nineteen: a group of sixteen, and one that leaves most lanes empty."""
    one = case(name, sparsity)
    rows = np.random.default_rng(2).permutation(40)[:19]
    each = [twin(one, rows[place : place + 1]) for place in range(19)]
    gradients = np.stack([gradient for _, gradient in each])
    loss, first, second = one.trials(kernel).moments(0, one.examples, rows)
    assert loss == pytest.approx(sum(loss for loss, _ in each), rel=DOUBLE)
    assert error(first, gradients.sum(axis=0)) < DOUBLE
    assert error(second, (gradients**2).sum(axis=0)) < 2 * DOUBLE
    assert not first[~one.mask].any()
    assert not second[~one.mask].any()
