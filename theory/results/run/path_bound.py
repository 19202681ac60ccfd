"""Results 22 and 23: a bound along the path, for rates adapted to where the run is."""

import sympy

from theory.checking.analysis import Best, Evaluated, Split
from theory.checking.assumptions import BOUNDED, PATH_GRADIENT, PATH_NOISE, PATH_SMOOTH, UNBIASED
from theory.checking.checks import Certificate, Derived, by
from theory.checking.moments import Equal
from theory.checking.operations import Inverted, Meaning, Put, RightSide, Solve, Using
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le
from theory.laws import HYPERBOLA
from theory.results.fixed.descent import GRADIENT_SQUARED
from theory.sequences import G_of, L_of, V_of
from theory.symbols import (
    L_1,
    B,
    L,
    beta,
    c1,
    c1_flat,
    c1_relative,
    c1_steep,
    c2,
    c2_flat,
    c2_relative,
    c2_steep,
    decrease_at,
    decrease_loss,
    epsilon,
    eta,
    eta_path,
    f_now,
    mean_f_next,
    mean_passage,
    nu,
    phi,
    phi_1,
    phi_goal,
    time_low,
    v_1,
    variance,
)

ONE = sympy.Integer(1)
PATH = (phi, phi_goal, phi_1)
G_HERE, V_HERE, L_HERE = (function(phi) for function in (G_of, V_of, L_of))
BOUND = le(mean_passage, HYPERBOLA.expression + phi_goal * time_low)
GAIN = by("22.2", RightSide(mean_f_next - f_now, -decrease_at), Using(PATH_SMOOTH.id), Solve(decrease_at))


def _constant(name: sympy.Symbol, of: sympy.Symbol, where: dict[sympy.Expr, sympy.Expr]) -> Derived:
    """Return a check of what a constant of the bound is on a path with these G, V and L."""
    return by(Meaning("22.8", of, BOUND), RightSide(of, name, where), Evaluated())


CONSTANT = {G_HERE: epsilon, V_HERE: beta, L_HERE: L}
STEEP = {G_HERE: 2 * nu * phi, V_HERE: beta, L_HERE: L}

PATH_BOUND = Result(
    "22",
    "run",
    "A bound along the path",
    "If gradient, noise and smoothness are G(phi), V(phi) and L(phi) where the excess loss is phi, and the rate is the "
    "best one there, the mean number of steps to a loss goal is at most c1/B + c2 + phi_goal/D(phi_goal), with c1 the "
    "integral of 2 L V/G² and c2 that of 2 L/G. It is an upper bound, and does not explain the size of what is "
    "measured.",
    (
        inequality(
            "22.1",
            "One step with an unbiased gradient.",
            le(mean_f_next - f_now, -eta * GRADIENT_SQUARED + L * eta**2 / 2 * (GRADIENT_SQUARED + variance / B)),
            follows_from=("2.3", "4.3", UNBIASED.id, "4.2"),
            check=by("2.3", Equal(UNBIASED.id), using=(by("4.3", Equal(UNBIASED.id)), "4.2")),
        ),
        inequality(
            "22.2",
            "With the least gradient and the largest noise that phi allows:",
            le(mean_f_next - f_now, -eta * G_HERE + L * eta**2 / 2 * (G_HERE + V_HERE / B)),
            follows_from=("22.1", PATH_GRADIENT.id, PATH_NOISE.id),
            check=Certificate(
                {"22.1": ONE, PATH_GRADIENT.id: eta * (2 - L * eta) / 2, PATH_NOISE.id: L * eta**2 / (2 * B)},
                positive=("given",),
                reading="right - left = [22.1] + η (2 - L η)/2 [path-gradient] + L η²/(2 B) [path-noise]",
            ),
            given=(le(L * eta, 2),),
        ),
        algebra(
            "22.3",
            "The rate that lowers phi most there",
            eq(eta_path, G_HERE / (L_HERE * (G_HERE + V_HERE / B))),
            follows_from=("22.2", PATH_SMOOTH.id),
            check=by(GAIN, Best(decrease_at, eta, eta_path, most=True)),
        ),
        inequality(
            "22.4",
            "keeps the condition of 22.2,",
            le(L_HERE * eta_path, 1),
            follows_from=("22.3",),
            check=Certificate(
                remainder=(V_HERE / (V_HERE + B * G_HERE),),
                using=("22.3",),
                reading="right - left = V/(V + B G)",
            ),
        ),
        algebra(
            "22.5",
            "and phi falls by D(phi) in the mean.",
            eq(decrease_loss, G_HERE**2 / (2 * L_HERE * (G_HERE + V_HERE / B))),
            follows_from=("22.2", PATH_SMOOTH.id, "22.3"),
            check=by(GAIN, Put({eta: eta_path, decrease_at: decrease_loss}), using=("22.3",)),
        ),
        algebra(
            "22.6",
            "So a unit of loss takes a noise term and a floor.",
            eq(1 / decrease_loss, 2 * L_HERE * V_HERE / G_HERE**2 / B + 2 * L_HERE / G_HERE),
            follows_from=("22.5",),
            check=by("22.5", Inverted()),
        ),
        argument(
            "22.7",
            "Let 1/D not increase in phi, and let A(phi) be its integral from the goal to phi, below the goal with the "
            "value 1/D(phi_goal). A is concave, so by Jensen and 22.5 its mean falls by at least 1 in each step above "
            "the goal: A(phi_k) + (k-1), stopped at the first passage, is a supermartingale. As phi is not negative, "
            "it ends at -phi_goal/D(phi_goal) or above. A run that may jump from just above the goal to 0 comes near "
            "it.",
            le(mean_passage, sympy.Integral(1 / decrease_loss, PATH) + phi_goal * time_low),
            follows_from=("22.4", "22.5", BOUNDED.id),
            reference="Williams 1991, Probability with Martingales, Sec. 10.9",
        ),
        inequality(
            "22.8",
            "That is a hyperbola in B, and what a jump below the goal may take.",
            BOUND,
            follows_from=("22.7", "22.6"),
            check=by("22.7", Using("22.6"), Split()),
            definitions=(
                eq(c1, 2 * sympy.Integral(L_HERE * V_HERE / G_HERE**2, PATH)),
                eq(c2, 2 * sympy.Integral(L_HERE / G_HERE, PATH)),
            ),
        ),
        algebra(
            "22.9",
            "Where gradient, noise and smoothness are constant these are c1",
            eq(c1_flat, 2 * (phi_1 - phi_goal) * L * beta / epsilon**2),
            follows_from=("22.8",),
            check=_constant(c1_flat, c1, CONSTANT),
        ),
        algebra(
            "22.10",
            "and c2 of result 8, with the loss gone through for that of the start;",
            eq(c2_flat, 2 * (phi_1 - phi_goal) * L / epsilon),
            follows_from=("22.8",),
            check=_constant(c2_flat, c2, {G_HERE: epsilon, L_HERE: L}),
        ),
        algebra(
            "22.11",
            "where G = 2 nu phi, both terms",
            eq(c1_steep, L * beta / (2 * nu**2) * (1 / phi_goal - 1 / phi_1)),
            follows_from=("22.8",),
            check=_constant(c1_steep, c1, STEEP),
        ),
        algebra(
            "22.12",
            "of result 15.",
            eq(c2_steep, L / nu * sympy.log(phi_1 / phi_goal)),
            follows_from=("22.8",),
            check=_constant(c2_steep, c2, {G_HERE: 2 * nu * phi, L_HERE: L}),
        ),
        argument(
            "22.13",
            "With L V constant, averages over phi understate c1, since the mean of 1/G² is at least 1 over the square "
            "of the mean of G (Jensen). A rate fixed in advance along the mean of phi is not enough: with G = phi, "
            "L = √phi, V = 0 and phi = 0 or 2, equally likely, the mean gain is 1 - √2/2 = 0.29, where D(1) = 1/2. On "
            "digits, out of sample, their ratio of 90% to dense is above 1 as measured, and a third as large.",
            None,
            follows_from=("22.8",),
        ),
    ),
)

AS_GRADIENT = {L_HERE: L_1 * sympy.sqrt(G_HERE), V_HERE: v_1 * sympy.sqrt(G_HERE)}

RELATIVE_SMOOTHNESS = Result(
    "23",
    "run",
    "Smoothness and noise that go as the gradient",
    "With L = L1 |grad f| and V = v1 |grad f|, and one length of the gradient at each loss, smaller gradients mean a "
    "smaller L and beta where they are measured, and a larger c1 and c2. L1 and v1 depend on how a network is written: "
    "they describe, and do not explain.",
    (
        algebra(
            "23.1",
            "The noise term, where |grad f|² is G(phi) all along the path and steps are shorter than about 1/L1,",
            eq(c1_relative, 2 * L_1 * v_1 * sympy.Integral(1 / G_HERE, PATH)),
            follows_from=("22.8",),
            reference="docs/theory.md, result 23; Zhang et al. 2020 for the condition",
            check=by(Meaning("22.8", c1, BOUND), RightSide(c1, c1_relative, AS_GRADIENT), Split()),
        ),
        algebra(
            "23.2",
            "and the floor, for whose large batches steps are as long as 1/L1: at the end of that range.",
            eq(c2_relative, 2 * L_1 * sympy.Integral(1 / sympy.sqrt(G_HERE), PATH)),
            follows_from=("22.8",),
            reference="docs/theory.md, result 23",
            check=by(Meaning("22.8", c2, BOUND), RightSide(c2, c2_relative, {L_HERE: AS_GRADIENT[L_HERE]}), Split()),
        ),
    ),
)
