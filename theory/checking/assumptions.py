"""The assumptions, each a formula that the steps relying on it read."""

from sympy.core.relational import Relational

from theory.checking.bounds import ETA_MAX
from theory.checking.inner import Vector, base, inner
from theory.checking.proof import Kind, Step
from theory.checking.relations import eq, le, lt
from theory.sequences import F, G, G_of, L_of, V_of, goal, goal_each, rate, rate_of
from theory.symbols import (
    H_K,
    M_G,
    V_N,
    B,
    H,
    L,
    M,
    M_Gd,
    M_Gs,
    T_bound,
    T_each,
    beta,
    beta_v,
    covariance,
    covariance_12,
    epsilon,
    epsilon_d,
    epsilon_eta,
    epsilon_s,
    eta,
    f_inf,
    f_now,
    k,
    m,
    mean_square,
    mu,
    mu_d,
    mu_g,
    mu_g_d,
    mu_g_s,
    mu_s,
    nu,
    phi,
    t,
    variance,
)

_made: list[Step] = []


def _assume(
    name: str, statement: str, claim: Relational, reference: str, vectors: tuple[Vector, Vector] | None = None
) -> Step:
    """Make an assumption, and enter it behind those made before."""
    _made.append(Step(Kind.ASSUMPTION, name, statement, claim, vectors=vectors, reference=reference))
    return _made[-1]


GRAD, DIFFERENCE, SAMPLED, MEAN, MOVE = base("grad"), base("u"), base("g"), base("m"), base("d")

SMOOTH = _assume(
    "smooth",
    "The gradient is L-Lipschitz along the segment from w to w + d, for every t in (0, 1].",
    le(inner(DIFFERENCE, DIFFERENCE), (L * t) ** 2 * inner(MOVE, MOVE)),
    "Lee et al. 2021, Sec. 4.1; Eq. (11) with all gamma in (0, 1] is enough",
)
BOUNDED = _assume("bounded", "f is bounded below by f_inf.", le(f_inf, f_now), "Lee et al. 2021, Sec. 4.1")
SGD = _assume(
    "sgd",
    "The step of SGD: d = -eta g.",
    eq(inner(MOVE + eta * SAMPLED, MOVE + eta * SAMPLED), 0),
    "Lee et al. 2021, Eq. (1)",
    vectors=(MOVE, -eta * SAMPLED),
)
CONSTANT_RATE = _assume(
    "constant-rate", "The rate of every step is eta.", eq(rate(k), eta), "Lee et al. 2021, Sec. 4.1: fixed rate"
)
FIRST_MOMENT = _assume(
    "first-moment",
    "Given the past, the stochastic gradient points along the gradient with a factor of at least mu.",
    le(mu * inner(GRAD, GRAD), inner(GRAD, MEAN)),
    "Bottou, Curtis, Nocedal 2018, Assumption 4.3(b)",
)
SECOND_MOMENT = _assume(
    "second-moment",
    "Given the past, the stochastic gradient has a second moment of at most M + M_G |∇f|².",
    le(mean_square, M + M_G * inner(GRAD, GRAD)),
    "Bottou, Curtis, Nocedal 2018, Eq. (4.9)",
)
MOMENTS_ORDERED = _assume(
    "moments-ordered",
    "The second-moment constant is at least the square of the first-moment one.",
    le(mu**2, M_G),
    "Lee et al. 2021, Sec. 4.1; Bottou, Curtis, Nocedal 2018, Eq. (4.9)",
)
CAP = _assume("cap", "The rate is at most eta_max.", le(eta, ETA_MAX), "Bottou, Curtis, Nocedal 2018, Theorem 4.8")
CAP_EACH = _assume(
    "cap-each", "The rate of every step k = 1..K is at most eta_max.", le(rate(k), ETA_MAX), "docs/theory.md"
)
DOUBLE_CAP = _assume("double-cap", "The rate is below twice eta_max.", lt(eta, 2 * ETA_MAX), "docs/theory.md, result 8")
NON_INCREASING = _assume(
    "non-increasing", "The rate never rises.", le(rate(k + 1), rate(k)), "docs/theory.md, result 13"
)
UNBIASED = _assume(
    "unbiased",
    "Given the past, the mean of the stochastic gradient is the gradient.",
    eq(inner(MEAN - GRAD, MEAN - GRAD), 0),
    "Lee et al. 2021, Sec. 4.1",
    vectors=(MEAN, GRAD),
)
MOMENTUM = _assume("momentum", "The momentum is below 1.", lt(m, 1), "docs/theory.md, result 14")
POLYAK_LOJASIEWICZ = _assume(
    "polyak-lojasiewicz",
    "The squared gradient is at least 2 nu times the excess loss.",
    le(2 * nu * (F(k) - f_inf), G(k)),
    "Karimi, Nutini, Schmidt 2016",
)
PATH_GRADIENT = _assume(
    "path-gradient",
    "At an excess loss phi the squared gradient is at least G(phi).",
    le(G_of(phi), inner(GRAD, GRAD)),
    "docs/theory.md, result 22",
)
PATH_NOISE = _assume(
    "path-noise",
    "There the variance of one draw is at most V(phi),",
    le(variance, V_of(phi)),
    "docs/theory.md, result 22",
)
PATH_SMOOTH = _assume(
    "path-smooth",
    "and f is L(phi)-smooth on the segment of the step.",
    eq(L, L_of(phi)),
    "docs/theory.md, result 22",
)
INDEPENDENT = _assume(
    "independent",
    "The draws of a batch are independent, given the past.",
    eq(covariance, 0),
    "Lee et al. 2021, Sec. 4.1",
)
MEAN_GROWTH = _assume(
    "mean-growth",
    "The mean of the stochastic gradient is at most mu_G times as long as the gradient.",
    le(inner(MEAN, MEAN), mu_g**2 * inner(GRAD, GRAD)),
    "Bottou, Curtis, Nocedal 2018, Assumption 4.3(b)",
)
NOISE_GROWTH = _assume(
    "noise-growth",
    "One draw has a variance of at most beta + beta_V |∇f|²; the paper has beta_V = 0.",
    le(variance, beta + beta_v * inner(GRAD, GRAD)),
    "Bottou, Curtis, Nocedal 2018, Assumption 4.3(c)",
)
NOISE_CONSTANT = _assume(
    "noise-constant",
    "The variance of one draw does not grow with |∇f|², so that M_G is the same at every batch size.",
    eq(beta_v, 0),
    "Lee et al. 2021, Sec. 4.1: M proportional to 1/B, M_G a constant",
)
WITHOUT_REPLACEMENT = _assume(
    "without-replacement",
    "The B draws are a uniformly random subset of the N examples; all N together have no variance.",
    eq(V_N, 0),
    "docs/theory.md, result 4",
)
INDEPENDENT_EPOCHS = _assume(
    "independent-epochs",
    "The orders of different epochs are independent.",
    eq(covariance_12, 0),
    "docs/theory.md, result 4",
)
TIGHT = _assume(
    "tight",
    "The textbook bound holds with equality when the goal is reached: its right side is then the goal.",
    eq(T_bound, goal(B)),
    "Lee et al. 2021, App. A.1",
)
TIGHT_EACH = _assume(
    "tight-each",
    "Eq. (7), too, holds with equality when its goal is reached, which is another quantity.",
    eq(T_each, goal_each(B)),
    "Lee et al. 2021, App. A.2",
)
SAME_RATE = _assume(
    "same-rate",
    "One rate eta serves every batch size.",
    eq(rate_of(B), eta),
    "Lee et al. 2021, Prop. 4.1: eta* in c2",
)
SAME_GOAL = _assume(
    "same-goal",
    "The goal, a mean of E|∇f|² over the steps up to K, is the same at every batch size.",
    eq(goal(B), epsilon),
    "Lee et al. 2021, Prop. 4.1: epsilon in c1 and c2",
)
SAME_GOAL_EACH = _assume(
    "same-goal-each",
    "The goal of Eq. (7), a mean of eta_k E|∇f|² over the steps up to K, is the same at every batch size.",
    eq(goal_each(B), epsilon_eta),
    "Lee et al. 2021, Eq. (10)",
)
SAME_SUM = _assume(
    "same-sum",
    "H is the same at every K: the sequence of rates is fixed, square-summable and summed to its end.",
    eq(H_K, H),
    "Lee et al. 2021, Eqs. (8)-(10)",
)
EQUAL_GOALS = _assume(
    "equal-goals",
    "The goal, a mean of E|∇f|², is the same for the sparse network as for the dense one.",
    eq(epsilon_s, epsilon_d),
    "Lee et al. 2021, Sec. 4.2",
)
EQUAL_MU = _assume("equal-mu", "So is mu.", eq(mu_s, mu_d), "Lee et al. 2021, Sec. 4.2")
EQUAL_GROWTH = _assume(
    "equal-growth", "mu_G is the same for both networks.", eq(mu_g_s, mu_g_d), "docs/theory.md, result 12"
)
EQUAL_M_G = _assume("equal-m_g", "M_G is the same for both networks.", eq(M_Gs, M_Gd), "Lee et al. 2021, Sec. 4.2")

ASSUMPTIONS: tuple[Step, ...] = tuple(_made)
