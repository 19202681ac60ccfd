# %% [markdown]
# The bound needs four constants. L, Delta and beta are the paper's, of Simple-CNN at 90% sparsity; epsilon, the goal,
# is an example.
# %%
"""Evaluate the bound of the theory at several batch sizes."""

import kstar

tuned = kstar.evaluate("tuned", [16, 256, 4096], L=1.76, Delta=4.68, beta=107, epsilon=0.1)
print(tuned)

# %% [markdown]
# Each batch size has its own best rate there. At one rate for all, the bound has no finite answer for small batches.
# The last line is the critical batch size.
# %%
fixed = kstar.evaluate("fixed", [16, 256, 4096], eta=0.1, L=1.76, Delta=4.68, beta=107, epsilon=0.1)
print(fixed)

# %%
print(kstar.critical_batch_size(tuned.c1, tuned.c2))
