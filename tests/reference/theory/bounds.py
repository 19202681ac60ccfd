"""Steps that a bound asks for, found by brute force on a grid of rates: no algebra of the derivation is used."""

import numpy as np


def textbook(eta, steps, L, delta, noise, mu):
    """Lee et al. 2021, Eq. (2), right side."""
    return eta * L * noise / mu + delta / (steps * mu * eta)


def sharp(eta, steps, L, delta, noise, mu, m_g):
    """docs/theory.md, result 8, from its per-step form: sum of decreases over sum of brackets."""
    decrease_needed = delta / 2 + steps * eta**2 * L * noise / 2
    return decrease_needed / (steps * eta * (mu - eta * L * m_g / 2))


def steps_by_bisection(bound, goal):
    """Return the real K at which a decreasing bound meets the goal; inf if it never does."""
    low, high = 1e-12, 1e30
    if bound(high) > goal:
        return np.inf
    for _ in range(200):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if bound(middle) > goal else (low, middle)
    return high


def tuned_steps(bound, largest_rate, goal, rates=4001):
    """Return the least K over a grid of rates below the largest, and its rate.

    The grid is even in the rate: its spacing is largest_rate / rates.
    """
    grid = np.linspace(0, largest_rate, rates + 2)[1:-1]
    found = [steps_by_bisection(lambda steps, eta=eta: bound(eta, steps), goal) for eta in grid]
    best = int(np.argmin(found))
    return found[best], grid[best]
