"""A user's data as two arrays: from arrays, data sets and loaders, with one input an example or several."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from empirics.errors import InputError, describe

Array = NDArray[Any]
_EXACT = 2**24  # whole numbers up to it are exact in float32


@dataclass(frozen=True)
class Packing:
    """How several inputs of an example lie in one row of numbers.

    Args:
        names: Of the module's arguments; None where the inputs are given by position.
        shapes: Of one example's part of each input.
        whole: Which of them are whole numbers, like tokens.
    """

    names: tuple[str, ...] | None
    shapes: tuple[tuple[int, ...], ...]
    whole: tuple[bool, ...]

    @property
    def sizes(self) -> list[int]:
        """Numbers of each part."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def tokens(self) -> NDArray[np.bool_]:
        """Which columns of the row hold whole numbers."""
        return np.repeat(self.whole, self.sizes)

    def unpack(self, rows: Tensor) -> list[Tensor]:
        """Return the inputs that rows hold, in order.

        Example:
            >>> packing = Packing(None, ((2,), ()), (False, True))
            >>> [part.tolist() for part in packing.unpack(torch.tensor([[0.5, 1.0, 7.0]]))]
            [[[0.5, 1.0]], [7]]
        """
        parts = torch.split(rows, self.sizes, dim=1)
        shaped = [part.reshape(len(rows), *shape) for part, shape in zip(parts, self.shapes, strict=True)]
        return [part.long() if whole else part for part, whole in zip(shaped, self.whole, strict=True)]

    def taking(self, factory: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        """Return a factory of modules that take such rows; called with their own inputs they take those."""

        def make() -> nn.Module:
            module = factory()
            if isinstance(module, nn.Module):
                module.register_forward_pre_hook(self._before, with_kwargs=True)
            return module

        return make

    def _before(
        self, _module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what the module is called with."""
        if named or len(inputs) != 1:
            return inputs, named
        parts = self.unpack(inputs[0])
        return (tuple(parts), {}) if self.names is None else ((), dict(zip(self.names, parts, strict=True)))


def read_data(name: str, data: Any) -> tuple[Array, Array, Packing | None]:  # noqa: ANN401 - a user's
    """Return inputs and targets as arrays with a row an example, real numbers in float32.

    Args:
        name: Of the field, for messages.
        data: (inputs, targets); a map-style data set of such pairs; or a loader, of batches of them, which is drawn
            once. Inputs are an array, or several in a tuple or a dictionary.

    Returns:
        Inputs, targets, and how several inputs lie in a row; None where there is one.

    Raises:
        InputError: If they are anything else, or a data set or loader gives others when it is drawn again.
    """
    if isinstance(data, torch.utils.data.Dataset):
        if not isinstance(data, Sized):
            raise InputError(f"{name}: a data set without a length; give a map-style one, a DataLoader or arrays")
        held = data
        data = _drawn(name, lambda: (held[index] for index in range(len(held))), _stack)
    elif isinstance(data, Iterable) and not isinstance(data, tuple | list | Tensor | np.ndarray | Mapping):
        loader = data
        if iter(loader) is loader:
            raise InputError(f"{name}: is used up after one pass; give a DataLoader, or arrays")
        data = _drawn(name, lambda: loader, _concatenate)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InputError(f"{name}: must be (inputs, targets), a torch Dataset of such pairs or a DataLoader of batches")
    names, parts = _parts(data[0])
    arrays, targets = [_array(name, part) for part in parts], _array(name, data[1])
    for array in arrays:
        if len(array) != len(targets) or not len(array):
            raise InputError(f"{name}: {len(array)} inputs for {len(targets)} targets")
    if names is None and not isinstance(data[0], tuple):
        return arrays[0], targets, None
    packing = Packing(names, tuple(a.shape[1:] for a in arrays), tuple(a.dtype.kind != "f" for a in arrays))
    return _packed(name, arrays), targets, packing


def _parts(inputs: Any) -> tuple[tuple[str, ...] | None, list[Any]]:  # noqa: ANN401 - a user's
    """Return names and values of the inputs; no names where there is one, or they are given by position."""
    if isinstance(inputs, Mapping):
        return tuple(map(str, inputs)), list(inputs.values())
    return None, list(inputs) if isinstance(inputs, tuple) else [inputs]


def _packed(name: str, arrays: Sequence[Array]) -> Array:
    """Return several inputs as one array, whole numbers where all are."""
    flat = [array.reshape(len(array), -1) for array in arrays]
    tokens = [array for array in arrays if array.dtype.kind != "f"]
    if len(tokens) < len(arrays) and any(array.size and np.abs(array).max() > _EXACT for array in tokens):
        raise InputError(f"{name}: whole numbers above {_EXACT} beside real ones lose digits; number them from 0")
    packed = np.concatenate(flat, axis=1)
    return np.ascontiguousarray(packed, np.int64 if len(tokens) == len(arrays) else np.float32)


def _drawn(name: str, items: Callable[[], Iterable[Any]], join: Callable[[Sequence[Any]], Array]) -> tuple[Any, Any]:
    """Return what a data set or a loader holds, drawn once at a fixed seed of torch's.

    Raises:
        InputError: If it cannot be drawn and joined, or begins otherwise when it is drawn again.
    """

    def draw(most: int | None) -> tuple[Any, Any]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _joined(name, _pairs(name, items, most), join)

    drawn, first = draw(None), draw(1)
    whole, again = ([*_parts(inputs)[1], targets] for inputs, targets in (drawn, first))
    for one, other in zip(whole, again, strict=True):
        if not np.array_equal(one[: len(other)], other, equal_nan=True):
            raise InputError(
                f"{name}: gives other examples when it is drawn again, and every process needs the same: "
                "leave out augmentation, and draw from torch's own generator"
            )
    return drawn


def _pairs(name: str, items: Callable[[], Iterable[Any]], most: int | None) -> Iterator[tuple[Any, Any]]:
    """Yield inputs and targets of so many items, of all for None."""
    for item in itertools.islice(items(), most):
        yield _pair(name, item)


def _pair(name: str, item: Any) -> tuple[Any, Any]:  # noqa: ANN401 - a user's
    """Return inputs and target of one item or batch."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InputError(f"{name}: its items must be pairs (input, target), not {type(item).__name__}")
    inputs = tuple(item[0]) if isinstance(item[0], list) else item[0]  # a loader makes lists of tuples
    return inputs, item[1]


def _joined(name: str, pairs: Iterable[tuple[Any, Any]], join: Callable[[Sequence[Any]], Array]) -> tuple[Any, Any]:
    """Return many pairs as one."""
    try:
        listed = list(pairs)
        if not listed:
            raise InputError(f"{name}: holds no examples")
        named = [_parts(inputs) for inputs, _ in listed]
        parts = [join(values) for values in zip(*(values for _, values in named), strict=True)]
        targets = join([target for _, target in listed])
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{name}: its items must be pairs (input, target) of tensors of one shape: {describe(error)}"
        ) from error
    names, one = named[0][0], not isinstance(listed[0][0], tuple)
    if names is not None:
        return dict(zip(names, parts, strict=True)), targets
    return parts[0] if one else tuple(parts), targets


def _stack(values: Sequence[Any]) -> Array:
    """Return examples as an array with a row each."""
    return torch.stack([torch.as_tensor(value) for value in values]).numpy()


def _concatenate(values: Sequence[Any]) -> Array:
    """Return batches as one array."""
    return torch.cat([torch.as_tensor(value) for value in values]).numpy()


def _array(name: str, values: Any) -> Array:  # noqa: ANN401 - a user's
    """Return one array of numbers with a row an example."""
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.dtype.kind not in "fiub" or array.ndim < 1:
        raise InputError(f"{name}: an array of {array.dtype} with {array.ndim} axes; give numbers, a row an example")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise InputError(f"{name}: holds values that are not finite")
        return np.ascontiguousarray(array, np.float32)
    return np.ascontiguousarray(array, np.int64)
