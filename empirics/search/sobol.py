"""Sobol points, computed here because scipy's reader of its table returns zeros when it is disturbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from empirics.errors import InputError

DirectionNumbers = Literal["joe-kuo", "bratley-fox"]

# A row a dimension from the second on: a primitive polynomial over GF(2), its coefficients the bits of an integer, then
# the initial direction numbers m_1..m_s, s the polynomial's degree.
_BRATLEY_FOX = (
    (3, 1),
    (7, 1, 1),
    (11, 1, 3, 7),
)  # as far as the paper searches
_JOE_KUO = (
    (3, 1),
    (7, 1, 3),
    (11, 1, 3, 1),
    (13, 1, 1, 1),
    (19, 1, 1, 3, 3),
    (25, 1, 3, 5, 13),
    (37, 1, 1, 5, 5, 17),
    (41, 1, 1, 5, 5, 5),
    (47, 1, 1, 7, 11, 19),
    (55, 1, 1, 5, 1, 1),
    (59, 1, 1, 1, 3, 11),
    (61, 1, 3, 5, 5, 31),
    (67, 1, 3, 3, 9, 7, 49),
    (91, 1, 1, 1, 15, 21, 21),
    (97, 1, 3, 1, 13, 27, 49),
    (103, 1, 1, 1, 15, 7, 5),
    (109, 1, 3, 1, 15, 13, 25),
    (115, 1, 1, 5, 5, 19, 61),
    (131, 1, 3, 7, 11, 23, 15, 103),
    (137, 1, 3, 7, 13, 13, 15, 69),
    (143, 1, 1, 3, 13, 7, 35, 63),
    (145, 1, 3, 5, 9, 1, 25, 53),
    (157, 1, 3, 1, 13, 9, 35, 107),
    (167, 1, 3, 1, 5, 27, 61, 31),
    (171, 1, 1, 5, 11, 19, 41, 61),
    (185, 1, 3, 5, 3, 3, 13, 69),
    (191, 1, 1, 7, 13, 1, 19, 1),
    (193, 1, 3, 7, 5, 13, 19, 59),
    (203, 1, 1, 3, 9, 25, 29, 41),
    (211, 1, 3, 5, 13, 23, 1, 55),
    (213, 1, 3, 7, 3, 13, 59, 17),
    (229, 1, 3, 1, 3, 5, 53, 69),
    (239, 1, 1, 5, 5, 23, 33, 13),
    (241, 1, 1, 7, 7, 1, 61, 123),
    (247, 1, 1, 7, 9, 13, 61, 49),
    (253, 1, 3, 3, 5, 3, 55, 33),
    (285, 1, 3, 1, 15, 31, 13, 49, 245),
    (299, 1, 3, 5, 15, 31, 59, 63, 97),
    (301, 1, 3, 1, 11, 11, 11, 77, 249),
    (333, 1, 3, 1, 11, 27, 43, 71, 9),
    (351, 1, 1, 7, 15, 21, 11, 81, 45),
    (355, 1, 3, 7, 3, 25, 31, 65, 79),
    (357, 1, 3, 1, 1, 19, 11, 3, 205),
    (361, 1, 1, 5, 9, 19, 21, 29, 157),
    (369, 1, 3, 7, 11, 1, 33, 89, 185),
    (391, 1, 3, 3, 3, 15, 9, 79, 71),
    (397, 1, 3, 7, 11, 15, 39, 119, 27),
    (425, 1, 1, 3, 1, 11, 31, 97, 225),
    (451, 1, 1, 1, 3, 23, 43, 57, 177),
    (463, 1, 3, 7, 7, 17, 17, 37, 71),
    (487, 1, 3, 1, 5, 27, 63, 123, 213),
    (501, 1, 1, 3, 5, 11, 43, 53, 133),
)  # every polynomial up to degree 8
_TABLES: Mapping[DirectionNumbers, Sequence[Sequence[int]]] = MappingProxyType(
    {"joe-kuo": _JOE_KUO, "bratley-fox": _BRATLEY_FOX}
)


def unit_points(trials: int, dimensions: int, numbers: DirectionNumbers = "joe-kuo") -> NDArray[np.float64]:
    """Return the first points of an unscrambled Sobol sequence, point 0 skipped.

    Point n is the exclusive or of the directions v_j = m_j / 2^j over the bits j that are set in n ^ (n >> 1).

    Args:
        trials: How many points, >= 1.
        dimensions: Number of metaparameters, >= 1.
        numbers: Whose direction numbers: `joe-kuo` are scipy's, `bratley-fox` those of the paper's authors; the two
            agree in the first two dimensions.

    Returns:
        Points in (0, 1), shape (trials, dimensions). Point r is the same for any number of trials.

    Raises:
        InputError: If there are more dimensions than direction numbers.

    Reference:
        Antonov and Saleev 1979 for the order; Bratley and Fox 1988 (ACM Algorithm 659) and Joe and Kuo 2008 for the
        direction numbers.

    Example:
        >>> unit_points(3, 1).ravel().tolist()
        [0.5, 0.75, 0.25]
        >>> unit_points(4, 3, "bratley-fox")[:, 2].tolist()
        [0.5, 0.75, 0.25, 0.625]
    """
    most = 1 + len(_TABLES[numbers])
    if dimensions > most:
        raise InputError(
            f"a search over {dimensions} metaparameters: Sobol points are known for at most {most}; use --points FILE"
        )
    bits = trials.bit_length()
    rows = [[1] * bits, *(_direction_numbers(row, bits) for row in _TABLES[numbers][: dimensions - 1])]
    numerators = np.array(rows, dtype=np.int64) << np.arange(bits)[::-1]  # of v_j, over 2^bits
    index = np.arange(1, trials + 1)
    gray = index ^ (index >> 1)
    points = np.zeros((trials, dimensions), dtype=np.int64)
    for bit in range(bits):
        points ^= np.outer(gray >> bit & 1, numerators[:, bit])
    return points / (1 << bits)


def _direction_numbers(row: Sequence[int], bits: int) -> list[int]:
    """Return m_1..m_bits of one dimension: m_j = m_(j-s) ^ (a_1 m_(j-1) << 1) ^ ... ^ (a_s m_(j-s) << s).

    Example:
        >>> _direction_numbers((7, 1, 1), 4)
        [1, 1, 7, 11]
    """
    polynomial, *found = row
    degree = len(found)
    for last in range(degree, bits):
        number = found[last - degree]
        for back in range(1, degree + 1):
            if polynomial >> (degree - back) & 1:
                number ^= found[last - back] << back
        found.append(number)
    return found[:bits]
