"""The values of Lightning's `hparams.yaml`, read as text: what a tag names is neither made nor run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from empirics.errors import InputError
from empirics.reading.names import meaning_of
from empirics.reading.outside import MOST_JSON_BYTES, read_text
from empirics.reading.table import is_searched

HPARAMS = "hparams.yaml"
_DEEPEST, _MOST_VALUES = 8, 10_000
# Where a trainer's own settings stand; a batch size elsewhere, of evaluation say, is not that of training.
_PARENTS = frozenset(
    (
        *("args", "config", "data", "datamodule", "dataloader", "dict_kwargs", "hparams", "init_args", "loader"),
        *("optim", "optimizer", "params", "train", "trainer", "training"),
    )
)
_NAMES = frozenset({"name", "class_path", "_target_"})


def read_hparams(folder: Path) -> dict[str, str]:
    """Return what a run was started with; empty without the file.

    Args:
        folder: Of the run. Keys within others are called as `model/depth`. A batch size or metaparameter of the data,
            the optimiser or the training is called by its last part where there is one alone; `model/name` is `model`.

    Raises:
        InputError: If the file is no YAML, or PyYAML is not installed.
    """
    path = folder / HPARAMS
    if not path.is_file():
        return {}
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise InputError(
            f"{path}: PyYAML reads it: pip install PyYAML, or the extra kstar-scaling[lightning]"
        ) from None
    text = read_text(path, MOST_JSON_BYTES)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path}: no YAML ({' '.join(str(error).split())[:80]})") from None
    told: dict[tuple[str, ...], str] = {}
    for keys, value in _scalars(root, ()):
        told[keys] = value
        if len(told) > _MOST_VALUES:
            raise InputError(f"{path}: more than {_MOST_VALUES} values, the most that are read")
    short = [_called(keys) for keys in told]
    return {
        name if short.count(name) == 1 else "/".join(keys): value
        for (keys, value), name in zip(told.items(), short, strict=True)
    }


def _scalars(node: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ANN401 - PyYAML's
    """Yield the plain values of nested mappings; lists, and whatever lies too deep, say nothing."""
    if node is None or len(keys) > _DEEPEST or node.id == "sequence":
        return
    if node.id == "scalar":
        if keys and node.tag != "tag:yaml.org,2002:null":
            yield keys, str(node.value)
        return
    for key, value in node.value:
        if key.id == "scalar":
            yield from _scalars(value, (*keys, str(key.value)))


def _called(keys: tuple[str, ...]) -> str:
    """Return what a value is called where no other is called so."""
    *parents, last = keys
    if parents and last in _NAMES:
        return "/".join(parents)
    own = meaning_of(last) == "batch_size" or is_searched(last)
    return last if own and _PARENTS.issuperset(parents) else "/".join(keys)
