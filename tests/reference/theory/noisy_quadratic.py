"""The noisy quadratic step by step, and what its steps to result are by trying every rate.

Nothing here comes from `theory`: moments follow the method's own two lines, v <- m v + g and the step, one at a time.
"""

import numpy as np


def losses(curvature, noise, initial, batch_size, eta, momentum, nesterov, steps, kind=float):
    """Return the expected loss at steps 0..steps; eta may have further axes in front of the modes' axis.

    Moments are large and their rest is small where a mode oscillates: in doubles up to 1e-12 of the largest loss is
    lost within a hundred steps, more than the closed form loses. `kind` is what is computed with.
    """
    h, n = np.asarray(curvature, kind), np.asarray(noise, kind) / batch_size
    eta = np.asarray(eta, kind)[..., None]
    ww = np.broadcast_to(initial, np.broadcast_shapes(eta.shape, h.shape)).astype(kind)
    wv, vv = np.zeros_like(ww), np.zeros_like(ww)
    history = [0.5 * (h * ww).sum(axis=-1)]
    for _ in range(steps):
        # after v <- m v + h w + noise
        vv = momentum**2 * vv + 2 * momentum * h * wv + h**2 * ww + n
        wv = momentum * wv + h * ww
        if nesterov:
            # g and the new v share the noise
            gradient_square = h**2 * ww + n
            gradient_v = h * wv + n
            move_square = gradient_square + 2 * momentum * gradient_v + momentum**2 * vv
            w_move = h * ww + momentum * wv
            v_move = gradient_v + momentum * vv
        else:
            move_square, w_move, v_move = vv, wv, vv
        ww, wv = ww - 2 * eta * w_move + eta**2 * move_square, wv - eta * v_move
        history.append(0.5 * (h * ww).sum(axis=-1))
    return np.array(history)


def first_step(history, goal):
    """Return the first index of a history at or below the goal, None without one."""
    reached = np.flatnonzero(np.asarray(history) <= goal)
    return int(reached[0]) if reached.size else None


def fewest_steps(curvature, noise, initial, batch_size, momentum, nesterov, goal, rates, steps):
    """Return the least first passage over an array of rates, None if it takes more than `steps`."""
    history = losses(curvature, noise, initial, batch_size, rates, momentum, nesterov, steps)
    return first_step(history.min(axis=1), goal)


class Floor:
    """What the loss of SGD is at least, for all rates in an interval [a, b] and all steps of a stride [j, k].

    The start leaves |1 - eta h|^(2k), least over [a, b], and the noise is at least that at rate a after j steps:
    eta^2 sum_i (1 - eta h)^(2i), i < j, grows with the rate, as x (1 - (1-x)^(2j))/(2-x) up to x = eta h = 1 and term
    by term beyond.
    """

    def __init__(self, curvature, noise, initial, batch_size):
        self.h, self.n = np.asarray(curvature, float), np.asarray(noise, float) / batch_size
        self.initial = np.asarray(initial, float)

    def loss(self, a, b, j, k):
        inside = (a * self.h <= 1.0) & (b * self.h >= 1.0)
        ratio = np.where(inside, 0.0, np.minimum(abs(1.0 - a * self.h), abs(1.0 - b * self.h)))
        noise = a * self.n * (1.0 - (1.0 - a * self.h) ** (2.0 * j)) / (2.0 - a * self.h)
        return 0.5 * float((self.h * self.initial * ratio ** (2.0 * k) + noise).sum())

    def excludes(self, a, b, goal, steps):
        """Return whether strides up to `steps` keep the loss above the goal."""
        j, stride = 0, steps
        while j <= steps:
            k = min(j + stride, steps)
            if self.loss(a, b, j, k) > goal:
                j, stride = k + 1, 2 * stride + 1
            elif stride == 0:
                return False
            else:
                stride //= 2
        return True


def no_rate_is_earlier(curvature, noise, initial, batch_size, goal, steps, largest):
    """Return whether SGD is proven to stay above the goal at every step up to `steps` for every rate in (0, largest).

    Intervals of rates that are not excluded are halved, down to 1e-7 of the largest rate.
    """
    floor = Floor(curvature, noise, initial, batch_size)
    waiting = [(0.0, largest)]
    while waiting:
        a, b = waiting.pop()
        if floor.excludes(a, b, goal, steps):
            continue
        if b - a < 1e-7 * largest:
            return False
        waiting += [(a, 0.5 * (a + b)), (0.5 * (a + b), b)]
    return True


def first_step_with_decay(curvature, noise, initial, batch_size, first_rate, decay_steps, end_factor, goal, most):
    """Return the first step at which SGD meets the goal while its rate falls along a line, None if none up to `most`.

    Mode by mode, in Python's own numbers.
    """
    moments = [float(s) for s in initial]
    drop = (first_rate - end_factor * first_rate) / decay_steps
    for step in range(1, most + 1):
        rate = max(first_rate - (step - 1) * drop, end_factor * first_rate)
        moments = [
            (1 - rate * float(h)) ** 2 * s + rate**2 * float(n) / batch_size
            for h, n, s in zip(curvature, noise, moments, strict=True)
        ]
        if sum(float(h) * s for h, s in zip(curvature, moments, strict=True)) / 2 <= goal:
            return step
    return None
