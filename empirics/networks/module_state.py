"""State that a pass through a user's module changes: tensors, attributes, globals, random generators."""

from __future__ import annotations

import enum
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_DEPTH = 4  # of attributes of attributes, containers in containers
_MOST_ENTRIES = 10_000  # of one container
_PythonGenerator = sys.modules["random"].Random
_INSTALLED = {"site-packages", "dist-packages"}
_OF_TORCH = set(vars(nn.Module()))
_NO_STATE = (nn.Module, type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)


def random_states() -> dict[str, object]:
    """Return the states of the generators that a pass may draw from, by whose they are."""
    name, key, *rest = np.random.get_state()  # noqa: NPY002 - the generator that legacy code draws from
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (name, np.asarray(key).tobytes(), *rest),
        "Python": sys.modules["random"].getstate(),  # looked at, never drawn from
    }


def tensor_state(module: nn.Module) -> dict[str, object]:
    """Return the numbers of a module's buffers and parameters."""
    tensors = {f"buffer {name!r}": value for name, value in module.named_buffers()}
    tensors |= {f"parameter {name!r}": value for name, value in module.named_parameters()}
    return {name: _frozen_tensor(value) for name, value in tensors.items()}


def python_state(thing: object) -> dict[str, object]:
    """Return what a module, or a function, remembers in Python, by where it stands; unequal where a pass changed it.

    Args:
        thing: A module, whose layers are looked at too; or anything that is called.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> layer.calls = [1, 2]
        >>> python_state(layer)["attribute 'calls' of Linear"]
        ('list', (('int', '1'), ('int', '2')))
    """
    return {place: _frozen(value) for place, value in _places(thing)}


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> str | None:
    """Return the first place at which two states differ, None where there is none."""
    places = dict.fromkeys((*before, *after))
    return next((place for place in places if before.get(place) != after.get(place)), None)


def _places(thing: object) -> Iterator[tuple[str, object]]:
    """Yield what a thing remembers: attributes of its layers and their classes, and what their code names."""
    seen: set[FunctionType] = set()
    layers = thing.named_modules() if isinstance(thing, nn.Module) else [("", thing)]
    for name, layer in layers:
        kind = type(layer).__name__
        owner = f"{kind} {name!r}" if name else kind
        for attribute, value in getattr(layer, "__dict__", {}).items():
            if not (isinstance(layer, nn.Module) and attribute in _OF_TORCH):
                yield f"attribute {attribute!r} of {owner}", value
                yield from _named_in(value, owner, seen)
        for cls in type(layer).__mro__:
            if cls.__module__.partition(".")[0] not in {"torch", "builtins"}:
                for key, value in vars(cls).items():
                    yield f"{key!r} of class {cls.__name__}", value
                    yield from _named_in(value, owner, seen)
        yield from _named_in(layer, owner, seen)


def _named_in(function: object, owner: str, seen: set[FunctionType]) -> Iterator[tuple[str, object]]:
    """Yield the globals that a function of the user's names and the variables it closes over; so for those it names."""
    if not isinstance(function, FunctionType) or function in seen or _is_installed(function):
        return
    seen.add(function)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    values = [
        (f"variable {name!r} that {owner} closes over", cell.cell_contents)
        for name, cell in cells
        if cell != CellType()  # not set yet
    ]
    names = [name for name in function.__code__.co_names if name in function.__globals__]
    values += [(f"global {name!r} that {owner} reads", function.__globals__[name]) for name in names]
    for place, value in values:
        yield place, value
        yield from _named_in(value, owner, seen)


def _is_installed(function: FunctionType) -> bool:
    """Whether a function is an installed package's, which is taken to keep no state between passes."""
    return bool(_INSTALLED & {*Path(function.__code__.co_filename).parts})


def _frozen(value: object, depth: int = _DEPTH) -> object:
    """Return something that equals itself later only if the value is then what it is now; None for what has no state.

    Beyond a depth nothing is compared, and of what tells nothing of itself only its text.
    """
    found: object
    if isinstance(value, _NO_STATE) or depth == 0:
        return None
    if isinstance(value, Tensor | np.ndarray):
        found = _frozen_tensor(value)
    elif isinstance(value, torch.Generator | np.random.Generator | np.random.RandomState | _PythonGenerator):
        found = _frozen_generator(value)
    elif isinstance(value, Mapping):
        found = tuple((repr(key), _frozen(value[key], depth - 1)) for key in [*value][:_MOST_ENTRIES])
    elif isinstance(value, list | tuple | deque):
        found = tuple(_frozen(entry, depth - 1) for entry in [*value][:_MOST_ENTRIES])
    elif hasattr(value, "__dict__") and not isinstance(value, enum.Enum):
        found = tuple((name, _frozen(part, depth - 1)) for name, part in vars(value).items())
    else:
        found = repr(value)
    return (type(value).__name__, found)


def _frozen_generator(value: Any) -> object:  # noqa: ANN401 - one of four kinds of generators
    """Return the state of a generator of random numbers."""
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, np.random.Generator):
        return repr({name: _frozen(part) for name, part in value.bit_generator.state.items()})
    if isinstance(value, np.random.RandomState):
        return _frozen(value.get_state(legacy=False))
    return value.getstate()


def _frozen_tensor(value: Tensor | np.ndarray[Any, Any]) -> object:
    """Return a tensor's or array's numbers, or what else is known of one that has none to show."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    try:
        flat = value.detach().cpu().contiguous().flatten()
        return (str(value.dtype), tuple(value.shape), flat.view(torch.uint8).numpy().tobytes())
    except Exception:  # noqa: BLE001 - lazy, quantised and other tensors have no plain numbers
        return (str(value.dtype), id(value))
