"""Measure steps-to-result curves and the constants behind them.

A frozen specification unfolds into studies, and studies into trials. Finished units go into a store, which is written
out as `curves.csv` and `constants.csv`. Only `networks`, `probes`, `training`, `pruning.scores` and what they call load
torch. The commands `measure` and `constants`, the specification, the store and its reader load it only when they need
it.

Importing this package loads nothing: a public name is imported at its first use.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"]:  # `python -m`: Ctrl-C is one line while modules are imported too
    from kstar.ending import leave_at_once

    leave_at_once(__name__)

if TYPE_CHECKING:
    from empirics.errors import InputError
    from empirics.search.space import Metaparameter
    from empirics.specification.request import Request
    from empirics.store.store import read_store
    from empirics.workloads.catalogue import WORKLOADS
    from empirics.workloads.find import find_workload
    from empirics.workloads.own import OwnWorkload

__all__ = ["WORKLOADS", "InputError", "Metaparameter", "OwnWorkload", "Request", "find_workload", "read_store"]

_HOMES = {
    "InputError": "empirics.errors",
    "Metaparameter": "empirics.search.space",
    "OwnWorkload": "empirics.workloads.own",
    "Request": "empirics.specification.request",
    "WORKLOADS": "empirics.workloads.catalogue",
    "find_workload": "empirics.workloads.find",
    "read_store": "empirics.store.store",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import a public name at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
