"""Command lines made from dataclasses: each field is an option, its annotation the type and the help."""

from __future__ import annotations

import argparse
import dataclasses
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from kstar.command_line import OneLineParser

First = TypeVar("First")
Second = TypeVar("Second")


def parse(
    arguments: Sequence[str] | None, prog: str, description: str, first: type[First], second: type[Second]
) -> tuple[First, Second]:
    """Return an instance of each of two dataclasses, filled from the command line.

    Args:
        arguments: The words after the program's name; None for those of this process.
        prog: How the program is called.
        description: What it does.
        first: A dataclass whose fields are all `Annotated[type, help]`, or `Annotated[type, help, choices]` where the
            type is not a `Literal` that names them, and have defaults.
        second: Another one.
    """
    parser = OneLineParser(prog=prog, description=description, allow_abbrev=False)
    for record in (first, second):
        hints = typing.get_type_hints(record, include_extras=True)
        for field in dataclasses.fields(record):  # type: ignore[arg-type]  # both are dataclasses
            _add(parser, field.name, hints[field.name], field.default)
    values = vars(parser.parse_args(arguments))
    return _fill(first, values), _fill(second, values)


def _add(parser: argparse.ArgumentParser, name: str, hint: Any, default: object) -> None:  # noqa: ANN401
    """Add one option."""
    kind, text, *named = typing.get_args(hint)
    kind = _without_none(kind)
    option = f"--{name.replace('_', '-')}"
    settings: dict[str, Any] = {"default": default, "help": text + _describe_default(default)}
    if kind is bool:
        action = argparse.BooleanOptionalAction if default else "store_true"
        parser.add_argument(option, action=action, **settings)
        return
    if typing.get_origin(kind) is tuple:
        settings["nargs"] = "+"
        kind = typing.get_args(kind)[0]
    choices = typing.get_args(kind) if typing.get_origin(kind) is Literal else next(iter(named), ())
    if choices:
        settings["choices"] = choices
    else:
        settings["type"] = kind
        settings["metavar"] = {int: "N", float: "X", Path: "PATH"}.get(kind, "NAME")
    parser.add_argument(option, **settings)


def _describe_default(default: object) -> str:
    """Return the default as the help shows it; switches and None speak for themselves."""
    if default is None or isinstance(default, bool):
        return ""
    values = default if isinstance(default, tuple) else (default,)
    return f" (default: {' '.join(f'{v:g}' if isinstance(v, float) else str(v) for v in values)})"


def _without_none(kind: Any) -> Any:  # noqa: ANN401
    """Return T of `T | None`."""
    if typing.get_origin(kind) in {Union, types.UnionType}:
        (kind,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
    return kind


def _fill(record: type[First], values: dict[str, Any]) -> First:
    """Make a dataclass from parsed values; lists become tuples."""
    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]
    return record(**{name: tuple(v) if isinstance(v := values[name], list) else v for name in names})
