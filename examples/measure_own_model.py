# %% [markdown]
# `make_workload` in `examples/own_pruned_model.py` returns a model, its data, a goal, a search space and a function
# that prunes the model. Give kstar what makes all that.
# %%
"""Measure the curve of a model of one's own, dense and pruned."""

import kstar
from examples.own_pruned_model import make_workload

run = kstar.measure(
    make_workload,
    sparsity=[0, 50],
    batch_sizes=[4, 16, 64, 128],
    trials=4,
    constants=False,
    jobs=1,
    progress=False,
)
for row in run.curves[["sparsity", "batch_size", "steps_to_result", "learning_rate"]].itertuples(index=False):
    print(*row)

# %% [markdown]
# Four search points are too few to trust, but they show the way. The fits are those of any other curves. Type the same
# call again to read the finished run, or with more trials to add to it.
# %%
for fit in run.fits:
    print(fit)
