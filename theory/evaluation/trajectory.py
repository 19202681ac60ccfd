"""Numbers from a measured run: the constants of a bound along its path, and its account."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from theory.numbers.arguments import positive_array, require_positive
from theory.numbers.doubles import ratio, require_doubles
from theory.numbers.log_space import Array

FROM_A_RUN: Mapping[str, tuple[str, ...]] = {
    "path": ("loss", "gradient_square", "variance", "L"),
    "account": ("step", "loss", "gradient_square"),
}
"""What can be computed from a trajectory, and the columns that each needs."""

_BANDWIDTH = 0.2
_INTERVALS = 400
_LONGEST = 10**7


@dataclass(frozen=True)
class PathConstants:
    """The constants of result 22, for losses from `start` down to `goal`."""

    c1: float
    c2: float
    critical_batch_size: float
    start: float
    goal: float


@dataclass(frozen=True)
class Account:
    """The account of result 20: K = N/e, with s = 2 (1 - e) and the relative error that gaps between steps leave."""

    K: int
    N: float
    e: float
    s: float
    relative_error: float | None


def read_trajectory(file: Path, columns: Sequence[str]) -> dict[str, Array]:
    r"""Return columns of a CSV file, in the order of its rows.

    Args:
        file: The file; its first row names the columns.
        columns: Names of the columns wanted. Others may be there.

    Returns:
        Name to numbers, all of one length.

    Raises:
        ValueError: If the file cannot be read, or lacks a column or a number.

    Reference:
        docs/evaluate.md.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "run.csv"
        >>> _ = file.write_text("step,loss\n1,2.5\n2,0.5\n")
        >>> read_trajectory(file, ["loss"])
        {'loss': array([2.5, 0.5])}
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing:
        raise ValueError(f"{file} has no column {', '.join(missing)}")
    found = {}
    for name in columns:
        try:
            found[name] = np.array([float(row[name]) for row in rows])
        except (TypeError, ValueError):
            raise ValueError(f"column {name} of {file} must hold a number in every row") from None
    return found


def path_constants(
    loss: ArrayLike, gradient_square: ArrayLike, variance: ArrayLike, L: ArrayLike, f_inf: float = 0.0
) -> PathConstants:
    r"""Return the constants of the bound along a path that was measured.

    .. math:: c_1 = \int \frac{2 L V}{G^2}\,d\varphi,\qquad c_2 = \int \frac{2 L}{G}\,d\varphi

    from the last excess loss to the first. G, V and L become functions of the excess loss by a Gaussian mean of their
    logarithms, of width 0.2 in its logarithm, on 400 equal intervals of that.

    Args:
        loss: f(w_k), shape (n,), n >= 2, loss. Finite, above f_inf; the last below the first.
        gradient_square: Squared norm of the gradient, shape (n,), (loss/weight)^2. Finite, > 0.
        variance: Variance of one example's gradient, shape (n,), (loss/weight)^2. Finite, > 0.
        L: Smoothness along the step, shape (n,), loss/weight^2. Finite, > 0.
        f_inf: The least loss, scalar, loss. Finite.

    Returns:
        c1 in examples times steps, c2 in steps, c1/c2 in examples, and both excess losses.

    Raises:
        ValueError: If an argument is outside the range above, or a constant is no double.

    Reference:
        docs/theory.md, result 22.

    Example:
        >>> losses = np.geomspace(1.0, 0.1, 50)  # G = 2 phi, V = 3, L = 1: result 15 with nu = 1
        >>> found = path_constants(losses, 2 * losses, np.full(50, 3.0), np.ones(50))
        >>> round(found.c2, 2), round(float(np.log(10.0)), 2)
        (2.3, 2.3)
    """
    if not np.isfinite(f_inf):
        raise ValueError(f"f_inf must be finite, got {f_inf}")
    with np.errstate(over="ignore", invalid="ignore"):
        excess = positive_array("loss - f_inf", np.asarray(loss, dtype=np.float64) - f_inf)
    measured = [
        positive_array(name, values)
        for name, values in (("gradient_square", gradient_square), ("variance", variance), ("L", L))
    ]
    if excess.ndim != 1 or excess.size < 2 or any(values.shape != excess.shape for values in measured):
        raise ValueError("need loss, gradient_square, variance and L of one shape (n,), n >= 2")
    if not excess[-1] < excess[0]:
        raise ValueError(f"the loss must end below its start, got {excess[0]:g} and {excess[-1]:g} above f_inf")
    position = np.log(excess)
    grid = np.linspace(position[-1], position[0], _INTERVALS + 1)
    exponent = -0.5 * ((grid[:, None] - position) / _BANDWIDTH) ** 2
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    gradient, noise, smooth = (weight @ np.log(values) for values in measured)
    with np.errstate(over="ignore", under="ignore"):
        c1 = float(np.trapezoid(2.0 * np.exp(smooth + noise - 2.0 * gradient + grid), grid))
        c2 = float(np.trapezoid(2.0 * np.exp(smooth - gradient + grid), grid))
    require_doubles(np.asarray(c1), "c1")
    require_doubles(np.asarray(c2), "c2")
    return PathConstants(c1, c2, c1 / c2, float(excess[0]), float(excess[-1]))


def account(step: ArrayLike, loss: ArrayLike, gradient_square: ArrayLike, eta: float) -> Account:
    r"""Return how many steps of a descent without loss a run was worth, and the share that it kept.

    .. math:: K = N/e,\qquad N = \frac{f(w_1) - f(w_{K+1})}{\eta\,\langle G\rangle},\qquad
        e = \frac{f(w_1) - f(w_{K+1})}{\eta\,K\,\langle G\rangle}

    The mean of G over steps 1..K is that of straight lines between the measured steps.

    Args:
        step: k, shape (n,), n >= 2. Whole numbers >= 0 that rise by at most 10^7; the last is that after the goal step.
        loss: f(w_k), shape (n,), loss. Finite; the last below the first.
        gradient_square: Squared norm of the gradient, shape (n,), (loss/weight)^2. Finite, > 0.
        eta: Learning rate, scalar, weight^2/loss. Finite, > 0.

    Returns:
        K, N, e, s = 2 (1 - e), and by how much the mean of G changes, relative to itself, with every second point
        left out: None with fewer than 5.

    Raises:
        ValueError: If an argument is outside the range above, or N is no double.

    Reference:
        docs/theory.md, result 20.

    Example:
        >>> found = account([1, 2, 3], [1.0, 0.9, 0.82], [1.0, 0.8, 0.7], eta=0.2)  # 0.18/(0.2 x 0.9), half of it
        >>> found.K, round(found.N, 9), round(found.e, 9)
        (2, 1.0, 0.5)
    """
    require_positive(eta=eta)
    steps, losses = np.asarray(step, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    squares = positive_array("gradient_square", gradient_square)
    if steps.ndim != 1 or steps.size < 2 or not steps.shape == losses.shape == squares.shape:
        raise ValueError("need step, loss and gradient_square of one shape (n,), n >= 2")
    whole = np.isfinite(steps).all() and (steps == np.floor(steps)).all() and steps[0] >= 0.0
    if not (whole and (np.diff(steps) > 0.0).all() and steps[-1] - steps[0] <= _LONGEST):
        raise ValueError(f"step must be whole numbers >= 0 that rise, by at most {_LONGEST} in all")
    if not (np.isfinite(losses).all() and losses[-1] < losses[0]):
        raise ValueError("loss must be finite and end below its start")
    count = int(steps[-1] - steps[0])
    taken, largest = np.arange(steps[0], steps[-1]), float(squares.max())
    mean = float(np.interp(taken, steps, squares / largest).mean())
    error = None
    if steps.size >= 5:
        fewer = np.unique(np.append(np.arange(0, steps.size, 2), steps.size - 1))
        error = abs(float(np.interp(taken, steps[fewer], squares[fewer] / largest).mean()) / mean - 1.0)
    with np.errstate(over="ignore"):
        fall = losses[0] - losses[-1]
    worth = float(require_doubles(ratio([require_doubles(fall, "the fall of the loss")], [eta, mean, largest]), "N"))
    kept = worth / count
    return Account(count, worth, kept, 2.0 * (1.0 - kept), error)
