"""Measure steps-to-result curves and the constants behind them.

A frozen specification unfolds into studies, studies into trials; finished units go into a store, and the store is
written out as `curves.csv` and `constants.csv`. Only the modules that train or measure along a run (`networks`,
`pruning_scores`, `training`, `engine`, `laboratory`, `following` and what they use) load torch; the commands `measure`
and `constants`, the specification, the store and its reader do not until they need to.
"""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m`: Ctrl-C is one line while modules are imported too
    from kstar.ending import leave_at_once

    leave_at_once(__name__)
