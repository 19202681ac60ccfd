import copy
import dataclasses
import functools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from reference.empirics import plain
from samples import own_workloads, refused_workloads
from samples.networks import SMALL_CNN
from tools.checkout import ROOT
from tools.commands import code_of
from torch import nn
from torch.nn import functional

from empirics.errors import InputError
from empirics.measure import main
from empirics.networks import module_checks
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.module_network import module_network
from empirics.probes.gradient_noise import gradient_noise
from empirics.probes.sample import Sample
from empirics.records import Study
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.block import TrialBlock
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.workloads.metric_goal import MetricGoalTest
from empirics.workloads.named import import_named
from empirics.workloads.own import LoadedWorkload, OwnWorkload, load_own_workload

HERE = "samples.own_workloads"


run = functools.partial(code_of, main)


def laboratory_of(path, **request):
    return Laboratory(*resolve(Request(workload=f"{HERE}:{path}", **request), cuda_available=False))


def test_the_example_is_measured_as_its_docstring_says(tmp_path, capsys):
    words = ("--workload", "examples.own_model:make_workload", "--sparsity", "0", "50", "--out", tmp_path, "--jobs", 1)
    assert run(*words, "--batch-sizes", "4", "16", "64") == 0
    printed = capsys.readouterr().out
    assert "examples.own_model:make_workload, goal r_squared >= 0.45: steps to result K*(B)" in printed
    rows = (tmp_path / "curves.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 3
    assert sum(",reached,race," in row for row in rows) >= 5
    assert (tmp_path / "constants.csv").read_text().count("examples.own_model:make_workload,50,beta,") == 1


def test_the_example_is_as_short_as_promised():
    assert len(Path("examples/own_model.py").read_text().splitlines()) < 60


def test_one_and_two_processes_give_the_same_curves(tmp_path):
    words = ("--workload", f"{HERE}:plain", "--sparsity", "50", "--no-constants", "--trials", "2")
    for jobs in (1, 2):
        assert run(*words, "--jobs", jobs, "--out", tmp_path / str(jobs)) == 0
    curves = [(tmp_path / str(jobs) / "curves.csv").read_bytes() for jobs in (1, 2)]
    assert curves[0] == curves[1]


class SmallCnn(nn.Module):
    """The embedded network, as a user would write it; torch's max-pool and relu in the textbook order."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.linear = nn.Linear(128, 10)

    def forward(self, images):
        hidden = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        return self.linear(functional.max_pool2d(functional.relu(self.conv2(hidden)), 2).flatten(1))


@pytest.fixture(scope="module")
def as_module():
    images, labels, *_ = plain.split_digits()
    return module_network(SmallCnn, functional.cross_entropy, images[:8].float(), labels[:8]), images, labels


@pytest.mark.parametrize("batched", [True, False])
def test_a_module_has_the_losses_and_gradients_of_the_same_network_built_in(as_module, batched):
    network, images, labels = as_module
    assert network.batched
    network = dataclasses.replace(network, module_batches=batched, loss_batches=batched)
    assert [(p.name, p.shape) for p in network.parameters] == [(p.name, p.shape) for p in SMALL_CNN.parameters]
    assert (network.is_bias == SMALL_CNN.is_bias).all()
    random = np.random.default_rng(1)
    weights = torch.from_numpy(np.stack([network.initial_weights(random) for _ in range(3)])).double()
    found = loss_and_gradient(network, weights, images[:24].double(), labels[:24])
    expected = loss_and_gradient(SMALL_CNN, weights, images[:24].double(), labels[:24])
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-13)  # sums of up to 10^5 float64 roundings
    kept = torch.ones(1, SMALL_CNN.size)
    sample = Sample(images[:24], labels[:24], population=24)
    variances = [gradient_noise(net, weights[:1], kept, sample).variance[0] for net in (network, SMALL_CNN)]
    assert variances[0] == pytest.approx(variances[1], rel=1e-11)


def test_initial_weights_are_the_factorys_at_a_seed_of_their_own(as_module):
    network, *_ = as_module
    torch.manual_seed(5)
    before = torch.get_rng_state()
    drawn = [network.initial_weights(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).mean() > 0.99
    bound = 1 / 3  # torch draws a 3x3 convolution of one channel uniformly up to 1/sqrt(9)
    assert 0.9 * bound < np.abs(drawn[0][:144]).max() <= bound * (1 + 2.0**-23)


def test_a_study_of_a_module_ends_like_its_trials_one_by_one():
    laboratory = laboratory_of("plain")
    masks = np.ones((3, laboratory.network.size), dtype=bool)
    (record,) = measure_study(laboratory, Study(0.0, 0, 4), masks, lambda _: None).records
    data, order = laboratory.split(0), laboratory.order(0)
    ends = []
    for trial, point in enumerate(laboratory.specification.points):
        module = own_workloads.perceptron().double()
        flat = torch.from_numpy(laboratory.initial_weights(0, trial)).double()
        nn.utils.vector_to_parameters(flat, module.parameters())
        optimizer = torch.optim.SGD(module.parameters(), lr=point["learning_rate"])
        for step in range(1, 41):
            rows = order.batch(step - 1, 4)
            optimizer.zero_grad()
            outputs = module(data.training_images[rows].double())
            functional.cross_entropy(outputs, data.training_labels[rows]).backward()
            optimizer.step()
            wrong = module(data.validation_images.double()).argmax(1) != data.validation_labels
            if step % 5 == 0 and int(wrong.sum()) <= math.floor(0.3 * 6 + 1e-6):
                ends.append(step)
                break
        else:
            ends.append(math.inf)
    assert record.steps_to_result == min(ends) < math.inf
    assert record.winner.trial == ends.index(min(ends))


def test_a_module_that_cannot_be_batched_gives_what_the_batched_one_gives(tmp_path, capsys):
    for path in ("plain", "unbatched"):
        words = ("--sparsity", "0", "50", "--examples", "20", "--jobs", "1")
        assert run("--workload", f"{HERE}:{path}", *words, "--out", tmp_path / path) == 0
        errors = capsys.readouterr().err
        assert ("notice: torch cannot batch this network or loss over trials" in errors) == (path == "unbatched")
    curves = [(tmp_path / path / "curves.csv").read_text() for path in ("plain", "unbatched")]
    assert curves[0].replace(":plain", "") == curves[1].replace(":unbatched", "")
    rows = [(tmp_path / path / "constants.csv").read_text().splitlines()[1:] for path in ("plain", "unbatched")]
    for first, second in zip(*rows, strict=True):
        assert first.split(",")[2] == second.split(",")[2]
        # beta_V and M are the slope and intercept of a line through few points and magnify what they are made of
        assert float(first.split(",")[3]) == pytest.approx(float(second.split(",")[3]), rel=1e-4)


@pytest.mark.parametrize(
    "factory",
    [
        own_workloads.Twice,
        own_workloads.Crossed,
        own_workloads.Recurrent,
        own_workloads.encoder,
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 3)),
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(6, 3)).eval(),
    ],
    ids=["a layer used twice", "tied weights", "lstm and attention", "encoder", "weight norm", "spectral norm"],
)
def test_a_trials_gradient_is_that_of_a_module_with_its_weights(factory):
    inputs, classes = torch.from_numpy(own_workloads.INPUTS[:8]), torch.from_numpy(own_workloads.CLASSES[:8])
    network = module_network(factory, functional.cross_entropy, inputs, classes)
    random = np.random.default_rng(3)
    weights = torch.from_numpy(np.stack([network.initial_weights(random) for _ in range(2)])).double()
    losses, gradients = loss_and_gradient(network, weights, inputs.double(), classes)
    for row, loss, gradient in zip(weights, losses, gradients, strict=True):
        module = copy.deepcopy(network.template).double()
        trained = [value for value in module.parameters() if value.requires_grad]
        nn.utils.vector_to_parameters(row, trained)
        expected = functional.cross_entropy(module(inputs.double()), classes)
        torch.testing.assert_close(loss, expected.detach(), rtol=1e-11, atol=1e-13)
        slopes = torch.cat([slope.flatten() for slope in torch.autograd.grad(expected, trained)])
        torch.testing.assert_close(gradient, slopes, rtol=1e-10, atol=1e-12)


def test_an_encoder_is_measured_whole(tmp_path):
    words = ("--workload", f"{HERE}:attentive", "--sparsity", 50, "--jobs", 1, "--batch-sizes", 4, "--stop", "never")
    rest = ("--goal-error", 0.9, "--pruning", "grasp", "--out", tmp_path / "run")
    assert run(*words, *rest) == 0
    (row,) = [line for line in (tmp_path / "run" / "constants.csv").read_text().splitlines() if "hessian_top" in line]
    assert float(row.split(",")[3]) > 0


def test_what_a_module_raises_late_is_one_line_that_names_the_place(tmp_path, capsys):
    words = ("--workload", f"{HERE}:fine_until_far", "--sparsity", 0, "--jobs", 1, "--no-constants", "--stop", "never")
    points = tmp_path / "points.csv"
    points.write_text("learning_rate\n20\n")
    assert run(*words, "--points", points, "--out", tmp_path / "run") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: module: fails on inputs of shape")
    assert "RuntimeError: a sensor fell off" in line


def test_batch_norm_and_dropout_in_evaluation_mode_are_neither():
    module = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).eval()
    module_checks.refuse_layers(module)
    with pytest.raises(InputError, match="BatchNorm1d '1'"):
        module_checks.refuse_layers(module.train())


def test_what_is_overwritten_at_each_pass_and_not_read_is_no_state():
    def remember(module, inputs):
        module.last = module.inner(inputs)
        return module.last

    inputs = torch.from_numpy(own_workloads.INPUTS[:8])
    module_checks.refuse_behaviour(own_workloads.Changed(remember), inputs)


def test_gains_are_never_pruned_and_biases_first():
    laboratory = laboratory_of("plain")
    mask = laboratory.masks((90.0,), 0, 0)[0]
    kept = {
        parameter.name: int(view.sum())
        for parameter, view in zip(
            laboratory.network.parameters, laboratory.network.views(torch.from_numpy(mask[None])), strict=True
        )
    }
    assert kept["1.weight"] == 8
    assert kept["0.bias"] == kept["1.bias"] == kept["3.bias"] == 0
    prunable = 6 * 8 + 8 + 8 + 8 * 3 + 3
    assert kept["0.weight"] + kept["3.weight"] == round(prunable * 0.1)


def test_biases_are_known_by_the_names_that_layers_give_them(monkeypatch):
    monkeypatch.setattr(own_workloads, "plain", lambda: own_workloads.workload(module=own_workloads.Recurrent))
    load_own_workload.cache_clear()
    network = load_own_workload(f"{HERE}:plain").network
    load_own_workload.cache_clear()
    biases = {parameter.name for parameter in network.parameters if parameter.fan_in == 0}
    lstm, attention = {"lstm.bias_ih_l0", "lstm.bias_hh_l0"}, {"attention.in_proj_bias", "attention.out_proj.bias"}
    assert biases == lstm | attention | {"out.bias"}
    assert not network.never_pruned.any()


def test_a_parameter_may_be_one_number_and_is_never_pruned():
    laboratory = laboratory_of("scaled")
    kept = laboratory.network.views(torch.from_numpy(laboratory.masks((90.0,), 0, 0)))
    (place,) = (i for i, p in enumerate(laboratory.network.parameters) if p.name == "temperature")
    assert laboratory.network.parameters[place].shape == ()
    assert bool(kept[place].all())
    block = laboratory.network.views(torch.from_numpy(np.stack([laboratory.initial_weights(0, 0)] * 2)))
    assert laboratory.network.logits(block, laboratory.split(0).training_images[:4]).shape == (2, 4, 3)


def test_tokens_constant_buffers_frozen_and_shared_weights_work(tmp_path):
    laboratory = laboratory_of("tokens")
    assert [parameter.name for parameter in laboratory.network.parameters] == ["embedding.weight"]
    module = own_workloads.WithPositions()
    weights = torch.from_numpy(laboratory.initial_weights(0, 0)[None])
    with torch.no_grad():
        module.embedding.weight.copy_(weights.view(9, 4))
        found = laboratory.network.logits(laboratory.network.views(weights), laboratory.split(0).training_images)
        torch.testing.assert_close(found[0], module(laboratory.split(0).training_images))
    assert run("--workload", f"{HERE}:tokens", "--sparsity", 50, "--jobs", 1, "--out", tmp_path / "run") == 0
    assert "beta" in (tmp_path / "run" / "constants.csv").read_text()


def test_synflow_is_refused_for_tokens(tmp_path, capsys):
    words = ("--workload", f"{HERE}:tokens", "--pruning", "synflow", "--out", tmp_path / "run")
    assert run(*words) == 2
    assert "--pruning synflow: sends an input of ones" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_torch_data_set_is_its_arrays():
    from_arrays, from_torch = (load_own_workload(f"{HERE}:{path}").dataset for path in ("plain", "torch_dataset"))
    assert (from_arrays.digest, from_arrays.validation_examples) == (from_torch.digest, from_torch.validation_examples)


def test_ones_own_validation_set_validates_in_every_replicate():
    inputs, classes = own_workloads.INPUTS, own_workloads.CLASSES
    own = own_workloads.workload(data=(inputs[:40], classes[:40]), validation=(inputs[40:], classes[40:]))
    dataset = LoadedWorkload("m:f", own).dataset
    for replicate in range(2):
        validation, training = dataset.split(3, replicate)
        assert validation.tolist() == list(range(40, 60))
        assert training.tolist() == list(range(40))


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_an_empty_layer_is_no_layer_returned_twice():
    own = own_workloads.workload(module=lambda: nn.Sequential(nn.Linear(6, 0), nn.Linear(0, 3)))
    assert LoadedWorkload("m:f", own).network.size == 3


def test_an_optimiser_of_ones_own_reads_its_own_metaparameters_and_prunes_exactly():
    laboratory = laboratory_of("own_optimizer")
    specification, network = laboratory.specification, laboratory.network
    assert set(specification.points[0]) == {"learning_rate", "noise"}
    masks = torch.from_numpy(laboratory.masks((80.0,), 0, 0)).float()
    weights = torch.from_numpy(laboratory.initial_weights(0, 0)[None]) * masks
    block = TrialBlock(network, specification.workload, range(1), weights, masks, specification.points[:1])
    data = laboratory.split(0)
    for _ in range(5):
        block.step(data.training_images[:4], data.training_labels[:4])
    assert bool((block.weights[masks == 0] == 0).all())
    assert int((block.weights != 0).sum()) > 5


def test_a_schedule_of_ones_own_sets_the_rate_of_each_step():
    laboratory = laboratory_of("own_schedule")
    specification, network = laboratory.specification, laboratory.network
    (point, *_), data = specification.points, laboratory.split(0)
    weights = torch.from_numpy(laboratory.initial_weights(0, 0)[None])
    block = TrialBlock(network, specification.workload, range(1), weights.clone(), torch.ones_like(weights), [point])
    for step in range(4):
        batch = data.training_images[:4], data.training_labels[:4]
        block.step(*batch)
        _, gradient = loss_and_gradient(network, weights, *batch)
        weights -= point["learning_rate"] * 0.5 ** (step / point["half_life"]) * gradient
    assert torch.allclose(block.weights, weights, rtol=1e-5, atol=1e-7)


def test_masks_of_ones_own_are_each_trials_draws_and_replicates_own():
    """Without `--pruning` they are taken, with one its method is; the same masks come whoever asks for them."""
    laboratory, again = (laboratory_of("masked_at_random", sparsity=(0, 50), draws=3, replicates=2) for _ in range(2))
    assert laboratory.specification.pruning == "own"
    masks = [laboratory.masks((50.0,), *place)[0] for place in ((0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1))]
    assert all((~mask).sum() == 24 + 12 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) == 4
    assert np.array_equal(again.masks((50.0,), 0, 0, 1)[0], masks[3])
    assert laboratory.masks((0.0,), 0, 0)[0].all()
    assert laboratory_of("masked_at_random", pruning="random").specification.pruning == "random"


def test_the_page_has_every_field_with_its_default():
    text = (ROOT / "docs" / "own_model.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE))
    fields = {
        field.name: "needed" if field.default is dataclasses.MISSING else field.default
        for field in dataclasses.fields(OwnWorkload)
    }
    shown = {
        name: "cross-entropy" if name == "loss" else default if default == "needed" else f"`{default!r}`"
        for name, default in fields.items()
    }
    assert told == shown


def test_a_metric_of_ones_own_is_maximised(tmp_path):
    words = ("--workload", f"{HERE}:maximised", "--sparsity", 0, "--trace", "full", "--stop", "never", "--jobs", 1)
    assert run(*words, "--goal-error", "0.45", "0.5", "--out", tmp_path / "run", "--no-constants") == 0
    laboratory = laboratory_of("maximised", goal_error=(0.45, 0.5), trace="full", stop=("never",))
    masks = np.ones((3, laboratory.network.size), dtype=bool)
    outcome = measure_study(laboratory, Study(0.0, 0, 4), masks, lambda _: None)
    for record in outcome.records:
        for trial, trace in zip(record.trials, outcome.traces, strict=True):
            assert trace.metric == "val/highest_mean"
            first = next((s for s, v in zip(trace.steps, trace.values, strict=True) if v >= record.goal), None)
            assert (trial.step if trial.ending == "complete" else None) == first
    assert outcome.records[0].winner is not None


@pytest.mark.parametrize("maximise", [True, False])
def test_a_metric_that_is_no_number_reaches_no_goal_and_is_never_best(maximise):
    goals = MetricGoalTest(None, None, torch.zeros(0), None, [0.0, 1.0], maximise=maximise)
    reached = goals.reached_by(torch.tensor([math.nan, 0.5], dtype=torch.float64))
    assert reached.tolist() == ([[False, True], [False, False]] if maximise else [[False, False], [False, True]])
    assert goals.best([math.nan, 0.5, 0.75]) == (0.75 if maximise else 0.5)
    assert math.isnan(goals.best([math.nan]))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("case", refused_workloads.REFUSED)
def test_what_cannot_be_measured_is_refused_with_the_reason(case, monkeypatch):
    changes, message = refused_workloads.REFUSED[case]
    monkeypatch.setattr(own_workloads, "plain", lambda: own_workloads.workload(**changes))
    load_own_workload.cache_clear()
    with pytest.raises(InputError, match=message) as refusal:
        load_own_workload(f"{HERE}:plain")
    load_own_workload.cache_clear()
    assert str(refusal.value).startswith(f"{HERE}:plain: ")
    assert "\n" not in str(refusal.value)


def test_a_goal_that_cannot_be_is_refused_where_it_stands(monkeypatch):
    monkeypatch.setattr(own_workloads, "plain", lambda: own_workloads.workload(goal=0.0))
    load_own_workload.cache_clear()
    with pytest.raises(InputError, match=f"^{HERE}:plain: goal 0: must lie in"):
        laboratory_of("plain")
    with pytest.raises(InputError, match=r"^--goal-error 1: must lie in"):
        laboratory_of("plain", goal_error=(1.0,))
    load_own_workload.cache_clear()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module:make", "there is no module 'no_such_module'"),
        (f"{HERE}:absent", "has no 'absent'"),
        (f"{HERE}:RATE", "is no function"),
        (f"{HERE}:perceptron", "returned Sequential; it must return an OwnWorkload"),
        (f"{HERE}:raises", r"raised KeyError: 'absent' \(.*own_workloads.py, line \d+\)"),
        ("math:", "math has no ''"),
        (":make", "Empty module name"),
    ],
)
def test_a_path_that_leads_nowhere_ends_in_one_line(path, message, tmp_path, capsys):
    assert run("--workload", path, "--out", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    with pytest.raises(InputError, match=message):
        load_own_workload(path)
    assert line.startswith("error: ")
    assert not (tmp_path / "run").exists()


def test_a_thing_inside_a_function_is_told_apart():
    with pytest.raises(InputError, match="lies inside a function, where no other process finds it"):
        import_named("math:<locals>.f")
    with pytest.raises(InputError, match="a lambda has no name to import it by"):
        import_named("math:<lambda>")


def test_a_goal_to_be_maximised_needs_a_metric():
    with pytest.raises(InputError, match="classification error is minimised"):
        OwnWorkload(module=nn.Identity, data=(), goal=0.5, search_space=(), maximise=True)
