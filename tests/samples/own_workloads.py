"""Workloads as users write them that work."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

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
        self._noise = torch.tensor([[point.get("noise", 0.0)] for point in points], dtype=weights.dtype)

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


def raises():
    return {}["absent"]


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


def in_bfloat16(module, inputs):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return module.inner(inputs)
