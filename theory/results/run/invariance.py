"""Result 19: what training does not depend on, and which formulas do."""

import sympy

from theory.checking.checks import Identity, by
from theory.checking.proof import Result, algebra, argument
from theory.checking.relations import eq
from theory.sequences import goal
from theory.symbols import (
    M_G,
    B,
    Delta,
    Delta_rewritten,
    K_star,
    L,
    L_rewritten,
    beta,
    beta_rewritten,
    decay,
    epsilon,
    epsilon_rewritten,
    eta,
    eta_adam,
    first_moment,
    g_rewritten,
    g_sample,
    m,
    mu,
    product,
    product_rewritten,
    second_moment,
    share_g,
    share_v,
    stretch,
    tiny,
    u_next,
    u_now,
    unit_loss,
    unit_weight,
    v_before,
    v_rewritten,
    w,
    zoom,
)

HERE = eq(u_now, w / zoom)
BUFFER = eq(v_rewritten, zoom * stretch * v_before)
DIVIDED = zoom * stretch * first_moment / (zoom * stretch * (second_moment + tiny))
REWRITTEN = {
    L: eq(L_rewritten, zoom**2 * stretch * L),
    Delta: eq(Delta_rewritten, stretch * Delta),
    beta: eq(beta_rewritten, (zoom * stretch) ** 2 * beta),
    epsilon: eq(epsilon_rewritten, (zoom * stretch) ** 2 * epsilon),
}
OWN_UNITS = (
    eq(stretch, unit_loss / Delta),
    eq(zoom, Delta / (sympy.sqrt(epsilon) * unit_weight)),
)

STEP_STEPS = (
    argument(
        "19.1",
        "Chain rule: the gradient of s f(a u) by u is a s times that of f at w = a u, for every example, and any "
        "mean or root of a mean of squares of gradients is so, too.",
        eq(g_rewritten, zoom * stretch * g_sample),
        reference="calculus",
    ),
    algebra(
        "19.2",
        "A step of plain SGD with the rate eta/(a² s) leads from w/a to w'/a.",
        eq(zoom * u_next, w - eta * g_sample),
        follows_from=("19.1",),
        check=Identity(("19.1",)),
        definitions=(HERE, eq(u_next, u_now - eta / (zoom**2 * stretch) * g_rewritten)),
    ),
    algebra(
        "19.3",
        "A buffer of a s times the size stays so,",
        eq(m * v_rewritten + g_rewritten, zoom * stretch * (m * v_before + g_sample)),
        follows_from=("19.1",),
        check=Identity(("19.1",)),
        definitions=(BUFFER,),
    ),
    algebra(
        "19.4",
        "and a step along any combination of both does the same: heavy ball has p = 1, q_v = m, Nesterov p = 1 + m "
        "and q_v = m².",
        eq(zoom * u_next, w - eta * (share_g * g_sample + share_v * v_before)),
        follows_from=("19.1",),
        check=Identity(("19.1",)),
        definitions=(
            HERE,
            BUFFER,
            eq(u_next, u_now - eta / (zoom**2 * stretch) * (share_g * g_rewritten + share_v * v_rewritten)),
        ),
    ),
    algebra(
        "19.5",
        "So does a step of AdamW with the rate eta/a, its epsilon times a s and its decay times a: the factors of both "
        "moments cancel.",
        eq(zoom * u_next, w - eta_adam * (decay * w + first_moment / (second_moment + tiny))),
        check=Identity(),
        definitions=(HERE, eq(u_next, u_now - eta_adam / zoom * (zoom * decay * u_now + DIVIDED))),
    ),
    argument(
        "19.6",
        "By induction a u_k = w_k at every step: losses are s times those of the run, errors the same, and a goal is "
        "reached at the same k; with powers of two for a and s, and no subnormal numbers, bit for bit. A tuned "
        "K* is the same if the range of the rates moves along.",
        None,
        follows_from=("19.2", "19.3", "19.4", "19.5"),
    ),
)

RULE_STEPS = (
    *(
        algebra(
            f"19.{number}",
            words,
            eq(rewritten.lhs, right),
            check=Identity(("given", "given.2")[: len(units)]),
            given=units,
            definitions=(rewritten,),
        )
        for number, words, units, rewritten, right in (
            (
                7,
                "A quantity of unit loss^q/weight^p takes a^p s^q. Rewrite a network so that its own Delta and epsilon "
                "become 1: what is left of L",
                OWN_UNITS,
                REWRITTEN[L],
                L * Delta / epsilon * unit_loss / unit_weight**2,
            ),
            (8, "and of beta,", OWN_UNITS, REWRITTEN[beta], beta / epsilon * (unit_loss / unit_weight) ** 2),
            (9, "with Delta", OWN_UNITS[:1], REWRITTEN[Delta], unit_loss),
            (10, "and epsilon.", OWN_UNITS, REWRITTEN[epsilon], (unit_loss / unit_weight) ** 2),
        )
    ),
    argument(
        "19.11",
        "So a rule that gives a tuned K*(B) from L, Delta, beta, epsilon and B, and gives the same for a network "
        "however it is written, is a function of L Delta/epsilon, beta/epsilon and B. Likewise for the rate: the "
        "products of powers of V, G, eta, L and an excess loss phi that stay the same are those of V/G, eta L and "
        "L phi/G, since two equations for five exponents leave three.",
        None,
        follows_from=("19.6", "19.7", "19.8", "19.9", "19.10"),
    ),
    algebra(
        "19.12",
        "The tuned K* of result 8 is such a function, and so are c1 and c2;",
        eq(K_star, (L * Delta / goal(B)) * (beta / goal(B) / B + M_G) / mu**2),
        follows_from=("8.10",),
        check=by("8.10"),
    ),
    algebra(
        "19.13",
        "the product whose ratio Appendix C takes, epsilon left out, is not.",
        eq(product_rewritten, (zoom * stretch) ** 4 * product),
        check=Identity(),
        definitions=(
            eq(product, Delta * L * beta),
            eq(product_rewritten, Delta_rewritten * L_rewritten * beta_rewritten),
            *(REWRITTEN[q] for q in (L, Delta, beta)),
        ),
    ),
    argument(
        "19.14",
        "Rewrite the sparse network alone with a = 1/2 or 2: each of its runs stays as it is, bit for bit, while its L "
        "over the dense one's is a quarter or four times as large, and the product a sixteenth or sixteen times. An "
        "equal epsilon for both networks is a choice of units for each, unless it is measured.",
        None,
        follows_from=("19.6", "19.13"),
    ),
)

INVARIANCE = Result(
    "19",
    "invariance",
    "What training does not depend on",
    "A network rewritten as s f(a u) is trained in the same steps, if rate, epsilon and decay of the optimiser move "
    "along. So K* can depend on L, Delta, beta and epsilon through L Delta/epsilon and beta/epsilon only. c1 and c2 "
    "do, the ratio of Delta L beta does not.",
    STEP_STEPS + RULE_STEPS,
)
