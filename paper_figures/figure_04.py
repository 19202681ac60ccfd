"""Figure 4: L over training, per sparsity."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from paper_figures.sources import Run
from paper_figures.trajectories import trajectories

CAPTION = (
    "L by equation (11): the largest change of the full gradient per distance along the next step. Stars: the step "
    "that reached the goal; lines end where the run was followed to."
)


def figure_04(runs: Sequence[Run]) -> Figure:
    """Draw figure 4.

    Args:
        runs: One or more runs with constants.

    Returns:
        The figure, one panel per run folder.
    """
    return trajectories(runs, ("L",), CAPTION, "L_mean")
