# %% [markdown]
# Your logs say how many steps a run needed at each batch size. Two lists are enough.
# %%
"""Fit K(B) = c1/B + c2 to steps that were measured, and choose a batch size."""

import kstar

batch_sizes = [16, 32, 64, 128, 256, 512, 1024]
steps = [5210, 2688, 1452, 810, 501, 352, 260]
fit = kstar.fit(batch_sizes, steps)
print("c1", fit.c1)
print("c2", fit.c2)
print("critical batch size", fit.critical_batch_size)

# %% [markdown]
# Brackets are 95% intervals. Which batch size keeps half of linear scaling? Which one is fastest, if a step takes 20 ms
# and 40 us more for each example?
# %%
print(fit.batch_size_for(efficiency=0.5))
print(fit.batch_size_for(step_time=(0.020, 0.00004)))

# %% [markdown]
# The last batch size did not reach the goal in a later experiment. Give None for its steps, and how far it was trained
# as `lower`.
# %%
later = kstar.fit(batch_sizes, [5210, 2688, 1452, 810, 501, 352, None], lower=[5200, 2680, 1450, 800, 500, 350, 200])
print("c2", later.c2)

# %%
axes = fit.plot()
