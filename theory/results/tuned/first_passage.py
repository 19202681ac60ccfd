"""Result 11: the same law for the first step at which the gradient is small, without averages."""

import sympy

from theory.checking.assumptions import BOUNDED, NOISE_CONSTANT
from theory.checking.bounds import C1, C2
from theory.checking.checks import Certificate
from theory.checking.proof import Result, argument, inequality
from theory.checking.relations import eq, le
from theory.laws import HYPERBOLA
from theory.results.fixed.descent import GRADIENT_SQUARED, START
from theory.results.fixed.variance import M_OF_BATCH
from theory.results.tuned.tuned import BRACKET, CONSTANT_M_G
from theory.sequences import F
from theory.symbols import Delta, c1, c2, decrease, decrease_star, epsilon, eta, f_inf, f_now, mean_f_next, mean_passage

FIRST_PASSAGE = Result(
    "11",
    "tuned",
    "First passage",
    "Let tau be the first step k with |∇f(w_k)|² below epsilon, at the best rate. Then the mean of tau - 1 is at most "
    "c1/B + c2: a law for a steps-to-result, in which epsilon is a threshold that one chooses and no mean.",
    (
        inequality(
            "11.1",
            "Before tau, every step lowers f by at least delta(eta), in the mean given the past.",
            le(mean_f_next, f_now - decrease),
            ("2.4", "8.1", "8.13"),
            Certificate(
                {"2.4": sympy.Integer(1), "8.13": sympy.Integer(1), "given": eta * BRACKET / 2},
                positive=("8.1",),
                reading="right - left = [2.4] + [8.13] + η (2 μ - L M_G η)/2 (|∇f|² - ε)",
            ),
            given=(le(epsilon, GRADIENT_SQUARED),),
        ),
        argument(
            "11.2",
            "So f(w_k) + (k-1) delta*, stopped at tau, is a supermartingale bounded below: optional stopping at the "
            "smaller of tau and n, then monotone convergence as n grows.",
            le(f_inf + decrease_star * mean_passage, F(1)),
            ("11.1", "8.14", "8.17", BOUNDED.id),
            reference="Williams 1991, Probability with Martingales, Sec. 10.9",
        ),
        inequality(
            "11.3",
            "Mean number of steps before the first passage.",
            le(mean_passage, Delta / (2 * decrease_star)),
            ("11.2",),
            Certificate({"11.2": 1 / decrease_star}, reading="right - left = [11.2]/δ*"),
            definitions=(START,),
        ),
        inequality(
            "11.4",
            "It is at most the law of Proposition 4.1, with the same constants.",
            le(mean_passage, HYPERBOLA.expression),
            ("11.3", "8.14", "4.4", NOISE_CONSTANT.id),
            Certificate(
                {"11.3": sympy.Integer(1)},
                using=("8.14", M_OF_BATCH, *CONSTANT_M_G),
                reading="right - left = [11.3]",
            ),
            definitions=(eq(c1, C1), eq(c2, C2)),
        ),
    ),
)
