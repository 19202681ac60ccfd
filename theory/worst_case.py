r"""The exact worst case of SGD's gradient norms at a fixed rate, beside that of semidefinite programs.

The largest sum of E G_k over K steps, over all functions and gradients that meet the assumptions, has a closed form
(docs/theory.md, result 10). Without noise, performance estimation finds the worst case numerically (Drori, Teboulle
2014; PEPit: Goujaud et al. 2024); the command prints it beside the closed form and the sharp bound.
"""

import argparse
import importlib.util
import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import mpmath
import numpy as np
import sympy
from numpy.typing import ArrayLike

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from theory.checking.bounds import SHARP_BOUND
from theory.command_line import count_up_to, plain, positive
from theory.numbers.arguments import count_array, is_finite, positive_array, require_moments, require_positive
from theory.numbers.doubles import is_moderate, ratio, require_doubles
from theory.numbers.log_space import Array
from theory.results.tuned.worst_case import CONTRACTION, WORST_CASE
from theory.sequences import Powers, PowerSums
from theory.symbols import M_G as MOMENT
from theory.symbols import Delta, K, L, M, eta, mu

SMALLEST_GRADIENT = 2 * L * Delta / (2 + (K - 1) * eta * L * (4 - eta * L * sympy.Max(1, eta * L)))
"""Worst case of the smallest G without noise: Abbaszadehpeivasti, de Klerk, Zamani 2022, Theorem 2, constant rate."""

_LARGEST_KNOWN = math.sqrt(3.0)  # that theorem's cap on eta L
_S, _T = sympy.symbols("S T", positive=True)
_WORST = next(step.claim.rhs for step in WORST_CASE.steps if step.id == "10.12" and step.claim is not None)
_CONSTANTS = (K, eta, L, Delta, M, mu, MOMENT)
# Numbers of mpmath, whose exponents have no limit
_SUM = sympy.lambdify((_S, _T, *_CONSTANTS), _WORST.subs({Powers(K): _S, PowerSums(K): _T}), "mpmath")
_GAP = sympy.lambdify((eta, L, mu, MOMENT), sympy.factor(1 - CONTRACTION.rhs), "mpmath")
_BOUND = sympy.lambdify(_CONSTANTS, SHARP_BOUND, "mpmath")
_SMALLEST = sympy.lambdify((K, eta, L, Delta), SMALLEST_GRADIENT, "mpmath")
_DIGITS = 60
_FEW = 1000  # more are computed in doubles if no product can leave their range
_LARGEST_LOGARITHM = 1e5  # e to this power is beyond any double
_MOST_STEPS = 100


@dataclass(frozen=True)
class Comparison:
    """One worst case over K steps, in units of L (f(w_1) - f_inf); None where no closed form is known."""

    steps: int
    eta_times_L: float  # noqa: N815  (the paper's name)
    measure: str
    semidefinite: float
    closed_form: float | None
    bound: float


def worst_case_sum(
    steps: ArrayLike, eta: ArrayLike, *, L: float, Delta: float, M: float = 0.0, mu: float = 1.0, M_G: float = 1.0
) -> Array:
    r"""Return the largest sum of E G_k over the steps k = 1..K at a fixed rate.

    .. math:: L \Delta S_K + \eta^2 L^2 M \sum_{n<K} S_n,\qquad S_n = \sum_{i<n} q^i,\quad
        q = 1 - 2 \eta L \mu + \eta^2 L^2 M_G

    Divided by K it is the worst case of the average. It is reached on L|w|^2/2 by gradients of mean mu times that of f.

    Args:
        steps: K, any shape. Whole numbers >= 1.
        eta: Learning rate, any shape that broadcasts with steps, weight^2/loss. Finite, > 0; the sharp bound's cap does
            not apply.
        L: Smoothness, scalar, loss/weight^2. Finite, > 0.
        Delta: Twice the initial excess loss, scalar, loss. Finite, > 0.
        M: Noise at the batch size, beta/B, scalar, (loss/weight)^2. Finite, >= 0.
        mu: First-moment constant, scalar, without unit. Finite, > 0.
        M_G: Second-moment constant, scalar, without unit. Finite, >= mu^2.

    Returns:
        Array, (loss/weight)^2.

    Raises:
        ValueError: If an argument is outside the range above, or the sum leaves that of doubles.

    Reference:
        docs/theory.md, result 10 (10.12).

    Example:
        >>> float(worst_case_sum(2, 0.5, L=1.0, Delta=2.0))  # q = 1/4: 2 (1 + 1/4)
        2.5
    """
    require_positive(L=L, Delta=Delta)
    require_moments(mu, M_G)
    if not (M >= 0.0 and is_finite(M)):
        raise ValueError(f"M must be finite and >= 0, got {M}")
    K, rates = np.broadcast_arrays(count_array("steps", steps), positive_array("eta", eta))
    if K.size > _FEW and is_moderate(K, rates, L, Delta, mu, M_G, M or 1.0):
        sums = _geometric_doubles(K, np.asarray(_GAP(rates, L, mu, M_G)))
        return require_doubles(_SUM(*sums, K, rates, L, Delta, M, mu, M_G), "the worst case")
    with mpmath.workdps(_DIGITS):
        constants = [mpmath.mpf(float(value)) for value in (L, Delta, M, mu, M_G)]

        def worst(number: mpmath.mpf, rate: mpmath.mpf) -> mpmath.mpf:
            sums = _geometric(number, _GAP(rate, constants[0], *constants[3:]))
            return _SUM(*sums, number, rate, *constants)

        return _each(worst, K, rates)


def worst_case_minimum(steps: ArrayLike, eta: ArrayLike, *, L: float, Delta: float) -> Array:
    r"""Return the largest value of the smallest G_k over the steps k = 1..K, without noise.

    .. math:: \frac{2 L \Delta}{2 + (K - 1)\, \eta L\, (4 - \eta L \max(1, \eta L))}

    At eta = 1/L this is 4 L df/(3 K - 1) with df = Delta/2.

    Args:
        steps: K, any shape. Whole numbers >= 1.
        eta: Learning rate, any shape that broadcasts with steps, weight^2/loss. > 0 and at most sqrt(3)/L: for larger
            rates no closed form is used here.
        L: Smoothness, scalar, loss/weight^2. Finite, > 0.
        Delta: Twice the initial excess loss, scalar, loss. Finite, > 0.

    Returns:
        Array, (loss/weight)^2.

    Raises:
        ValueError: If an argument is outside the range above.

    Reference:
        Abbaszadehpeivasti, de Klerk, Zamani 2022, "The exact worst-case convergence rate of the gradient method with
        fixed step lengths for L-smooth functions", Theorem 2.

    Example:
        >>> float(worst_case_minimum(2, 1.0, L=1.0, Delta=2.0))  # 4/(3 2 - 1)
        0.8
    """
    require_positive(L=L, Delta=Delta)
    rates = positive_array("eta", eta)
    if (ratio([rates, L]) > _LARGEST_KNOWN).any():
        cap = float(ratio([_LARGEST_KNOWN], [L]))
        raise ValueError(f"eta must be at most sqrt(3)/L = {cap:.6g}, got {rates.max()}")
    with mpmath.workdps(_DIGITS):
        constants = [mpmath.mpf(float(value)) for value in (L, Delta)]
        return _each(lambda number, rate: _SMALLEST(number, rate, *constants), steps, rates)


def _semidefinite(steps: int, eta_times_L: float, measure: str) -> float:
    r"""Return the worst case of the average or the smallest G_k without noise, in units of L (f(w_1) - f_inf).

    It is the largest over all smooth f with :math:`f_\inf \le f(w_k) - |\nabla f(w_k)|^2/(2L)` for each k: exactly the
    values that a smooth f bounded below by f_inf can take (Drori, Shamir 2020, Theorem 7). The program has some K^2
    constraints. The solver is good to some 1e-8 at a few steps, 2e-5 at 30 steps and small rates.
    """
    from cvxpy import SolverError  # noqa: PLC0415  (PEPit brings it)
    from PEPit import PEP, Expression  # noqa: PLC0415  (an optional extra)
    from PEPit.functions import SmoothFunction  # noqa: PLC0415

    problem = PEP()
    function = problem.declare_function(SmoothFunction, L=1.0)
    lowest, point, gradients = Expression(), problem.set_initial_point(), []
    for k in range(steps):
        gradient, value = function.oracle(point)
        gradients.append(gradient**2)
        problem.add_constraint(lowest <= value - gradient**2 / 2)
        if k == 0:
            problem.set_initial_condition(value - lowest <= 1)
        point = point - eta_times_L * gradient
    # Several performance metrics are worth their minimum.
    for metric in gradients if measure == "minimum" else [sum(gradients) / steps]:
        problem.set_performance_metric(metric)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
        try:
            worst = problem.solve(verbose=0, solver="CLARABEL")
        except SolverError:
            worst = None
    if worst is None or not math.isfinite(worst):
        raise ArithmeticError(f"the solver found no worst case for {steps} steps at eta L = {eta_times_L:g}")
    return float(worst)


def compare(steps: Sequence[int], eta_times_L: Sequence[float]) -> Iterator[Comparison]:
    r"""Yield the semidefinite worst case, the closed form and the sharp bound, for the average and the smallest G.

    Args:
        steps: Numbers of steps K, each from 1 to 100. Beyond 20 one takes seconds to minutes.
        eta_times_L: Learning rates times L, each > 0 and below 2, where the sharp bound ends.

    Yields:
        Comparisons in units of L (f(w_1) - f_inf), in the order of the arguments, the average first. The sharp bound is
        on the average, and therefore on the smallest, too.

    Raises:
        ModuleNotFoundError: If PEPit is not installed.
        ValueError: If an argument is outside the range above.
        ArithmeticError: If the solver finds no solution.

    Reference:
        docs/theory.md, results 8 and 10; Goujaud et al. 2024, "PEPit: computer-assisted worst-case analyses of
        first-order optimization methods".

    Example:
        >>> [row.measure for row in compare([1], [1.0])]  # doctest: +SKIP
        ['average', 'minimum']
    """
    if (count_array("steps", steps) > _MOST_STEPS).any():
        raise ValueError(f"steps must be at most {_MOST_STEPS}: the semidefinite program has some K^2 constraints")
    if (positive_array("eta_times_L", eta_times_L) >= 2.0).any():
        raise ValueError("eta_times_L must be below 2, where the sharp bound ends")
    for number in steps:
        for rate in eta_times_L:
            with mpmath.workdps(_DIGITS):
                bound = float(_BOUND(number, *map(mpmath.mpf, (rate, 1.0, 2.0, 0.0, 1.0, 1.0))))
            require_doubles(bound, f"the sharp bound at eta L = {rate:g}")
            average = float(worst_case_sum(number, rate, L=1.0, Delta=2.0)) / number
            minimum = float(worst_case_minimum(number, rate, L=1.0, Delta=2.0)) if rate <= _LARGEST_KNOWN else None
            for measure, closed in (("average", average), ("minimum", minimum)):
                yield Comparison(number, rate, measure, _semidefinite(number, rate, measure), closed, bound)


def _each(value: Callable[[mpmath.mpf, mpmath.mpf], mpmath.mpf], steps: ArrayLike, eta: ArrayLike) -> Array:
    """Return a value at each number of steps and rate, refused where it leaves the doubles."""
    K, rates = np.broadcast_arrays(count_array("steps", steps), positive_array("eta", eta))
    pairs = zip(K.ravel().tolist(), rates.ravel().tolist(), strict=True)
    values = [float(value(mpmath.mpf(number), mpmath.mpf(rate))) for number, rate in pairs]
    return require_doubles(np.reshape(values, K.shape), "the worst case")


def _geometric(K: mpmath.mpf, gap: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Return S_K = sum of the first K powers of q = 1 - gap >= 0, and the sum of S_n over n < K."""
    if gap == 0:
        return K, K * (K - 1) / 2
    if gap >= 1:  # q = 0, and S_n = 1 from n = 1 on
        return mpmath.mpf(1), K - 1
    lost = max(0, -int(mpmath.log10(abs(gap))))  # K - S_K is some K^2 gap/2
    with mpmath.workdps(_DIGITS + lost):
        logarithm = K * mpmath.log1p(-gap)
        if logarithm > _LARGEST_LOGARITHM:
            return mpmath.inf, mpmath.inf
        powers = -mpmath.expm1(max(logarithm, -_LARGEST_LOGARITHM)) / gap
        return powers, (K - powers) / gap


def _geometric_doubles(K: Array, gap: Array) -> tuple[Array, Array]:
    """Return the same in doubles, for many at once.

    Where K gap is small both are summed as binomial series, S_K = C(K,1) - C(K,2) gap + ..., which do not cancel.
    """
    powers, sums, term = np.zeros_like(gap), np.zeros_like(gap), K
    for order in range(2, 12):
        powers, term = powers + term, term * (K - order + 1.0) / order
        sums, term = sums + term, -term * gap
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        closed = -np.expm1(K * np.log1p(-gap)) / gap
        closed_sums = (K - closed) / gap
    small = np.abs(K * gap) < 0.01
    return np.where(small, powers, closed), np.where(small, sums, closed_sums)


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="python -m theory.worst_case",
        description="Worst case of G = |grad f|^2 over K steps without noise, for the average and the smallest G: "
        "semidefinite program (PEPit), closed form and sharp bound.",
        allow_abbrev=False,
    )
    steps = count_up_to(100)  # the semidefinite program grows with K^2
    parser.add_argument("--steps", type=steps, nargs="+", default=[1, 2, 5, 10], metavar="K", help="default: 1 2 5 10")
    parser.add_argument(
        "--eta-times-L", type=positive, nargs="+", default=[0.5, 1.0, 1.5], metavar="x", help="default: 0.5 1 1.5"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return parser


@command
def main(arguments: Sequence[str] | None = None) -> int:
    r"""Print worst cases beside each other.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.

    Returns:
        Exit code 0.

    Raises:
        SystemExit: With code 2 and one line on stderr if an option is wrong or PEPit is not installed.

    Reference:
        docs/theory.md, result 10.

    Example:
        >>> main(["--steps", "2", "--eta-times-L", "1"])  # doctest: +SKIP
        0
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("PEPit") is None:
        parser.refuse("PEPit is not installed; pip install 'kstar-scaling[pepit]'")
    try:
        _print(compare(options.steps, options.eta_times_L), options)
    except (ValueError, ArithmeticError) as error:
        parser.error(str(error))
    return 0


def _print(rows: Iterator[Comparison], options: argparse.Namespace) -> None:
    if options.format == "json":
        say(json.dumps([{**asdict(row), "eta_times_L": plain(row.eta_times_L)} for row in rows]))
        return
    first = next(rows)  # before the heading: bad numbers end in an error alone
    say("Worst case of G = |∇f|² over K steps without noise, in units of L (f(w_1) - f_inf)\n")
    say(f"{'K':>5} {'eta L':>6}  {'measure':<8} {'semidefinite':>13} {'closed form':>13} {'sharp bound':>13}")
    for row in (first, *rows):
        closed = "unknown" if row.closed_form is None else f"{row.closed_form:.7f}"
        numbers = f"{row.semidefinite:>13.7f} {closed:>13} {row.bound:>13.7f}"
        say(f"{row.steps:>5} {row.eta_times_L:>6g}  {row.measure:<8} {numbers}")


if __name__ == "__main__":
    raise SystemExit(main())
