"""Sums of rates without doubles: term by term, and from the proven closed forms in as many digits as it takes."""

import mpmath
import sympy

from theory.numbers.schedules import SHAPES
from theory.symbols import K, k

_MODULES = {"polygamma": mpmath.psi, "floor": mpmath.floor}


def _harmonic(number, exponent=1):
    """Return the sum of i^-exponent over 1 <= i <= number."""
    if exponent == 1:
        return mpmath.harmonic(number)
    return mpmath.zeta(exponent) - mpmath.zeta(exponent, number + 1)


def _function(at, shape, expression):
    return sympy.lambdify((at, *shape.parameters), expression, modules=[{"harmonic": _harmonic} | _MODULES, "mpmath"])


def added(name, degree, steps, parameters):
    """Return the sum over k < K <= decay_steps of a shape or its square, term by term, 40 digits beyond k/D."""
    shape = SHAPES[name]
    rate = _function(k, shape, shape.rate)
    with mpmath.workdps(40 if max(parameters.values()) < 1e15 else 680):
        numbers = [mpmath.mpf(parameters[str(p)]) for p in shape.parameters]
        return mpmath.fsum(rate(mpmath.mpf(step), *numbers) ** degree for step in range(int(steps)))


def closed(name, degree, steps, parameters, digits):
    """Return the same from the closed form; twice the digits must say the same."""
    shape = SHAPES[name]
    function = _function(K, shape, shape.total if degree == 1 else shape.squares)
    found = []
    for precision in (digits, 2 * digits):
        with mpmath.workdps(precision):
            found.append(function(mpmath.mpf(steps), *(mpmath.mpf(parameters[str(p)]) for p in shape.parameters)))
    assert abs(found[0] - found[1]) <= 1e-17 * abs(found[1]), "too few digits"
    return found[1]
