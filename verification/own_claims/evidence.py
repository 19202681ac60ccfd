"""Evidence on our own claims: a number per replicate, and Student's t over the replicates."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from scipy.stats import binom

from verification.claims.evidence import Evidence, Found, Material, equal_evidence, exponential, name, sign_evidence
from verification.claims.evidence import sparsest as sparsest_pairs
from verification.claims.on_settings import MOST_LEFT, rate_at_goal
from verification.inference.known import Slope, log_b_crit, mean_of
from verification.inference.rates import line
from verification.missing import Missing
from verification.own_claims import measures
from verification.own_claims.decays import beside_constant
from verification.own_claims.measures import beside, effective_steps, log_ratios, moved, of_account, rule_of
from verification.records.curves import Curve
from verification.records.trials import SmoothnessRun

Margin = tuple[float, float]
FEW = "needs two replicates of both networks"
NO_FLOWS = "needs flows to 40% of the first loss and accounts at two sparsities"


def flow_time_is_eta_k(seen: Material, margin: Margin) -> Found:
    """T1: T over the dense network's, divided by the ratio of eta K* over all batch sizes."""
    level = _sparsest(seen)
    of_rates = _over_dense(seen, level, moved)
    of_flows = {
        one.replicate: one.log_ratio(of_account(lambda account: account.common_time))
        for one in beside(seen.smoothness, level)
    }
    return _equal({_over(level): _differences(of_flows, of_rates)}, margin, NO_FLOWS)


def flow_predicts_steps(seen: Material, margin: Margin) -> Found:
    """T2: T/eta over the dense network's, divided by the ratio of K* where the runs were followed."""
    found = {}
    for level in (level for level in _levels(seen) if level >= 70.0):
        pairs = beside(seen.smoothness, level)
        predicted = {one.replicate: one.log_ratio(of_account(measures.flow_steps_to_40)) for one in pairs}
        measured = {one.replicate: one.log_ratio(of_account(lambda account: float(account.steps))) for one in pairs}
        found[_over(level)] = _differences(predicted, measured)
    return _equal(found, margin, NO_FLOWS)


def flow_has_the_sign(seen: Material) -> Found:
    """T2: where the paper's product says fewer steps, T/eta says more; by the sign test over replicates."""
    level = _sparsest(seen)
    pairs = beside(seen.smoothness, level)
    quantities = measures.product_quantities(pairs)
    signs = [
        one.log_ratio(of_account(measures.flow_steps_to_40))
        for one in pairs
        if (measures.product_ratio(one, quantities) or 1.0) < 1.0
    ]
    told = [sign > 0.0 for sign in signs if sign is not None]
    if not told:
        return Missing("no replicate with flows in which the paper's product is below 1")
    right, count = sum(told), len(told)
    return [
        Evidence(
            subject=_over(level),
            estimate=right / count,
            interval=None,
            p_for=float(binom.sf(right - 1, count, 0.5)),
            p_against=float(binom.cdf(right, count, 0.5)),
            note=f"{right} of {count} replicates",
        )
    ]


def what_is_left(seen: Material, margin: Margin) -> Found:
    """T3: c = eta K*/T at the loss of the goal, at each sparsity and batch size."""
    found: dict[str, list[float]] = {}
    for run in sorted(seen.smoothness, key=lambda run: (run.sparsity, run.batch_size or 0, run.replicate)):
        if run.account is not None and run.account.c:
            found.setdefault(f"sparsity {run.sparsity:g}%, B = {run.batch_size}", []).append(math.log(run.account.c))
    return _equal(found, margin, "needs flows to the losses at the goals")


def condition_number(seen: Material, margin: Margin) -> Found:
    """T3: K*/(h_max T) over the dense network's."""
    return _ratio_of(seen, measures.condition, margin, "needs flows to the losses at the goals, and Hessians")


def rate_absorbs_batch_size(seen: Material, margin: Margin) -> Found:
    """T4: the slope of ln(eta K*) on ln B of each curve."""
    found: list[Evidence] = []
    reason = "needs 4 batch sizes with a known best rate"
    for fitted in seen.curves:
        points = moved(fitted.curve)
        slope = line([math.log(b) for b, _ in points], [math.log(p) for p in points.values()], [r for _, r in points])
        if isinstance(slope, Slope):
            found.append(equal_evidence(name(fitted), slope, margin))
    return found or Missing(reason)


def optimizers_agree(seen: Material, margin: Margin) -> Found:
    """T4: eta K* of each two of SGD, momentum and Nesterov, at each sparsity."""
    curves = [curve for curve in _curves(seen) if rule_of(curve)[1] in {"sgd", "momentum", "nesterov"}]
    found = {}
    for one, other in combinations(curves, 2):
        alike = (one.goal, one.sparsity) == (other.goal, other.sparsity)
        (place, rule, schedule), (other_place, other_rule, other_schedule) = rule_of(one), rule_of(other)
        if alike and place == other_place and rule != other_rule and schedule == other_schedule == "constant":
            told = f"{other_rule} over {rule}, sparsity {one.sparsity:g}%"
            found[told] = list(log_ratios(moved(other), moved(one)).values())
    return _equal(found, margin, "needs curves of two of SGD, momentum and Nesterov")


def decay_sums_its_rates(seen: Material, margin: Margin) -> Found:
    """T4: the sum of a decaying rate up to K*, over eta K* at a constant rate."""
    return _of_decays(seen, margin, lambda decaying, constant: log_ratios(moved(decaying), moved(constant)))


def decay_needs_effective_steps(seen: Material, margin: Margin) -> Found:
    """T4: A_K^2/H_K of a rate that has fallen by half or more at K*, over K* at a constant rate."""

    def compared(decaying: Curve, constant: Curve) -> Mapping[int, float]:
        left = rate_at_goal(decaying)
        if left is None or left > MOST_LEFT or rule_of(decaying)[1] != "sgd":
            return {}
        return log_ratios(effective_steps(decaying), measures.steps_won(constant))

    return _of_decays(seen, margin, compared)


def _of_decays(seen: Material, margin: Margin, compared: Callable[[Curve, Curve], Mapping[int, float]]) -> Found:
    """Return evidence on a number of each decaying rate beside the constant one, a logarithm per replicate, being 0."""
    found: dict[str, list[float]] = {}
    for decaying, constant in beside_constant(_curves(seen)):
        told = f"{decaying.workload}, sparsity {decaying.sparsity:g}%"
        while told in found:
            told += ", another run"
        found[told] = list(compared(decaying, constant).values())
    return _equal(found, margin, "needs curves at a constant and at a decaying rate")


def knee_is_noise(seen: Material, margin: Margin) -> Found:
    """T5: the noise scale <V>/<G> over the fitted critical batch size, of each sparsity."""
    found: list[Evidence] = []
    for fitted in seen.curves:
        followed = measures.at_middle(seen.smoothness)
        scales = [measures.noise_scale(run) for run in followed if run.sparsity == fitted.sparsity]
        noise = mean_of([math.log(scale) for scale in scales if scale], FEW)
        knee = log_b_crit(fitted)
        if isinstance(noise, Slope) and knee is not None:
            apart = Slope(noise.value - knee.value, noise.error, noise.freedom).plus(knee.error**2, knee.freedom)
            found.append(equal_evidence(name(fitted), apart, _logs(margin), exponential))
    return found or Missing("needs gradients to the goal of two replicates, and a critical batch size with both ends")


def knees_agree(seen: Material, margin: Margin) -> Found:
    """T5: the critical batch size of the sparsest network over the dense one's."""
    found = []
    for pair in sparsest_pairs(seen.pairs):
        known = pair.known("b_crit")
        if known is not None:
            found.append(equal_evidence(name(pair.sparse), known, _logs(margin), exponential))
    return found or Missing("needs the critical batch size of both networks")


def efficiency_falls(seen: Material, below: float) -> Found:
    """T6: e over the dense network's is below a number."""
    level, bound = _sparsest(seen), math.log(below)
    logs = _known(one.log_ratio(of_account(lambda account: account.kept)) for one in beside(seen.smoothness, level))
    known = mean_of([value - bound for value in logs], FEW)
    if isinstance(known, Missing):
        return known
    return [sign_evidence(_over(level), known, -1, lambda value: exponential(value + bound))]


def modes_keep_their_share(seen: Material, margin: Margin) -> Found:
    """T6: the share of the squared gradient in modes with eta h at most 1, over the dense network's."""
    return _ratio_of(seen, measures.below_edge, margin, "needs Hessians along runs of two replicates")


def _ratio_of(seen: Material, quantity: Callable[[SmoothnessRun], float | None], margin: Margin, reason: str) -> Found:
    """Return evidence on the ratio of a quantity at the highest sparsity being within a margin."""
    level = _sparsest(seen)
    logs = _known(one.log_ratio(quantity) for one in beside(seen.smoothness, level))
    return _equal({_over(level): logs}, margin, reason)


def _equal(found: Mapping[str, Sequence[float]], margin: Margin, reason: str) -> Found:
    """Return evidence on means of logarithms, one a subject, lying within a margin of what they are logarithms of."""
    known = {subject: mean_of(logs, FEW) for subject, logs in found.items() if logs}
    told = [
        equal_evidence(subject, mean, _logs(margin), exponential)
        for subject, mean in known.items()
        if isinstance(mean, Slope)
    ]
    return told or Missing(FEW if known else reason)


def _logs(margin: Margin) -> Margin:
    """Return a margin of a ratio as one of its logarithm."""
    return math.log(margin[0]), math.log(margin[1])


def _known(values: Iterable[float | None]) -> list[float]:
    """Return the values that there are."""
    return [value for value in values if value is not None]


def _differences(over: Mapping[int, float | None], under: Mapping[int, float | None]) -> list[float]:
    """Return differences replicate by replicate, where both sides have one."""
    both = [(over[one], under[one]) for one in sorted(over.keys() & under.keys())]
    return [first - second for first, second in both if first is not None and second is not None]


def _curves(seen: Material) -> list[Curve]:
    """Return the measured curves."""
    return [fitted.curve for fitted in seen.curves]


def _levels(seen: Material) -> list[float]:
    """Return the sparsities above 0 that were followed, ascending."""
    return sorted({run.sparsity for run in seen.smoothness if run.sparsity})


def _sparsest(seen: Material) -> float:
    """Return the highest sparsity that was followed, 0 where none was."""
    return max(_levels(seen), default=0.0)


def _over(level: float) -> str:
    """Return how a pair is called."""
    return f"sparsity {level:g}% over dense"


def _over_dense(
    seen: Material, level: float, points: Callable[[Curve], Mapping[tuple[int, int], float]]
) -> dict[int, float | None]:
    """Return the mean logarithm of a ratio of curves, sparse over dense, by replicate."""
    by_level = {curve.sparsity: points(curve) for curve in _curves(seen)}
    return dict(log_ratios(by_level.get(level, {}), by_level.get(0.0, {})))
