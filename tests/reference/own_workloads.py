"""Workloads as users write them: some that work, and one for each way of being refused."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirics.own_workload import OwnWorkload
from empirics.search import Metaparameter

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


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return len(CLASSES)

    def __getitem__(self, index):
        return torch.from_numpy(INPUTS[index]), int(CLASSES[index])


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


# What is changed -> what the refusal says.
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


REFUSED = {
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
    "optimiser of torch": ({"optimizer": torch.optim.SGD}, "optimizer .*SGD: .*like those in empirics.optimizers"),
    "optimiser without update": ({"optimizer": NoUpdate}, "fails in a step: AttributeError.*like those in"),
    "optimiser without arguments": ({"optimizer": NoArguments}, "cannot be made: TypeError.*like those in"),
    "local optimiser": ({"optimizer": lambda points, weights: None}, "lies inside a function|has no '<lambda>'"),
    "no batch size": ({"batch_sizes": ()}, "batch_sizes: must be a tuple of integers, at least one"),
    "half a step": ({"max_steps": 40.5}, "max_steps: must be an integer >= 1, not 40.5"),
    "text for a goal": ({"goal": "0.1"}, "goal: must be a number, not '0.1'"),
    "a name for a metaparameter": ({"search_space": ("learning_rate",)}, "must be a tuple of empirics.search"),
    "one metaparameter alone": ({"search_space": RATE}, "must be a tuple of empirics.search"),
    "batch norm": ({"module": lambda: nn.Sequential(nn.BatchNorm1d(6), perceptron())}, "BatchNorm1d '0' makes"),
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
