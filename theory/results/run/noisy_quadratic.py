"""Result 16: steps on a noisy quadratic, exactly."""

from functools import partial

import sympy

from theory.checking.assumptions import CONSTANT_RATE, GRAD, SAMPLED, UNBIASED
from theory.checking.checks import Certificate, Identity, by
from theory.checking.moments import AtStep, Equal, Mean, Square
from theory.checking.operations import Times, Using
from theory.checking.proof import Kind, Result, Step, inequality
from theory.checking.relations import eq, le, lt
from theory.sequences import G, Mode
from theory.symbols import V_B, B, eta, h_mode, k, mode_end, mode_kept, mode_start, n_mode

algebra = partial(Step, Kind.ALGEBRA, reference="docs/theory.md, result 16; Zhang et al. 2019, Sec. 3")
argument = partial(Step, Kind.ARGUMENT, reference="docs/theory.md, result 16; Zhang et al. 2019, Sec. 3")

KEPT = (1 - eta * h_mode) ** 2
KICK = eta**2 * n_mode / B
END = eq(mode_end, eta * n_mode / (B * h_mode * (2 - eta * h_mode)))


def closed(step: sympy.Expr) -> sympy.Expr:
    """Return the mean square of a mode after so many steps."""
    return mode_end + mode_kept**step * (mode_start - mode_end)


NOISY_QUADRATIC = Result(
    "16",
    "run",
    "A noisy quadratic, exactly",
    "In the eigenbasis of f = sum of h_i w_i²/2, with noise of variance n_i/B along each mode, the mean square of each "
    "weight goes geometrically to what the noise keeps up. So K*(B) is known without training anything, and L, Delta "
    "and beta exactly: the whole chain of measurements can be run against it.",
    (
        algebra(
            "16.1",
            "In one mode the gradient after a step is ∇f - eta h g:",
            eq(G(k + 1), KEPT * G(k) + (eta * h_mode) ** 2 * V_B),
            follows_from=("2.2", UNBIASED.id, "4.3", CONSTANT_RATE.id),
            check=by(
                Square("after", GRAD - (eta * h_mode) * SAMPLED),
                Mean("2.2"),
                *(Equal(UNBIASED.id), Using(by("4.3", Equal(UNBIASED.id)))),
                *(AtStep("2.2"), Using(CONSTANT_RATE.id)),
            ),
        ),
        algebra(
            "16.2",
            "the mean square of the weight contracts, and noise adds to it.",
            eq(Mode(k + 1), KEPT * Mode(k) + KICK),
            follows_from=("16.1",),
            check=by("16.1", Times(1 / h_mode**2)),
            definitions=(
                eq(Mode(k + 1), G(k + 1) / h_mode**2),
                eq(Mode(k), G(k) / h_mode**2),
                eq(n_mode, B * V_B),
            ),
        ),
        algebra(
            "16.3",
            "A mean square of s_i* is one that a step leaves as it is.",
            eq(mode_end, KEPT * mode_end + KICK),
            check=Identity(),
            definitions=(END,),
        ),
        algebra(
            "16.4",
            "With q_i = (1 - eta h)² this closed form obeys the same recursion, and is s_i(0) at k = 0.",
            eq(closed(k + 1), mode_kept * closed(k) + (1 - mode_kept) * mode_end),
            check=Identity(),
        ),
        inequality(
            "16.5",
            "For rates below 2/h_i there is such a level; beyond, the mode grows.",
            le(0, mode_end),
            check=Certificate(
                remainder=(END.rhs,), positive=("given",), reading="right - left = η n_i/(B h_i (2 - η h_i))"
            ),
            given=(lt(eta * h_mode, 2),),
            definitions=(END,),
        ),
        argument(
            "16.6",
            "By induction s_i(k) is this closed form. The loss is the sum of h_i s_i(k)/2; the first k at which it "
            "meets a goal, least over the rates below 2/h_max, is K*(B): theory.noisy_quadratic computes it. With "
            "momentum E w², E w v and E v² obey a linear recursion; the loss oscillates, so every k is looked at.",
            None,
            follows_from=("16.2", "16.3", "16.4", "16.5"),
        ),
    ),
)
