"""The records of runs that were followed: constants, what was measured along them, and the flow from their start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from empirics.records import Study

Drawing = Literal["replacement", "epoch", "border"]
# What constants.csv may hold, in its order: quantity -> (i, j). It goes as a^i s^j when the weights of a network are
# counted in units of a (f_a(u) = f(a u)) and its loss in units of 1/s. What has (0, 0) can be compared between
# networks; all else is in units of its own network.
EXPONENTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "L_mean": (2, 1),
        "L_max": (2, 1),
        "L_at_goal": (2, 1),
        "Delta": (0, 1),
        "beta": (2, 2),
        "L_mean_budget": (2, 1),
        "L_mean_equal_loss": (2, 1),
        "hessian_top": (2, 1),
        "beta_V": (0, 0),
        "noise_scale": (0, 0),
        "epsilon": (2, 2),
        "M": (2, 2),
        "M_G": (0, 0),
        "beta_mean": (2, 2),
        "Delta_best": (0, 1),
        "gamma": (0, 0),
        "batch_square": (2, 2),
        "lambda": (2, 1),
        "s": (0, 0),
        "share_above_edge": (0, 0),
        "gradient_H_gradient": (4, 3),
        "trace_H_Sigma": (4, 3),
        "K": (0, 0),
        "eta": (-2, -1),
        "T_at_40": (-2, -1),
        "T_at_goal": (-2, -1),
        "T_over_eta": (0, 0),
        "c": (0, 0),
        "kappa": (0, 0),
        "Delta_run": (0, 1),
        "N": (0, 0),
        "e": (0, 0),
        "alignment": (0, 0),
    }
)
QUANTITIES = tuple(EXPONENTS)


@dataclass(frozen=True)
class TrajectoryPoint:
    """One quantity at one step of a run.

    Args:
        quantity: `L`, `training_loss`, `variance` (of per-example gradients) or another in docs/constants.md.
        step: The step k, from 1; what is said of weights belongs to those before it. Of the flow the number of its
            step, from 0.
        value: What it was.
        error: Its standard error where f is the loss of a part of the training set.
    """

    quantity: str
    step: int
    value: float
    error: float | None = None


@dataclass(frozen=True)
class BatchVariance:
    r"""The variance of mini-batch gradients at w_1, drawn and expected.

    Args:
        batch_size: Examples per mini-batch.
        drawing: With replacement, within one epoch, or across the border of two.
        measured: Mean of :math:`|g_B - \nabla f|^2` over the draws.
        error: Its standard error.
        expected: beta/B or its form without replacement.
    """

    batch_size: int
    drawing: Drawing
    measured: float
    error: float
    expected: float


@dataclass(frozen=True)
class ConstantsRecord:
    """The constants of one sparsity and replicate, and the run along which they were measured.

    Args:
        study: Whose winner was followed, or the sparsity, replicate and batch size of a run that was asked for.
        examples: How many training examples f is the loss of.
        trial: Whose initial weights.
        metaparameters: The run's, name -> value.
        values: Quantity -> value, quantities as in `constants.csv`.
        trajectory: L, training loss and more along the run.
        seconds: Wall time.
        errors: Quantity -> standard error, where f is the loss of a part of the training set.
        goal_step: The step that reached the goal; None where none did.
        steps: How far the run was followed.
        skipped: Steps at which L was asked for that moved nothing.
        diverged: The step at which loss or weights were no longer finite; None where they were.
        settings: How it was measured; the same settings are not measured again.
        batch_variances: The check of beta/B, where it was asked for.
    """

    study: Study
    examples: int
    trial: int
    metaparameters: dict[str, float]
    values: dict[str, float]
    trajectory: tuple[TrajectoryPoint, ...]
    seconds: float
    errors: dict[str, float] = field(default_factory=dict)
    goal_step: int | None = None
    steps: int = 0
    skipped: int = 0
    diverged: int | None = None
    settings: dict[str, object] = field(default_factory=dict)
    batch_variances: tuple[BatchVariance, ...] = ()

    @property
    def sampled(self) -> bool:
        """Whether f is the mean over some of the training examples; only then do constants have standard errors."""
        return bool(self.errors)

    def along(self, quantity: str) -> dict[int, float]:
        """Return a quantity along the run, step -> value, ascending."""
        return {point.step: point.value for point in self.trajectory if point.quantity == quantity}


@dataclass(frozen=True)
class FlowRecord:
    """The gradient flow from the start of a run along which constants were measured.

    Args:
        study: Whose run.
        values: `T_at_40` and `T_at_goal`, the times to 40% of its first loss and to the loss of the run at its goal;
            one that it did not come down to, or was not to, is missing.
        trajectory: Time, loss and squared gradient norm along it.
        seconds: Wall time.
    """

    study: Study
    values: dict[str, float]
    trajectory: tuple[TrajectoryPoint, ...]
    seconds: float
