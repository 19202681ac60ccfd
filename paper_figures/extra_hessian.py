"""L, the Hessian's top eigenvalue and the gradient together, along the runs of figure 4."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from paper_figures.sources import Run
from paper_figures.trajectories import trajectories

CAPTION = (
    "Along the same runs: L by equation (11), which looks one step ahead, and the Hessian's top eigenvalue where the "
    "step begins (eigenvalues <= 0 are left out). Stars: the step that reached the goal."
)


def extra_hessian(runs: Sequence[Run]) -> Figure:
    """Draw both.

    Args:
        runs: One or more runs with constants.

    Returns:
        The figure, one row per run folder.
    """
    return trajectories(runs, ("L", "hessian_top"), CAPTION, "hessian_top")
