"""Sobol points one after another, on fractions: slow, and without a line of the product's."""

from collections.abc import Iterator
from fractions import Fraction

# The first four columns of the tables of Bratley and Fox 1988: a polynomial's coefficients from the highest power on,
# and the numerators of its first directions v_j = m_j / 2^j. The first dimension has v_j = 2^-j.
BRATLEY_FOX = (([1, 1], [1]), ([1, 1, 1], [1, 1]), ([1, 0, 1, 1], [1, 3, 7]))
DIGITS = 40


def _digits(value: Fraction) -> list[int]:
    """Return the binary digits after the point."""
    digits = []
    for _ in range(DIGITS):
        value *= 2
        digits.append(int(value >= 1))
        value -= digits[-1]
    return digits


def _either(one: Fraction, other: Fraction) -> Fraction:
    """Return the number whose binary digits are 1 where those of two numbers differ."""
    return sum(
        (
            Fraction(1, 2**place)
            for place, (a, b) in enumerate(zip(_digits(one), _digits(other), strict=True), start=1)
            if a != b
        ),
        Fraction(0),
    )


def _directions(dimension: int, count: int) -> list[Fraction]:
    """Return v_1..v_count: v_j = a_1 v_(j-1) ^ ... ^ a_s v_(j-s) ^ v_(j-s) / 2^s."""
    if dimension == 0:
        return [Fraction(1, 2**place) for place in range(1, count + 1)]
    coefficients, numerators = BRATLEY_FOX[dimension - 1]
    found = [Fraction(number, 2**place) for place, number in enumerate(numerators, start=1)]
    while len(found) < count:
        following = found[-len(numerators)] / 2 ** len(numerators)
        for back, coefficient in enumerate(coefficients[1:], start=1):
            if coefficient:
                following = _either(following, found[-back])
        found.append(following)
    return found[:count]


def bratley_fox(dimension: int, count: int) -> Iterator[float]:
    """Yield points 1..count of one dimension, 0 the first: each is the last with v_c flipped, c its lowest 0 bit."""
    directions = _directions(dimension, 20)
    point = Fraction(0)
    for number in range(count):
        lowest_zero = next(place for place in range(20) if number // 2**place % 2 == 0)
        point = _either(point, directions[lowest_zero])
        yield float(point)
