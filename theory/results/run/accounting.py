"""Result 20: the exact account of a run: steps of a descent without loss, and the share of it that was kept."""

import sympy

from theory.checking.analysis import Summed
from theory.checking.assumptions import CONSTANT_RATE, GRAD, MEAN, SAMPLED, UNBIASED
from theory.checking.checks import Identity, by
from theory.checking.inner import inner
from theory.checking.moments import AtStep, Equal, Mean
from theory.checking.operations import Solve, Using
from theory.checking.proof import Result, algebra, argument
from theory.checking.relations import eq
from theory.results.fixed.descent import GRADIENT_SQUARED
from theory.sequences import Curved, F, G
from theory.symbols import (
    Delta_run,
    G_mean,
    K,
    aligned,
    clean_steps,
    curved,
    eta,
    f_next,
    f_now,
    k,
    kept,
    loss_of_steps,
    mean_curved,
    mean_f_next,
    promised,
)

GRADIENTS, CURVATURES = (sympy.Sum(sequence(k), (k, 1, K)) for sequence in (G, Curved))
FALL = eq(Delta_run, F(1) - F(K + 1))
MEAN_OF_STEPS = eq(G_mean, GRADIENTS / K)
KEPT = eq(kept, Delta_run / (eta * K * G_mean))
CLEAN = eq(clean_steps, Delta_run / (eta * G_mean))

ACCOUNT = Result(
    "20",
    "run",
    "The exact account of a run",
    "K = N/e is an identity for SGD: N = Delta_run/(eta <G>) steps would do if each kept all that its slope promises, "
    "and e = Delta_run/(eta K <G>) is the share kept. With unbiased gradients and a constant rate e = 1 - s/2, s the "
    "curvature that the steps met. N and e stay the same however a network is written.",
    (
        argument(
            "20.1",
            "Taylor's formula for a step -eta g: H~ is the Hessian averaged over the step with the weight 2 (1 - t).",
            eq(f_next, f_now - eta * inner(GRAD, SAMPLED) + eta**2 * curved / 2),
            reference="calculus",
        ),
        algebra(
            "20.2",
            "Its mean given the past;",
            eq(mean_f_next, f_now - eta * inner(GRAD, MEAN) + eta**2 * mean_curved / 2),
            follows_from=("20.1", "2.2"),
            check=by("20.1", Mean("2.2")),
        ),
        algebra(
            "20.3",
            "for unbiased gradients a step lowers the loss by what its slope promises, less the curvature it meets.",
            eq(mean_f_next - f_now, -eta * GRADIENT_SQUARED + eta**2 * mean_curved / 2),
            follows_from=("20.2", UNBIASED.id),
            check=by("20.2", Equal(UNBIASED.id)),
        ),
        algebra(
            "20.4",
            "At step k, in full expectation,",
            eq(F(k + 1) - F(k), -eta * G(k) + eta**2 * Curved(k) / 2),
            follows_from=("20.3", "2.2", CONSTANT_RATE.id),
            check=by("20.3", AtStep("2.2"), Using(CONSTANT_RATE.id)),
        ),
        algebra(
            "20.5",
            "and over all steps,",
            eq(F(K + 1) - F(1), -eta * GRADIENTS + eta**2 * CURVATURES / 2),
            follows_from=("20.4",),
            check=by("20.4", Summed()),
        ),
        algebra(
            "20.6",
            "the share kept is 1 - s/2, s the mean of eta g'H~g over that of G.",
            eq(kept, 1 - loss_of_steps / 2),
            follows_from=("20.5",),
            check=Identity((by("20.5", Solve(F(K + 1))),)),
            definitions=(FALL, MEAN_OF_STEPS, KEPT, eq(loss_of_steps, eta * CURVATURES / GRADIENTS)),
        ),
        algebra(
            "20.7",
            "So K has two factors.",
            eq(K, clean_steps / kept),
            check=Identity(),
            definitions=(CLEAN, KEPT),
        ),
        algebra(
            "20.8",
            "For any other optimiser, whose steps are d, there is a third: how the steps align with the gradient.",
            eq(K, clean_steps / (kept * aligned)),
            check=Identity(),
            definitions=(CLEAN, eq(kept, Delta_run / promised), eq(aligned, promised / (eta * K * G_mean))),
        ),
        argument(
            "20.9",
            "eta <G>/Delta_run has no unit of loss or weight: N and e are the same however a network is written. The "
            "factors of N, a rate, a gap and a gradient, are not. An error of 10% in <G> is one of 0.2 e in s, 0.01 at "
            "e = 0.06. The same from single points has a standard deviation of about 2 √(V/(B G)) each: a check only.",
            None,
            follows_from=("19.6", "20.6", "20.7"),
        ),
    ),
)
