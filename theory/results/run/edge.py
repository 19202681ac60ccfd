"""Result 21: the L that Eq. (11) measures along a run, and its relation to the best rate."""

import sympy

from theory.checking.assumptions import GRAD, MOMENTS_ORDERED, SAMPLED, UNBIASED
from theory.checking.bounds import ETA_MAX
from theory.checking.checks import Certificate, NormSquare, by
from theory.checking.inner import base, inner
from theory.checking.moments import Equal
from theory.checking.operations import Solve, Times
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.results.fixed.descent import GRADIENT_SQUARED
from theory.symbols import (
    B_0,
    L_11,
    M_G,
    B,
    Delta_run,
    G_mean,
    K,
    L,
    clean_steps,
    curvature,
    eta,
    eta_max,
    eta_star,
    f_now,
    length_after,
    length_before,
    length_step,
    loss_of_steps,
    mean_curved,
    mean_f_next,
    mean_square,
    mu,
    variance,
)

AFTER = base("after")
CHANGE_SQUARED = inner(AFTER - GRAD, AFTER - GRAD)
STEP_SQUARED = inner(SAMPLED, SAMPLED)
LENGTHS = (
    eq(GRADIENT_SQUARED, length_before**2),
    eq(inner(AFTER, AFTER), length_after**2),
    eq(STEP_SQUARED, length_step**2),
)
CEILING = (length_before + length_after) / (eta * length_step)


BACK = eq(inner(AFTER + GRAD, AFTER + GRAD), 0)
FULL = eq(inner(SAMPLED - GRAD, SAMPLED - GRAD), 0)
ON_QUADRATIC = eq(inner(AFTER - (1 - eta * L) * GRAD, AFTER - (1 - eta * L) * GRAD), 0)
SLOPING = lt(0, GRADIENT_SQUARED)
"""Without a gradient there is no step along which to measure."""
SOLVED = Solve(L_11, positive=("given.3",))

MET = eta * curvature * (1 + variance / (B * GRADIENT_SQUARED))
"""What a step meets: its curvature times the rate, noise included. s in result 20."""

EDGE_STEPS = (
    algebra(
        "21.10",
        "The mean loss after a step, with the curvature lambda = E g'H~g/E|g|² that its draws meet:",
        eq(
            mean_f_next - f_now,
            -eta * GRADIENT_SQUARED + eta**2 * curvature / 2 * (GRADIENT_SQUARED + variance / B),
        ),
        ("20.3", "4.3", UNBIASED.id, "4.2"),
        by("20.3", using=(by("4.3", Equal(UNBIASED.id)), "4.2")),
        definitions=(eq(curvature, mean_curved / mean_square),),
    ),
    inequality(
        "21.11",
        "it falls if s = eta lambda (1 + V/(B G)) is below 2,",
        lt(mean_f_next, f_now),
        ("21.10",),
        Certificate(
            {"21.10": sympy.Integer(1), "given": eta * GRADIENT_SQUARED / 2},
            positive=("given.2",),
            reading="right - left = [21.10] + η |∇f|²/2 (2 - s)",
        ),
        given=(lt(MET, 2), SLOPING),
    ),
    inequality(
        "21.12",
        "and only then. The edge depends on the batch size.",
        le(f_now, mean_f_next),
        ("21.10",),
        Certificate(
            {"21.10": -sympy.Integer(1), "given": eta * GRADIENT_SQUARED / 2},
            positive=("given.2",),
            reading="right - left = -[21.10] + η |∇f|²/2 (s - 2)",
        ),
        given=(le(2, MET), SLOPING),
    ),
    algebra(
        "21.13",
        "Near the edge K is the distance to it, inverted,",
        eq(K, 2 * Delta_run / (eta * G_mean * (2 - loss_of_steps))),
        ("20.6", "20.7"),
        by("20.7", using=("20.6",)),
        definitions=(eq(clean_steps, Delta_run / (eta * G_mean)),),
    ),
    argument(
        "21.14",
        "so an error of 2 - s is one of K, relative to each: 1% of s = 1.9 is a fifth of K. Tuned runs are there, with "
        "s = 2 (1 - e) from 1.87 to 1.96 on digits (evidence/digits-sgd). So a rule that finds K by way of s needs s "
        "to a part in a thousand. None made of L, V and G that was tried has it. Other ways, such as 24.2, need no s.",
        None,
        ("21.13",),
        reference="docs/theory.md, result 21; docs/constants.md",
    ),
)

EDGE = Result(
    "21",
    "tuned",
    "The edge, and what Eq. (11) measures along a run",
    "Measured along SGD's own steps with gamma = 1, L is at most 2/eta wherever the full gradient, before and after "
    "the step, is no longer than the drawn one, whatever the network. With the maximum over gamma it is at most "
    "2/(gamma eta) for the gamma that has it: 20/eta if that is 0.1. So a larger rate lowers the ceiling. At the best "
    "rate, L itself is below 1/(mu eta*). The mean loss falls at a step if and only if eta lambda (1 + V/(B G)) is "
    "below 2: near this edge, at one N, K goes as 1/(2 - s).",
    (
        argument(
            "21.1",
            "Eq. (11) with gamma = 1 along the step d = -eta g, squared; on a quadratic every gamma gives the same.",
            eq((L_11 * eta) ** 2 * STEP_SQUARED, CHANGE_SQUARED),
            reference="Lee et al. 2021, Eq. (11)",
        ),
        inequality(
            "21.2",
            "Triangle inequality.",
            le(CHANGE_SQUARED, (length_before + length_after) ** 2),
            check=Certificate(
                remainder=(
                    NormSquare(1 / (length_before * length_after), length_after * GRAD + length_before * AFTER),
                ),
                reading="right - left = |l' ∇f(w) + l ∇f(w+d)|²/(l l')",
            ),
            definitions=LENGTHS[:2],
            reference="Cauchy-Schwarz",
        ),
        inequality(
            "21.3",
            "So the rate sets a ceiling to what is measured with gamma = 1.",
            le(L_11, CEILING),
            ("21.1", "21.2"),
            Certificate(
                dict.fromkeys(("21.1", "21.2"), 1 / ((eta * length_step) ** 2 * (L_11 + CEILING))),
                reading="right - left = ([21.1] + [21.2])/(η² l_g² (L_11 + right))",
            ),
            definitions=LENGTHS[2:],
        ),
        inequality(
            "21.4",
            "Where neither full gradient is longer than the drawn one, it is 2/eta with gamma = 1.",
            le(L_11, 2 / eta),
            ("21.3",),
            Certificate(
                dict.fromkeys(("given", "given.2"), 1 / (eta * length_step)) | {"21.3": sympy.Integer(1)},
                reading="right - left = [21.3] + ([given] + [given.2])/(η l_g)",
            ),
            given=(le(length_before, length_step), le(length_after, length_step)),
        ),
        algebra(
            "21.5",
            "A full-gradient step after which the gradient points back, as long as before, meets it, whatever f is.",
            eq(L_11, 2 / eta),
            ("21.1",),
            by("21.1", Equal("given", (SAMPLED, GRAD)), Equal("given.2", (AFTER, -1 * GRAD)), SOLVED),
            given=(FULL, BACK, SLOPING),
            reference="docs/theory.md, result 21; Cohen et al. 2021",
        ),
        algebra(
            "21.6",
            "On f = L w²/2 it is L at every rate.",
            eq(L_11, L),
            ("21.1",),
            by("21.1", Equal("given", (SAMPLED, GRAD)), Equal("given.2", (AFTER, (1 - eta * L) * GRAD)), SOLVED),
            given=(FULL, ON_QUADRATIC, SLOPING),
        ),
        algebra(
            "21.7",
            "The best rate times L, by the sharp bound,",
            eq(eta_star * L, mu / (M_G * (1 + B_0 / B))),
            ("8.16",),
            by("8.16", Times(L)),
            definitions=(eq(eta_max, ETA_MAX),),
        ),
        inequality(
            "21.8",
            "is below 1/mu at every batch size: below 1 for an unbiased gradient.",
            lt(eta_star * L, 1 / mu),
            ("21.7", MOMENTS_ORDERED.id),
            Certificate(
                {"21.7": sympy.Integer(1), MOMENTS_ORDERED.id: 1 / (mu * M_G)},
                (mu * B_0 / (M_G * (B + B_0)),),
                reading="right - left = [21.7] + [moments-ordered]/(μ M_G) + μ B_0/(M_G (B + B_0))",
            ),
        ),
        argument(
            "21.9",
            "With the gradient at w + gamma d in place of that at w + d, 21.1 to 21.4 have gamma eta in place of "
            "eta: the maximum over gamma in 0.1, 0.2, ..., 1 is at most 2/(gamma eta), gamma where it is reached. A "
            "slope tanh(w/0.01) exp(-|w|/1000) at w = 0.05 with eta = 1 comes within 3e-6 of 20/eta, and is at "
            "none of the ten gamma longer than at the start.",
            None,
            ("21.4",),
        ),
        *EDGE_STEPS,
    ),
)
