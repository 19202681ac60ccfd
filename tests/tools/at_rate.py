"""What a noisy quadratic does at one rate, by the closed form and the passages that its tuned steps are made of."""

import numpy as np

from theory.noisy_quadratic import passage, steps


def expected_loss(problem, visited, batch_size, eta, momentum=0.0, *, nesterov=False):
    """Return the expected loss after any numbers of steps, an array of their shape."""
    modes = _modes(problem, batch_size, eta, momentum, nesterov)
    return np.array([modes.state(int(k)).loss for k in np.ravel(visited)]).reshape(np.shape(visited))


def steps_at_rate(problem, goal, batch_size, eta, momentum=0.0, *, nesterov=False):
    """Return the first step at which the expected loss is at most the goal, None if there is none."""
    modes = _modes(problem, batch_size, eta, momentum, nesterov)
    return passage._approach(modes, goal, passage.LONGEST, goal)[0]


def _modes(problem, batch_size, eta, momentum, nesterov):
    return steps._modes(problem.spectrum(batch_size), momentum, eta, nesterov=nesterov)
