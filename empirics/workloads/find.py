"""The workload that a name stands for: one of the list, or a user's own."""

from __future__ import annotations

from difflib import get_close_matches

from empirics.errors import InputError
from empirics.workloads.catalogue import WORKLOADS
from empirics.workloads.workload import Workload


def find_workload(name: str) -> Workload:
    """Return the workload of that name.

    Args:
        name: One of `WORKLOADS`, `digits` for `digits/small-cnn/sgd`, or `my_module:make_workload`, a function that
            returns an `empirics.workloads.own.OwnWorkload`.

    Raises:
        InputError: If there is none; the message names those spelled like it.

    Example:
        >>> find_workload("digits").name
        'digits/small-cnn/sgd'
        >>> [axis.name for axis in find_workload("cifar-10/resnet-8/nesterov/linear").search_space]
        ['learning_rate', 'momentum', 'decay_steps', 'end_learning_rate_factor']
    """
    if ":" in name:
        from empirics.workloads.own import load_own_workload  # noqa: PLC0415 - loads torch

        return load_own_workload(name).workload
    name = "digits/small-cnn/sgd" if name == "digits" else name
    if name not in WORKLOADS:
        near = [known for known in WORKLOADS if name and known.startswith(name)] or get_close_matches(name, WORKLOADS)
        hint = f"perhaps {' or '.join(near[:3])}; " if near else ""
        raise InputError(f"unknown workload {name!r}; {hint}`python -m empirics.measure --list` shows them all")
    return WORKLOADS[name]
