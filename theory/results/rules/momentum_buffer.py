"""Result 14, middle part: the size of the momentum buffer, summed over the steps."""

import sympy

from theory.checking.analysis import Summed
from theory.checking.assumptions import GRAD, MOMENTS_ORDERED, MOMENTUM, SAMPLED, SECOND_MOMENT, UNBIASED
from theory.checking.checks import Certificate, NormSquare, by
from theory.checking.inner import base, inner
from theory.checking.moments import AtStep, Equal, Mean, Square
from theory.checking.operations import Put
from theory.checking.proof import algebra, inequality
from theory.checking.relations import eq, le
from theory.results.fixed.descent import GRADIENT_SQUARED
from theory.sequences import Buffer, G
from theory.symbols import M_G, K, M, k, m, mean_square, mean_square_u, mu

ONE = sympy.Integer(1)
AVERAGE = base("ubar")
GRADIENTS = sympy.Sum(G(k), (k, 1, K))
BUFFERS = sympy.Sum(Buffer(k), (k, 1, K))


BUFFER_STEPS = (
    algebra(
        "14.6",
        "The average after the step; given the past, its noise is new, so that nothing is left of the cross term.",
        eq(
            mean_square_u,
            m**2 * inner(AVERAGE, AVERAGE) + 2 * m * (1 - m) * inner(GRAD, AVERAGE) + (1 - m) ** 2 * mean_square,
        ),
        ("2.2", UNBIASED.id),
        by(Square("unext", m * AVERAGE + (1 - m) * SAMPLED), Mean("2.2"), Equal(UNBIASED.id)),
    ),
    inequality(
        "14.7",
        "Unbiased gradients have mu = 1.",
        le(ONE, M_G),
        (MOMENTS_ORDERED.id,),
        by(MOMENTS_ORDERED.id, Put({mu: ONE})),
    ),
    inequality(
        "14.8",
        "By convexity of the square:",
        le(
            mean_square_u,
            m * inner(AVERAGE, AVERAGE) + (1 - m) * ((1 - m) * M + M_G * GRADIENT_SQUARED),
        ),
        ("14.6", "14.7", SECOND_MOMENT.id, MOMENTUM.id),
        Certificate(
            {
                "14.6": ONE,
                SECOND_MOMENT.id: (1 - m) ** 2,
                "14.7": m * (1 - m) * GRADIENT_SQUARED,
            },
            (NormSquare(m * (1 - m), AVERAGE - GRAD),),
            positive=(MOMENTUM.id,),
            reading="right - left = [14.6] + (1-m)² [second-moment] + m (1-m) (|∇f|² [14.7] + |u - ∇f|²)",
        ),
    ),
    inequality(
        "14.9",
        "In full expectation, U_k = E|u|² before step k;",
        le(
            Buffer(k + 1) - Buffer(k),
            -(1 - m) * Buffer(k) + (1 - m) * ((1 - m) * M + M_G * G(k)),
        ),
        ("14.8", "2.2"),
        by("14.8", AtStep("2.2")),
    ),
    inequality(
        "14.10",
        "summed over the steps,",
        le(
            Buffer(K + 1) - Buffer(1),
            -(1 - m) * BUFFERS + (1 - m) * ((1 - m) * K * M + M_G * GRADIENTS),
        ),
        ("14.9",),
        by("14.9", Summed()),
    ),
    inequality(
        "14.11",
        "from an empty buffer, U_1 = 0.",
        le(BUFFERS, (1 - m) * K * M + M_G * GRADIENTS),
        ("14.10", MOMENTUM.id),
        Certificate(
            {"14.10": 1 / (1 - m)},
            (Buffer(K + 1) / (1 - m),),
            positive=(MOMENTUM.id,),
            reading="right - left = ([14.10] + U_(K+1))/(1-m)",
        ),
        definitions=(eq(Buffer(1), sympy.Integer(0)),),
    ),
)
