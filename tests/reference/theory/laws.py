"""The laws again, from their formulas on paper, in 60 decimal digits with mpmath: slow, and free of overflow."""

from collections.abc import Callable, Sequence

from mpmath import mp, mpf

DIGITS = 60
# law I is infinite where the fixed-rate bound is vacuous
LAWS: dict[str, Callable[..., mpf]] = {
    "H": lambda b, c1, c2: c1 / b + c2,
    "P": lambda b, c1, c2, alpha: c1 * b**-alpha + c2,
    "S": lambda b, c1, c2, h: c2 * (1 + (c1 / c2 / b) ** (1 / h)) ** h,
    "PW": lambda b, c1, c2: max(c1 / b, c2),
    "X": lambda b, c1, c2: 4 * c1 / b if b <= 2 * c1 / c2 else c2 * b / (b - c1 / c2),
    "I": lambda b, c1, c2: c2 * b / (b - c1 / c2) if b > c1 / c2 else mpf("inf"),
}


def log_steps(law: str, log_batch_size: float, theta: Sequence[float]) -> float:
    """Return log K at one point, rounded once at the end."""
    with mp.workdps(DIGITS):
        return float(_log_steps(law, log_batch_size, [mpf(value) for value in theta]))


def log_steps_gradient(law: str, log_batch_size: float, theta: Sequence[float]) -> list[float]:
    """Return the derivatives of log K by theta at one point, by central differences in 60 digits.

    With a spacing of 1e-20 the error of the difference is of the order 1e-40 relative to the third derivative.
    """
    with mp.workdps(DIGITS):
        spacing = mpf(10) ** -20
        gradient = []
        for i in range(len(theta)):
            up, down = ([mpf(v) + s * (j == i) for j, v in enumerate(theta)] for s in (spacing, -spacing))
            gradient.append((_log_steps(law, log_batch_size, up) - _log_steps(law, log_batch_size, down)) / 2 / spacing)
        return [float(value) for value in gradient]


def _log_steps(law: str, log_batch_size: float, theta: Sequence[mpf]) -> mpf:
    return mp.log(LAWS[law](mp.exp(mpf(log_batch_size)), *(mp.exp(value) for value in theta)))
