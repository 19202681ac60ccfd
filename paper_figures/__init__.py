"""The paper's figures, drawn from records and verdicts. Figures read, they do not compute.

Reference:
    Lee et al. 2021, Figures 1-18.
"""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m`: Ctrl-C is one line while modules are imported too
    from kstar.ending import leave_at_once

    leave_at_once(__name__)

from paper_figures.figures.figure_01 import figure_01
from paper_figures.run import Run, read_run

__all__ = ["Run", "figure_01", "read_run"]
