r"""Steps to result on a noisy quadratic, computed without training.

The loss is (1/2) sum_i h_i w_i^2; the gradient of one example adds noise of variance n_i to h_i w_i. With
s_i(k) = E w_i^2 after k steps, SGD gives

    s_i(k) = s_i* + (1 - eta h_i)^(2k) (s_i(0) - s_i*),    s_i* = eta n_i / (B h_i (2 - eta h_i)),

and momentum a recursion that `theory.noisy_quadratic.modes` solves. K*(B) is the first k with (1/2) sum_i h_i s_i(k)
<= goal, least over the learning rate. L, Delta and beta are known exactly, so all that is said about measured curves
can be tried on this one.

`steps` is the first passage at the rate `eta`, exact to the step. Every earlier step was visited, or ruled out by a
bound from below (`theory.noisy_quadratic.passage`). Only rounding, some 1e-13 of the loss, could shift it. Rates are
tried on a grid that is refined to 0.02% around its minima. With momentum the loss oscillates, so K jumps as the rate
changes. As long as that lasts, rates around the best are tried at distances below the oscillation's. A window far from
the best and narrower than 3% of the rate can be missed.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.command_line import plain
from theory.noisy_quadratic.modes import Modes, MomentumModes, PlainModes, Spectrum
from theory.noisy_quadratic.passage import FINE, LONGEST, Passage, RateSearch
from theory.noisy_quadratic.problem import NoisyQuadratic, largest_rate
from theory.numbers.arguments import positive_array
from theory.numbers.log_space import Array

_BIN = 0.005  # width in log h of the modes that are one while rates are searched; the steps are those of all modes
_LEAST = 1e-200  # the least goal, over Delta
_NEARBY = 8  # rates FINE apart tried with all modes on either side of the best with bins
_DAMPED = 1e-4  # what is left of a squared oscillation after K steps when it no longer matters


class TunedSteps(NamedTuple):
    """Steps to result at the best rate: batch sizes, steps (integers) and rates, arrays of one shape."""

    batch_size: Array
    steps: NDArray[np.int64]
    eta: Array


def steps_to_result(
    problem: NoisyQuadratic, goal: float, batch_size: ArrayLike, momentum: float = 0.0, *, nesterov: bool = False
) -> TunedSteps:
    r"""Return the fewest steps to a goal over all learning rates.

    .. math:: K^*(B) = \min_{0 < \eta < \eta_{\text{largest}}} \min\{k : \tfrac12 \sum_i h_i s_i(k) \le \text{goal}\}

    Args:
        problem: The quadratic.
        goal: Scalar, loss. > 0 and below the loss at the start, Delta/2.
        batch_size: B, any shape, examples per step. Finite, > 0; need not be an integer.
        momentum: m, scalar. In [0, 0.9999]; 0 is SGD.
        nesterov: Nesterov's step instead of the heavy ball's.

    Returns:
        Batch sizes, steps and best rates, in the shape of batch_size. Steps are exact for the rate given; how the rate
        is searched is said above.

    Raises:
        ValueError: If an argument is outside the range above, or the goal takes more than 2^53 steps.

    Reference:
        Zhang et al. 2019, Sec. 3; the recursion of `theory.noisy_quadratic.modes`.

    Example:
        >>> steps_to_result(NoisyQuadratic.harmonic(1), 0.2, [1.0, 4.0]).steps
        array([2, 1])
    """
    largest_rate(problem, momentum, nesterov=nesterov)
    if not 0.0 < goal < 0.5 * problem.Delta:
        raise ValueError(f"goal must be > 0 and below the loss at the start, {0.5 * problem.Delta:.6g}, got {goal}")
    _require_reachable(problem, goal)
    sizes = positive_array("batch_size", batch_size)
    found = [_earliest(problem, goal, size, momentum, nesterov=nesterov) for size in sizes.flat]
    steps = np.array([passage.steps for passage in found], dtype=np.int64)
    rates = np.array([passage.eta for passage in found], dtype=np.float64)
    return TunedSteps(sizes, steps.reshape(sizes.shape), rates.reshape(sizes.shape))


def _require_reachable(problem: NoisyQuadratic, goal: float) -> None:
    """Refuse a goal at which the squares of what is left of the start would no longer be full doubles."""
    if goal < _LEAST * problem.Delta:
        raise ValueError(f"goal must be at least {_LEAST:g} of Delta, {_LEAST * problem.Delta:.6g}, got {goal}")


def _modes(spectrum: Spectrum, momentum: float, eta: float, *, nesterov: bool) -> Modes:
    return MomentumModes(spectrum, eta, momentum, nesterov=nesterov) if momentum else PlainModes(spectrum, eta)


def _earliest(problem: NoisyQuadratic, goal: float, batch_size: float, momentum: float, *, nesterov: bool) -> Passage:
    """Return the earliest passage: the rate searched with binned modes, then around it with all of them."""
    largest = largest_rate(problem, momentum, nesterov=nesterov)
    spectrum = problem.spectrum(batch_size)
    rough = RateSearch(partial(_modes, spectrum.binned(_BIN), momentum, nesterov=nesterov), goal, largest)
    # Up to this rate no mode oscillates, and e_k is a polynomial in eta h whose zeros all lie beyond.
    rough.descend(calm=(1.0 - np.sqrt(momentum)) ** 2 / problem.L)
    rough.refine()
    if rough.best and momentum**rough.best.steps > _DAMPED:
        rough.comb()
    exact = RateSearch(partial(_modes, spectrum, momentum, nesterov=nesterov), goal, largest)
    if rough.best:
        exact.attempt((rough.best.z + FINE * further for further in range(-_NEARBY, _NEARBY + 1)), slack=0.0)
    if exact.best is None:
        raise ValueError(f"goal {goal} takes more than {LONGEST} steps at batch size {plain(batch_size)}")
    return exact.best
