"""Sequences along training, and which names are indices, quantities of a run, or constants of a curve."""

import sympy

from theory.symbols import (
    CURVED,
    GRADIENT,
    L_11,
    LOSS,
    ONE,
    RATE,
    WEIGHT,
    Delta_run,
    G_mean,
    G_rated,
    G_sharp,
    G_weighted,
    aligned,
    c1,
    c1_decay,
    c2,
    c2_decay,
    clean_steps,
    curvature,
    curved,
    f_next,
    f_now,
    f_z,
    f_z_next,
    i,
    j,
    k,
    kept,
    length_after,
    length_before,
    length_step,
    loss_of_steps,
    mean_curved,
    mean_f_next,
    mean_f_z_next,
    mean_square,
    mean_square_after,
    mean_square_u,
    n,
    promised,
    t,
)

# What may change with B: the goal of Eq. (3) and that of Eq. (7), eps_B, and the rate, eta_B.
# Sequences along training: F(k) = E f(w_k), G(k) = E|∇f(w_k)|², Eta(k) = eta_k; sums of powers of q; sums of E G
goal = sympy.Function("goal", positive=True)
goal_each = sympy.Function("goal_each", positive=True)
rate_of = sympy.Function("rate_of", positive=True)
F = sympy.Function("F", real=True)
G = sympy.Function("G", nonnegative=True)
rate = sympy.Function("Eta", positive=True)
Powers = sympy.Function("Powers", nonnegative=True)
PowerSums = sympy.Function("PowerSums", nonnegative=True)
Curved = sympy.Function("Curved", real=True)
Mode = sympy.Function("Mode", nonnegative=True)
G_of = sympy.Function("G_of", positive=True)
V_of = sympy.Function("V_of", positive=True)
L_of = sympy.Function("L_of", positive=True)
Window = sympy.Function("Window", nonnegative=True)
Fz = sympy.Function("Fz", real=True)
Buffer = sympy.Function("Buffer", nonnegative=True)
SEQUENCES: dict[str, tuple[sympy.Expr, str, str]] = {
    "F": (LOSS, "E f(w_{})", r"\mathrm{{E}} f(w_{{{}}})"),
    "G": (GRADIENT**2, "E G_{}", r"\mathrm{{E}} G_{{{}}}"),
    "Eta": (RATE, "η_{}", r"\eta_{{{}}}"),
    "goal": (GRADIENT**2, "ε_{}", r"\epsilon_{{{}}}"),
    "goal_each": (LOSS, "ε̃_{}", r"\tilde{{\epsilon}}_{{{}}}"),
    "rate_of": (RATE, "η_{}", r"\eta_{{{}}}"),
    "Mode": (WEIGHT**2, "s_i({})", "s_i({})"),
    "G_of": (GRADIENT**2, "G({})", "G({})"),
    "V_of": (GRADIENT**2, "V({})", "V({})"),
    "L_of": (LOSS / WEIGHT**2, "L({})", "L({})"),
    "Curved": (CURVED, "E g'H~g_{}", r"\mathrm{{E}}\,(g^\top\tilde H g)_{{{}}}"),
    "Fz": (LOSS, "E f(z_{})", r"\mathrm{{E}} f(z_{{{}}})"),
    "Buffer": (GRADIENT**2, "U_{}", "U_{{{}}}"),
    "Powers": (ONE, "S_{}", "S_{{{}}}"),
    "PowerSums": (ONE, "T_{}", "T_{{{}}}"),
    "Window": (GRADIENT**2, "W_n,{}", r"W_{{n,\,{}}}"),
}

INDICES = frozenset({k, i, j, n, t})
"""Running numbers: a claim holds for each of them."""
RUN = frozenset(
    {
        *(curved, mean_curved, curvature, Curved, Delta_run, clean_steps, kept, loss_of_steps, promised, aligned),
        *(f_now, f_next, mean_f_next, f_z, f_z_next, mean_f_z_next, mean_square, mean_square_u, mean_square_after),
        *(G_mean, G_weighted, G_rated, G_sharp, L_11, length_before, length_after, length_step),
        *(F, G, Mode, Fz, Buffer, Window),
    }
)
"""Quantities of a run: what they are depends on every parameter."""
CONSTANTS_OF_A_CURVE = frozenset({c1, c2, c1_decay, c2_decay})
"""What must not change with the batch size."""
