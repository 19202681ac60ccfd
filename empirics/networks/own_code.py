"""What tells a user's code from other code of the same name: a digest of its source and its settings."""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import inspect
import sysconfig
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from types import CellType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_PLAIN = bool | int | float | complex | str | bytes | None
_NAMESPACES = SimpleNamespace | argparse.Namespace
_LIBRARIES = (Path(__file__).parents[1], *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")))
_INSTALLED = {"site-packages", "dist-packages"}
_OF_EVERY_MODULE = vars(nn.Module()).keys() - {"training", "_buffers", "_modules"}  # hooks, and what is trained


def digest_of(*things: object) -> str:
    """Return a digest of functions, classes and objects that computes the same only where they do.

    It covers source without comments and docstrings, default arguments, closures, what objects hold, and all of the
    user's own that these name. What an installed package has counts by its name; trained weights by their shapes.

    Args:
        things: A user's functions, classes or objects, and what these may hold.

    Returns:
        Sixteen hexadecimal digits, the same in every process; `unread` where an object raises as it is looked at.

    Example:
        >>> digest_of([1, {"b": 2.0}]) == digest_of([1, {"b": 2.0}]) != digest_of([1, {"b": 3.0}])
        True
        >>> digest_of(nn.CrossEntropyLoss()) == digest_of(nn.CrossEntropyLoss(label_smoothing=0.1))
        False
    """
    found = _Found()
    try:
        for thing in things:
            found.add(thing)
    except Exception:  # noqa: BLE001 - objects of anyone's, and a run must not end because one cannot be looked at
        return "unread"
    return found.digest()


class _Found:
    """What has been found so far on the way through functions and objects."""

    def __init__(self) -> None:
        self._content = hashlib.sha256()
        self._seen: dict[int, tuple[int, object]] = {}  # by identity, with the object: else another may take its place
        self._modules: set[tuple[int, frozenset[str]]] = set()  # the user's, and which names were looked up there

    def digest(self) -> str:
        """Return the digest of all that was added."""
        return self._content.hexdigest()[:16]

    def add(self, thing: object) -> None:
        """Add a thing and all it leads to."""
        if isinstance(thing, _PLAIN):
            self._put(repr(thing))
            return
        if id(thing) in self._seen:
            self._put(f"again {self._seen[id(thing)][0]}")
            return
        if not isinstance(thing, tuple):  # equal ones may be one object or several, as Python likes
            self._seen[id(thing)] = len(self._seen), thing
        self._put(_name(thing))
        for kinds, add in self._ways():
            if isinstance(thing, kinds):
                add(thing)
                return
        self._add_object(thing)

    def _ways(self) -> tuple[tuple[Any, Callable[[Any], None]], ...]:
        """Return how things of each kind are added."""
        return (
            (Tensor, lambda tensor: self._add_array(_array_of(tensor))),
            (np.ndarray | np.generic, self._add_array),
            (Mapping, self._add_mapping),
            (list | tuple, self._add_each),
            (set | frozenset, lambda items: self._add_each(sorted(map(_told, items)))),
            (FunctionType, self._add_function),
            (MethodType, lambda method: self._add_each([method.__func__, method.__self__])),
            (functools.partial, lambda made: self._add_each([made.func, made.args, made.keywords])),
            (staticmethod | classmethod, lambda method: self.add(method.__func__)),
            (property, lambda held: self._add_each([held.fget, held.fset])),
            (functools.cached_property, lambda held: self.add(held.func)),
            (type, self._add_class),
            (ModuleType | PurePath, lambda _: None),  # where a file lies makes no difference
        )

    def _put(self, text: str | bytes) -> None:
        """Add text, apart from what is before and after it."""
        content = text if isinstance(text, bytes) else text.encode()
        self._content.update(f"{len(content)}:".encode() + content)

    def _add_array(self, array: NDArray[Any] | np.generic) -> None:
        """Add numbers with their kind and shape."""
        if array.dtype.hasobject:
            self.add(array.tolist())
            return
        self._put(f"{array.dtype.str} {array.shape}")
        self._put(array.tobytes())

    def _add_each(self, things: list[Any] | tuple[Any, ...]) -> None:
        """Add things in their order, and how many there are."""
        self._put(f"{len(things)} things")
        for thing in things:
            self.add(thing)

    def _add_mapping(self, entries: Mapping[Any, Any]) -> None:
        """Add entries in the order of their keys."""
        for key in sorted(entries, key=lambda key: (_name(key), _told(key))):
            self.add(key)
            self.add(entries[key])

    def _add_function(self, function: FunctionType) -> None:
        """Add a function: of a library's only what it was made with, as a decorator's is with the user's."""
        names = frozenset(_names(function.__code__))
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        held = {name: cell.cell_contents for name, cell in cells if _filled(cell)}
        self._add_named(held, names.union(held))
        if _of_library(function.__code__.co_filename):
            return
        self._put(_source(function.__code__))
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        self._add_named(function.__globals__, names)

    def _add_named(self, there: Mapping[str, Any], names: frozenset[str]) -> None:
        """Add what names lead to in a module; where to a module of the user's, those in it that are named too."""
        for name in sorted(names & there.keys()):
            value = there[name]
            self._put(name)
            if not isinstance(value, ModuleType) or _of_library(_file_of(value)):
                self.add(value)
            elif (id(value), names) not in self._modules:
                self._modules.add((id(value), names))
                self._add_named(vars(value), names)

    def _add_class(self, kind: type) -> None:
        """Add a class of the user's: its source, its bases and what its methods name."""
        if _of_library(_file_of(inspect.getmodule(kind))):
            return
        try:
            self._put(ast.unparse(_parsed(textwrap.dedent(inspect.getsource(kind)))))
        except (OSError, TypeError, SyntaxError):  # no file has it; then its methods must tell
            self._put("without source")
        self._add_each(kind.__bases__)
        members = {name: value for name, value in vars(kind).items() if _is_code(value) or not name.startswith("__")}
        self._add_mapping(members)

    def _add_object(self, thing: object) -> None:
        """Add what an object holds; of a library's no more than settings where it cannot be called."""
        if not hasattr(thing, "__dict__"):
            self._put(_told(thing))
            return
        held = {name: value for name, value in vars(thing).items() if name != "__wrapped__"}
        if isinstance(thing, nn.Module):
            self._add_parameters(thing)
            held = {name: value for name, value in held.items() if name not in _OF_EVERY_MODULE}
        elif not callable(thing) and _of_library(_file_of(inspect.getmodule(type(thing)))):
            held = {name: value for name, value in held.items() if isinstance(value, _PLAIN | _NAMESPACES)}
        self._add_mapping(held)
        self.add(getattr(thing, "__wrapped__", None))
        self.add(type(thing))

    def _add_parameters(self, module: nn.Module) -> None:
        """Add names and shapes of what is trained, and the values of what is frozen."""
        for name, value in module.named_parameters(recurse=False):
            self._put(f"{name} {tuple(value.shape)}")
            self.add(None if value.requires_grad else value)


def _array_of(tensor: Tensor) -> NDArray[Any]:
    """Return the values of a tensor, those of a kind that numpy lacks as float32."""
    values = tensor.detach().cpu()
    array: NDArray[Any] = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return array


def _name(thing: object) -> str:
    """Return the name of a function or class, and that of the type of anything else."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{getattr(named, '__module__', '')}:{getattr(named, '__qualname__', '')}"


def _told(thing: object) -> str:
    """Return what an object says of itself, its type's name where that is no more than where it lies in memory."""
    told = repr(thing)
    return _name(thing) if " at 0x" in told else told


def _is_code(value: object) -> bool:
    """Return whether a class's member is a method or the like."""
    return isinstance(value, FunctionType | staticmethod | classmethod | property | functools.cached_property)


def _filled(cell: CellType) -> bool:
    """Return whether a variable of a closure has a value yet."""
    try:
        cell.cell_contents  # noqa: B018 - what raises where there is none
    except ValueError:
        return False
    return True


def _file_of(module: ModuleType | None) -> str:
    """Return the file of a module, nothing where it has none, as a built-in one."""
    return getattr(module, "__file__", None) or ""


def _of_library(file: str) -> bool:
    """Return whether a file is of Python, of this package or of one that was installed."""
    path = Path(file)
    if file.startswith("<"):  # frozen with Python; else made by a program, as a dataclass's methods are
        return file.startswith("<frozen")
    return not file or bool(_INSTALLED & set(path.parts)) or any(path.is_relative_to(of) for of in _LIBRARIES)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names and attributes that code reads."""
    for part in _codes(code):
        yield from part.co_names


def _source(code: CodeType) -> str:
    """Return the source of a function; its instructions where no file has it."""
    kind = ast.Lambda if code.co_name == "<lambda>" else ast.FunctionDef | ast.AsyncFunctionDef
    try:
        tree = _parsed("".join(inspect.findsource(code)[0]))
    except (OSError, TypeError, SyntaxError):
        tree = ast.Module([], [])
    found = [node for node in ast.walk(tree) if isinstance(node, kind) and _first_line(node) == code.co_firstlineno]
    if len(found) == 1:
        return ast.unparse(found[0])
    constants = [[repr(one) for one in part.co_consts if isinstance(one, _PLAIN)] for part in _codes(code)]
    return f"{[part.co_code for part in _codes(code)]} {list(_names(code))} {constants}"


def _first_line(node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the line that a function begins at, its decorators included."""
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min(part.lineno for part in (node, *decorators))


@functools.lru_cache(maxsize=16)
def _parsed(source: str) -> ast.Module:
    """Return source as a tree without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree
