"""Every symbol of the theory: its assumptions, meaning, unit and notation.

Units are products of loss, weight, example, step and second. Steps and examples are counts: they are named for the
reader and carry no dimension.
"""

from dataclasses import dataclass

import sympy

LOSS, WEIGHT, EXAMPLE, STEP, SECOND = sympy.symbols("loss weight example step second", positive=True)
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
beta_v = define("beta_V", "growth of the gradient variance with |∇f|²", EXAMPLE, "β_V", r"\beta_V", nonnegative=True)
mu_g = define("mu_G", "growth of the mean gradient: |E g| <= mu_G |∇f|", ONE, "μ_G", r"\mu_G")
N = define("N", "number of training examples", EXAMPLE)
n1 = define("n1", "examples a batch takes from the old epoch", EXAMPLE)
n2 = define("n2", "examples a batch takes from the new epoch", EXAMPLE)
V_N, V_1, V_2, V_12 = (
    define(f"V_{name}", f"variance of the mean of {words}", GRADIENT**2, text, text, real=True)
    for name, words, text in (
        ("N", "all N examples", "V(N)"),
        ("1", "n_1 draws", "V(n_1)"),
        ("2", "n_2 draws", "V(n_2)"),
        ("12", "n_1 draws of one epoch and n_2 of the next", "V(n_1+n_2)"),
    )
)
covariance_12 = define(
    "covariance_12", "covariance of draws of two epochs", GRADIENT**2 * EXAMPLE, "κ_12", r"\kappa_{12}", real=True
)
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
mean_square = define("mean_square", "second moment of g", GRADIENT**2, "E|g|²", r"\mathrm{E}|g|^2", nonnegative=True)
mean_square_after = define(
    "mean_square_after",
    "mean of |∇f|² after the step",
    GRADIENT**2,
    "E|∇f'|²",
    r"\mathrm{E}|\nabla f'|^2",
    nonnegative=True,
)
variance = define("variance", "variance of one draw", GRADIENT**2 * EXAMPLE, "V(1)", "V(1)", nonnegative=True)

# Names the derivation introduces
x = define("x", "B_low/B = c1/(B c2)", ONE)
B_low = define("B_low", "batch size up to which the fixed-rate bound is vacuous", EXAMPLE, latex=r"B_{\mathrm{low}}")
K_1 = define("K_1", "first-order expansion of K in x", STEP)
K_eta = define("K_eta", "steps the sharp bound asks for at rate eta", STEP, "K(η)", r"K(\eta)")
K_star = define("K_star", "steps to result: K(eta) at the best rate", STEP, "K*", "K^*")
K_max = define("K_max", "budget", STEP, latex=r"K_{\max}")
eta_max = define("eta_max", "largest rate of the textbook bound, mu/(L M_G)", RATE, "η_max", r"\eta_{\max}")
eta_equal = define("eta_equal", "rate at which both bounds are equal", RATE, "η_=", r"\eta_{=}")
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
T_each = define("T_each", "right side of the textbook bound (7)", LOSS, "R_each", r"R_{\mathrm{each}}")
S_bound = define("S_bound", "right side of the sharp bound", GRADIENT**2, "R_sharp", r"R_{\mathrm{sharp}}")

K_doubled = define("K_doubled", "K_1 at the batch size 2^r B", STEP, "K_1(2^r B)", r"K_1(2^r B)")
K_r = define("K_r", "steps the sharp bound asks for at r times the best rate", STEP, "K(r η*)", r"K(r\eta^*)")
K_clean = define("K_clean", "K* for beta = 0", STEP, "K*(β=0)", r"K^*(\beta{=}0)")
K_more_L = define("K_more_L", "K* at the smoothness λL", STEP, "K*(λL)", r"K^*(\lambda L)")
K_more_Delta = define("K_more_Delta", "K* at λΔ", STEP, "K*(λΔ)", r"K^*(\lambda\Delta)")
K_more_beta = define("K_more_beta", "K* at λβ", STEP, "K*(λβ)", r"K^*(\lambda\beta)")
slope = define("slope", "slope of log eta* on log B", ONE, "d log η*/d log B", r"\frac{d\log\eta^*}{d\log B}")
r_low = define("r_low", "lower end of the successful rates, over eta*", ONE, latex=r"r_{\mathrm{low}}")
r_high = define("r_high", "upper end of the successful rates, over eta*", ONE, latex=r"r_{\mathrm{high}}")
epsilon_eta = define("epsilon_eta", "goal of Eq. (7): mean of η_k E|∇f(w_k)|² up to K", LOSS, "ε̃", r"\tilde{\epsilon}")
c1_decay = define("c1_decay", "noise term for a decaying rate, Eq. (10)", STEP * EXAMPLE, "c1'", "c_1'")
c2_decay = define("c2_decay", "serial floor for a decaying rate, Eq. (10)", STEP, "c2'", "c_2'")

# The tuned textbook bound
K_text = define("K_text", "steps the textbook bound asks for at rate eta", STEP, "K_2(η)", r"K_{(2)}(\eta)")
K_free = define("K_free", "the least of them over all rates", STEP, "K_free", r"K_{\mathrm{free}}")
K_capped = define("K_capped", "those at the rate eta_max", STEP, "K_capped", r"K_{\mathrm{capped}}")
price = define("price", "K_knee/K*", ONE, "K_knee/K*", r"K_{\mathrm{knee}}/K^*")
K_knee = define("K_knee", "those at B = 2 B_0", STEP, "K_knee", r"K_{\mathrm{knee}}")
slope_knee = define("slope_knee", "dK/dB at B = 2 B_0", STEP / EXAMPLE, "K'_knee", r"K'_{\mathrm{knee}}", real=True)
eta_free = define("eta_free", "best rate of the textbook bound without its cap", RATE, "η_f", r"\eta_{\mathrm{f}}")
mean_passage = define(
    "mean_passage", "mean number of steps before the first passage", STEP, "E(τ-1)", r"\mathrm{E}(\tau-1)"
)

# The worst case
contraction = define("contraction", "factor of E G per step on f = L|w|²/2", ONE, "q", "q", real=True)
contraction_star = define("contraction_star", "q at the best rate", ONE, "q*", "q^*", real=True)
left = define("left", "q^K_w: what is left of the start", ONE, "q^K_w", r"q^{K_{\mathrm{w}}}", real=True)
K_worst = define("K_worst", "steps at which the worst case meets the goal", STEP, "K_w", r"K_{\mathrm{w}}")
worst_sum = define("worst_sum", "largest sum of E G_k over K steps", GRADIENT**2, "W", "W")
residue = define("residue", "M/(2 mu - L M_G eta)²", GRADIENT**2, "V_end", r"V_{\mathrm{end}}")
residue_star = define("residue_star", "the same at the best rate", GRADIENT**2, "V_end*", r"V^*_{\mathrm{end}}")
lost = define("lost", "share of Delta that the noise at the end takes", ONE, "δΔ/Δ", r"\delta\Delta/\Delta", real=True)
left_r, lost_r, K_worst_r = (
    define(
        f"{name}_r",
        f"{name} at r times the best rate",
        unit,
        text,
        latex,
        **{"positive" if unit != ONE else "real": True},
    )
    for name, unit, text, latex in (
        ("left", ONE, "q^K_w(r)", r"q^{K_{\mathrm{w}}(r)}"),
        ("lost", ONE, "δΔ(r)/Δ", r"\delta\Delta(r)/\Delta"),
        ("K_worst", STEP, "K_w(r)", r"K_{\mathrm{w}}(r)"),
    )
)
nearness = define("nearness", "epsilon/(L Delta): the goal over the largest |∇f|² at the start", ONE, "y", "y")
root = define("root", "root of 1 - epsilon/(L Delta)", ONE, "√(1-y)", r"\sqrt{1-y}")

# What Eq. (11) measures along a step
L_11 = define("L_11", "smoothness measured by Eq. (11) at the whole step", LOSS / WEIGHT**2, latex="L_{11}")
length_before = define("length_before", "length of the gradient before the step", GRADIENT, "l", r"\ell")
length_after = define("length_after", "length of the gradient after the step", GRADIENT, "l'", r"\ell'")
length_step = define("length_step", "length of the stochastic gradient", GRADIENT, "l_g", r"\ell_g")

# Schedules: the rate of step k, k from 0, is the peak rate eta times a shape
A_K = define("A_K", "sum of the rates of the first K steps", RATE)
H_K = define("H_K", "sum of their squares, Eq. (8) up to K", RATE**2)
A_D = define("A_D", "A_K at K = D", RATE)
H_D = define("H_D", "H_K at K = D", RATE**2)
decay_steps = define("decay_steps", "steps until the rate stays as it is", STEP, "D", "D", positive=True, integer=True)
end_factor = define("end_factor", "end rate over peak rate", ONE, "e", "e", nonnegative=True)
power = define("power", "exponent of a schedule", ONE, "p", "p")
tau = define("tau", "steps after which the rate is halved", STEP, "τ")
gamma = define("gamma", "factor by which the rate falls", ONE, "\N{GREEK SMALL LETTER GAMMA}")
stages = define("stages", "whole stages of a step schedule", ONE, "n_D", "n_D", positive=True, integer=True)
rest = define("rest", "steps in the stage after them", STEP, "r_D", "r_D", nonnegative=True, integer=True)
y = define("y", "a variable of integration", ONE)
s = define("s", "an exponent's distance from 1", ONE)
square_cost = define("square_cost", "factor of H_K in the steps asked for, L beta/(mu goal B)", RATE**-2, "a", "a")
noiseless = define("noiseless", "steps asked for without noise, Delta/(mu goal)", STEP, "b", "b")
rate_end = define("rate_end", "limit of the rate", RATE, "η_∞", r"\eta_\infty", nonnegative=True)
excess_1 = define("excess_1", "K - a H_K - b", STEP, "g(K)", "g(K)", real=True)
excess_2 = define("excess_2", "K - a H_K - b at K_2", STEP, "g(K_2)", "g(K_2)", real=True)
K_2 = define("K_2", "another number of steps", STEP)
G_rated = define("G_rated", "mean of E|∇f(w_k)|² weighted by the rates", GRADIENT**2, "avg_η E G", r"\overline{G}_\eta")
G_sharp = define(
    "G_sharp", "mean of E|∇f(w_k)|² with the weights of the sharp bound", GRADIENT**2, "avg_s E G", r"\overline{G}_s"
)
shape_sum = define("shape_sum", "A_K at the peak rate 1", STEP, "a_K", "a_K")
square_sum = define("square_sum", "H_K at the peak rate 1", STEP, "h_K", "h_K")
peak = define("peak", "peak rate", RATE, "η̂", r"\hat\eta")
peak_star = define("peak_star", "best peak rate", RATE, "η̂*", r"\hat\eta^*")
A_whole = define("A_whole", "A_K of a decay to 0 that ends with step K", RATE, "A_K", "A_K")
H_whole = define("H_whole", "H_K of a decay to 0 that ends with step K", RATE**2, "H_K", "H_K")
effective_steps = define("effective_steps", "A_K²/H_K", STEP, "K_eff", r"K_{\mathrm{eff}}")

# Momentum: v <- m v + g; z makes plain steps of rate a
m = define("m", "momentum", ONE)
lead = define("lead", "1 for heavy ball, 2 for Nesterov momentum", ONE, "j", "j", positive=True, integer=True)
a_rate = define("a_rate", "rate over 1 - m", RATE, "a", "a")
z_now = define("z_now", "w - m^j a v", WEIGHT, "z", "z", real=True)
z_next = define("z_next", "the same after a step", WEIGHT, "z'", "z'", real=True)
v_before = define("v_before", "buffer before the step", GRADIENT, "v", "v", real=True)
g_sample = define("g_sample", "stochastic gradient", GRADIENT, "g", "g", real=True)
f_z = define("f_z", "f at z", LOSS, "f(z)", "f(z)", real=True)
f_z_next = define("f_z_next", "f at z after a step", LOSS, "f(z')", "f(z')", real=True)
mean_f_z_next = define("mean_f_z_next", "mean of f at z after it", LOSS, "E f(z')", r"\mathrm{E} f(z')", real=True)
mean_square_u = define(
    "mean_square_u", "mean of |(1-m) v|² after the step", GRADIENT**2, "E|u'|²", r"\mathrm{E}|u'|^2", nonnegative=True
)

# A loss goal
nu = define("nu", "constant of Polyak and Lojasiewicz", LOSS / WEIGHT**2, "\N{GREEK SMALL LETTER NU}")
phi = define("phi", "excess loss, E f - f_inf", LOSS, "φ")
phi_1 = define("phi_1", "excess loss at the start", LOSS, "φ_1")
phi_goal = define("phi_goal", "excess loss at the goal", LOSS, "φ_goal", r"\phi_{\mathrm{goal}}")
eta_loss = define("eta_loss", "rate that lowers an excess loss most", RATE, "η(φ)", r"\eta(\phi)")
decrease_at = define(
    "decrease_at", "by which a step at rate eta lowers an excess loss", LOSS, "d(φ)", r"d(\phi)", real=True
)
decrease_loss = define("decrease_loss", "by which it does", LOSS, "D(φ)", r"D(\phi)")
time_high = define("time_high", "steps per loss at phi_1", 1 / LOSS, "1/D(φ_1)", r"1/D(\phi_1)")
time_low = define("time_low", "steps per loss at phi_goal", 1 / LOSS, "1/D(φ_goal)", r"1/D(\phi_{\mathrm{goal}})")

# Choosing a batch size
K_soft = define("K_soft", "law S at h = 1", STEP, "K_S(h=1)", r"K_S(h{=}1)")
K_S = define("K_S", "steps of law S", STEP)
slope_sharpness = define(
    "slope_sharpness", "slope of law S", ONE, "d log K_S/d log B", r"\frac{d\log K_S}{d\log B}", real=True
)
bend = define("bend", "how much it rises per unit of log B at the knee", ONE, "bend", r"\mathrm{bend}")
efficiency = define("efficiency", "share of linear scaling", ONE, "e", "e")
B_efficient = define("B_efficient", "batch size of this efficiency", EXAMPLE, "B(e)", "B(e)")
B_20 = define("B_20", "20% critical batch size", EXAMPLE, "B_20", r"B_{20}")
B_ref = define("B_ref", "reference batch size", EXAMPLE, "B_ref", r"B_{\mathrm{ref}}")
B_fastest = define("B_fastest", "batch size of the least time", EXAMPLE, "B_fast", r"B_{\mathrm{fast}}")
fixed_time = define("fixed_time", "time of a step at any batch size", SECOND / STEP, "t0", "t_0")
time_per_example = define("time_per_example", "time an example adds to a step", SECOND / STEP / EXAMPLE, "t1", "t_1")
least_time = define("least_time", "the least time to the goal", SECOND, "T_min", r"T_{\min}")
examples = define("examples", "examples seen up to K* at B_ref", EXAMPLE, "E_ref", r"E_{\mathrm{ref}}")
total_time = define("total_time", "time to the goal", SECOND, "T")

# Another parametrisation, f_a(u) = s f(a u)
zoom = define("zoom", "weights are divided by it", ONE, "a", "a")
stretch = define("stretch", "the loss is multiplied by it", ONE, "s", "s")
u_now = define("u_now", "weight of the rewritten network, w/a", WEIGHT, "u", "u", real=True)
u_next = define("u_next", "the same after its step", WEIGHT, "u'", "u'", real=True)
g_rewritten = define("g_rewritten", "its stochastic gradient", GRADIENT, "g_a", "g_a", real=True)
v_rewritten = define("v_rewritten", "its buffer before the step", GRADIENT, "v_a", "v_a", real=True)
share_g = define("share_g", "how much of g a step takes", ONE, "p", "p", real=True)
share_v = define("share_v", "how much of the buffer a step takes", ONE, "q_v", "q_v", real=True)
first_moment = define("first_moment", "mean of past gradients, as AdamW has it", GRADIENT, "m^", r"\hat m", real=True)
second_moment = define(
    "second_moment", "root of the mean of their squares", GRADIENT, "r^", r"\hat r", nonnegative=True
)
eta_adam = define("eta_adam", "rate of AdamW", WEIGHT, "η_A", r"\eta_A")
tiny = define("tiny", "what AdamW adds to its divisor", GRADIENT, "ε_A", r"\epsilon_A")
decay = define("decay", "weight decay of AdamW", 1 / WEIGHT, "λ_A", r"\lambda_A", nonnegative=True)
unit_loss = define("unit_loss", "one unit of loss", LOSS, "1_f", "1_f")
unit_weight = define("unit_weight", "one unit of weight", WEIGHT, "1_w", "1_w")
L_rewritten, Delta_rewritten, beta_rewritten, epsilon_rewritten = (
    define(f"{q.name}_rewritten", f"{q.name} of the rewritten network", QUANTITIES[q].unit, f"{text}_a", f"{latex}_a")
    for q, text, latex in (
        (L, "L", "L"),
        (Delta, "Δ", r"\Delta"),
        (beta, "β", r"\beta"),
        (epsilon, "ε", r"\epsilon"),
    )
)
product, product_rewritten = (
    define(name, meaning, (LOSS / WEIGHT) ** 4 * EXAMPLE, text, text)
    for name, meaning, text in (
        ("product", "Delta L beta, whose ratio Appendix C takes", "P"),
        ("product_rewritten", "that of the rewritten network", "P_a"),
    )
)

# The account of a run
CURVED = GRADIENT**2 * LOSS / WEIGHT**2
curved = define("curved", "curvature along the step, g'H~g", CURVED, "g'H~g", r"g^\top\tilde H g", real=True)
mean_curved = define("mean_curved", "its mean", CURVED, "E g'H~g", r"\mathrm{E}\,g^\top\tilde H g", real=True)
curvature = define("curvature", "E g'H~g over E|g|²", LOSS / WEIGHT**2, "λ~", r"\tilde\lambda", real=True)
Delta_run = define("Delta_run", "what the loss falls up to K", LOSS, "Δ_run", r"\Delta_{\mathrm{run}}")
clean_steps = define("clean_steps", "steps of a descent without loss", STEP, "N_K", "N_K")
kept = define("kept", "share of the descent that was kept", ONE, "e", "e", real=True)
loss_of_steps = define("loss_of_steps", "twice the share that was lost", ONE, "s_K", "s_K", real=True)
promised = define("promised", "sum of -∇f'd over the steps", LOSS, "Σ-∇f'd", r"\sum -\nabla f^\top d")
aligned = define("aligned", "that sum over eta K times the mean of G", ONE, "\N{GREEK SMALL LETTER RHO}_d", r"\rho_d")

# A bound along the path: what the excess loss says of gradient, noise and smoothness
eta_path = define("eta_path", "rate that lowers an excess loss most, given the path", RATE, "η_p(φ)", r"\eta_p(\phi)")
c1_flat, c2_flat, c1_steep, c2_steep, c1_relative, c2_relative = (
    define(f"{c}_{name}", f"{c} of the path bound for {words}", unit, f"{c}{mark}", f"c_{c[1]}{latex}")
    for name, words, mark, latex in (
        ("flat", "constant gradient, noise and smoothness", " const", r"^{\mathrm{const}}"),
        ("steep", "a gradient of 2 nu phi", " PL", r"^{\mathrm{PL}}"),
        ("relative", "smoothness and noise that go as the gradient", " rel", r"^{\mathrm{rel}}"),
    )
    for c, unit in (("c1", STEP * EXAMPLE), ("c2", STEP))
)
L_1 = define("L_1", "smoothness over the gradient", 1 / WEIGHT, "L1", "L_1")
v_1 = define("v_1", "noise over the gradient", GRADIENT * EXAMPLE, "v1", "v_1")

# A noisy quadratic, mode by mode, and the gradient flow
h_mode = define("h_mode", "curvature of a mode", LOSS / WEIGHT**2, "h_i", "h_i")
n_mode = define("n_mode", "gradient variance of one example in a mode", GRADIENT**2 * EXAMPLE, "n_i", "n_i")
mode_start = define("mode_start", "mean square of a mode's weight at the start", WEIGHT**2, "s_i(0)", "s_i(0)")
mode_end = define("mode_end", "what it tends to", WEIGHT**2, "s_i*", "s_i^*", real=True)
mode_kept = define("mode_kept", "share of it that a step keeps, (1 - eta h_i)²", ONE, "q_i", "q_i")
mode_lost = define("mode_lost", "loss that a mode loses up to K", LOSS, "Δ_i", r"\Delta_i", real=True)
mode_floor = define(
    "mode_floor", "what noise keeps up of |∇f|²", GRADIENT**2, "G_fl,i", r"G_{\mathrm{fl},i}", real=True
)
T_flow = define("T_flow", "time of the gradient flow to the loss at K", RATE, "T_flow", r"T_{\mathrm{flow}}")
G_flow = define("G_flow", "mean of |∇f|² in the flow", GRADIENT**2, "G_flow", r"\overline{G}_{\mathrm{flow}}")
flow_factor = define("flow_factor", "eta K over the time of the flow", ONE, "c", "c")
turn = define("turn", "eta times a curvature", ONE, "z", "z")
fall = define("fall", "excess loss at the start over that at the goal", ONE, "r_φ", r"r_\phi")
floor_share = define("floor_share", "what noise keeps up, over the goal", ONE, "x", "x")
eta_floor = define("eta_floor", "rate whose noise alone is the goal", RATE, "η_1", r"\eta_1")
steps_slope = define("steps_slope", "dK/dx", STEP, "dK/dx", "dK/dx", real=True)
h_flat = define("h_flat", "curvature in which the loss falls", LOSS / WEIGHT**2, "h_f", "h_f")
h_noise = define("h_noise", "mean curvature that the noise has", LOSS / WEIGHT**2, "h_S", "h_S")
T_s, T_d, eta_s, eta_d, factor_s, factor_d = (
    define(f"{name}_{q}", f"{name} of the {a} network", unit, f"{text}_{q}", f"{latex}_{q}")
    for name, unit, text, latex in (("T", RATE, "T", "T"), ("eta", RATE, "η", r"\eta"), ("factor", ONE, "c", "c"))
    for q, a in (("s", "sparse"), ("d", "dense"))
)
B_least = define("B_least", "batch size of the fewest examples at a fixed rate", EXAMPLE, "B_few", r"B_{\mathrm{few}}")
examples_fixed = define("examples_fixed", "examples seen up to K at a fixed rate", EXAMPLE, "B K", "BK")
examples_least = define("examples_least", "the fewest of them", EXAMPLE, "(B K)_few", r"(BK)_{\mathrm{few}}")

# Sparse against dense
Delta_s, Delta_d = (
    define(f"Delta_{q}", f"Delta of the {a} network", LOSS, f"Δ_{q}") for q, a in (("s", "sparse"), ("d", "dense"))
)
L_s, L_d = (define(f"L_{q}", f"L of the {a} network", LOSS / WEIGHT**2) for q, a in (("s", "sparse"), ("d", "dense")))
beta_s, beta_d = (
    define(f"beta_{q}", f"beta of the {a} network", GRADIENT**2 * EXAMPLE, f"β_{q}")
    for q, a in (("s", "sparse"), ("d", "dense"))
)
epsilon_s, epsilon_d = (
    define(f"epsilon_{q}", f"goal of the {a} network", GRADIENT**2, f"ε_{q}", rf"\epsilon_{q}")
    for q, a in (("s", "sparse"), ("d", "dense"))
)
mu_s, mu_d = (define(f"mu_{q}", f"mu of the {a} network", ONE, f"μ_{q}") for q, a in (("s", "sparse"), ("d", "dense")))
mu_g_s, mu_g_d = (
    define(f"mu_G{q}", f"mu_G of the {a} network", ONE, f"μ_G,{q}", rf"\mu_{{G,{q}}}")
    for q, a in (("s", "sparse"), ("d", "dense"))
)
M_Gs, M_Gd = (
    define(f"M_G{q}", f"M_G of the {a} network", ONE, f"M_G,{q}", f"M_{{G,{q}}}")
    for q, a in (("s", "sparse"), ("d", "dense"))
)
c1_s, c1_d, c2_s, c2_d = (
    define(f"{c}_{q}", f"{c} of the {a} network", unit, f"{c}_{q}", f"c_{{{c[1]},{q}}}")
    for c, unit in (("c1", STEP * EXAMPLE), ("c2", STEP))
    for q, a in (("s", "sparse"), ("d", "dense"))
)
K_s, K_d = (
    define(f"K_{q}", f"K* of the {a} network", STEP, f"K*_{q}", f"K^*_{q}")
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

beta_v_s, beta_v_d = (
    define(f"beta_V{q}", f"beta_V of the {a} network", EXAMPLE, f"β_V,{q}", rf"\beta_{{V,{q}}}", nonnegative=True)
    for q, a in (("s", "sparse"), ("d", "dense"))
)
B_crit_s, B_crit_d = (
    define(f"B_crit_{q}", f"critical batch size of the {a} network", EXAMPLE, f"B_{q}", f"B_{q}")
    for q, a in (("s", "sparse"), ("d", "dense"))
)
ratio_steps = define("ratio_steps", "K* of the sparse network over K* of the dense one", ONE, "R(B)", "R(B)")
slope_ratio = define(
    "slope_ratio", "slope of log R on log B", ONE, "d log R/d log B", r"\frac{d\log R}{d\log B}", real=True
)
slope_middle = define(
    "slope_middle",
    "that slope half-way between the critical batch sizes",
    ONE,
    "d log R/d log B at √(B_s B_d)",
    r"\left.\frac{d\log R}{d\log B}\right|_{\sqrt{B_s B_d}}",
    real=True,
)
rho = define("rho", "ratio of the critical batch sizes, sparse over dense", ONE, "\N{GREEK SMALL LETTER RHO}")
rounded_rho = define(
    "rounded_rho", "rho to three decimals", ONE, "\N{GREEK SMALL LETTER RHO} rounded", r"\mathrm{round}(\rho)"
)
