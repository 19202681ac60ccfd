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


def sgd_mean_gradients(curvatures, start, noise, eta, steps):
    """Return E|grad f|^2 of steps 1..K of SGD on f = sum h_i w_i^2 / 2, by the exact recursion of E w_i^2.

    The noise has variance noise / dimension in each coordinate, independent of w.
    """
    second = np.asarray(start, dtype=float) ** 2
    per_coordinate = noise / len(curvatures)
    squares = []
    for _ in range(steps):
        squares.append(np.sum(curvatures**2 * second))
        second = (1 - eta * curvatures) ** 2 * second + eta**2 * per_coordinate
    return np.array(squares)


def momentum_mean_gradients(curvatures, start, noise, eta, momentum, steps, *, nesterov):
    """Return E|grad f|^2 of steps 1..K of momentum SGD on f = sum h_i w_i^2 / 2, by the moments of (w, v) per mode.

    v <- m v + g, w <- w - eta v (heavy ball) or w - eta (g + m v) (Nesterov), g = h w + noise of the given variance
    over the dimension; v starts at 0.
    """
    squares = np.zeros(steps)
    for h, w in zip(curvatures, start, strict=True):
        buffer = np.array([h, momentum])  # new v = h w + m v + n
        move = np.array([h, 0.0]) + momentum * buffer if nesterov else buffer
        kick = 1 + momentum if nesterov else 1.0
        step = np.array([[1.0, 0.0] - eta * move, buffer])
        added = np.array([-eta * kick, 1.0])
        second = np.array([[w**2, 0.0], [0.0, 0.0]])
        for k in range(steps):
            squares[k] += h**2 * second[0, 0]
            second = step @ second @ step.T + noise / len(curvatures) * np.outer(added, added)
    return squares
