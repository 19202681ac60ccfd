"""Every number that a documented function of theory takes is said to lie in a range."""

import importlib
import inspect
import pkgutil
import re

import pytest

import theory

NUMBER = re.compile(r"float|int\b|Array")
RANGE = re.compile(
    r"[<>]|\bin [\[(]|finite|whole|at most|at least|\bfrom\b|\bbelow\b|\babove\b|range|one of", re.IGNORECASE
)


def functions():
    """Yield the name of each function and method with a section of arguments, and the function."""
    for found in pkgutil.walk_packages(theory.__path__, "theory."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        classes = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == found.name]
        for holder in (module, *classes):
            for name, member in vars(holder).items():
                function = getattr(member, "__func__", member)
                own = inspect.isfunction(function) and function.__module__ == found.name
                if own and not name.startswith("_") and "Args:" in (function.__doc__ or ""):
                    yield f"{found.name}.{function.__qualname__}", function


def told_of(function, name):
    """Return what the docstring says of an argument."""
    arguments = re.split(r"\n\s*(?:Returns|Yields|Raises|Reference|Example):", function.__doc__.split("Args:")[1])[0]
    entry = rf"^ +(?:[\w*, ]+, )?\*{{0,2}}{name}(?:, [\w, ]+)?:(.*?)(?=^ +\w[\w, *]*: |\Z)"
    said = re.search(entry, arguments, re.MULTILINE | re.DOTALL)
    return said[1] if said else ""


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_number_has_a_range(name):
    function = FUNCTIONS[name]
    for argument in inspect.signature(function).parameters.values():
        kind = str(argument.annotation)
        if NUMBER.search(kind if "Sequence" in kind else kind.split("[", maxsplit=1)[0]):
            assert RANGE.search(told_of(function, argument.name)), argument.name
