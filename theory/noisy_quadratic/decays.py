r"""What a rate that falls costs on a noisy quadratic, computed without training.

SGD's moments obey s_i(k+1) = (1 - eta_k h_i)^2 s_i(k) + eta_k^2 n_i/B at any rates. The rate falls linearly from a
first one to a share of it, over as many steps as the best constant rate needs, and stays there. The first rate is the
best one at which no mode grows. Bounds count the noise of all steps alike; here a step forgets some of that before it.

Without that limit a quadratic would take first rates at which its steepest mode grows by hundreds of powers of ten,
and comes back while the rate falls. A network would diverge.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory.command_line import plain
from theory.noisy_quadratic.modes import Spectrum
from theory.noisy_quadratic.problem import NoisyQuadratic, largest_rate
from theory.noisy_quadratic.steps import TunedSteps, steps_to_result
from theory.numbers.log_space import Array

LONGEST_DECAY = 10**6  # steps followed, one by one
# Width in log h of the modes that are taken as one, and from one first rate to the next around the best so far.
_SEARCHES = ((0.03, 1.05), (0.005, 1.005), (0.005, 1.0005))
_LOWEST, _HIGHEST = 0.5, 4.0  # first rates tried, over the best constant one
_BELOW = 1.0 - 2.0**-12  # the largest first rate, over that at which a mode stops falling


class CostOfDecay(NamedTuple):
    """Steps to result and best rates at a constant rate, and with one that falls, whose first rates are given."""

    constant: TunedSteps
    decaying: TunedSteps

    @property
    def steps_ratio(self) -> Array:
        """Steps with a decay over those at a constant rate."""
        return self.decaying.steps / self.constant.steps

    @property
    def rate_ratio(self) -> Array:
        """The best first rate of a decay over the best constant rate."""
        return self.decaying.eta / self.constant.eta


def cost_of_decay(problem: NoisyQuadratic, goal: float, batch_size: ArrayLike, end_factor: float) -> CostOfDecay:
    r"""Return the fewest steps of SGD to a goal at a constant rate, and at one that falls as it needs steps.

    .. math:: \eta_k = \eta_0 \left(1 - (1 - \alpha)\,\min(k, K^*)/K^*\right)

    Args:
        problem: The quadratic.
        goal: Scalar, loss. > 0 and below the loss at the start, Delta/2.
        batch_size: B, any shape, examples per step. Finite, > 0.
        end_factor: alpha, the share of the first rate that is left after K* steps. In (0, 1]; 1 is a constant rate.

    Returns:
        Both, in the shape of batch_size. First rates are tried from half to four times the best constant one, to 2/L,
        and 0.05% apart around the best. Modes within 0.5% of each other are taken as one: none up to 200 modes of 1/i.

    Raises:
        ValueError: If an argument is outside the range above, or the goal takes more than 10^6 steps.

    Reference:
        The recursion is step 16.2 with the rate of each step; Zhang et al. 2019, Sec. 3, for the problem.

    Example:
        >>> cost = cost_of_decay(NoisyQuadratic.harmonic(1), 0.2, [1.0, 4.0], 0.5)
        >>> cost.constant.steps, cost.decaying.steps  # no rate can do it in fewer than two, and in one
        (array([2, 1]), array([2, 1]))
    """
    if not 0.0 < end_factor <= 1.0:
        raise ValueError(f"end_factor must be in (0, 1], got {end_factor}")
    constant = steps_to_result(problem, goal, batch_size)
    found = [
        _earliest(problem, goal, size, int(steps), eta, end_factor)
        for size, steps, eta in zip(*(column.flat for column in constant), strict=True)
    ]
    shape = constant.steps.shape
    steps = np.array([steps for steps, _ in found], dtype=np.int64).reshape(shape)
    rates = np.array([eta for _, eta in found], dtype=np.float64).reshape(shape)
    return CostOfDecay(constant, TunedSteps(constant.batch_size, steps, rates))


def _earliest(
    problem: NoisyQuadratic, goal: float, batch_size: float, decay_steps: int, eta: float, end_factor: float
) -> tuple[int, float]:
    """Return the fewest steps over first rates, and the best: each search looks around the best of the last."""
    spectrum, low = problem.spectrum(batch_size), _LOWEST * eta
    most = high = min(_HIGHEST * eta, _BELOW * largest_rate(problem))
    steps, best = 0, eta
    for width, ratio in _SEARCHES:
        rates = np.geomspace(low, high, 1 + math.ceil(math.log(high / low) / math.log(ratio)))
        steps, best = _first_passage(spectrum.binned(width), goal, rates, decay_steps, end_factor)
        if not steps:
            raise ValueError(
                f"goal {goal} takes more than {LONGEST_DECAY} steps with a decay at batch size {plain(batch_size)}"
            )
        low, high = best / ratio, min(best * ratio, most)
    return steps, best


def _first_passage(
    spectrum: Spectrum, goal: float, rates: Array, decay_steps: int, end_factor: float
) -> tuple[int, float]:
    """Return the first step at which a run from one of some first rates meets the goal, 0 without one, and its rate."""
    if decay_steps > LONGEST_DECAY:
        return 0, math.nan
    h, start, kick = spectrum
    losses = np.tile(start, (len(rates), 1))
    for step in range(LONGEST_DECAY):
        eta = (1.0 - (1.0 - end_factor) * min(step / decay_steps, 1.0)) * rates[:, None]
        losses *= np.square(1.0 - eta * h)
        losses += np.square(eta) * kick
        total = losses.sum(axis=1)
        if total.min() <= goal:
            return step + 1, float(rates[np.argmin(total)])
    return 0, math.nan
