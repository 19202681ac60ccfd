"""Workloads of users, one for each way of being refused."""

import math

import numpy as np
import torch
from samples.own_workloads import (
    CLASSES,
    INPUTS,
    RATE,
    TOKENS,
    Batches,
    Changed,
    Moved,
    Pairs,
    TwoInputs,
    in_bfloat16,
    perceptron,
    pruned,
)
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from empirics.search.space import Metaparameter


class NoisyBatches:
    """Batches whose inputs numpy's own generator moves."""

    def __iter__(self):
        yield INPUTS + np.random.default_rng().normal(size=INPUTS.shape), CLASSES


class OneRate:
    """A schedule with one rate for all trials."""

    def __init__(self, points, weights):
        self.rate = torch.tensor([point["learning_rate"] for point in points])

    def rates(self, step):
        return self.rate.mean()

    def keep(self, wanted):
        pass


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = perceptron()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, inputs):
        self.calls += 1
        return self.inner(inputs)


class Mixes(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = perceptron()

    def forward(self, inputs):
        return self.inner(inputs - inputs.mean(dim=0))


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = perceptron()

    def forward(self, inputs):
        return self.inner(inputs + torch.randn_like(inputs))


class DrawnByNumpy(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(np.random.normal(size=(6, 3)), dtype=torch.float32))  # noqa: NPY002

    def forward(self, inputs):
        return inputs @ self.weight


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6, 3, dtype=torch.complex64))

    def forward(self, inputs):
        return (inputs @ self.weight).abs()


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = perceptron()

    def forward(self, inputs):
        return self.inner(inputs), inputs


def summed_loss(outputs, targets):
    return functional.cross_entropy(outputs, targets, reduction="sum")


def errors_loss(outputs, targets):
    return (outputs.argmax(dim=1) != targets).float().mean()


def vector_loss(outputs, targets):
    return functional.cross_entropy(outputs, targets, reduction="none")


def broken_metric(outputs, targets):
    return outputs.sum(dim=1)


def frozen_perceptron():
    return perceptron().requires_grad_(requires_grad=False)


def with_nan():
    return np.where(INPUTS[0, 0] == INPUTS, np.nan, INPUTS)


class Idle(nn.Module):
    """A layer that nothing calls."""

    def __init__(self):
        super().__init__()
        self.inner, self.spare = perceptron(), nn.Linear(3, 3)

    def forward(self, inputs):
        return self.inner(inputs)


def raising_factory():
    raise RuntimeError("out of paper")


class BrokenPairs(Pairs):
    def __getitem__(self, index):
        raise OSError("disk gone")


class RaggedPairs(Pairs):
    def __getitem__(self, index):
        return torch.zeros(1 + index % 2), 0


class NamedPairs(Pairs):
    def __getitem__(self, index):
        return {"input": torch.zeros(3), "target": 0, "weight": 1.0}


class NoUpdate:
    def __init__(self, points, weights):
        self._rates = [point["learning_rate"] for point in points]


class NoArguments:
    pass


def with_expanded_biases():
    layer = nn.Linear(6, 3)
    layer.bias = nn.Parameter(torch.zeros(1).expand(3))
    return layer


class CountsInItsClass(nn.Module):
    calls = 0

    def __init__(self):
        super().__init__()
        self.inner = perceptron()

    def forward(self, inputs):
        CountsInItsClass.calls += 1
        return self.inner(inputs)


_SEEN = {"calls": 0}


def count_globally(_module, _inputs):
    _SEEN["calls"] += 1


def counting_in_a_closure():
    calls = 0

    def count(_module, _inputs):
        nonlocal calls
        calls += 1

    return Changed(count)


def append(module, _inputs):
    module.seen.append(1)


def count(module, _inputs):
    module.calls += 1


def draw_torch(_module, _inputs):
    torch.rand(1)


def draw_numpy(_module, _inputs):
    np.random.rand()  # noqa: NPY002


def draw_own(module, _inputs):
    module.random.random()


def from_the_last_pass(module, inputs):
    outputs = module.inner(inputs)
    before, module.last = module.last, outputs.detach().mean(dim=0)
    return outputs + before


def caching(module, inputs):
    if module.scale is None:
        module.scale = module.inner[0].weight.detach().mean()
    return module.inner(inputs) * module.scale


def checkpointed(module, inputs):
    return checkpoint(module.inner, inputs, use_reentrant=False)


def doubled(module, inputs):
    return module.inner(inputs.mul_(2))


ONE = perceptron()


def with_shared_part():
    return nn.Sequential(ONE[0], nn.Tanh(), nn.Linear(8, 3))


def drawn_structure():
    width = int(torch.randint(4, 5000, ()))
    return nn.Sequential(nn.Linear(6, width), nn.Linear(width, 3))


def not_a_number():
    module = perceptron()
    module[0].weight.data[0, 0] = math.nan
    return module


def compiled_in_place():
    module = perceptron()
    module.compile()
    return module


class Temperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, outputs, targets):
        return functional.cross_entropy(outputs * self.scale, targets)


def logarithm_loss(outputs, targets):
    return functional.nll_loss(functional.log_softmax(outputs, dim=1), targets)


def mean_output(outputs, targets):
    return outputs.mean()


LATE_CLASS = np.where(np.arange(60) == 50, 7, CLASSES)
LATE_TOKEN = np.where(np.arange(60)[:, None] == 50, 31, TOKENS)


def of_tokens(**options):
    return nn.Sequential(nn.Embedding(9, 4, **options), nn.Flatten(), nn.Linear(20, 3))


STATE = "changes from pass to pass"
# What is changed -> what the refusal says.
REFUSED = {
    "a count": ({"module": lambda: Changed(count, calls=0)}, f"attribute 'calls' of Changed {STATE}"),
    "a list": ({"module": lambda: Changed(append, seen=[])}, f"attribute 'seen' of Changed {STATE}"),
    "a count in a class": ({"module": CountsInItsClass}, f"'calls' of class CountsInItsClass {STATE}"),
    "a global count": ({"module": lambda: Changed(count_globally)}, f"(global '_SEEN'|attribute 'change') .*{STATE}"),
    "a count in a closure": ({"module": counting_in_a_closure}, f"(variable 'calls'|attribute 'change') .*{STATE}"),
    "the last pass": ({"module": lambda: Changed(from_the_last_pass, last=0.0)}, "two outputs for one input|changes"),
    "torch's generator": ({"module": lambda: Changed(draw_torch)}, "draws torch's random numbers"),
    "numpy's generator in a pass": ({"module": lambda: Changed(draw_numpy)}, "draws numpy's random numbers"),
    "a generator of its own": (
        {"module": lambda: Changed(draw_own, random=np.random.default_rng(0))},
        f"attribute 'random' of Changed {STATE}",
    ),
    "a cache of weights": ({"module": lambda: Changed(caching, scale=None)}, "gives another gradient than a module"),
    "activation checkpointing": ({"module": lambda: Changed(checkpointed)}, "leave out activation checkpointing"),
    "inputs changed in place": ({"module": lambda: Changed(doubled)}, "changes its inputs in place"),
    "bfloat16 outputs": (
        {"module": lambda: Changed(in_bfloat16)},
        "returns torch.bfloat16; training is in torch.float",
    ),
    "detached": ({"module": lambda: Changed(lambda m, x: m.inner(x).detach())}, "outputs have no gradient"),
    "a dictionary": ({"module": lambda: Changed(lambda m, x: {"logits": m.inner(x)})}, "example, not dict"),
    "one row": ({"module": lambda: Changed(lambda m, x: m.inner(x).mean(0))}, r"here \(3,\) for \(8, 6\)"),
    "squeezed at B = 1": ({"module": lambda: Changed(lambda m, x: m.inner(x).squeeze())}, r"here \(3,\) for \(1, 6\)"),
    "double": (
        {"module": lambda: perceptron().double()},
        r"'0.weight' is torch.float64, .*return the module with .float",
    ),
    "half": ({"module": lambda: perceptron().half()}, "'0.weight' is torch.float16, and training is in torch.float32"),
    "starts at NaN": ({"module": not_a_number}, "'0.weight' starts with values that are not finite"),
    "NaN outputs": ({"module": lambda: Changed(lambda m, x: m.inner(x) * math.nan)}, "outputs are not finite"),
    "one module for all": ({"module": lambda: ONE}, "returned parameter '0.weight' twice; it must make a fresh"),
    "one number for all biases": ({"module": with_expanded_biases}, "fails with RuntimeError: unsupported operation"),
    "one layer for all": ({"module": with_shared_part}, "returned parameter '0.weight' twice"),
    "a structure that is drawn": ({"module": drawn_structure}, "two modules of different parameters"),
    "TorchScript": ({"module": lambda: torch.jit.script(perceptron())}, "is TorchScript.* without torch.jit"),
    "a TorchScript layer": (
        {"module": lambda: nn.Sequential(torch.jit.script(nn.Linear(6, 4)), nn.Linear(4, 3))},
        "'0' is TorchScript",
    ),
    "compiled": ({"module": lambda: torch.compile(perceptron())}, "return it without torch.compile"),
    "compiled in place": ({"module": compiled_in_place}, "return it without torch.compile"),
    "data parallel": ({"module": lambda: nn.DataParallel(perceptron())}, "return the module within"),
    "dropout of an LSTM": ({"module": lambda: nn.LSTM(6, 3, 2, dropout=0.5)}, "LSTM has dropout=0.5"),
    "dropout of attention": (
        {"module": lambda: nn.Sequential(nn.MultiheadAttention(6, 2, dropout=0.1))},
        "MultiheadAttention '0' has dropout=0.1",
    ),
    "sparse gradients": (
        {"module": lambda: of_tokens(sparse=True), "data": (TOKENS, CLASSES)},
        "'0.weight' has a sparse gradient",
    ),
    "weights that a pass changes": (
        {"module": lambda: of_tokens(max_norm=0.1), "data": (TOKENS, CLASSES)},
        "parameter '0.weight' changes in a forward pass",
    ),
    "a token too high, late": ({"module": of_tokens, "data": (LATE_TOKEN, CLASSES)}, "index out of range"),
    "a class too high, late": (
        {"data": (INPUTS, LATE_CLASS), "loss": logarithm_loss, "metric": mean_output},
        r"data: loss logarithm_loss fails on targets 0\.\.59: IndexError",
    ),
    "a loss with parameters": ({"loss": Temperature()}, "loss Temperature: has parameters, which nothing would train"),
    "idle parameter": ({"module": Idle}, "loss does not depend on parameter 'spare.weight'; leave it out or freeze"),
    "factory that raises": ({"module": raising_factory}, "its factory, called without arguments, raised RuntimeError"),
    "factory with arguments": ({"module": nn.Linear}, "its factory, called without arguments, raised TypeError"),
    "a module instead of a factory": ({"module": nn.Linear(6, 3)}, "give a function that makes a fresh module"),
    "classes without outputs": (
        {"data": (INPUTS, CLASSES + (INPUTS[:, 3] > 2) * 9)},
        r"classes 0\.\.1?\d do not fit 3",
    ),
    "negative classes": ({"data": (INPUTS, CLASSES - 1)}, "Target -1 is out of bounds"),
    "a class a position": (
        {"module": lambda: nn.Linear(6, 6), "loss": functional.mse_loss, "data": (INPUTS, INPUTS)},
        "classification error needs an output a class and a class an example",
    ),
    "data set that raises": ({"data": BrokenPairs()}, "items must be pairs .*disk gone"),
    "data set of several shapes": ({"data": RaggedPairs()}, "items must be pairs"),
    "data set of other items": ({"data": NamedPairs()}, "items must be pairs"),
    "other validation targets": ({"validation": (INPUTS, INPUTS)}, "validation: targets of shape"),
    "optimiser of torch": (
        {"optimizer": torch.optim.SGD},
        "optimizer .*SGD: .*like those in empirics.workloads.optimizers",
    ),
    "optimiser without update": ({"optimizer": NoUpdate}, "fails in a step: AttributeError.*like those in"),
    "optimiser without arguments": ({"optimizer": NoArguments}, "cannot be made: TypeError.*like those in"),
    "local optimiser": ({"optimizer": lambda points, weights: None}, "lies inside a function|a lambda has no name"),
    "no batch size": ({"batch_sizes": ()}, "batch_sizes: must be a tuple of integers, at least one"),
    "half a step": ({"max_steps": 40.5}, "max_steps: must be an integer >= 1, not 40.5"),
    "text for a goal": ({"goal": "0.1"}, "goal: must be a number, not '0.1'"),
    "a name for a metaparameter": ({"search_space": ("learning_rate",)}, "must be a tuple of empirics.search.space"),
    "one metaparameter alone": ({"search_space": RATE}, "must be a tuple of empirics.search.space"),
    "batch norm": (
        {"module": lambda: nn.Sequential(nn.BatchNorm1d(6), perceptron())},
        r"BatchNorm1d '0' makes .* use nn.GroupNorm\(2, 6\) in its place",
    ),
    "a pruned module": ({"module": pruned}, "'0' is pruned by torch.nn.utils.prune: .*give the pruned one as masks"),
    "masks that are none": ({"masks": 3}, "masks: must be a pruned module, its state dict or a function, not int"),
    "schedule without rates": ({"schedule": NoArguments}, "schedule .*NoArguments: fails: TypeError"),
    "schedule of one rate": ({"schedule": OneRate}, r"must return rates of shape \(trials, 1\)"),
    "a pass that is over": ({"data": iter([(INPUTS, CLASSES)])}, "is used up after one pass; give a DataLoader"),
    "noise in batches": ({"data": NoisyBatches()}, "gives other examples when it is drawn again"),
    "noise in items": ({"data": Moved(np.random.default_rng().normal)}, "gives other examples when it is drawn again"),
    "no batches": ({"data": Batches()}, "data: holds no examples"),
    "batches of three": ({"data": Batches((INPUTS, CLASSES, CLASSES))}, "must be pairs .input, target., not tuple"),
    "inputs of other lengths": ({"data": ((INPUTS, TOKENS[:-1]), CLASSES)}, "59 inputs for 60 targets"),
    "large tokens beside numbers": ({"data": ((INPUTS, TOKENS + 2**24), CLASSES)}, "whole numbers above 16777216"),
    "other inputs to validate": (
        {"module": TwoInputs, "data": ((INPUTS, TOKENS), CLASSES), "validation": ((TOKENS, INPUTS), CLASSES)},
        "validation: its inputs have other names, shapes or kinds of numbers",
    ),
    "dropout": ({"module": lambda: nn.Sequential(nn.Dropout(0.2), perceptron())}, "Dropout '0' draws random"),
    "lazy": ({"module": lambda: nn.LazyLinear(3)}, "parameter 'weight' has no shape yet"),
    "complex": ({"module": Complex}, "parameter 'weight' is torch.complex64"),
    "numpy's generator": ({"module": DrawnByNumpy}, "parameter 'weight' differs between two modules"),
    "nothing to train": ({"module": frozen_perceptron}, "has no parameter that needs a gradient"),
    "changing buffer": ({"module": Counts}, "buffer 'calls' changes in a forward pass"),
    "mixed examples": ({"module": Mixes}, "output depends on the others in its batch"),
    "noise": ({"module": Noisy}, "gives two outputs for one input"),
    "two outputs": ({"module": TwoOutputs}, "must return one tensor with a row an example"),
    "wrong inputs": ({"module": lambda: nn.Linear(7, 3)}, r"fails on a batch of shape \(8, 6\)"),
    "no module": ({"module": lambda: 3}, "the factory returned int"),
    "summed loss": ({"loss": summed_loss}, "loss summed_loss: .* as the mean over its examples"),
    "loss without gradient": ({"loss": errors_loss}, "loss errors_loss: has no gradient"),
    "loss that is no number": ({"loss": vector_loss}, "loss vector_loss: must return one number"),
    "metric that is no number": ({"metric": broken_metric}, "metric .*broken_metric: makes no number"),
    "unknown optimiser": ({"optimizer": "adam"}, "unknown optimiser 'adam'; choose one of: sgd"),
    "unknown schedule": ({"schedule": "cosine"}, "unknown schedule 'cosine'"),
    "missing metaparameter": ({"optimizer": "momentum"}, "lacks momentum, which optimiser or schedule need"),
    "misspelt metaparameter": (
        {"search_space": (RATE, Metaparameter("weight_decy", 0.1, 1, "log"))},
        "nothing reads weight_decy",
    ),
    "no metaparameter": ({"search_space": ()}, "name at least learning_rate"),
    "lengths": ({"data": (INPUTS, CLASSES[:-1])}, "60 inputs for 59 targets"),
    "no pair": ({"data": INPUTS}, r"must be \(inputs, targets\)"),
    "not finite": ({"data": (with_nan(), CLASSES)}, "holds values that are not finite"),
    "text": ({"data": (INPUTS, np.array(["a"] * 60))}, "give numbers, a row an example"),
    "few": ({"data": (INPUTS[:5], CLASSES[:5])}, "5 examples are too few"),
    "other validation": ({"validation": (INPUTS[:, :3], CLASSES)}, "validation: inputs of shape"),
}
