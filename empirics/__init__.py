"""Measure steps-to-result curves and the constants behind them.

A frozen specification unfolds into studies, studies into trials; finished units go into a store, and the store is
written out as `curves.csv` and `constants.csv`. Only the modules that train (`networks`, `pruning`, `training`,
`engine`, `constants`, `laboratory`) load torch; the specification, the store and its reader do not.
"""
