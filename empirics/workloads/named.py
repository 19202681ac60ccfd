"""Things a user names by import path: `my_module:thing`."""

from __future__ import annotations

import importlib

from empirics.errors import InputError, describe


def import_named(path: str) -> object:
    """Return what an import path names.

    Args:
        path: `module:attribute`, the module importable from the current folder or the environment.

    Raises:
        InputError: If there is no such thing, or its module cannot be imported.

    Example:
        >>> import_named("math:pi")
        3.141592653589793
    """
    module_name, _, attribute = path.partition(":")
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InputError(f"{path}: there is no module {error.name!r}; run from its folder or install it") from error
    except Exception as error:
        raise InputError(f"{path}: importing {module_name} failed: {describe(error)}") from error
    for name in attribute.split("."):
        if name == "<locals>":
            raise InputError(
                f"{path}: lies inside a function, where no other process finds it; define it in the module"
            )
        if name == "<lambda>":
            raise InputError(f"{path}: a lambda has no name to import it by; define a function in the module")
        if not hasattr(found, name):
            raise InputError(f"{path}: {module_name} has no {attribute!r}")
        found = getattr(found, name)
    return found


def name_of(thing: object) -> str:
    """Return the import path of a class or function, or the type's for anything else.

    Example:
        >>> name_of(import_named)
        'empirics.workloads.named:import_named'
    """
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}:{named.__qualname__}"
