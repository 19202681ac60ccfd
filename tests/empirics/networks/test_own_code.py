"""What counts as other code: every way in which a loss can come to compute something else, and none beside."""

import functools
import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tools.checkout import ROOT
from torch import nn
from torch.nn import functional

from empirics.networks.own_code import digest_of

MINE = '''
"""A loss as users write one, with all it depends on."""
import functools
import types

import numpy as np
from torch import nn
from torch.nn import functional
import near

SCALE = 0.1
BY_CLASS = {"weights": np.ones(3)}
CONFIG = types.SimpleNamespace(inner=types.SimpleNamespace(power=2))


def penalty(outputs):
    """Return what is added."""
    return SCALE * outputs.pow(CONFIG.inner.power).mean()  # small


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args):
        return 2 * function(*args)
    return wrapper


@doubled
def wrapped(outputs, targets, smoothing=0.0):
    return functional.cross_entropy(outputs, targets, label_smoothing=smoothing) + penalty(outputs)


def made(exponent):
    def loss(outputs, targets):
        return outputs.sum() ** exponent + BY_CLASS["weights"].sum() + near.of(outputs)
    return loss


class Base:
    def factor(self):
        return 3


class Called(Base):
    FLOOR = SCALE

    def __init__(self, width):
        self.width = width
        self.cache = {self}

    @property
    def twice(self):
        return penalty(self.width)

    def __call__(self, outputs, targets):
        return self.factor() * self.twice + self.FLOOR


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.gain = 1.5

    def forward(self, inputs):
        return self.gain * functional.relu(self.layer(inputs))


closure = made(2)
called = Called(4)
method = called.factor
part = functools.partial(wrapped, smoothing=0.5)
short = lambda outputs, targets: outputs.mean()  # noqa
network = Net()
'''
NEAR = """
def of(outputs):
    return outputs.max()

def other(outputs):
    return 0
"""
# Which loss, what is changed in its file or the one near it, to what.
CHANGES = [
    ("wrapped", "SCALE = 0.1", "SCALE = 0.2"),
    ("wrapped", "power=2", "power=3"),
    ("wrapped", "return SCALE *", "return 2 * SCALE *"),
    ("wrapped", "return 2 * function", "return 3 * function"),
    ("wrapped", "smoothing=0.0", "smoothing=0.1"),
    ("closure", "made(2)", "made(3)"),
    ("closure", "np.ones(3)", "np.ones(3) / 2"),
    ("closure", "outputs.max()", "outputs.min()"),
    ("called", "Called(4)", "Called(5)"),
    ("called", "return 3", "return 4"),
    ("called", "SCALE = 0.1", "SCALE = 0.2"),
    ("called", "penalty(self.width)", "penalty(self.width + 1)"),
    ("method", "return 3", "return 4"),
    ("part", "smoothing=0.5", "smoothing=0.6"),
    ("short", "outputs.mean()", "outputs.sum()"),
    ("network", "functional.relu", "functional.silu"),
    ("network", "gain = 1.5", "gain = 1.6"),
    ("network", "nn.Linear(2, 2)", "nn.Linear(2, 3)"),
]
SAME = [
    ("wrapped", "# small", "# quite small"),
    ("wrapped", "Return what is added.", "Return the penalty."),
    (
        "wrapped",
        "SCALE * outputs.pow(CONFIG.inner.power).mean()",
        "(SCALE\n  * outputs.pow(CONFIG.inner.power).mean())",
    ),
    ("wrapped", "made(2)", "made(3)"),
    ("closure", "return 0", "return 1"),
    ("short", "# noqa", "# a comment"),
    ("network", "SCALE = 0.1", "SCALE = 0.2"),
]


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Return a function that loads the two files, with something in them replaced."""

    def load(old="", new="", folder="a"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, source in (("near", NEAR), ("mine", MINE)):
            path = tmp_path / folder / f"{name}.py"
            path.write_text(source.replace(old, new) if old else source)
            spec = importlib.util.spec_from_file_location(name, path)
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, name, module)
            spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize(("name", "old", "new"), CHANGES)
def test_what_changes_a_result_changes_the_digest(loaded, name, old, new):
    assert old in MINE + NEAR
    before = digest_of(getattr(loaded(), name))
    after = digest_of(getattr(loaded(old, new, "b"), name))
    assert "unread" not in {before, after}
    assert before != after


@pytest.mark.parametrize(("name", "old", "new"), SAME)
def test_what_changes_no_result_leaves_the_digest(loaded, name, old, new):
    assert old in MINE + NEAR
    assert digest_of(getattr(loaded(), name)) == digest_of(getattr(loaded(old, new, "b"), name)) != "unread"


def test_what_one_function_looked_up_in_a_file_hides_nothing_from_another(loaded):
    """Both name the module near it, and other things in it."""

    def both(module):
        near = sys.modules["near"]
        return digest_of(module.closure, lambda outputs: near.other(outputs.sum()))

    assert "unread" != both(loaded()) != both(loaded("return 0", "return 1", "b"))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_finds_the_same(loaded, tmp_path, seed):
    """The order of sets is another in each process, and where objects lie in memory."""
    module, names = loaded(), ("wrapped", "closure", "called", "part", "network")
    code = f"import mine; from empirics.networks.own_code import digest_of; print(digest_of(*{[*names]}))"
    code = code.replace(f"{[*names]}", f"[getattr(mine, name) for name in {[*names]}]")
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(tmp_path / "a"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == digest_of(*(getattr(module, name) for name in names))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)),
        (nn.CrossEntropyLoss(torch.ones(3)), nn.CrossEntropyLoss(torch.ones(3) / 2)),
        (functional.mse_loss, functional.l1_loss),
        (functools.partial(functional.huber_loss, delta=1.0), functools.partial(functional.huber_loss, delta=2.0)),
        (torch.func.vmap(lambda value: value), torch.func.vmap(lambda value: 2 * value)),
        (nn.GELU(), nn.GELU(approximate="tanh")),
        (torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)),
        (np.array([[1, 2]]), np.array([[1], [2]])),
        (np.array([1, None]), np.array([2, None])),
        ({1, 2, 3}, {1, 2, 4}),
        (("ab", "c"), ("a", "bc")),
        (torch.float32, torch.float64),
        (SimpleNamespace(a=1), SimpleNamespace(a=2)),
    ],
)
def test_settings_of_what_libraries_have_count(one, other):
    assert "unread" != digest_of(one) != digest_of(other)


def test_frozen_weights_count_and_trained_ones_do_not():
    """Trained ones are drawn anew in each trial; what torch draws may differ in the last bit between processors."""
    torch.manual_seed(0)
    layers = [nn.Linear(3, 2) for _ in range(2)]
    assert digest_of(layers[0]) == digest_of(layers[1])
    for layer in layers:
        layer.weight.requires_grad_(requires_grad=False)
    assert digest_of(layers[0]) != digest_of(layers[1])


def test_code_without_a_file_counts_by_its_instructions():
    functions = []
    for source in ("def f(x): return x + 1", "def f(x): return x + 2", "def f(x): return x + 1"):
        there = {"__name__": "nowhere"}
        exec(source, there)
        functions.append(digest_of(there["f"]))
    assert functions[0] == functions[2] != functions[1]


class Unwilling:
    def __repr__(self):
        raise RuntimeError("not to be looked at")

    __slots__ = ()


def test_what_cannot_be_looked_at_ends_no_run():
    assert digest_of(Unwilling()) == "unread"
