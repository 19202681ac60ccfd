"""The layer on simulated data of known truth: coverage, error rates, power. Seeds and sizes were fixed beforehand.

A share of n independent trials with true value q lies within 3.3 sqrt(q (1 - q)/n) of q in 999 of 1000 cases; tests
that are conservative by design (their null is composite) are held to the upper end alone.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from theory import HYPERBOLA, NOISY_QUADRATIC, POWER, SHARPNESS, TUNED_TEXTBOOK
from theory.noisy_quadratic.steps import NoisyQuadratic, steps_to_result
from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.claims.on_pairs import ordered_by_sparsity, ratio_falls
from verification.fits.curves import fit_curve, fit_curves, problems_of
from verification.fits.errors import Scale, errors_of
from verification.fits.fit import fit_laws
from verification.fits.likelihood import Observations, joined, sigma_floor
from verification.fits.newton import maximise
from verification.fits.units import NO_UNITS
from verification.inference.bootstrap import Design, draw, fit_draws
from verification.inference.curve_tests import linearity, with_tests
from verification.inference.known import mean_of
from verification.inference.pairs import RATIOS, JointLaw
from verification.inference.rates import line, trial_window
from verification.inference.trends import jonckheere
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records
from verification.records.trials import Trial

pytestmark = pytest.mark.slow

TRUTH = np.log([20_000.0, 60.0])


def independent(n, p):
    """The scale of n independent points of equal noise and p constants."""
    return Scale(n / (n - p), n - p, 0.0)


def design(sizes, step=16.0, budget=math.inf):
    n = len(sizes)
    return Design(np.log(np.array(sizes, dtype=float)), np.full(n, step), np.full(n, budget))


def band(share, trials):
    """Half-width of what a share may miss by."""
    return 3.3 * math.sqrt(share * (1.0 - share) / trials)


@dataclass(frozen=True)
class Measured:
    """A way of measuring: 8 or 14 batch sizes, a grid of 16 steps, a budget that censors."""

    name: str
    sizes: tuple
    budget: float


WAYS = [
    Measured("8 sizes", tuple(2**i for i in range(3, 11)), 2600.0),
    Measured("14 sizes", tuple(2**i for i in range(1, 15)), 9000.0),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize(("law", "shape"), [(HYPERBOLA, ()), (NOISY_QUADRATIC, ()), (TUNED_TEXTBOOK, ())])
def test_intervals_of_every_two_constant_law_cover(way, law, shape):
    """4000 curves; 93% to 97% is four binomial standard deviations and more about a true 95%."""
    truth = TRUTH if law is not TUNED_TEXTBOOK else TRUTH - np.log([3.0, 1.0])
    plan = design(way.sizes, budget=way.budget)
    data = draw(plan, law.log_steps(plan.log_batch_size, truth), 0.08, 4000, seed=1)
    assert 0.005 < 1.0 - data.reached.mean() < 0.25
    floor = sigma_floor(data)
    free = fit_draws(law, data, 2).log_likelihood
    limits = np.array([independent(n, 2).limit(n, 0.95) for n in data.reached.sum(axis=-1).tolist()])
    for contrast in ((1.0, 0.0), (0.0, 1.0), (1.0, -1.0)):
        basis = np.array([[contrast[1]], [-contrast[0]]]) / math.hypot(*contrast)
        fixed = maximise(law, data, np.broadcast_to(truth, (4000, 2)), floor, basis).log_likelihood
        assert 0.93 <= np.mean(2.0 * (free - fixed) < limits) <= 0.97


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("law", [POWER, SHARPNESS], ids=["alpha", "h"])
def test_alpha_and_h_are_rejected_at_their_nominal_level(way, law):
    """1000 hyperbolas: 5% or fewer within the binomial error, and more than 1%.

    The error of a shape is no smaller than the scatter about the law makes it, and larger where a jackknife says so.
    """
    plan = design(way.sizes, budget=way.budget)
    data = draw(plan, HYPERBOLA.log_steps(plan.log_batch_size, TRUTH), 0.08, 1000, seed=2)
    rows = [Observations(data.log_batch_size[i], data.log_lower[i], data.log_upper[i]) for i in range(1000)]
    hyperbolas, problems = (problems_of(one, rows, [NO_UNITS] * len(rows)) for one in (HYPERBOLA, law))
    p = [
        errors_of(problem, wide).of((0.0, 0.0, 1.0)).p(2.0 * (wide.log_likelihood - null.log_likelihood), wide.n)
        for problem, wide, null in zip(problems, fit_laws(problems), fit_laws(hyperbolas), strict=True)
    ]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.05 + band(0.05, 1000)


def deviances(data, wider):
    null = fit_draws(HYPERBOLA, data, 2)
    start = np.concatenate([null.theta, np.zeros((len(null.theta), 1))], axis=1)[None]
    return np.maximum(2.0 * (fit_draws(wider, data, 3, start).log_likelihood - null.log_likelihood), 0.0)


def test_textbook_curves_are_rejected_as_hyperbolas_with_h_as_theory_has_it():
    """Law X with a knee from 8 to 4096 on 2^1..2^14 and 2% noise: h from .43 to .28, rejected throughout.

    300 curves a knee; the median of h of noisy curves lies within .03 of that of the exact one.
    """
    sizes = tuple(2**i for i in range(1, 15))
    for knee, h in ((8.0, 0.43), (64.0, 0.40), (512.0, 0.37), (4096.0, 0.28)):
        plan = Design(np.log(np.array(sizes, dtype=float)), np.zeros(14), np.full(14, math.inf))
        data = draw(plan, TUNED_TEXTBOOK.log_steps(plan.log_batch_size, np.log([knee / 2 * 60.0, 60.0])), 0.02, 300)
        fit = fit_draws(SHARPNESS, data, 3)
        rejected = [independent(14, 3).p(d, 14) < 0.05 for d in deviances(data, SHARPNESS)]
        assert np.mean(rejected) > 0.95
        assert np.median(np.exp(fit.theta[:, 2])) == pytest.approx(h, abs=0.03)


def simulated(law, theta, seed, sigma=0.08, replicates=1, sizes=tuple(2**i for i in range(10)), sparsity=0.0):
    rng = np.random.default_rng(seed)
    steps = np.exp(law.log_steps(np.log(np.array(sizes, dtype=float)), theta))
    points = [
        CurvePoint(size, j, float(k), float(k))
        for size, mean in zip(sizes, steps, strict=True)
        for j in range(replicates)
        for k in [mean * math.exp(sigma * rng.standard_normal())]
    ]
    return Curve(workload="w", goal="g", sparsity=sparsity, points=tuple(points))


def test_levels_of_linearity_with_and_without_replicates():
    """500 hyperbolas each: lack of fit, RESET and Harvey-Collier at 5%; rainbow too, all within the binomial error."""
    for replicates, names in ((3, ("lack_of_fit",)), (1, ("reset", "rainbow", "harvey_collier"))):
        curves = [simulated(HYPERBOLA, TRUTH, seed, replicates=replicates) for seed in range(500)]
        found = [linearity(one, one.laws["H"]) for one in fitted_quickly(curves)]
        for name in names:
            share = np.mean([tests[name].p < 0.05 for tests in found])
            assert abs(share - 0.05) < band(0.05, 500), name


def fitted_quickly(curves):
    """Curves with law H alone, its intervals left out."""
    from verification.fits.curves import FittedLaw

    bare = [unfitted(curve) for curve in curves]
    problems = problems_of(HYPERBOLA, [one.aligned for one in bare], [one.units for one in bare])
    laws = [
        FittedLaw(law=HYPERBOLA, unit=1, fit=fit, theta=fit.theta, estimates={}, intervals={})
        for fit in fit_laws(problems)
    ]
    return [replace(one, laws={"H": law}) for one, law in zip(bare, laws, strict=True)]


def test_levels_of_shape_and_rivals():
    """200 hyperbolas, 200 draws each: falling, convexity, the ratio to each rival reject at most 5% and the error."""
    found = [with_tests(one, 200) for one in fit_curves([simulated(HYPERBOLA, TRUTH, seed) for seed in range(200)])]
    for name in ("monotone", "convex"):
        assert np.mean([one.tests[name].p < 0.05 for one in found]) < 0.05 + band(0.05, 200)
    for law in ("PW", "X", "I", "Q"):
        assert np.mean([one.rivals[law].p < 0.05 for one in found]) < 0.05 + band(0.05, 200)


@pytest.mark.parametrize("quantity", ["c1", "c2", "b_crit"])
def test_levels_of_ratios(quantity):
    """2000 pairs without a difference in the quantity: rho, kappa and rho = kappa at 5% within the binomial error."""
    plan = design(tuple(2**i for i in range(10)), step=4.0)
    dense = draw(plan, HYPERBOLA.log_steps(plan.log_batch_size, TRUTH), 0.08, 2000, seed=4)
    shift = {"c1": [0.0, 0.5], "c2": [0.5, 0.0], "b_crit": [0.5, 0.5]}[quantity]
    sparse = draw(plan, HYPERBOLA.log_steps(plan.log_batch_size, TRUTH + shift), 0.08, 2000, seed=5)
    data, law = joined(dense, sparse), JointLaw(HYPERBOLA, 10, 2)
    start = np.broadcast_to(np.concatenate([TRUTH, TRUTH + shift]), (2000, 4))
    basis = np.linalg.svd(np.array(RATIOS[quantity])[None, :])[2][1:].T
    floor = sigma_floor(data)
    lost = maximise(law, data, start, floor).log_likelihood - maximise(law, data, start, floor, basis).log_likelihood
    share = np.mean([independent(20, 4).p(2.0 * d, 20) < 0.05 for d in lost])
    assert abs(share - 0.05) < band(0.05, 2000)


def test_levels_of_directions_and_slopes():
    """Order, falling ratio, slopes, means over search points and Jonckheere, one-sided 5%, 1000 each."""
    rng = np.random.default_rng(6)
    x = np.log(2.0) * np.arange(10)
    slopes = [line(x, rng.standard_normal(10)).above() < 0.05 for _ in range(1000)]
    assert abs(np.mean(slopes) - 0.05) < band(0.05, 1000)
    means = [mean_of(rng.standard_normal(16).tolist(), "").above() < 0.05 for _ in range(1000)]
    assert abs(np.mean(means) - 0.05) < band(0.05, 1000)
    trends = [jonckheere({float(s): rng.standard_normal(4) for s in range(4)}).p <= 0.05 for _ in range(1000)]
    assert np.mean(trends) < 0.05 + band(0.05, 1000)  # discrete: at most
    order, falls = [], []
    for seed in range(300):
        curves = [simulated(HYPERBOLA, TRUTH, 1000 * s + seed, sparsity=float(s)) for s in (0, 50, 90)]
        members = [unfitted(curve) for curve in curves]
        (evidence,) = ordered_by_sparsity(members)
        order.append(evidence.p_for < 0.05)
        (evidence,) = ratio_falls([PairLike(members[0], members[2])])
        falls.append(evidence.p_for < 0.05)
    assert np.mean(order) < 0.05 + band(0.05, 300)  # of two neighbours both must rise: at most
    assert abs(np.mean(falls) - 0.05) < band(0.05, 300)


@dataclass(frozen=True)
class PairLike:
    """What the falling ratio asks of a pair."""

    dense: object
    sparse: object
    replicated: bool = True


def unfitted(curve):
    """A curve with its points as arrays and nothing fitted."""
    from verification.fits.curves import FittedCurve
    from verification.fits.likelihood import observe
    from verification.fits.units import units_of

    data = observe(curve.points)
    units = units_of(curve.points, data)
    return FittedCurve(curve=curve, data=data, units=units, laws={}, shape_p={}, robust=None, reason="not fitted")


def test_level_of_the_window():
    """300 curves of six studies with eight trials each, 5% noise: w = 1 is rejected in 5%, within the error."""
    rng = np.random.default_rng(7)
    rejected = []
    for _ in range(300):
        trials = [
            Trial(
                batch_size=2**s,
                replicate=0,
                trial=i,
                status="complete",
                lower=k,
                upper=k,
                metaparameters={"learning_rate": r * 0.1 * 2**s},
            )
            for s in range(6)
            for i, r in enumerate(np.linspace(0.2, 1.8, 8))
            for k in [1000.0 / (r * (2.0 - r)) * math.exp(0.05 * rng.standard_normal())]
        ]
        window = trial_window(Curve(points=(CurvePoint(1, 0, 1.0, 1.0),), trials=tuple(trials), stop="never"))
        rejected.append(window.p(1.0) < 0.05)
    assert abs(np.mean(rejected) - 0.05) < band(0.05, 300)


def test_short_ranges_give_open_intervals():
    """200 curves that end at a sixteenth of their critical batch size: its upper end is open, and never missed."""
    sizes = tuple(2**i for i in range(5))
    found = fit_curves([simulated(HYPERBOLA, np.log([256 * 60.0, 60.0]), seed, sizes=sizes) for seed in range(200)])
    ends = [one.hyperbola.intervals["b_crit"] for one in found]
    assert np.mean([end.high is None for end in ends]) > 0.9
    covered = [(end.low or 0.0) < 256.0 < (end.high or math.inf) for end in ends]
    assert np.mean(covered) > 0.95 - band(0.05, 200)


def test_one_wild_point_does_not_move_the_robust_fit_beyond_the_interval():
    """60 curves of 14 batch sizes, each with its own wild point, up or down by 10: moved by less than half of it."""
    sizes = tuple(2**i for i in range(14))
    clean = [simulated(HYPERBOLA, TRUTH, seed, sizes=sizes) for seed in range(60)]
    spoilt = []
    for i, curve in enumerate(clean):
        points = list(curve.points)
        wild = points[i % 14]
        steps = wild.lower * (10.0 if i % 2 else 0.1)
        points[i % 14] = CurvePoint(wild.batch_size, 0, steps, steps)
        spoilt.append(Curve(workload="w", goal="g", sparsity=0.0, points=tuple(points)))
    for before, after in zip(fit_curves(clean), fit_curves(spoilt), strict=True):
        for name in ("c1", "c2"):
            ends = before.hyperbola.intervals[name]
            moved = math.log(getattr(after.robust, name) / getattr(before.robust, name))
            assert abs(moved) < 0.5 * math.log(ends.high / ends.low)


def test_the_noisy_quadratic_goes_through_the_whole_pipeline():
    """Exact oracle curves at two noise levels: law Q is preferred, h says .7 to .85, and the claims follow the truth.

    Twice the noise of every mode doubles c1 and the critical batch size and leaves c2: kappa = 0, rho = log 2.
    """
    sizes = tuple(2**i for i in range(14))
    problem = NoisyQuadratic.harmonic(10_000)
    noisier = NoisyQuadratic(problem.curvature, 2.0 * problem.noise, problem.initial)
    curves = []
    for sparsity, one in ((0.0, problem), (90.0, noisier)):
        tuned = steps_to_result(one, 0.1, [float(size) for size in sizes])
        points = tuple(
            CurvePoint(size, 0, float(k) - 1.0, float(k), {"learning_rate": float(eta)})
            for size, k, eta in zip(sizes, tuned.steps, tuned.eta, strict=True)
        )
        curves.append(Curve(workload="quadratic/sgd", goal="0.1", sparsity=sparsity, points=points))
    analysis = analyse(Records(source=None, curves=tuple(curves)), 200)
    for fitted in analysis.curves:
        assert fitted.laws["Q"].weight > 0.999
        assert fitted.laws["Q"].fit.worst_residual < 1e-3
        assert 0.7 < fitted.laws["S"].estimates["h"] < 0.85
        assert fitted.shape_p["S"] < 0.05
    (pair,) = analysis.pairs
    assert pair.ratios["c1"] == pytest.approx(2.0, rel=0.05)
    assert pair.ratios["c2"] == pytest.approx(1.0, rel=0.05)
    verdicts = {claim.id: claim.verdict for claim in analysis.claims}
    assert verdicts["C7"] is Verdict.SUPPORTED
    assert verdicts["C13"] is Verdict.SUPPORTED
    assert verdicts["C6"] is Verdict.SUPPORTED


def test_a_batch_of_curves_is_fitted_as_each_alone():
    curves = [simulated(HYPERBOLA, TRUTH, seed, sizes=tuple(2**i for i in range(6 + seed % 4))) for seed in range(8)]
    for together, alone in zip(fit_curves(curves), map(fit_curve, curves), strict=True):
        for law, one in together.laws.items():
            assert one.fit.log_likelihood == pytest.approx(alone.laws[law].fit.log_likelihood, abs=1e-7)
            for name, ends in one.intervals.items():
                other = alone.laws[law].intervals[name]
                assert (ends.low, ends.high) == (
                    other.low if other.low is None else pytest.approx(other.low, rel=1e-4),
                    other.high if other.high is None else pytest.approx(other.high, rel=1e-4),
                )


def test_observations_of_nothing_change_nothing():
    plan = design((1, 2, 4, 8, 16), step=4.0)
    data = draw(plan, HYPERBOLA.log_steps(plan.log_batch_size, TRUTH), 0.1, 50)
    nothing = Observations(np.zeros((50, 3)), np.full((50, 3), -np.inf), np.full((50, 3), np.inf))
    found, padded = (fit_draws(HYPERBOLA, one, 2) for one in (data, joined(data, nothing)))
    assert padded.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-8)
