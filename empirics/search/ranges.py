"""The ranges of a request's values, and the checks that name the option."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from empirics.errors import InputError
from empirics.search.space import MOST_POINTS

Number = TypeVar("Number", int, float)
MOST_REPLICATES = 10_000
MOST = 2**32 - 1  # RandomState, which makes the published split, takes no larger seed
_MOST_STEPS = 100_000_000  # the paper's longest budget is 100000
# The least and the most of each whole number; None, where it stands for the workload's own, is in every range.
COUNTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "trials": (1, MOST_POINTS),
        "max_steps": (1, _MOST_STEPS),
        "eval_interval": (1, MOST),
        "seed": (0, MOST),
        "data_parallel": (1, MOST),
        "pruning_examples": (1, MOST),
        "examples": (2, MOST),
        "every": (1, MOST),
        "steps": (0, _MOST_STEPS),
        "hessian_points": (0, MOST),
        "quadratic_forms": (0, 100_000),
        "flow_gradients": (0, MOST),
        "repeats": (0, 100_000),
    }
)


def check_counts(record: object, ranges: Mapping[str, tuple[int, int]]) -> None:
    """Make whole numbers of some attributes, and refuse those that are none, too small or too large.

    Args:
        record: A frozen dataclass that is being made.
        ranges: Attribute to the least and the most it may be; one that is None by default may be None.

    Raises:
        InputError: One line that names the option.
    """
    for name, (least, most) in ranges.items():
        if getattr(record, name) is None and getattr(type(record), name) is None:
            continue
        option = name.replace("_", "-")
        value = number(option, getattr(record, name), int)
        if value < least:
            raise InputError(f"--{option} {value}: must be an integer >= {least}")
        if value > most:
            raise InputError(f"--{option} {value}: must be at most {most}")
        meant(record, name, value)


def check_batch_sizes(record: object, name: str = "batch_sizes") -> None:
    """Make a tuple of integers of an attribute that holds batch sizes; refuse one that is empty or holds less than 1.

    Args:
        record: A frozen dataclass that is being made.
        name: Of the attribute.

    Raises:
        InputError: One line that names the option.
    """
    option = name.replace("_", "-")
    sizes = numbers(option, getattr(record, name), int)
    if not sizes:
        raise InputError(f"--{option}: name at least one, an integer >= 1")
    if min(sizes) < 1:
        raise InputError(f"--{option} {min(sizes)}: must be integers >= 1")
    meant(record, name, sizes)


def check_choice(record: object, name: str, choices: Sequence[str]) -> None:
    """Refuse an attribute that is none of the words it may be.

    Args:
        record: A dataclass.
        name: The attribute.
        choices: What it may be.

    Raises:
        InputError: One line that names the option.
    """
    if (value := getattr(record, name)) not in choices:
        raise InputError(f"--{name} {value}: choose one of {', '.join(choices)}")


def numbers(option: str, given: object, kind: type[Number]) -> tuple[Number, ...]:
    """Return what was given as numbers of one kind.

    Args:
        option: Its name.
        given: One number or several, in whatever holds them.
        kind: int or float.

    Raises:
        InputError: If it is anything else; one line that names the option.

    Example:
        >>> numbers("sparsity", 90, float), numbers("batch-sizes", [16, 32], int)
        ((90.0,), (16, 32))
        >>> numbers("batch-sizes", 16.5, int)
        Traceback (most recent call last):
        ...
        empirics.errors.InputError: --batch-sizes 16.5: must be an integer
    """
    several = given if isinstance(given, Iterable) and not isinstance(given, str | bytes) else (given,)
    return tuple(number(option, value, kind) for value in several)


def number(option: str, given: Any, kind: type[Number]) -> Number:  # noqa: ANN401 - that is what is looked at
    """Return what was given as one number; see `numbers`."""
    try:
        if isinstance(given, bool | str | bytes):
            raise TypeError
        return kind(operator.index(given)) if kind is int else kind(given)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"--{option} {given}: must be {'an integer' if kind is int else 'a number'}") from None


def words(given: object) -> tuple[str, ...]:
    """Return what was given as words.

    Example:
        >>> words("hits 5"), words(["factor", 3])
        (('hits', '5'), ('factor', '3'))
    """
    return tuple(
        given.split() if isinstance(given, str) else map(str, given if isinstance(given, Iterable) else (given,))
    )


def place(option: str, given: object) -> Path | None:
    """Return what was given as the name of a file or folder, None for None.

    Raises:
        InputError: If it is anything else.
    """
    if given is None or isinstance(given, Path):
        return given
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"--{option} {given}: must be the name of a file or folder")
    return Path(given)


def meant(record: object, name: str, value: object) -> None:
    """Give an attribute of a frozen dataclass the value that was meant."""
    object.__setattr__(record, name, value)
