"""Figures 4 and 6, and the Hessian beside figure 4: measurements along the winners' runs.

They differ in nothing but the quantities, so they share one function and this file is a table.
"""

from functools import partial

from paper_figures.drawing.trajectories import trajectories

FIGURE_04 = partial(
    trajectories,
    quantities=("L",),
    told="L by equation (11): the largest change of the full gradient per distance along the next step. Stars: the "
    "step that reached the goal; lines end where the run was followed to.",
    constants={"L_mean": "L_mean, up to the goal,", "L_mean_budget": "L_mean_budget, over the whole training,"},
)
FIGURE_06 = partial(
    trajectories,
    quantities=("training_loss",),
    told="The loss over the training examples along the runs of figure 4. Stars: the step that reached the goal.",
)
HESSIAN = partial(
    trajectories,
    quantities=("L", "hessian_top"),
    told="Along the same runs: L by equation (11), which looks one step ahead, and the Hessian's top eigenvalue where "
    "the step begins (eigenvalues <= 0 are left out). Stars: the step that reached the goal.",
    constants={"hessian_top": "hessian_top"},
)
