"""How often each verdict is given where the truth is known: at the null, inside, at and beyond each margin.

Run `python -m benchmarks.verdicts`. Curves scatter as the kept runs do: single studies, levels and slopes of
replicates. A cell is the share supported and the share rejected by one test alone; Holm's correction lowers both.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.simulated import Design, Noise, fitted, measured, table
from kstar.command_line import OneLineParser
from theory import HYPERBOLA, POWER
from verification.claims import on_curves, on_pairs, on_trials
from verification.claims.evidence import Evidence, Found
from verification.claims.judge import Corrected, Verdict, judge, uncorrected
from verification.claims.on_trials import EDGE_MARGIN
from verification.claims.rules import FLAT, LINEAR, MISFIT, RULES
from verification.fits.fit import Interval
from verification.fits.likelihood import Array
from verification.inference.pairs import MARGIN, Pair, fitted_pairs
from verification.inference.rates import rates
from verification.inference.trends import WHOLE_TRAINING, jonckheere
from verification.missing import Missing
from verification.records.curves import Curve
from verification.records.measured_constants import MeasuredConstants
from verification.records.trials import SmoothnessRun, Trial

Rng = np.random.Generator
Made = Callable[[Rng, Design, int], list[Found]]
RULE = {rule.id: rule for rule in RULES}
DESIGNS = {
    "nine B, R = 10": Design(replicates=10),
    "nine B, R = 5": Design(replicates=5),
    "nine B, R = 3": Design(replicates=3),
    "five B, R = 3": Design(sizes=(1, 4, 16, 64, 256), replicates=3),
    "nine B, R = 1": Design(replicates=1),
}
DENSE = Noise(within=0.15, between=0.05)
SPARSE = Noise(within=0.20, between=0.15, shape=0.03)
_SEED = 20_210_503
_SPARSITIES = (0.0, 50.0, 70.0, 90.0)
_THETA = np.log([500.0, 14.0])


@dataclass(frozen=True)
class Case:
    """A claim with a truth, and what draws of it say.

    Attributes:
        claim: C1 to C18.
        truth: In words.
        holds: Whether the claim holds: True, False, or None at the edge.
        made: Makes the evidence of so many draws.
    """

    claim: str
    truth: str
    holds: bool | None
    made: Made


def _curves(rng: Rng, design: Design, draws: int, log_steps: Array, noise: Noise, sparsity: float = 0.0) -> list[Curve]:
    """Return draws of one curve."""
    return [measured(rng, design, log_steps, noise, f"w{i}", sparsity) for i in range(draws)]


def _x(design: Design) -> Array:
    """Return log batch sizes."""
    return np.log(np.array(design.sizes, dtype=np.float64))


def _misfit(rms: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C1: law H and a smooth misfit that no hyperbola takes up."""
    x = _x(design)
    shares = HYPERBOLA.log_steps_jacobian(x, _THETA)
    off = np.cos(3.0 * np.pi * np.arange(len(x)) / (len(x) - 1))
    off -= shares @ np.linalg.lstsq(shares, off, rcond=None)[0]
    off *= math.log1p(rms) / float(np.sqrt((off**2).mean()))
    curves = _curves(rng, design, draws, HYPERBOLA.log_steps(x, _THETA) + off, SPARSE)
    return [on_curves.law_holds([one], MISFIT) for one in fitted(curves)]


def _slope(end: on_curves.End, slope: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C2, C3: a hyperbola with that slope over a factor four at an end."""
    x = _x(design)
    at = x <= x[0] + on_curves.END_RANGE if end is on_curves.SMALL else x >= x[-1] - on_curves.END_RANGE
    low, high = -30.0, 30.0
    for _ in range(80):  # the larger the critical batch size, the steeper
        knee = 0.5 * (low + high)
        steep = float(np.polyfit(x[at], HYPERBOLA.log_steps(x[at], np.array([knee, 0.0])), 1)[0]) < slope
        low, high = (low, knee) if steep else (knee, high)
    log_steps = HYPERBOLA.log_steps(x, np.array([low, 0.0])) + 4.0
    curves = fitted(_curves(rng, design, draws, log_steps, SPARSE), (HYPERBOLA, POWER))
    claim, equal = (on_curves.linear_scaling, LINEAR) if end is on_curves.SMALL else (on_curves.plateau, FLAT)
    return [claim([one], equal) for one in curves]


def _pairs(rng: Rng, design: Design, draws: int, c1: float, c2: float) -> list[Pair]:
    """Return pairs whose constants have these ratios."""
    x, shift = _x(design), np.log([c1, c2])
    dense = _curves(rng, design, draws, HYPERBOLA.log_steps(x, _THETA), DENSE)
    sparse = _curves(rng, design, draws, HYPERBOLA.log_steps(x, _THETA + shift), SPARSE, 90.0)
    pairs = fitted_pairs(list(zip(fitted(dense), fitted(sparse), strict=True)), {})
    return [replace(pair, ratios=dict.fromkeys(("c1", "c2", "b_crit"), 1.0)) for pair in pairs]


def _of_pairs(
    claim: Callable[[Sequence[Pair]], Found], c1: float, c2: float, rng: Rng, design: Design, draws: int
) -> list[Found]:
    """Return what a claim about pairs makes of pairs with these ratios."""
    return [claim([pair]) for pair in _pairs(rng, design, draws, c1, c2)]


def _at_last(ratio: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C4: the sparse network needs twice the steps at small B, and this multiple at the largest."""
    c1, c2 = np.exp(_THETA)
    at_last = c1 / design.sizes[-1]
    return _of_pairs(
        on_pairs.sparse_needs_more_steps, 2.0, (ratio * (at_last + c2) - 2.0 * at_last) / c2, rng, design, draws
    )


def _order(step: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C5: three sparsities, the second 1.5 times the first, the third so many times the second."""
    x = _x(design)
    levels = [
        fitted(_curves(rng, design, draws, HYPERBOLA.log_steps(x, _THETA) + math.log(by), noise, sparsity))
        for sparsity, by, noise in ((0.0, 1.0, DENSE), (50.0, 1.5, DENSE), (90.0, 1.5 * step, SPARSE))
    ]
    return [on_pairs.ordered_by_sparsity(list(members)) for members in zip(*levels, strict=True)]


def _momentum(b_crit: float, c2: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C9: momentum against SGD with these ratios of the critical batch size and of c2."""
    sides = [
        replace(side, curve=replace(side.curve, workload=f"{side.curve.workload}/{word}", sparsity=0.0))
        for pair in _pairs(rng, design, draws, b_crit * c2, c2)
        for side, word in ((pair.dense, "sgd"), (pair.sparse, "momentum"))
    ]
    found = on_pairs.momentum_scales_further(sides)
    return [found] if isinstance(found, Missing) else [[one] for one in found]


def _product(off: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C12: a ratio of c1 of 4, and constants of three seeds, 20% apart, whose product predicts it over `off`."""
    pairs = _pairs(rng, design, draws, 4.0, 4.0)
    found = []
    for pair in pairs:
        known = _constants(rng, {"Delta": 1.0, "L_mean": 4.0 / off, "beta": 1.0}, 3)
        (one,) = fitted_pairs(
            [(pair.dense, pair.sparse)], {(pair.sparse.curve.workload, key): value for key, value in known.items()}
        )
        found.append(on_pairs.predicted_ratio([replace(one, ratios=pair.ratios, intervals=_BOUNDED)], MARGIN))
    return found


def _constants(rng: Rng, ratios: dict[str, float], seeds: int) -> dict[float, list[MeasuredConstants]]:
    """Return constants of a dense and a sparse network with these ratios, seeds 20% apart."""

    def one(seed: int, sparsity: float) -> MeasuredConstants:
        values = {name: (ratio if sparsity else 1.0) * _off(rng, 0.2) for name, ratio in ratios.items()}
        return MeasuredConstants(seed, values)

    return {sparsity: [one(seed, sparsity) for seed in range(seeds)] for sparsity in (0.0, 90.0)}


def _off(rng: Rng, spread: float) -> float:
    """Return a factor whose logarithm scatters so much."""
    return math.exp(spread * float(rng.standard_normal()))


def _little(ratio: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C11: Delta of a sparse network over the dense one's."""
    every = (_constants(rng, {"Delta": ratio}, design.replicates) for _ in range(draws))
    return [
        on_trials.constants_change_little({("w", level): seeds for level, seeds in known.items()}, MARGIN)
        for known in every
    ]


def _smoothness(rise: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C10: L at four sparsities, from one to the next times a factor, replicates 30% apart."""
    found = []
    for _ in range(draws):
        groups = {s: [rise**i * _off(rng, 0.3) for _ in range(design.replicates)] for i, s in enumerate(_LEVELS)}
        found.append(on_trials.smoothness_grows({WHOLE_TRAINING: jonckheere(groups)}))
    return found


_BOUNDED = dict.fromkeys(("c1", "c2", "b_crit"), Interval(1.0, 1.0))
_LEVELS = (0.0, 50.0, 70.0, 90.0)


def _rates(slope: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C13: winners' rates on a line in log B, each replicate with a line of its own."""
    x = _x(design)
    curves = []
    for curve in _curves(rng, design, draws, HYPERBOLA.log_steps(x, _THETA), DENSE):
        lines = 0.1 * rng.standard_normal(design.replicates) + slope
        won = [{"learning_rate": p.batch_size ** float(lines[p.replicate]) * _off(rng, 0.3)} for p in curve.points]
        points = (replace(p, metaparameters=rate) for p, rate in zip(curve.points, won, strict=True))
        curves.append(replace(curve, points=tuple(points)))
    return [on_trials.best_rate_grows([one], [rates(one)]) for one in fitted(curves)]


def _tried(rng: Rng, curve: Curve, edges: Array) -> Curve:
    """Return a curve with 16 search points a study, evenly in [0, 1]; those below an edge reach the goal."""
    trials = [
        Trial(
            batch_size=p.batch_size,
            replicate=p.replicate,
            trial=i,
            status="complete" if reached else "incomplete",
            lower=90.0,
            upper=100.0 if reached else None,
        )
        for p, edge in zip(curve.points, np.repeat(edges, len(curve.points) // len(edges)), strict=True)
        for i, reached in enumerate((np.linspace(0.0, 1.0, 16) + 0.1 * rng.standard_normal(16) < edge).tolist())
    ]
    return replace(curve, trials=tuple(trials))


def _range(less: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C14: search points below 0.6 succeed in the dense network, fewer in the sparse one."""
    x = _x(design)
    log_steps, level = HYPERBOLA.log_steps(x, _THETA), np.full(len(x), 0.6)
    sides = [
        fitted([_tried(rng, one, level - off) for one in _curves(rng, design, draws, log_steps, DENSE, sparsity)])
        for sparsity, off in ((0.0, 0.0), (90.0, less))
    ]
    return [on_trials.successful_range_shrinks(list(pair)) for pair in zip(*sides, strict=True)]


def _region(slope: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C15: the share of search points that succeed, on a line in log B."""
    x = _x(design)
    curves = _curves(rng, design, draws, HYPERBOLA.log_steps(x, _THETA), DENSE)
    edges = 0.5 + slope * (x - x.mean())
    return [on_trials.region_grows([one]) for one in fitted([_tried(rng, curve, edges) for curve in curves])]


def _winners(share: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C16: winners that are the largest rate tried, in all replicates of a share of batch sizes; four sparsities."""
    found = []
    for curve in _curves(rng, design, draws, HYPERBOLA.log_steps(_x(design), _THETA), DENSE):
        sides = [replace(curve, sparsity=sparsity, trials=_three_rates(curve, share, rng)) for sparsity in _SPARSITIES]
        found.append(on_trials.winners_inside(fitted(sides)))
    return found


def _three_rates(curve: Curve, share: float, rng: Rng) -> tuple[Trial, ...]:
    """Return trials of three rates at each point, of which the largest wins at a share of batch sizes."""
    at_edge = {size: rng.random() < share for size in dict.fromkeys(p.batch_size for p in curve.points)}
    return tuple(
        Trial(
            batch_size=p.batch_size,
            replicate=p.replicate,
            trial=i,
            status="complete",
            lower=80.0,
            upper=90.0 if i == (2 if at_edge[p.batch_size] else 1) else 100.0,
            metaparameters={"learning_rate": 0.1 * (i + 1)},
        )
        for p in curve.points
        for i in range(3)
    )


def _losses(tau: float, rng: Rng, design: Design, draws: int) -> list[Found]:
    """C18: mean L and mean loss over runs, normal, of this Kendall's tau."""
    shared = math.sin(0.5 * math.pi * tau)
    found = []
    for _ in range(draws):
        smooth, own = rng.standard_normal((2, len(_LEVELS) * design.replicates))
        loss = shared * smooth + math.sqrt(1.0 - shared**2) * own
        runs = [
            SmoothnessRun(sparsity=0.0, replicate=i, values={}, smoothness=(a,), loss=(b,))
            for i, (a, b) in enumerate(zip(smooth.tolist(), loss.tolist(), strict=True))
        ]
        found.append(on_trials.loss_goes_with_smoothness(runs))
    return found


def _cases() -> list[Case]:
    """Return every claim at the null, inside, at and beyond its margin."""
    small, large = on_curves.SMALL, on_curves.LARGE
    cases = [
        Case("C1", f"misfit {rms:.0%}", holds, partial(_misfit, rms))
        for rms, holds in ((0.0, True), (0.05, True), (0.10, None), (0.15, False), (0.25, False))
    ]
    for claim, end, equal, sign in (("C2", small, LINEAR, 1.0), ("C3", large, FLAT, -1.0)):
        edge = equal[1] if sign > 0 else equal[0]
        centre = sum(equal) / 2.0
        cases += [
            Case(claim, f"slope {slope:.2f}", holds, partial(_slope, end, slope))
            for slope, holds in (
                (centre + 0.02 * sign, True),
                (0.5 * (centre + edge), True),
                (edge, None),
                (centre + 2.5 * (edge - centre), False),
            )
        ]
    cases += [
        Case("C4", f"ratio {ratio:g} at the largest B", holds, partial(_at_last, ratio))
        for ratio, holds in ((2.0, True), (1.0, None), (0.5, False))
    ]
    cases += [
        Case("C5", f"next over last {step:g}", holds, partial(_order, step))
        for step, holds in ((1.5, True), (1.0, None), (0.67, False))
    ]
    for claim, of, truths in (
        ("C6", on_pairs.ratio_falls, ((4.0, True), (1.0, None), (0.25, False))),
        ("C7", on_pairs.critical_batch_no_smaller, ((4.0, True), (2.0, True), (1.0, None), (0.25, False))),
        (
            "C8",
            partial(on_pairs.one_factor, margin=MARGIN),
            ((1.0, True), (1.1, True), (1.25, None), (2.0, False), (4.0, False)),
        ),
    ):
        cases += [Case(claim, f"B_crit x {by:g}", holds, partial(_of_pairs, of, 2.0 * by, 2.0)) for by, holds in truths]
    cases += [
        Case("C9", f"B_crit x {by:g}, c2 x {c2:g}", holds, partial(_momentum, by, c2))
        for by, c2, holds in ((4.0, 0.25, True), (4.0, 1.0, None), (1.0, 1.0, None), (0.25, 1.0, False))
    ]
    cases += [
        Case("C10", f"L x {rise:g} a sparsity", holds, partial(_smoothness, rise))
        for rise, holds in ((1.4, True), (1.0, None), (0.7, False))
    ]
    cases += [
        Case("C11", f"ratio {ratio:g}", holds, partial(_little, ratio))
        for ratio, holds in ((1.0, True), (1.1, True), (1.25, None), (2.0, False), (4.0, False))
    ]
    cases += [
        Case("C12", f"fitted over predicted {off:g}", holds, partial(_product, off))
        for off, holds in ((1.0, True), (1.25, None), (4.0, False))
    ]
    for claim, what, made, truths in (
        ("C13", "slope", _rates, ((0.4, True), (0.0, None), (-0.4, False))),
        ("C14", "share less by", _range, ((0.3, True), (0.0, None), (-0.3, False))),
        ("C15", "slope", _region, ((0.1, True), (0.0, None), (-0.1, False))),
        ("C16", "share at an edge", _winners, ((0.0, True), (EDGE_MARGIN, None), (0.6, False))),
        ("C18", "tau", _losses, ((0.8, True), (0.0, None), (-0.8, False))),
    ):
        cases += [Case(claim, f"{what} {one:g}", holds, partial(made, one)) for one, holds in truths]
    return cases


CASES = _cases()


def rate(case: Case, design: Design, draws: int) -> tuple[float, float] | None:
    """Return the shares of draws in which a claim is supported and rejected by its test alone.

    Args:
        case: Claim and truth.
        design: How curves are measured.
        draws: How many.

    Returns:
        Shares of the draws that say anything; None where none does.
    """
    rng = np.random.default_rng([_SEED, design.replicates, len(design.sizes), *f"{case.claim} {case.truth}".encode()])
    verdicts = [
        _verdict(case.claim, found[0]) for found in case.made(rng, design, draws) if not isinstance(found, Missing)
    ]
    if not verdicts:
        return None
    supported, rejected = (verdicts.count(word) / len(verdicts) for word in (Verdict.SUPPORTED, Verdict.REJECTED))
    return supported, rejected


def _verdict(claim: str, found: Evidence) -> Verdict:
    """Return the verdict of one piece of evidence, tested alone."""
    p = uncorrected(RULE[claim], found)
    return judge(RULE[claim], found, None if p is None else Corrected(p, 1)).verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, judge and print; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.verdicts", description="Rates of verdicts at known truths.")
    parser.add_argument("--draws", type=int, default=200, help="of each truth (default: %(default)s)")
    parser.add_argument("--claims", nargs="+", default=None, metavar="C", help="only these")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    start, rows = time.process_time(), []
    for case in CASES:
        if options.claims is None or case.claim in options.claims:
            rows.append((case, [rate(case, design, options.draws) for design in DESIGNS.values()]))
            print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{options.draws} draws a truth, {time.process_time() - start:.0f} s of one core", file=sys.stderr)
    words = {True: "holds", None: "edge", False: "fails"}
    cells = [
        [
            case.claim,
            case.truth,
            words[case.holds],
            *("-" if one is None else f"{one[0]:.2f} {one[1]:.2f}" for one in found),
        ]
        for case, found in rows
    ]
    print(table(["", "truth", "claim", *DESIGNS], cells))
    if options.json is not None:
        told = [{"claim": case.claim, "truth": case.truth, "holds": case.holds, "rates": found} for case, found in rows]
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
