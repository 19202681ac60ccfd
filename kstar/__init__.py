"""Steps to result K*(B) of sparse networks: theory first, then measured, then tested.

From Python,

    fit             fit c1/B + c2 to the steps that you measured, and choose a batch size
    measure         measure the curves of a workload, yours or one of the paper's
    read            read runs and CSV files: tables, fits, report, figures
    evaluate        what the theory says at given batch sizes
    critical_batch_size     c1/c2, where both terms of the law are equal

and the classes of what they return. From a shell, `kstar COMMAND` does the same (`kstar.__main__`). This package alone
knows all others; how every command ends stands in `kstar.ending`, below them all. Importing it loads nothing: what a
name needs is imported at its first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kstar.version import __version__

if TYPE_CHECKING:
    from kstar.estimates import Estimate
    from kstar.evaluation import Evaluation, critical_batch_size, evaluate
    from kstar.fitting import Advice, Fit, fit
    from kstar.measuring import measure
    from kstar.runs import Report, Run, read

__all__ = [
    "Advice",
    "Estimate",
    "Evaluation",
    "Fit",
    "Report",
    "Run",
    "__version__",
    "critical_batch_size",
    "evaluate",
    "fit",
    "measure",
    "read",
]

_HOMES = {
    "Advice": "kstar.fitting",
    "Estimate": "kstar.estimates",
    "Evaluation": "kstar.evaluation",
    "Fit": "kstar.fitting",
    "Report": "kstar.runs",
    "Run": "kstar.runs",
    "critical_batch_size": "kstar.evaluation",
    "evaluate": "kstar.evaluation",
    "fit": "kstar.fitting",
    "measure": "kstar.measuring",
    "read": "kstar.runs",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import a public name at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kstar.shadows import what_is_shadowed  # noqa: PLC0415 - needed once, if at all

    if shadowed := what_is_shadowed():
        raise ImportError(shadowed)
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
