"""Measure steps-to-result curves and the constants behind them.

A frozen specification unfolds into studies, and studies into trials. Finished units go into a store, which is written
out as `curves.csv` and `constants.csv`. Only `networks`, `probes`, `training`, `pruning.scores` and what they call load
torch. The commands `measure` and `constants`, the specification, the store and its reader load it only when they need
it.
"""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m`: Ctrl-C is one line while modules are imported too
    from kstar.ending import leave_at_once

    leave_at_once(__name__)
