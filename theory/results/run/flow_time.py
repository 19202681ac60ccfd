"""Result 24: flow time, and what K is made of."""

import sympy

from theory.checking.analysis import Derivative, Summed
from theory.checking.checks import Identity, Telescopes, by
from theory.checking.operations import Times
from theory.checking.proof import Result, algebra, argument
from theory.checking.relations import eq
from theory.results.run.accounting import KEPT
from theory.results.run.path_bound import G_HERE, PATH
from theory.sequences import Mode
from theory.symbols import (
    B,
    Delta_run,
    G_flow,
    G_mean,
    K,
    K_d,
    K_eta,
    K_s,
    T_d,
    T_flow,
    T_s,
    eta,
    eta_d,
    eta_floor,
    eta_s,
    factor_d,
    factor_s,
    fall,
    floor_share,
    flow_factor,
    h_flat,
    h_mode,
    h_noise,
    k,
    kept,
    m,
    mode_floor,
    mode_lost,
    n_mode,
    phi_goal,
    ratio_steps,
    steps_slope,
    turn,
)

FACTOR = eq(flow_factor, eta * K / T_flow)
TIME_FLAT = eq(T_flow, sympy.log(fall) / (2 * h_flat))
RATE_OF_SHARE = eq(eta, floor_share * eta_floor)
STEPS_OF_SHARE = sympy.log(fall / (1 - floor_share)) / (2 * h_flat * eta_floor * floor_share)
MODES = sympy.Sum(Mode(k), (k, 1, K))
MOVED = sympy.Sum((1 - m**k) / (1 - m), (k, 1, K))

IDENTITIES = (
    argument(
        "24.1",
        "The gradient flow dw/dt = -∇f lowers f by |∇f|² a unit of time. From the run's start to its loss at K:",
        eq(T_flow, sympy.Integral(1 / G_HERE, PATH)),
        reference="calculus",
    ),
    algebra(
        "24.2",
        "Let c be the time eta K that the steps took over that of the flow: then K is a time, a rate and c;",
        eq(K, flow_factor * T_flow / eta),
        check=Identity(),
        definitions=(FACTOR,),
    ),
    algebra(
        "24.3",
        "the share e of result 20 compares the flow's mean gradient with the run's.",
        eq(kept, G_flow / (flow_factor * G_mean)),
        check=Identity(),
        definitions=(KEPT, FACTOR, eq(G_flow, Delta_run / T_flow)),
    ),
    algebra(
        "24.4",
        "Sparse over dense at one batch size. Where B_0 is equal and the best rates follow 8.16, the rates have one "
        "ratio at all B; where T and c have one, too, c1 and c2 rise by one factor.",
        eq(ratio_steps, T_s / T_d * (eta_d / eta_s) * (factor_s / factor_d)),
        check=Identity(),
        definitions=(
            eq(ratio_steps, K_s / K_d),
            eq(K_s, factor_s * T_s / eta_s),
            eq(K_d, factor_d * T_d / eta_d),
        ),
    ),
)

QUADRATIC = (
    algebra(
        "24.5",
        "On a noisy quadratic, over all steps of a mode,",
        eq(Mode(K + 1) - Mode(1), -eta * h_mode * (2 - eta * h_mode) * MODES + K * eta**2 * n_mode / B),
        follows_from=("16.2",),
        check=by("16.2", Summed()),
    ),
    algebra(
        "24.6",
        "what its slope promised is the loss it lost times 2/(2 - eta h), and what noise kept up.",
        eq(eta * h_mode**2 * MODES, 2 * mode_lost / (2 - eta * h_mode) + eta * K * mode_floor),
        follows_from=("24.5",),
        check=by("24.5", Times(-h_mode / (2 - eta * h_mode))),
        definitions=(
            eq(mode_lost, h_mode * (Mode(1) - Mode(K + 1)) / 2),
            eq(mode_floor, eta * h_mode * n_mode / (B * (2 - eta * h_mode))),
        ),
    ),
    argument(
        "24.7",
        "Summed over modes and divided by Delta_run: 1/e is the mean of 2/(2 - eta h_i), each mode weighted by its "
        "share of the loss lost, + eta K/Delta_run times the sum of G_fl,i.",
        None,
        follows_from=("20.7", "24.6"),
    ),
    algebra(
        "24.8",
        "Without noise a mode's loss falls by r in K = ln r/(-2 ln(1 - z)) steps. For z = eta h below 1 c is below 1; "
        "beyond, with |1 - z| in the logarithm, it exceeds 1 from z = 1.28 on.",
        eq(flow_factor, -turn / sympy.log(1 - turn)),
        check=Identity(),
        definitions=(
            FACTOR,
            TIME_FLAT,
            eq(K, -sympy.log(fall) / (2 * sympy.log(1 - turn))),
            eq(eta, turn / h_flat),
        ),
    ),
    argument(
        "24.9",
        "At small B the loss falls in one flat curvature h_f by exp(-2 eta h_f K), down to a floor that goes as eta/B. "
        "Let x be the floor over the goal, eta_1 the rate at which it is 1, and r the loss at the start over the goal. "
        "With the rate x eta_1 and r well above 1 the goal is met at",
        eq(K_eta, STEPS_OF_SHARE),
        follows_from=("16.6",),
    ),
    algebra(
        "24.10",
        "It is least where x/(1 - x) = ln(r/(1 - x)),",
        eq(
            steps_slope,
            (floor_share / (1 - floor_share) - sympy.log(fall / (1 - floor_share)))
            / (2 * h_flat * eta_floor * floor_share**2),
        ),
        follows_from=("24.9",),
        check=by("24.9", Derivative(K_eta, floor_share, steps_slope, floor_share)),
    ),
    algebra(
        "24.11",
        "where c depends on r alone: 1.6 at r = 16 to 20.",
        eq(flow_factor, sympy.log(fall / (1 - floor_share)) / sympy.log(fall)),
        follows_from=("24.9",),
        check=Identity(("24.9",)),
        definitions=(eq(flow_factor, eta * K_eta / T_flow), TIME_FLAT, RATE_OF_SHARE),
    ),
    algebra(
        "24.12",
        "and 1/e, where eta h is small, on the mean curvature h_S that the noise has: the floor of the gradients' "
        "squares is 2 x phi_goal h_S.",
        eq(
            1 / kept,
            1 + h_noise / h_flat * floor_share * sympy.log(fall / (1 - floor_share)) / (fall - 1),
        ),
        follows_from=("24.9",),
        check=Identity(("24.9",)),
        definitions=(
            eq(kept, 1 / (1 + eta * K_eta * mode_floor / Delta_run)),
            eq(mode_floor, 2 * floor_share * phi_goal * h_noise),
            eq(Delta_run, phi_goal * (fall - 1)),
            RATE_OF_SHARE,
        ),
    ),
    argument(
        "24.13",
        "So eta K* = c T depends little on B. With curvatures 1/i of 10 to 1000 modes and r from 4 to 100, c is 0.9 to "
        "1.4 for large batches and 1.6 to 2.2 at B = 1, while K changes 7 to 211 times. Most of what depends on the "
        "network is T/eta, that is h_max T over eta h_max.",
        None,
        follows_from=("24.2", "24.8", "24.11"),
    ),
)

LAG = (
    algebra(
        "24.14",
        "Heavy ball from rest moves by eta (1 - m^k)/(1 - m) times a constant gradient in step k: in K steps",
        eq(MOVED, (K - m * (1 - m**K) / (1 - m)) / (1 - m)),
        check=Telescopes(K),
    ),
    algebra(
        "24.15",
        "and Nesterov lags by one factor m less of its buffer.",
        eq(MOVED.func((1 - m ** (k + 1)) / (1 - m), (k, 1, K)), (K - m**2 * (1 - m**K) / (1 - m)) / (1 - m)),
        check=Telescopes(K),
    ),
    argument(
        "24.16",
        "With a schedule the time is the sum of the rates up to K*. On digits with SGD (evidence/digits-sgd, B = 32) T "
        "to the loss at the goal is 8.1 times as long at 90% as for the dense network, T/eta and K* are 4.5 times "
        "theirs, and c is 1.8 to 2.2 at each sparsity. What is open: why the flow slows while h_max falls, a "
        "question of the kernel.",
        None,
        reference="docs/theory.md, result 24; docs/constants.md",
        follows_from=("24.2", "24.14", "24.15"),
    ),
)

FLOW_TIME = Result(
    "24",
    "run",
    "Flow time: what K is made of",
    "K* = c T/eta, with T the time of the noise-free gradient flow to the loss of the run. T/eta and c are the same "
    "however a network is written. On noisy quadratics c is 1 for large batches and up to 2.2 for small ones: eta K* "
    "depends little on the batch size, and most that depends on the network is T/eta.",
    IDENTITIES + QUADRATIC + LAG,
)
