r"""Steps at the best rate: the median over draws of initial weights and mask, estimated from all draws of a study.

K* is a minimum over trials, each with its own draw. So it falls as trials are added, and the more so the wider draws
spread. The least of the points' medians does the same, if less. Here all draws near the best rate are fitted together:

.. math::
    P(K \le k \mid \eta) = s\,\Phi\Big(\frac{\log k - m - c\,\log^2(\eta/\eta^*)}{\sigma} + \Phi^{-1}\frac{1}{2s}\Big)

A share s of the draws reaches the goal at all; exp(m) is the median over all draws at the best rate, K_rate. What was
not reached by the end of the race is known to take longer. The prior is flat in m and in log eta* within the rates that
were tried. So the mean of m given the data has no bias, on average over the rest of the prior, whatever ended the race:
shifting all log K shifts it by as much (Pitman 1939). The rest is weak: log sigma normal about log 0.3, log c normal
about 0 (theory has K(r eta*)/K* = 1/(r (2 - r)), thus c = 1 at the optimum), both with standard deviation 1, and
2s - 1 with density 3x^2 on (0, 1). `python -m benchmarks.draws` shows bias, spread and coverage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincinv, log_ndtr, ndtr, ndtri

Array = NDArray[np.float64]

# Rates further from the leading point, in log, are left out: the parabola is the curve near its minimum only.
_WINDOW = 1.5
_LOG_SPREAD = math.log(0.3)  # of digits: 0.1 to 0.3 dense, 0.2 to 0.8 at 90%
# Importance sampling: each round draws from Student's t about the mean that the last one found, with wider covariance.
_SAMPLES, _FREEDOM, _WIDER = (1024, 1024, 1024, 4096), 4.0, 1.5
_FEWEST = 40.0  # samples that count, or a round's weights are flattened
_FAR = 1e8  # standard deviations
_ROUNDS_TO_ZERO = -37.0  # Phi loses its digits below; log_ndtr keeps them and takes ten times as long


@dataclass(frozen=True, kw_only=True)
class BestRate:
    """K_rate of one study and goal.

    Attributes:
        steps: K_rate, the median over draws at the best rate; None where the median draw of no point reached the goal,
            all that reached it did so at the first goal test, or points have no rate.
        low: Lower end of its 95% interval; None likewise.
        high: Upper end.
        draws: D, trained at each point.
        reached_share: Share of the leading point's draws that had reached the goal when the study ended.
        log_spread: Standard deviation of log K over draws that reach the goal; None where steps is.
    """

    steps: float | None
    low: float | None
    high: float | None
    draws: int
    reached_share: float
    log_spread: float | None


@dataclass(frozen=True)
class _Observed:
    """Hits and misses near the leading point, in log steps since the end and log rate since that point's."""

    at: Array  # of each hit and of each point with misses: log rate, (n,)
    low: Array
    high: Array  # infinite for misses
    count: Array


def effective_rate(metaparameters: Mapping[str, float]) -> float | None:
    """Return the learning rate over one less momentum; None where there is no positive one.

    Example:
        >>> effective_rate({"learning_rate": 0.1, "momentum": 0.5}), effective_rate({})
        (0.2, None)
    """
    rate, momentum = metaparameters.get("learning_rate", 0.0), metaparameters.get("momentum", 0.0)
    return rate / (1.0 - momentum) if rate > 0.0 and 0.0 <= momentum < 1.0 else None


def decided(steps: Array) -> Array:
    """Return when more than half the draws of each point had reached the goal, infinity where they never had.

    Args:
        steps: Shape (points, D); infinity where the goal was not reached.

    Example:
        >>> decided(np.array([[6.0, 4.0, np.inf], [8.0, np.inf, np.inf]])).tolist()
        [6.0, inf]
    """
    middle: Array = np.sort(steps, axis=1)[:, steps.shape[1] // 2]
    return middle


def steps_at_best_rate(rates: Sequence[float | None], lower: Array, upper: Array, end: float) -> BestRate:
    """Return K_rate, given how far each draw of each point took.

    Args:
        rates: Effective learning rate of each point, > 0, length n; None where it has none, then nothing is estimated.
        lower: Last goal test that saw each draw miss, steps, shape (n, D); read where upper is finite.
        upper: The test that saw it reach the goal; infinity where none did.
        end: Up to which step all were watched, > 0. What was reached later is not looked at.

    Returns:
        The estimate; the same for the same arguments, and in the same ratio to the steps whatever their unit.

    Raises:
        ValueError: If shapes do not agree.

    Example:
        Nine draws of one point, 100 in the middle:

        >>> steps = np.array([[70.0, 80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 125.0, 140.0]])
        >>> found = steps_at_best_rate([0.1], steps - 1.0, steps, end=1000.0)
        >>> 95.0 < found.steps < 105.0, found.low < 90.0, found.high > 110.0, found.reached_share
        (True, True, True, 1.0)
    """
    if upper.shape != lower.shape or upper.shape[0] != len(rates):
        raise ValueError(f"need one rate for each point, got {len(rates)}, {lower.shape} and {upper.shape}")
    reached = np.where(upper <= end, upper, np.inf)
    middles = decided(reached)
    leader = int(np.argmin(middles))
    draws, share = upper.shape[1], float(np.isfinite(upper[leader]).mean())
    known = [rate for rate in rates if rate is not None]
    open_ended = not math.isfinite(middles[leader]) or not lower[np.isfinite(reached)].any()
    if open_ended or len(known) < len(rates):
        return BestRate(steps=None, low=None, high=None, draws=draws, reached_share=share, log_spread=None)
    at = np.log(np.array(known)) - math.log(known[leader])
    near = np.abs(at) <= _WINDOW
    seen = _observed(at[near], lower[near], reached[near], end)
    samples, weights = _posterior(seen, float(at[near].min()), float(at[near].max()))
    m, log_spread = samples[:, 0], samples[:, 1]
    low, high = _quantiles(m, weights, (0.025, 0.975))
    return BestRate(
        steps=end * math.exp(float(weights @ m)),
        low=end * math.exp(low),
        high=end * math.exp(high),
        draws=draws,
        reached_share=share,
        log_spread=math.exp(float(weights @ log_spread)),
    )


def _observed(at: Array, lower: Array, reached: Array, end: float) -> _Observed:
    """Return each hit, and each point's misses as one."""
    hit = np.isfinite(reached)
    misses = (~hit).sum(axis=1)
    some = misses > 0
    with np.errstate(divide="ignore"):  # a hit at the first test has no lower end
        low, high = np.log(lower[hit] / end), np.log(reached[hit] / end)
    return _Observed(
        at=np.concatenate([np.repeat(at, hit.sum(axis=1)), at[some]]),
        low=np.concatenate([low, np.zeros(some.sum())]),
        high=np.concatenate([high, np.full(some.sum(), np.inf)]),
        count=np.concatenate([np.ones(hit.sum()), misses[some]]),
    )


def _posterior(seen: _Observed, lowest: float, highest: float) -> tuple[Array, Array]:
    """Return samples of (m, log sigma, log odds of 2s - 1, log eta*, log c) with weights that sum to 1.

    Where there is one rate only, the last two are left out.
    """
    size = 5 if highest > lowest else 3
    mean, root = np.array([0.0, _LOG_SPREAD, 0.0, 0.0, 0.0])[:size], np.diag([0.3, 0.5, 1.5, 0.4, 0.7][:size])
    for number, count in enumerate(_SAMPLES):
        standard = _standard(size, number, count)
        samples = mean + standard @ root.T
        log_weights = _log_density(seen, samples, lowest, highest)
        log_weights += (_FREEDOM + size) / 2.0 * np.log1p((standard**2).sum(axis=1) / _FREEDOM)
        log_weights -= log_weights.max()
        weights = _normed(log_weights)
        if number < len(_SAMPLES) - 1:
            power = 1.0
            while 1.0 / (weights**2).sum() < _FEWEST and power > 1e-3:
                power *= 0.8
                weights = _normed(power * log_weights)
            mean = weights @ samples
            off = samples - mean
            root = np.linalg.cholesky(_WIDER * (off * weights[:, None]).T @ off + 1e-8 * np.eye(size))
    return samples, weights


def _log_density(seen: _Observed, samples: Array, lowest: float, highest: float) -> Array:
    """Return the logarithm of likelihood times prior of each sample, up to a constant."""
    m, log_spread, odds = samples[:, :3].T
    share = np.maximum(0.5 + 0.5 * expit(odds), 0.5 + 1e-12)  # at 0.5 itself no step is the median
    location = np.repeat(m[:, None], len(seen.at), axis=1)
    prior = -0.5 * (log_spread - _LOG_SPREAD) ** 2 - odds - 4.0 * np.logaddexp(0.0, -odds)
    if samples.shape[1] > 3:
        best, log_curvature = samples[:, 3:].T
        location += np.exp(log_curvature)[:, None] * (seen.at - best[:, None]) ** 2
        inside = (lowest <= best) & (best <= highest)
        prior = np.where(inside, prior - 0.5 * log_curvature**2, -np.inf)
    spread, middle = np.exp(log_spread)[:, None], ndtri(0.5 / share)[:, None]
    missed = np.isinf(seen.high)
    start = np.clip((seen.low - location) / spread + middle, -_FAR, _FAR)
    stop = np.clip((seen.high[~missed] - location[:, ~missed]) / spread + middle, -_FAR, _FAR)
    with np.errstate(divide="ignore"):  # what cannot be has the logarithm of 0
        hits = np.log(share)[:, None] + _log_between(start[:, ~missed], stop)
        misses = np.log1p(-share[:, None] * ndtr(start[:, missed]))
    likelihood = hits @ seen.count[~missed] + misses @ seen.count[missed]
    density: Array = prior + likelihood
    return density


def _log_between(a: Array, b: Array) -> Array:
    """Return log(Phi(b) - Phi(a)) for a <= b, in the lower tail, where it keeps its digits."""
    low, high = np.where(a > 0.0, -b, a), np.where(a > 0.0, -a, b)
    between: Array = np.log(ndtr(high) - ndtr(low))
    far = high < _ROUNDS_TO_ZERO
    upper = log_ndtr(high[far])
    between[far] = upper + np.log1p(-np.exp(log_ndtr(low[far]) - upper))
    return between


@lru_cache
def _standard(size: int, number: int, count: int) -> Array:
    """Return evenly spread samples of Student's t in some dimensions, shape (samples, size); other ones each round.

    By the additive recurrence with the powers of the root of x^(d + 1) = x + 1.
    """
    root = 2.0
    for _ in range(64):
        root = (1.0 + root) ** (1.0 / (size + 2))
    index = np.arange(1, count + 1) + number * count
    even = (0.5 + index[:, None] * root ** -np.arange(1.0, size + 2)) % 1.0
    samples: Array = ndtri(even[:, :size]) * np.sqrt(_FREEDOM / (2.0 * gammaincinv(_FREEDOM / 2.0, even[:, size:])))
    return samples


def _normed(log_weights: Array) -> Array:
    """Return weights that sum to 1."""
    weights = np.exp(log_weights - log_weights.max())
    normed: Array = weights / weights.sum()
    return normed


def _quantiles(values: Array, weights: Array, levels: Sequence[float]) -> list[float]:
    """Return quantiles of weighted values."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    found: list[float] = np.interp(levels, below, values[order]).tolist()
    return found
