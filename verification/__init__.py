"""From measured curves to fits, intervals and verdicts on the paper's claims.

Reference:
    Lee et al. 2021 for the claims; docs/theory.md for the laws.
"""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m`: Ctrl-C is one line while modules are imported too
    from kstar.ending import leave_at_once

    leave_at_once(__name__)

from pathlib import Path

from verification.claims.analysis import Analysis, analyse
from verification.records.constants_file import Constant
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records, read_records
from verification.report.tables import fits_and_ratios

__all__ = [
    "Analysis",
    "Constant",
    "Curve",
    "CurvePoint",
    "Records",
    "analyse",
    "read_records",
    "summary",
]


def summary(run: Path) -> str:
    """Return a short plain-text table of what a run's curves say.

    Fitted c1, c2 and critical batch size per sparsity with 95% intervals; then the ratio of c1 to the dense network's
    beside the one that the measured constants predict.

    Args:
        run: A run folder with curves.csv, and constants.csv where the constants were measured.

    Returns:
        Lines that fit 100 columns. What is missing is named with the reason; records that cannot be read
        give one line that says why.
    """
    try:
        return fits_and_ratios(analyse(read_records(run)))
    except (ValueError, OSError) as error:
        return f"No fit: {' '.join(str(error).split())}"
