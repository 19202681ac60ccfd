"""The reader of provenance.json for reports, figures and the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from empirics.reading.outside import read_json
from empirics.workloads.goal_label import sign_of

FILE_NAME = "provenance.json"
_AGAIN = "the command that measured the run writes it"


def read_provenance(folder: Path) -> Mapping[str, Any] | None:
    """Read provenance.json.

    Args:
        folder: A run folder.

    Returns:
        What it holds, None where there is no such file.

    Raises:
        ValueError: If it exists and holds no JSON object.
    """
    file = folder / FILE_NAME
    if not file.exists():
        return None
    try:
        found = read_json(file)
    except ValueError as error:
        raise ValueError(f"{file} is no provenance file ({error}); {_AGAIN}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} is no provenance file (no JSON object); {_AGAIN}")
    return found


def known_provenance(folder: Path) -> Mapping[str, Any]:
    """Return what provenance.json holds; nothing where it is missing or cannot be read."""
    try:
        return read_provenance(folder) or {}
    except ValueError:
        return {}


def goal_signs(folder: Path) -> Mapping[str, str]:
    """Return workload -> what its goals are held against, for the one workload that a run folder says it is of.

    Args:
        folder: A run folder.

    Returns:
        As `empirics.workloads.goal_label.sign_of` gives it; empty where the folder does not say.
    """
    identity = part(known_provenance(folder), "identity")
    workload = identity.get("workload")
    return {workload: sign_of(identity)} if isinstance(workload, str) else {}


def listed(found: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Return the list under a key, empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, list) else []


def part(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under a key, empty where there is none."""
    value = found.get(key)
    return value if isinstance(value, dict) else {}
