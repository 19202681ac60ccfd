"""Results 20 and 21 on numbers: every outcome of a few noisy steps is followed, and averaged over."""

import numpy as np
import pytest

NOISE = 0.8  # of one draw: up or down, equally likely


def loss(w):
    return np.log1p(w * w) + 0.05 * w**4


def slope(w):
    return 2 * w / (1 + w * w) + 0.2 * w**3


def bent(w):
    return 2 * (1 - w * w) / (1 + w * w) ** 2 + 0.6 * w * w


def mean_bend(w, step, points=4001):
    """Return the second derivative averaged over a step with the weight 2 (1 - t), by the trapezoid rule."""
    t = np.linspace(0.0, 1.0, points)
    return np.trapezoid(2 * (1 - t) * bent(w[:, None] + step[:, None] * t), t, axis=1)


def account(rate, steps=5, start=1.5):
    """Return e and s of result 20 over all 2^steps outcomes of SGD."""
    w, gradients, curvatures = np.array([start]), 0.0, 0.0
    for _ in range(steps):
        w = np.repeat(w, 2)
        g = slope(w) + NOISE * np.tile([1.0, -1.0], w.size // 2)
        gradients += np.mean(slope(w) ** 2)
        curvatures += np.mean(g * g * mean_bend(w, -rate * g))
        w = w - rate * g
    kept = (loss(np.array(start)) - loss(w).mean()) / (rate * gradients)
    return kept, rate * curvatures / gradients


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_the_share_kept_is_one_less_half_of_what_the_curvature_takes(rate):
    kept, lost = account(rate)
    assert lost > 0.01
    assert kept == pytest.approx(1.0 - lost / 2.0, rel=1e-5)


@pytest.mark.parametrize("w", [0.4, 1.5])
def test_the_mean_loss_falls_up_to_the_edge_and_no_further(w):
    """Result 21: s = rate lambda (1 + V/(B G)), lambda the curvature along the step over the mean |g|²."""
    sides = np.array([1.0, -1.0])

    def seen(rate):
        g = slope(w) + NOISE * sides
        s = (
            rate
            * np.mean(g * g * mean_bend(np.full(2, w), -rate * g))
            / np.mean(g * g)
            * (1 + NOISE**2 / slope(w) ** 2)
        )
        return np.mean(loss(w - rate * g)) - loss(w), s

    for change, s in map(seen, np.geomspace(0.05, 5.0, 60)):
        assert (change < 0.0) == (s < 2.0)
    assert {seen(0.05)[1] < 2.0, seen(5.0)[1] < 2.0} == {True, False}
