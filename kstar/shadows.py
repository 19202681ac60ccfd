"""Packages of ours that a user's folder or file hides, because Python looks there first."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PACKAGES = ("theory", "empirics", "verification", "paper_figures")
_ROOT = Path(__file__).resolve().parents[1]


def what_is_shadowed() -> str:
    """Return which of our packages Python does not find, and what to do; empty where it finds them all.

    Nothing is imported for it.

    Returns:
        One line.

    Example:
        >>> what_is_shadowed()
        ''
    """
    for name in PACKAGES:
        found = _place(name)
        if found is not None and found.parent != _ROOT:
            return f"{found} hides kstar's own package {name}: rename or move it"
    return ""


def look_here_last() -> None:
    """Let Python look for modules in the current folder after all other places, not before them.

    A user's own module is found there as before, and a folder named like one of ours hides nothing.
    """
    if sys.flags.safe_path:  # the user wants no module from there
        return
    here = Path.cwd().resolve()
    elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    if str(_ROOT) not in elsewhere:  # an editable install is asked after all of the path
        elsewhere.append(str(_ROOT))
    sys.path[:] = [*elsewhere, str(here)]


def _place(name: str) -> Path | None:
    """Return the folder or file that Python takes for a package, None where it finds none."""
    spec = getattr(sys.modules.get(name), "__spec__", None) or importlib.util.find_spec(name)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    found = folders[0] if folders else spec.origin
    return None if found is None else Path(found).resolve()
