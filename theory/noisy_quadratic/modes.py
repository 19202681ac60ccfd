r"""The second moments of the modes of a noisy quadratic after any number of steps, in closed form.

A mode of curvature h sees g = h w + noise of variance n. With v <- m v + g, heavy ball steps w <- w - eta v, Nesterov
w <- w - eta (g + m v). Both E w_k and the response of w to the noise of one step then obey ::

    y_{k+1} = t y_k - d y_{k-1},    heavy ball: t = 1 + m - eta h,        d = m
                                    Nesterov:   t = (1 + m)(1 - eta h),   d = m (1 - eta h)

and E w_k^2 = s_0 e_k^2 + n (z_0^2 + ... + z_{k-1}^2): e starts from w = 1, v = 0, and z from the kick of the noise. SGD
is m = 0. With the roots r and r x of y^2 = t y - d, y_k = r^k (y_0 + (y_1/r - y_0)(1 - x^k)/(1 - x)), exact where the
roots meet, too; complex roots give the same with sines. The squares of z up to k are all of them less those from k on,
a quadratic form in (z_k, z_{k+1}).

For the search over k, a `State` keeps each mode's amplitude. Between two steps at which e has the same sign and
between which it cannot have changed it, `|e|` is smallest at one of the two: by the ratio c_k = e_{k+1}/e_k, which
obeys c -> t - d/c. For positive roots this rises with c and fixes both, so c_k falls (`|e|` has one peak) or stays
below r < 1; complex roots give `r^k |cos(k angle + phase)|`, which has one peak between two zeros.
"""

from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from theory.numbers.log_space import Array

_EARLY = 64
_TINY = 1e-150  # stands for a root at 0; its square is still a normal double


class Spectrum(NamedTuple):
    """The modes: curvature h, loss at the start h s_0/2, and loss h n/2 from one step's noise at eta = 1."""

    curvature: Array
    start: Array
    kick: Array

    def binned(self, width: float) -> "Spectrum":
        """Return fewer modes, one for all whose log curvature is within the width, at their mean curvature."""
        _, bins = np.unique(np.floor(np.log(self.curvature) / width), return_inverse=True)
        total = [np.bincount(bins, column).astype(np.float64) for column in self]
        return Spectrum(total[0] / np.bincount(bins), total[1], total[2])


class State(NamedTuple):
    """A step: the loss left of the start, that of the noise so far, and the signed root of the former in each mode."""

    step: int
    bias: float
    noise: float
    amplitudes: Array

    @property
    def loss(self) -> float:
        """The loss, (1/2) sum of h E w^2."""
        return self.bias + self.noise


class Modes(Protocol):
    """The modes at one learning rate; `angle` is how far each turns in a step, infinite where that is not known."""

    angle: Array

    def state(self, step: int) -> State:
        """Return the state after so many steps."""
        ...

    def walk(self, step: int, count: int) -> Array:
        """Return the losses of the next `count` steps."""
        ...


class PlainModes:
    """SGD: e_k = (1 - eta h)^k, and the noise has (1 - e_k^2) of its stationary value eta n/(h (2 - eta h))."""

    def __init__(self, spectrum: Spectrum, eta: float) -> None:
        h, start, kick = spectrum
        self.angle = np.zeros_like(h)
        a = eta * h
        self._log_e = _precise_log(np.abs(1.0 - a), a)
        self._start, self._kick = start, eta * (eta * kick)
        self._stationary = eta * kick / (h * (2.0 - eta * h))

    def state(self, step: int) -> State:
        """Return the state after so many steps."""
        amplitudes = np.sqrt(self._start) * np.exp(float(step) * self._log_e)
        noise = float(self._stationary @ -np.expm1(2.0 * step * self._log_e))  # a difference of sums would cancel
        return State(step, float(amplitudes @ amplitudes), noise, amplitudes)

    def walk(self, step: int, count: int) -> Array:
        """Return the losses of the next `count` steps."""
        left, ratio = 2.0 * step * self._log_e, np.exp(2.0 * self._log_e)
        modes, losses = self._start * np.exp(left) - self._stationary * np.expm1(left), np.empty(count)
        for further in range(count):
            modes *= ratio
            modes += self._kick
            losses[further] = modes.sum()
        return losses


def _precise_log(r: Array, one_less: Array) -> Array:
    """Return log r, also of an r close to 1, where the difference 1 - r is what is known precisely."""
    return np.where(one_less < 0.5, np.log1p(-np.minimum(one_less, 0.5)), np.log(np.maximum(r, _TINY)))


class MomentumModes:
    """Heavy ball and Nesterov; each mode's e and z carry the root of their weight in the loss."""

    def __init__(self, spectrum: Spectrum, eta: float, momentum: float, *, nesterov: bool) -> None:
        h, *weights = spectrum
        motion = (_nesterov if nesterov else _heavy_ball)(eta * h, momentum)
        sign = np.where(motion.t < 0.0, -1.0, 1.0)  # (-1)^k y_k obeys the recursion with -t and has the same squares
        self._t, self._d = np.abs(motion.t), motion.d
        start, kick = np.sqrt(weights)
        self._first = np.stack([start, eta * kick * motion.z0])
        self._second = sign * np.stack([start * motion.e1, eta * kick * motion.z1])
        self._own = 1.0 + motion.d - motion.t**2 * (1.0 - motion.d)
        self._whole = (1.0 - motion.d) * motion.below * motion.above
        self._all_noise = self._tail(self._first[1], self._second[1])
        self._real, self._complex = (np.flatnonzero(kind) for kind in (motion.roots >= 0.0, motion.roots < 0.0))
        nearest = np.minimum(motion.below, motion.above)
        self._real_roots = _RealRoots(*(column[self._real] for column in (self._t, self._d, motion.roots, nearest)))
        self._complex_roots = _ComplexRoots(*(column[self._complex] for column in (self._t, self._d, motion.roots)))
        self.angle = np.where(motion.d < 0.0, np.inf, 0.0)  # roots of both signs: e need not have one peak
        self.angle[self._complex] = self._complex_roots.angle

    def state(self, step: int) -> State:
        """Return the state after so many steps."""
        now, after = self._paths(step)
        return State(step, float(now[0] @ now[0]), self._noise(step, now[1], after[1]), now[0])

    def _noise(self, step: int, z: Array, z_next: Array) -> float:
        """Return the loss of the noise up to a step: all of it less the rest, which cancels while it is little."""
        added = self._early[min(step, _EARLY)]
        return added if step <= _EARLY else max(added, self._all_noise - self._tail(z, z_next))

    @cached_property
    def _early(self) -> list[float]:
        """The same up to each of the first steps, added up."""
        before, now = self._first[1], self._second[1]
        added = [0.0]
        for _ in range(_EARLY):
            added.append(added[-1] + float(before @ before))
            before, now = now, self._t * now - self._d * before
        return added

    def walk(self, step: int, count: int) -> Array:
        """Return the losses of the next `count` steps."""
        before, now = self._paths(step)
        noise = self._noise(step, before[1], now[1])
        losses, spare = np.empty(count), np.empty_like(now)
        for further in range(count):
            noise += float(before[1] @ before[1])
            losses[further] = noise + float(now[0] @ now[0])
            np.multiply(self._t, now, out=spare)
            before *= self._d
            spare -= before
            before, now, spare = now, spare, before
        return losses

    def _paths(self, step: int) -> tuple[Array, Array]:
        """Return (e, z) of this step and of the next, modes in the last axis."""
        p, q = np.empty_like(self._t), np.empty_like(self._t)
        p[self._real], q[self._real] = self._real_roots.basis(step)
        p[self._complex], q[self._complex] = self._complex_roots.basis(step)
        now = p * self._first + q * self._second
        return now, -self._d * q * self._first + (self._t * q + p) * self._second

    def _tail(self, z: Array, z_next: Array) -> float:
        """Return the sum of all squares of z from this step on."""
        squares = self._own * z**2 + (1.0 + self._d) * z_next**2 - 2.0 * self._t * self._d * z * z_next
        return float((squares / self._whole).sum())


class _Motion(NamedTuple):
    """The recursion of each mode: t, d, t^2 - 4 d, 1 + d - t, 1 + d + t, and the starts e_1, z_0/eta, z_1/eta."""

    t: Array
    d: Array
    roots: Array
    below: Array
    above: Array
    e1: Array
    z0: float
    z1: Array


def _heavy_ball(a: Array, m: float) -> _Motion:
    """Return the recursion for a = eta h, its differences in the form that does not cancel."""
    t, d = 1.0 + m - a, np.full_like(a, m)
    far = 1.0 + np.sqrt(m)
    roots = ((1.0 - m) ** 2 / far**2 - a) * (far**2 - a)
    return _Motion(t, d, roots, a, 2.0 + 2.0 * m - a, e1=1.0 - a, z0=1.0, z1=t)


def _nesterov(a: Array, m: float) -> _Motion:
    """Return the recursion for a = eta h, its differences in the form that does not cancel."""
    t, d = (1.0 + m) * (1.0 - a), m * (1.0 - a)
    roots = (1.0 - a) * ((1.0 - m) ** 2 - (1.0 + m) ** 2 * a)
    above = 2.0 + 2.0 * m - (1.0 + 2.0 * m) * a
    z1 = 1.0 + m + m**2 - (1.0 + m) ** 2 * a
    return _Motion(t, d, roots, a, above, e1=1.0 - (1.0 + m) * a, z0=1.0 + m, z1=z1)


class _RealRoots:
    """Roots r > 0 and r x with |x| <= 1; `basis` is (p_k, q_k) with y_k = y_0 p_k + y_1 q_k."""

    def __init__(self, t: Array, d: Array, discriminant: Array, nearest: Array) -> None:
        root = np.sqrt(discriminant)
        self._r = np.maximum(0.5 * (t + root), _TINY)
        self._x = d / self._r**2
        self._gap = root / self._r  # 1 - x
        self._log_r = _precise_log(self._r, nearest / (1.0 - self._r * self._x))
        self._log_x = _precise_log(np.abs(self._x), self._gap)

    def basis(self, step: int) -> tuple[Array, Array]:
        """Return p_k = r^k (1 - g) and q_k = r^(k-1) g with g = (1 - x^k)/(1 - x)."""
        power = np.exp(float(step) * self._log_r)
        shrunk = np.expm1(float(step) * self._log_x)
        change = np.where(self._x < 0.0, 2.0 + shrunk, -shrunk) if step % 2 else -shrunk
        g = np.divide(change, self._gap, out=np.full_like(change, step), where=self._gap > 0.0)
        return power * (1.0 - g), power / self._r * g


class _ComplexRoots:
    """Roots r exp(+-i angle); `basis` is (p_k, q_k) with y_k = y_0 p_k + y_1 q_k."""

    def __init__(self, t: Array, d: Array, discriminant: Array) -> None:
        self._r = np.sqrt(d)
        self._log_r = np.log(self._r)
        self.angle = np.arctan2(np.sqrt(-discriminant), t)
        self._cosine, self._sine = np.cos(self.angle), np.sin(self.angle)

    def basis(self, step: int) -> tuple[Array, Array]:
        """Return them by sines of multiples of the angle."""
        power = np.exp(float(step) * self._log_r)
        turn = float(step) * self.angle
        wave = np.sin(turn) / self._sine
        return power * (np.cos(turn) - self._cosine * wave), power / self._r * wave
