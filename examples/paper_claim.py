# %% [markdown]
# `evidence/mnist-sgd` is a kept run of the paper's MNIST workload: Simple-CNN, SGD, dense and with 50, 70 and 90% of
# the weights pruned. It reads like any run folder or file of logs.
# %%
"""Look at the paper's claim on MNIST, in a run that is kept."""

from pathlib import Path

import kstar

run = kstar.read(Path(kstar.__file__).parents[1] / "evidence" / "mnist-sgd")
for fit in run.fits:
    print(f"{fit.sparsity:g}%: c1 {fit.c1}, c2 {fit.c2}, critical batch size {fit.critical_batch_size}")

# %% [markdown]
# The paper says that the pruned network needs more steps at every batch size, and that its critical batch size is no
# smaller. The brackets are between three replicates: enough for the first, too few for the second.
# %%
figure = run.draw("ratio")

# %% [markdown]
# The paper explains the ratio by three constants of the network, L, Delta and beta. Here is what their product
# predicts, beside what the curves say.
# %%
report = str(run.report())
print("\n".join(report[report.index("Ratio to the dense network") :].splitlines()[:5]))

# %% [markdown]
# So at 90% c1 is predicted to fall, and it rises. The run on digits, with ten replicates, says the same
# ([results](results.md)).
