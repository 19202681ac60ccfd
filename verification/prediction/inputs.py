r"""The inputs of the paper's law, Delta, L, noise and epsilon, for two networks.

With mu = M_G = 1, :math:`c_1 = \Delta L b/\varepsilon^2`, :math:`c_2 = \Delta L/\varepsilon` and
:math:`B_{crit} = b/\varepsilon`, where b is the noise of one example's gradient.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Exponents of (Delta, L, b, epsilon) in each constant.
EXPONENTS: Mapping[str, tuple[float, float, float, float]] = {
    "c1": (1.0, 1.0, 1.0, -2.0),
    "c2": (1.0, 1.0, 0.0, -1.0),
    "b_crit": (0.0, 0.0, 1.0, -1.0),
}


@dataclass(frozen=True)
class Inputs:
    r"""What the theory makes c1 and c2 of, at one sparsity.

    Attributes:
        Delta: Loss, > 0.
        L: Loss per squared weight, > 0.
        noise: Trace of the covariance of one example's gradient, b = beta + beta_V epsilon, > 0.
        epsilon: Average of the squared gradient norm, > 0; 1 where it is taken as equal.

    Reference:
        Lee et al. 2021, Proposition 4.1.

    Example:
        >>> one = Inputs(Delta=2.0, L=3.0, noise=8.0, epsilon=0.5)
        >>> one.c1, one.c2, one.b_crit
        (192.0, 12.0, 16.0)
    """

    Delta: float
    L: float
    noise: float
    epsilon: float = 1.0

    def __post_init__(self) -> None:
        for name, value in zip(("Delta", "L", "noise", "epsilon"), self.factors, strict=True):
            if not 0.0 < value < np.inf:
                raise ValueError(f"{name} must be finite and > 0, got {value}")

    @property
    def factors(self) -> tuple[float, float, float, float]:
        """Delta, L, noise, epsilon."""
        return self.Delta, self.L, self.noise, self.epsilon

    @property
    def c1(self) -> float:
        """Noise term, steps x examples."""
        return self.Delta * self.L * self.noise / self.epsilon**2

    @property
    def c2(self) -> float:
        """Serial floor, steps."""
        return self.Delta * self.L / self.epsilon

    @property
    def b_crit(self) -> float:
        """Critical batch size c1/c2, examples."""
        return self.noise / self.epsilon


@dataclass(frozen=True)
class Share:
    """One factor of a ratio.

    Attributes:
        factor: Delta, L, noise or epsilon.
        ratio: Sparse over dense, with its exponent.
        share: Its part of the ratio's logarithm; None where that is 0. Shares add up to 1 and may be negative.
    """

    factor: str
    ratio: float
    share: float | None


def shares(sparse: Inputs, dense: Inputs) -> tuple[Share, ...]:
    r"""Split a ratio of c1 into its factors.

    :math:`\log \frac{c_{1,s}}{c_{1,d}} = \log \frac{\Delta_s}{\Delta_d} + \log \frac{L_s}{L_d} + \ldots`

    Args:
        sparse: Inputs of the sparse network.
        dense: Of the dense.

    Returns:
        One share a factor.

    Reference:
        Lee et al. 2021, Appendix C; docs/theory.md, result 7.

    Example:
        >>> from verification.prediction.paper import DENSE, SPARSE
        >>> [(part.factor, round(part.ratio, 2)) for part in shares(SPARSE, DENSE)][:3]
        [('Delta', 1.0), ('L', 3.09), ('noise', 0.54)]
    """
    names, exponents = ("Delta", "L", "noise", "epsilon"), EXPONENTS["c1"]
    logs = [e * float(np.log(s / d)) for e, s, d in zip(exponents, sparse.factors, dense.factors, strict=True)]
    total = sum(logs)
    return tuple(
        Share(name, float(np.exp(log)), log / total if total else None) for name, log in zip(names, logs, strict=True)
    )
