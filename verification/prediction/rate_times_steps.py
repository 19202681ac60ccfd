"""Best rate times K*, beside the value that theory gives it at every batch size."""

from collections.abc import Mapping
from dataclasses import dataclass

from verification.missing import Missing
from verification.prediction.inputs import Inputs


@dataclass(frozen=True)
class RateTimesSteps:
    r"""The product of best rate and steps to result, which the theory says is the same at every batch size.

    Attributes:
        sparsity: Percent of weights pruned.
        batch_size: Examples per step.
        measured: Best rate times K*; with momentum m the rate counts as rate/(1 - m).
        predicted: :math:`\Delta/(\mu \varepsilon)` with the measured epsilon, mu = 1.

    Reference:
        docs/theory.md, result 8.
    """

    sparsity: float
    batch_size: int
    measured: float
    predicted: float


def rate_times_steps(
    sparsity: float, batch_size: int, metaparameters: Mapping[str, float], steps: int, inputs: Inputs
) -> RateTimesSteps | Missing:
    """Return rate times steps of a study's winner beside what the theory predicts.

    Args:
        sparsity: Percent of weights pruned.
        batch_size: Of the study, examples per step.
        metaparameters: The winner's.
        steps: K*.
        inputs: Measured constants with their epsilon.

    Returns:
        Both, or why there is nothing to compare, one clause.

    Reference:
        docs/theory.md, results 8 and 14.

    Example:
        >>> inputs = Inputs(Delta=4.0, L=1.0, noise=1.0, epsilon=0.5)
        >>> rate_times_steps(0.0, 16, {"learning_rate": 0.1, "momentum": 0.5}, 50, inputs).measured
        10.0
    """
    rate = metaparameters.get("learning_rate")
    if rate is None or "decay_steps" in metaparameters:
        return Missing("the rate is not constant" if rate is not None else "no learning rate")
    effective = rate / (1.0 - metaparameters.get("momentum", 0.0))
    return RateTimesSteps(sparsity, batch_size, effective * steps, inputs.Delta / inputs.epsilon)
