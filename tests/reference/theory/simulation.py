"""Exact moments of SGD, heavy ball and Nesterov on quadratics, in full matrices: nothing is sampled or diagonal.

f = w'Hw/2, f_inf = 0. The stochastic gradient is g = (mu + z) H w + x with independent z of variance kappa and x of
covariance C/B, so that E g = mu grad f and E|g|^2 = tr C/B + (mu^2 + kappa) |grad f|^2: the constants L = |H|,
M = tr C/B and M_G = mu^2 + kappa are exact. The method is v <- m v + g, then w <- w - eta v or w <- w - eta (g + m v).
"""

import numpy as np


def random_quadratic(generator, dimension):
    """Return a Hessian without zero curvatures, a start, and a noise covariance, none of them diagonal."""
    basis, _ = np.linalg.qr(generator.normal(size=(dimension, dimension)))
    hessian = basis @ np.diag(np.exp(generator.uniform(-4, 1, dimension))) @ basis.T
    root = generator.normal(size=(dimension, dimension)) * generator.choice([0.01, 0.3, 3.0])
    return hessian, generator.normal(size=dimension) * 3, root @ root.T


def mean_squared_gradients(hessian, start, covariance, eta, steps, *, momentum=0.0, nesterov=False, mu=1.0, kappa=0.0):
    """Return E|grad f(w_k)|^2 for k = 1..steps; the covariance is that of the batch."""
    one = np.eye(len(start))
    zero = 0 * one
    position, buffer = np.hstack([one, zero]), np.hstack([zero, one])  # rows that pick w and v out of (w, v)

    def step_of(gradient_of, kick):
        """Return the new (w, v) for gradient = gradient_of (w, v) + kick noise, as two linear maps."""
        gradient = gradient_of @ position
        new_buffer, noise_buffer = momentum * buffer + gradient, kick
        move = gradient + momentum * new_buffer if nesterov else new_buffer
        noise_move = kick + momentum * noise_buffer if nesterov else noise_buffer
        return np.vstack([position - eta * move, new_buffer]), np.vstack([-eta * noise_move, noise_buffer])

    mean, added = step_of(mu * hessian, one)
    only_noise = step_of(hessian, one)[0] - step_of(0 * hessian, one)[0]  # what the random factor z multiplies
    second = np.zeros((2 * len(start), 2 * len(start)))
    second[: len(start), : len(start)] = np.outer(start, start)
    squares = []
    for _ in range(steps):
        squares.append(np.trace(hessian @ second[: len(start), : len(start)] @ hessian))
        second = mean @ second @ mean.T + kappa * only_noise @ second @ only_noise.T + added @ covariance @ added.T
    return np.array(squares)
