"""Every symbol of the theory, once: its assumptions, its meaning, its unit and how it is written.

Units are products of loss, weight, example and step. Steps and examples are counts: they are named for the
reader and carry no dimension.
"""

from dataclasses import dataclass

import sympy

LOSS, WEIGHT, EXAMPLE, STEP = sympy.symbols("loss weight example step", positive=True)
ONE = sympy.Integer(1)
GRADIENT = LOSS / WEIGHT
RATE = WEIGHT**2 / LOSS


@dataclass(frozen=True)
class Quantity:
    """A symbol with what it means, the unit it is measured in and how it is written.

    Empty `text` and `latex` leave the writing to sympy.
    """

    symbol: sympy.Symbol
    meaning: str
    unit: sympy.Expr
    text: str = ""
    latex: str = ""


QUANTITIES: dict[sympy.Symbol, Quantity] = {}


def define(
    name: str, meaning: str, unit: sympy.Expr, text: str = "", latex: str = "", **assumptions: bool
) -> sympy.Symbol:
    """Return the symbol of this name, positive unless said otherwise, and enter it in QUANTITIES."""
    symbol = sympy.Symbol(name, **(assumptions or {"positive": True}))
    QUANTITIES.setdefault(symbol, Quantity(symbol, meaning, unit, text, latex))
    return symbol


# The problem and the method (Lee et al. 2021, Section 4.1)
B = define("B", "batch size", EXAMPLE)
K = define("K", "number of steps", STEP)
L = define("L", "smoothness: Lipschitz constant of the gradient", LOSS / WEIGHT**2)
Delta = define("Delta", "twice the initial excess loss, 2 (f(w_1) - f_inf)", LOSS, "Δ")
beta = define("beta", "gradient variance of one example", GRADIENT**2 * EXAMPLE, "β")
epsilon = define("epsilon", "goal: mean of E|∇f(w_k)|² over the steps up to K", GRADIENT**2, "ε")
mu = define("mu", "first-moment constant of the stochastic gradient", ONE, "μ")
M = define("M", "noise of the stochastic gradient at batch size B", GRADIENT**2)
M_G = define("M_G", "second-moment constant of the stochastic gradient", ONE)
eta = define("eta", "learning rate", RATE, "η")
f_inf = define("f_inf", "lower bound of f", LOSS, "f_inf", r"f_{\inf}", real=True)
H = define("H", "sum of the squared learning rates, Eq. (8)", RATE**2)

# The law K(B)
c1 = define("c1", "noise term of the step law", STEP * EXAMPLE)
c2 = define("c2", "serial floor of the step law", STEP)
alpha = define("alpha", "exponent of the batch size in law P", ONE, "\N{GREEK SMALL LETTER ALPHA}")
h = define("h", "softness of the knee in law S", ONE)
B_crit = define("B_crit", "critical batch size, c1/c2", EXAMPLE, latex=r"B_{\mathrm{crit}}")

# Growth of the noise and drawing without replacement
beta_v = define("beta_V", "growth of the gradient variance with |∇f|²", EXAMPLE, "β_V", r"\beta_V")
mu_g = define("mu_G", "growth of the mean gradient: |E g| <= mu_G |∇f|", ONE, "μ_G", r"\mu_G")
N = define("N", "number of training examples", EXAMPLE)
n1 = define("n1", "examples a batch takes from the old epoch", EXAMPLE)
n2 = define("n2", "examples a batch takes from the new epoch", EXAMPLE)
V_B = define("V_B", "variance of the mean of B draws", GRADIENT**2, "V(B)", "V(B)", real=True)
covariance = define(
    "covariance", "covariance of two draws of a batch", GRADIENT**2 * EXAMPLE, "κ", r"\kappa", real=True
)

# Running indices and auxiliary numbers
k = define("k", "step", STEP, integer=True)
i = define("i", "draw", ONE, integer=True)
j = define("j", "draw", ONE, integer=True)
n = define("n", "order of the expansion", ONE, integer=True, nonnegative=True)
t = define("t", "position on the segment from w to w + d", ONE)
r = define("r", "a number: doublings of B, or learning rate over its optimum", ONE)
scale = define("lambda", "a factor", ONE, "λ")
w = define("w", "weight of a one-dimensional example", WEIGHT)

# One step from w to w + d, the stochastic gradient g at w; E is the mean given the past
f_now = define("f_now", "f before the step", LOSS, "f(w)", "f(w)", real=True)
f_next = define("f_next", "f after the step", LOSS, "f(w+d)", "f(w+d)", real=True)
mean_f_next = define("mean_f_next", "mean of f after the step", LOSS, "E f(w+d)", r"\mathrm{E} f(w+d)", real=True)
mean_inner = define(
    "mean_inner",
    "mean of the inner product",
    GRADIENT**2,
    "E⟨∇f, g⟩",
    r"\mathrm{E}\langle\nabla f,\, g\rangle",
    real=True,
)
mean_square = define("mean_square", "second moment of g", GRADIENT**2, "E|g|²", r"\mathrm{E}|g|^2", nonnegative=True)
variance = define("variance", "variance of one draw", GRADIENT**2 * EXAMPLE, "V(1)", "V(1)", nonnegative=True)

# Names the derivation introduces
x = define("x", "B_low/B = c1/(B c2)", ONE)
B_low = define("B_low", "batch size up to which the fixed-rate bound is vacuous", EXAMPLE, latex=r"B_{\mathrm{low}}")
K_1 = define("K_1", "first-order expansion of K in x", STEP)
K_eta = define("K_eta", "steps the sharp bound asks for at rate eta", STEP, "K(η)", r"K(\eta)")
K_star = define("K_star", "steps to result: K(eta) at the best rate", STEP, "K*", "K^*")
K_max = define("K_max", "budget", STEP, latex=r"K_{\max}")
eta_max = define("eta_max", "largest rate of the textbook bound, mu/(L M_G)", RATE, "η_max", r"\eta_{\max}")
eta_star = define("eta_star", "best rate", RATE, "η*", r"\eta^*")
B_0 = define("B_0", "noise scale, beta/(epsilon M_G)", EXAMPLE)
decrease = define("delta", "least decrease of f in a step at |∇f|² = epsilon", LOSS, "δ(η)", r"\delta(\eta)")
decrease_star = define("delta_star", "the largest such decrease over eta", LOSS, "δ*", r"\delta^*")
G_mean = define(
    "G_mean", "mean of E|∇f(w_k)|² over k = 1..K", GRADIENT**2, "avg E G", r"\overline{G}", nonnegative=True
)
G_weighted = define(
    "G_weighted",
    "mean of η_k E|∇f(w_k)|² over k = 1..K",
    LOSS,
    "avg η_k E G_k",
    r"\overline{\eta G}",
    nonnegative=True,
)
T_bound = define("T_bound", "right side of the textbook bound (2)", GRADIENT**2, "R_text", r"R_{\mathrm{text}}")
S_bound = define("S_bound", "right side of the sharp bound", GRADIENT**2, "R_sharp", r"R_{\mathrm{sharp}}")

K_doubled = define("K_doubled", "K_1 at the batch size 2^r B", STEP, "K_1(2^r B)", r"K_1(2^r B)")
K_more_L = define("K_more_L", "K* at the smoothness λL", STEP, "K*(λL)", r"K^*(\lambda L)")
K_more_Delta = define("K_more_Delta", "K* at λΔ", STEP, "K*(λΔ)", r"K^*(\lambda\Delta)")
K_more_beta = define("K_more_beta", "K* at λβ", STEP, "K*(λβ)", r"K^*(\lambda\beta)")
slope = define("slope", "slope of log eta* on log B", ONE, "d log η*/d log B", r"\frac{d\log\eta^*}{d\log B}")
r_low = define("r_low", "lower end of the successful rates, over eta*", ONE, latex=r"r_{\mathrm{low}}")
r_high = define("r_high", "upper end of the successful rates, over eta*", ONE, latex=r"r_{\mathrm{high}}")
epsilon_eta = define("epsilon_eta", "goal of Eq. (7): mean of η_k E|∇f(w_k)|² up to K", LOSS, "ε̃", r"\tilde{\epsilon}")
c1_decay = define("c1_decay", "noise term for a decaying rate, Eq. (10)", STEP * EXAMPLE, "c1'", "c_1'")
c2_decay = define("c2_decay", "serial floor for a decaying rate, Eq. (10)", STEP, "c2'", "c_2'")

# Sparse against dense
Delta_s, Delta_d = (
    define(f"Delta_{q}", f"Delta of the {a} network", LOSS, f"Δ_{q}") for q, a in (("s", "sparse"), ("d", "dense"))
)
L_s, L_d = (define(f"L_{q}", f"L of the {a} network", LOSS / WEIGHT**2) for q, a in (("s", "sparse"), ("d", "dense")))
beta_s, beta_d = (
    define(f"beta_{q}", f"beta of the {a} network", GRADIENT**2 * EXAMPLE, f"β_{q}")
    for q, a in (("s", "sparse"), ("d", "dense"))
)
ratio_c1 = define("ratio_c1", "c1 of the sparse network over c1 of the dense one", ONE, "c1_s/c1_d", r"c_{1,s}/c_{1,d}")
rounded_c1 = define(
    "rounded_c1", "that ratio to three decimals", ONE, "round(c1_s/c1_d)", r"\mathrm{round}(c_{1,s}/c_{1,d})"
)
rounded_c2 = define(
    "rounded_c2", "that ratio to three decimals", ONE, "round(c2_s/c2_d)", r"\mathrm{round}(c_{2,s}/c_{2,d})"
)
ratio_c2 = define("ratio_c2", "c2 of the sparse network over c2 of the dense one", ONE, "c2_s/c2_d", r"c_{2,s}/c_{2,d}")

# Sequences along training: F(k) = E f(w_k), G(k) = E|∇f(w_k)|², Eta(k) = eta_k
F = sympy.Function("F", real=True)
G = sympy.Function("G", nonnegative=True)
rate = sympy.Function("Eta", positive=True)
SEQUENCES: dict[str, tuple[sympy.Expr, str, str]] = {
    "F": (LOSS, "E f(w_{})", r"\mathrm{{E}} f(w_{{{}}})"),
    "G": (GRADIENT**2, "E G_{}", r"\mathrm{{E}} G_{{{}}}"),
    "Eta": (RATE, "η_{}", r"\eta_{{{}}}"),
}
