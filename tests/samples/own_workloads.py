"""Workloads as users write them: some that work, and one for each way of being refused."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

from empirics.search.space import Metaparameter
from empirics.workloads.optimizers import column
from empirics.workloads.own import OwnWorkload

RATE = Metaparameter("learning_rate", 1e-2, 1.0, "log")
_random = np.random.default_rng(0)
INPUTS = _random.normal(size=(60, 6)).astype(np.float32)
CLASSES = (INPUTS[:, 0] > INPUTS[:, 1]).astype(np.int64) + (INPUTS[:, 2] > 0.5)
TOKENS = _random.integers(0, 9, size=(60, 5))


def perceptron():
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))


def workload(**changes):
    """Return a small workload that works, with some of its parts exchanged."""
    parts = {
        "module": perceptron,
        "data": (INPUTS, CLASSES),
        "goal": 0.3,
        "search_space": (RATE,),
        "max_steps": 40,
        "eval_interval": 5,
        "batch_sizes": (4, 16),
        "trials": 3,
    }
    return OwnWorkload(**(parts | changes))


def plain():
    return workload()


class WithPositions(nn.Module):
    """Tokens, a constant buffer, a frozen table and weights that are used twice."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.frozen = nn.Parameter(torch.ones(4) / 2, requires_grad=False)
        self.register_buffer("positions", torch.arange(5.0).unsqueeze(1) / 5)
        self.out = nn.Linear(4, 9, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, tokens):
        hidden = (self.embedding(tokens) + self.positions) * self.frozen
        return self.out(hidden.mean(dim=1))


def tokens():
    return workload(module=WithPositions, data=(TOKENS, TOKENS[:, 0]), goal=0.85)


class LooksAtItsNumbers(nn.Module):
    """The perceptron, with a branch on values that torch cannot batch over trials."""

    def __init__(self):
        super().__init__()
        self.inner = perceptron()

    def forward(self, inputs):
        outputs = self.inner(inputs)
        return outputs if float(outputs.detach().abs().sum()) >= 0 else -outputs


def unbatched():
    return workload(module=LooksAtItsNumbers)


class TwoInputs(nn.Module):
    """Numbers and tokens, given apart."""

    def __init__(self):
        super().__init__()
        self.numbers, self.table = nn.Linear(6, 8), nn.Embedding(9, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, numbers, tokens):
        return self.out(torch.tanh(self.numbers(numbers) + self.table(tokens).mean(dim=1)))


def two_inputs():
    return workload(module=TwoInputs, data=((INPUTS, TOKENS), CLASSES))


def named_inputs():
    return workload(module=TwoInputs, data=({"tokens": TOKENS, "numbers": INPUTS}, CLASSES))


class Batches:
    """What can be iterated again: batches."""

    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


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


class Halving:
    """A schedule of one's own: the rate is halved every `half_life` steps."""

    def __init__(self, points, weights):
        self.starts, self.half_lives = (column(points, name, weights) for name in ("learning_rate", "half_life"))

    def rates(self, step):
        return self.starts * 0.5 ** (step / self.half_lives)

    def keep(self, wanted):
        self.starts, self.half_lives = self.starts[wanted], self.half_lives[wanted]


HALF_LIFE = Metaparameter("half_life", 5, 50, "log")


def own_schedule():
    return workload(schedule=Halving, search_space=(RATE, HALF_LIFE))


def by_magnitude(module, sparsity, _seed):
    for at in (0, 3):
        prune.l1_unstructured(module[at], "weight", amount=sparsity / 100)
    return module


def at_random(module, sparsity, _seed):
    """Masks that torch's generator draws."""
    for at in (0, 3):
        prune.random_unstructured(module[at], "weight", amount=sparsity / 100)
    return module


def pruned():
    return by_magnitude(perceptron(), 50, 0)


def masked():
    return workload(masks=by_magnitude)


def masked_at_random():
    return workload(masks=at_random)


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return len(CLASSES)

    def __getitem__(self, index):
        return torch.from_numpy(INPUTS[index]), int(CLASSES[index])


class Moved(Pairs):
    """Pairs whose inputs are moved by what a function draws."""

    def __init__(self, draw):
        self.draw = draw

    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return inputs + float(self.draw()), target


def torch_dataset():
    return workload(data=Pairs())


class SignDescent:
    """w <- w - eta (sign g + noise), with a metaparameter of its own; it touches pruned weights too."""

    def __init__(self, points, weights):
        self._noise = torch.tensor([[point["noise"]] for point in points], dtype=weights.dtype)

    def update(self, weights, gradient, learning_rates):
        weights.sub_(learning_rates * (gradient.sign() + self._noise))

    def keep(self, wanted):
        self._noise = self._noise[wanted]


def own_optimizer():
    return workload(optimizer=SignDescent, search_space=(RATE, Metaparameter("noise", 0.0, 0.1, "linear")))


def highest_mean(outputs, targets):
    """Return a metric to be maximised."""
    return outputs.softmax(dim=1).gather(1, targets[:, None]).mean()


def maximised():
    return workload(metric=highest_mean, maximise=True, goal=0.5)


def share_of_errors(outputs, targets):
    """Return a metric written in numpy."""
    return float(np.mean(np.asarray(outputs).argmax(axis=1) != np.asarray(targets)))


def of_numpy():
    return workload(metric=share_of_errors)


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


def raises():
    return {}["absent"]


class Idle(nn.Module):
    """A layer that nothing calls."""

    def __init__(self):
        super().__init__()
        self.inner, self.spare = perceptron(), nn.Linear(3, 3)

    def forward(self, inputs):
        return self.inner(inputs)


class Scaled(nn.Module):
    """A perceptron with one number as a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.inner, self.temperature = perceptron(), nn.Parameter(torch.tensor(1.0))

    def forward(self, inputs):
        return self.inner(inputs) * self.temperature


def scaled():
    return workload(module=Scaled)


class Recurrent(nn.Module):
    """Biases under the names that recurrent and attention layers give them."""

    def __init__(self):
        super().__init__()
        self.lstm, self.attention = nn.LSTM(6, 8, batch_first=True), nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, inputs):
        hidden, _ = self.lstm(inputs[:, None])
        return self.out(self.attention(hidden, hidden, hidden)[0][:, 0])


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


class Twice(nn.Module):
    """One layer object three times, and once more under another name."""

    def __init__(self):
        super().__init__()
        layer = nn.Linear(6, 6)
        self.layers, self.again, self.out = nn.ModuleList([layer] * 3), layer, nn.Linear(6, 3)

    def forward(self, inputs):
        for layer in (*self.layers, self.again):
            inputs = torch.tanh(layer(inputs))
        return self.out(inputs)


class Crossed(nn.Module):
    """Two layers with one weight and biases of their own, a shared buffer, a frozen layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.frozen = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.second.weight = self.first.weight
        self.first.register_buffer("scale", torch.full((6,), 0.5))
        self.second.register_buffer("scale", self.first.scale)
        self.frozen.requires_grad_(requires_grad=False)

    def forward(self, inputs):
        return self.frozen(self.second(torch.tanh(self.first(inputs) * self.first.scale)) * self.second.scale)


def encoder():
    """Return a transformer as torch has it, on three tokens of two numbers."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return nn.Sequential(nn.Unflatten(1, (3, 2)), nn.Linear(2, 8), layer, nn.Flatten(), nn.Linear(24, 3))


def attentive():
    return workload(module=encoder, max_steps=10)


def zero_head():
    """Return a perceptron whose last layer starts at zero."""
    module = perceptron()
    nn.init.zeros_(module[3].weight)
    return module


def headless():
    return workload(module=zero_head)


def fine_until_far():
    return workload(module=FineUntilFar, max_steps=40)


class Changed(nn.Module):
    """The perceptron, with something done to it at each pass."""

    def __init__(self, change, **attributes):
        super().__init__()
        self.inner, self.change = perceptron(), change
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, inputs):
        changed = self.change(self, inputs)
        return self.inner(inputs) if changed is None else changed


class FineUntilFar(nn.Module):
    """Raises once training has led away from where it began."""

    def __init__(self):
        super().__init__()
        self.inner = perceptron()
        self.register_buffer("start", self.inner[3].weight.detach().clone())

    def forward(self, inputs):
        if float((self.inner[3].weight.detach() - self.start).abs().max()) > 3:
            raise RuntimeError("a sensor fell off")
        return self.inner(inputs)


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


def in_bfloat16(module, inputs):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return module.inner(inputs)


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
    "local optimiser": ({"optimizer": lambda points, weights: None}, "lies inside a function|has no '<lambda>'"),
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
