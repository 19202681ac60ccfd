"""A noisy quadratic, its constants, and the rates at which it can be trained."""

from dataclasses import dataclass

import numpy as np

from theory.noisy_quadratic.modes import Spectrum
from theory.numbers.arguments import is_finite
from theory.numbers.log_space import Array

_RANGE = 1e50  # of the numbers of a problem, so that no product leaves the doubles
_MOST_NOISE = 1e50  # of a batch at the rate 1/L, over the loss at the start: any passage is beyond 2^53 steps
_MOST_MODES = 10**6
_MOST_MOMENTUM = 0.9999


@dataclass(frozen=True, eq=False)
class NoisyQuadratic:
    r"""A quadratic in its eigenbasis with additive gradient noise.

    .. math:: f(w) = \tfrac12 \sum_i h_i w_i^2,\qquad g_i = h_i w_i + \xi_i,\quad \mathrm{E}\,\xi_i^2 = n_i/B

    Its constants are :math:`L = \max_i h_i`, :math:`\Delta = \sum_i h_i s_i(0)`, :math:`\beta = \sum_i n_i`, and
    mu = M_G = 1.

    Args:
        curvature: h, shape (d,), d at most 10^6, loss/weight^2. From 1e-50 to 1e50.
        noise: n, shape (d,), variance of the gradient of one example, (loss/weight)^2. >= 0, up to 1e50.
        initial: s(0), shape (d,), mean square of each weight at the start, weight^2. >= 0, up to 1e50,
            the largest at least 1e-50.

    Raises:
        ValueError: If an argument is outside the range above.

    Reference:
        Zhang et al. 2019, "Which algorithmic choices matter at which batch sizes?", Sec. 3.

    Example:
        >>> problem = NoisyQuadratic.harmonic(2)  # h = 1, 1/2
        >>> problem.L, problem.Delta, problem.beta
        (1.0, 1.5, 1.5)
    """

    curvature: Array
    noise: Array
    initial: Array

    def __post_init__(self) -> None:
        h, n, s = self.curvature, self.noise, self.initial
        if not (h.ndim == 1 and h.size and h.shape == n.shape == s.shape):
            raise ValueError(f"need curvature, noise, initial of one shape (d,), got {h.shape}, {n.shape}, {s.shape}")
        if not (np.isfinite(h).all() and (h > 0.0).all()):
            raise ValueError("curvature must be finite and > 0")
        if h.size > _MOST_MODES:
            raise ValueError(f"need at most {_MOST_MODES} modes, got {h.size}")
        for name, values in (("noise", n), ("initial", s)):
            if not (np.isfinite(values).all() and (values >= 0.0).all()):
                raise ValueError(f"{name} must be finite and >= 0")
        if h.min() < 1.0 / _RANGE or max(column.max() for column in (h, n, s)) > _RANGE:
            raise ValueError(f"need curvature from {1.0 / _RANGE:g}, and all up to {_RANGE:g}: choose other units")
        if not s.any():
            raise ValueError("initial must not be 0 throughout: the loss starts at its minimum")
        if s.max() < 1.0 / _RANGE:
            raise ValueError(f"need an initial of at least {1.0 / _RANGE:g}: choose other units")

    @classmethod
    def harmonic(cls, dimension: int) -> "NoisyQuadratic":
        r"""Return the problem with :math:`h_i = n_i = 1/i` and :math:`s_i(0) = 1`.

        Args:
            dimension: d, number of modes. >= 1.

        Returns:
            The problem, i = 1..d.

        Raises:
            ValueError: If the dimension is below 1 or above 10^6.

        Reference:
            Zhang et al. 2019, Sec. 3: curvatures 1/i, gradient noise of the Hessian's shape.

        Example:
            >>> NoisyQuadratic.harmonic(3).noise.round(2)
            array([1.  , 0.5 , 0.33])
        """
        if not dimension >= 1:
            raise ValueError(f"dimension must be >= 1, got {dimension}")
        if dimension > _MOST_MODES:
            raise ValueError(f"dimension must be at most {_MOST_MODES}, got {dimension}")
        curvature = 1.0 / np.arange(1.0, dimension + 1.0)
        return cls(curvature, curvature, np.ones(dimension))

    @property
    def L(self) -> float:  # noqa: N802  (the paper's name)
        """Smoothness: the largest curvature."""
        return float(self.curvature.max())

    @property
    def Delta(self) -> float:  # noqa: N802  (the paper's name)
        """Twice the expected loss at the start."""
        return float(self.curvature @ self.initial)

    @property
    def beta(self) -> float:
        """Gradient variance of one example."""
        return float(self.noise.sum())

    def spectrum(self, batch_size: float) -> Spectrum:
        """Return the modes in units of the loss, with the noise of a batch size.

        Args:
            batch_size: B, scalar, examples per step. Finite, > 0.

        Raises:
            ValueError: If the batch size is outside the range above, or its noise beyond what doubles hold.
        """
        if not (batch_size > 0.0 and is_finite(batch_size)):
            raise ValueError(f"batch_size must be finite and > 0, got {batch_size}")
        half = 0.5 * self.curvature
        with np.errstate(over="ignore", under="ignore"):
            kick = half * self.noise / float(batch_size)
        start = half * self.initial
        if not kick.sum() / self.L**2 <= _MOST_NOISE * start.sum():
            raise ValueError(f"batch_size {batch_size:g} has too much noise for double precision: choose a larger one")
        return Spectrum(self.curvature, start, kick)


def largest_rate(problem: NoisyQuadratic, momentum: float = 0.0, *, nesterov: bool = False) -> float:
    r"""Return the rate from which on the loss diverges.

    :math:`2 (1 + m)/h_{\max}` for SGD and heavy ball, :math:`2 (1 + m)/((1 + 2m)\,h_{\max})` for Nesterov.

    Args:
        problem: The quadratic.
        momentum: m, scalar. In [0, 0.9999]; 0 is SGD.
        nesterov: Nesterov's step instead of the heavy ball's.

    Returns:
        Scalar, weight^2/loss.

    Raises:
        ValueError: If momentum is outside the range above.

    Reference:
        Both roots of y^2 = t y - d lie inside the unit circle iff `|t| < 1 + d` and d < 1
        (`theory.noisy_quadratic.modes`).

    Example:
        >>> largest_rate(NoisyQuadratic.harmonic(10)), largest_rate(NoisyQuadratic.harmonic(10), 0.5, nesterov=True)
        (2.0, 1.5)
    """
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be in [0, 1), got {momentum}")
    if momentum > _MOST_MOMENTUM:
        raise ValueError(f"momentum must be at most {_MOST_MOMENTUM}: the work grows as 1/(1 - m), got {momentum}")
    return 2.0 * (1.0 + momentum) / ((1.0 + 2.0 * momentum if nesterov else 1.0) * problem.L)
