"""Results 1-3: from smoothness to the textbook bound, Eq. (2), at a fixed rate."""

import sympy

from theory.checking.analysis import Integrated, Summed
from theory.checking.assumptions import (
    BOUNDED,
    CAP,
    CONSTANT_RATE,
    DIFFERENCE,
    FIRST_MOMENT,
    GRAD,
    MEAN,
    MOVE,
    SAMPLED,
    SECOND_MOMENT,
    SGD,
    SMOOTH,
)
from theory.checking.bounds import ETA_MAX, TEXTBOOK_BOUND
from theory.checking.checks import Certificate, Identity, NormSquare, by
from theory.checking.inner import inner
from theory.checking.moments import AtStep, Equal, Mean
from theory.checking.operations import Put, RightSide, Using
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.sequences import F, G
from theory.symbols import (
    M_G,
    Delta,
    G_mean,
    K,
    L,
    M,
    T_bound,
    eta,
    f_inf,
    f_next,
    f_now,
    k,
    mean_f_next,
    mean_square,
    mu,
    t,
    w,
)

SLOPE = inner(GRAD, MOVE)
CHANGE = inner(DIFFERENCE, MOVE)
GRADIENT_SQUARED = inner(GRAD, GRAD)
START = eq(Delta, 2 * (F(1) - f_inf))
MEAN_OF_STEPS = eq(G_mean, sympy.Sum(G(k), (k, 1, K)) / K)


DESCENT_LEMMA = Result(
    "1",
    "fixed",
    "Descent lemma",
    "f(w+d) exceeds its linear model at w by at most L|d|²/2.",
    (
        inequality(
            "1.1",
            "The gradient's change along d is bounded.",
            le(CHANGE, L * t * inner(MOVE, MOVE)),
            (SMOOTH.id,),
            Certificate(
                {SMOOTH.id: 1 / (2 * L * t)},
                (NormSquare(1 / (2 * L * t), DIFFERENCE - L * t * MOVE),),
                reading="right - left = [smooth]/(2Lt) + |∇f(w+td)-∇f(w) - Ltd|²/(2Lt)",
            ),
            reference="Cauchy-Schwarz",
        ),
        argument(
            "1.2",
            "The fundamental theorem of calculus on the segment from w to w + d.",
            eq(f_next, f_now + SLOPE + sympy.Integral(CHANGE, (t, 0, 1))),
            reference="calculus",
        ),
        inequality(
            "1.3",
            "Descent lemma; the 1/2 is the integral of t.",
            le(f_next, f_now + SLOPE + L * inner(MOVE, MOVE) / 2),
            ("1.1", "1.2"),
            Certificate(
                {"1.2": sympy.Integer(1), "integral": sympy.Integer(1)},
                facts={"integral": by("1.1", Integrated(t, sympy.Integer(0), sympy.Integer(1)))},
                reading="right - left = the integral of [1.1] over t from 0 to 1, + [1.2]",
            ),
            reference="Bottou, Curtis, Nocedal 2018, Eq. (4.3)",
        ),
    ),
)

ONE_STEP = Result(
    "2",
    "fixed",
    "Expected decrease in one step",
    "A step lowers E f by eta times a bracket times E G, up to the noise; G_k = |∇f(w_k)|².",
    (
        inequality(
            "2.1",
            "The step of SGD, d = -eta g.",
            le(f_next, f_now - eta * inner(GRAD, SAMPLED) + L * eta**2 * inner(SAMPLED, SAMPLED) / 2),
            ("1.3", SGD.id),
            by("1.3", Equal(SGD.id)),
            reference="Lee et al. 2021, Eq. (1)",
        ),
        argument(
            "2.2",
            "The mean given the past is linear and keeps the order; w_k is fixed by the past; the mean of that mean is "
            "the full expectation (tower rule).",
            None,
            reference="probability",
        ),
        inequality(
            "2.3",
            "Mean over the draw, given the past.",
            le(mean_f_next, f_now - eta * inner(GRAD, MEAN) + L * eta**2 * mean_square / 2),
            ("2.1", "2.2"),
            by("2.1", Mean("2.2")),
            reference="Bottou, Curtis, Nocedal 2018, Lemma 4.2",
        ),
        inequality(
            "2.4",
            "Insert the moments of the stochastic gradient.",
            le(
                mean_f_next - f_now,
                -eta * (mu - eta * L * M_G / 2) * GRADIENT_SQUARED + eta**2 * L * M / 2,
            ),
            ("2.3", FIRST_MOMENT.id, SECOND_MOMENT.id),
            Certificate(
                {"2.3": sympy.Integer(1), FIRST_MOMENT.id: eta, SECOND_MOMENT.id: L * eta**2 / 2},
                reading="right - left = [2.3] + η [first-moment] + (L η²/2) [second-moment]",
            ),
            reference="Bottou, Curtis, Nocedal 2018, Lemma 4.4",
        ),
        inequality(
            "2.5",
            "The same at step k, in full expectation.",
            le(F(k + 1) - F(k), -eta * (mu - eta * L * M_G / 2) * G(k) + eta**2 * L * M / 2),
            ("2.4", "2.2", CONSTANT_RATE.id),
            by("2.4", AtStep("2.2"), Using(CONSTANT_RATE.id)),
        ),
        inequality(
            "2.6",
            "The bound below, after the last step.",
            le(f_inf, F(K + 1)),
            (BOUNDED.id, "2.2"),
            by(BOUNDED.id, AtStep("2.2"), Put({k: K + 1})),
        ),
    ),
)

_BEYOND = L * w**2 / 2

TEXTBOOK = Result(
    "3",
    "fixed",
    "Textbook bound, Eq. (2)",
    "For a rate up to eta_max = mu/(L M_G), the mean of E G over K steps is at most "
    "eta L M/mu + Delta/(K mu eta). Beyond that rate the bound is false.",
    (
        inequality(
            "3.1",
            "Under the cap the bracket keeps at least half of mu.",
            le(mu / 2, mu - eta * L * M_G / 2),
            (CAP.id,),
            Certificate({CAP.id: L * M_G / 2}, reading="right - left = (L M_G/2) [cap]"),
            reference="Bottou, Curtis, Nocedal 2018, proof of Theorem 4.8",
        ),
        inequality(
            "3.2",
            "Expected decrease with mu/2 in place of the bracket.",
            le(F(k + 1) - F(k), -mu * eta * G(k) / 2 + eta**2 * L * M / 2),
            ("2.5", "3.1"),
            Certificate({"2.5": sympy.Integer(1), "3.1": eta * G(k)}, reading="right - left = [2.5] + η E G_k [3.1]"),
            reference="Bottou, Curtis, Nocedal 2018, proof of Theorem 4.8",
        ),
        inequality(
            "3.3",
            "Summed over the steps, the left side telescopes.",
            le(F(K + 1) - F(1), -mu * eta * sympy.Sum(G(k), (k, 1, K)) / 2 + K * eta**2 * L * M / 2),
            ("3.2",),
            by("3.2", Summed()),
            reference="Bottou, Curtis, Nocedal 2018, proof of Theorem 4.8",
        ),
        inequality(
            "3.4",
            "Textbook bound.",
            le(G_mean, TEXTBOOK_BOUND),
            ("3.3", "2.6"),
            Certificate(
                dict.fromkeys(("3.3", "2.6"), 2 / (K * mu * eta)),
                reading="right - left = 2/(K μ η) ([3.3] + [2.6])",
            ),
            definitions=(START, MEAN_OF_STEPS),
            reference="Lee et al. 2021, Eq. (2)",
        ),
        algebra(
            "3.5",
            "On f = L w²/2 with exact gradients (mu = M_G = 1, M = 0) and K = 1, the bound is this.",
            eq(T_bound, L * w**2 / eta),
            ("3.4",),
            by("3.4", RightSide(G_mean, T_bound, {Delta: 2 * _BEYOND, M: 0, mu: 1, K: 1})),
        ),
        algebra(
            "3.6",
            "and what it should bound is this,",
            eq(GRADIENT_SQUARED, (L * w) ** 2),
            check=Identity(),
            definitions=(eq(GRADIENT_SQUARED, sympy.Derivative(_BEYOND, w) ** 2),),
        ),
        inequality(
            "3.7",
            "so beyond the cap, which is 1/L here, Eq. (2) fails: the cap is necessary.",
            lt(T_bound, GRADIENT_SQUARED),
            ("3.5", "3.6"),
            Certificate(
                {"given": L**2 * w**2 / eta, "3.5": sympy.Integer(1), "3.6": sympy.Integer(-1)},
                reading="right - left = (L² w²/η) (η - 1/L)",
            ),
            given=(lt(ETA_MAX.subs({mu: 1, M_G: 1}), eta),),
        ),
    ),
)
