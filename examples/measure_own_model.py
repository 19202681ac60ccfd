# %% [markdown]
# `make_workload` in `examples/own_model.py` returns a model, its data, a goal and a search space. Give kstar the
# function.
# %%
"""Measure the curve of a model of one's own."""

import kstar
from examples.own_model import make_workload

run = kstar.measure(
    make_workload, sparsity=0, batch_sizes=[4, 16, 64, 128], trials=4, constants=False, jobs=1, progress=False
)
for row in run.curves[["batch_size", "steps_to_result", "learning_rate"]].itertuples(index=False):
    print(*row)

# %% [markdown]
# Four search points are too few to trust, but they show the way. The fit is that of any other curve. Type the same
# call again to read the finished run, or with more trials to add to it.
# %%
(fit,) = run.fits
print(fit)
