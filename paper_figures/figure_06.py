"""Figure 6: the training loss of the runs behind figure 4."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from paper_figures.sources import Run
from paper_figures.trajectories import trajectories

CAPTION = "The loss over the training examples along the runs of figure 4. Stars: the step that reached the goal."


def figure_06(runs: Sequence[Run]) -> Figure:
    """Draw figure 6.

    Args:
        runs: One or more runs with constants.

    Returns:
        The figure, one panel per run folder.
    """
    return trajectories(runs, ("training_loss",), CAPTION)
