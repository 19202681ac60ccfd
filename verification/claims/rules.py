"""The rule of each claim: the measured quantity, the margin of equality, and the needs.

The rules were written before the data of all runs in `evidence/` but `digits`. Its steps to result were known when C2
and C3 got slopes of their own, and when the rules of C5, C6 and C8 to C18 were written. No rule changes because of its
verdict.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from verification.claims import on_curves, on_pairs, on_settings, on_trials
from verification.claims.evidence import Found, Material
from verification.claims.needs import Needs
from verification.claims.on_trials import EDGE_MARGIN
from verification.inference.pairs import MARGIN

# The law: within a tenth of K, root mean square over the batch sizes. End slopes: doubling the batch size changes the
# steps by at most a factor 1.1 more or less than claimed.
MISFIT = 0.10
_SLOPE_MARGIN = math.log2(1.1)
LINEAR = (-1.0 - _SLOPE_MARGIN, -1.0 + _SLOPE_MARGIN)
FLAT = (-_SLOPE_MARGIN, _SLOPE_MARGIN)
SAME = (1.0 / MARGIN, MARGIN)


@dataclass(frozen=True)
class Rule:
    """How a claim is judged, whatever the data say.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        kind: law, equality or direction.
        effect: What is measured.
        equal: Where an interval must lie to count as the claimed value; None for directions.
        reported: What the paper says of it, in its own numbers where it has some; else read off its figures.
        needs: What it cannot be tested without.
        evidence: From all that was measured to evidence on the claim, or the reason why there is none.
        across: Whether it needs several workloads, so that runs must be taken together.
        question: Claims of one question count as one for a pair in Holm's correction; empty for its own question.

    Reference:
        Lee et al. 2021, Section 3 for C1-C9, Section 4 and Appendix C for C10-C12 and C18, Section 3.4 for C13-C16,
        Appendix D for C17.
    """

    id: str
    statement: str
    kind: Literal["law", "equality", "direction"]
    effect: str
    equal: tuple[float, float] | None
    reported: str
    needs: Needs
    evidence: Callable[[Material], Found]
    across: bool = False
    question: str = ""


# C6, C7 and C8 ask nearly one question: whether the sparse curve has the dense one's shape.
_SHAPE = "shape of a pair"
_LAW = "misfit: root mean square off the best hyperbola, as a share of K"

RULES: tuple[Rule, ...] = (
    Rule(
        "C1",
        "every curve follows K = c1/B + c2",
        "law",
        _LAW,
        (0.0, MISFIT),
        "drawn beside every curve, never fitted",
        Needs(batch_sizes=4),
        lambda seen: on_curves.law_holds(seen.curves, MISFIT),
    ),
    Rule(
        "C2",
        "linear scaling (slope -1) at small B",
        "equality",
        "slope of log K on log B over the smallest batch sizes, a factor 4",
        LINEAR,
        "linear scaling at small B, in every workload",
        Needs(batch_sizes=4, end="smallest"),
        lambda seen: on_curves.linear_scaling(seen.curves, LINEAR),
    ),
    Rule(
        "C3",
        "a plateau (slope 0) at large B",
        "equality",
        "slope of log K on log B over the largest batch sizes, a factor 4",
        FLAT,
        "maximal data parallelism at large B, in every workload",
        Needs(batch_sizes=4, end="largest"),
        lambda seen: on_curves.plateau(seen.curves, FLAT),
    ),
    Rule(
        "C4",
        "the sparsest needs more steps at every B",
        "direction",
        "least K*_sparse/K*_dense",
        None,
        "K*_90/K*_0 in (1.5, 4.5)",
        Needs(levels=2, batch_sizes=3),
        lambda seen: on_pairs.sparse_needs_more_steps(seen.pairs),
    ),
    Rule(
        "C5",
        "curves are ordered by sparsity",
        "direction",
        "least mean ratio of neighbours in sparsity",
        None,
        "in every workload",
        Needs(levels=3, batch_sizes=4),
        lambda seen: on_pairs.ordered_by_sparsity(seen.curves),
    ),
    Rule(
        "C6",
        "the ratio K*_sparse/K*_dense falls with B",
        "direction",
        "slope of its log on log B",
        None,
        "falls, most for momentum",
        Needs(levels=2, batch_sizes=4),
        lambda seen: on_pairs.ratio_falls(seen.pairs),
        question=_SHAPE,
    ),
    Rule(
        "C7",
        "sparse critical batch size no smaller",
        "direction",
        "ratio of critical batch sizes, sparsest over dense",
        None,
        "about 2^9 dense, 2^11 at 90% (MNIST, Simple-CNN, momentum)",
        Needs(levels=2, batch_sizes=3),
        lambda seen: on_pairs.critical_batch_no_smaller(seen.pairs),
        question=_SHAPE,
    ),
    Rule(
        "C8",
        "one factor moves the whole curve",
        "equality",
        "c1 ratio over c2 ratio",
        SAME,
        "general difficulty: the curve shifts as a whole",
        Needs(levels=2, batch_sizes=3),
        lambda seen: on_pairs.one_factor(seen.pairs, MARGIN),
        question=_SHAPE,
    ),
    Rule(
        "C9",
        "momentum and Nesterov scale further",
        "direction",
        "critical batch size over SGD's, and c2, which must be the smaller; the weaker is shown",
        None,
        "momentum and Nesterov extend linear scaling",
        Needs(beside="optimizer"),
        lambda seen: on_pairs.momentum_scales_further(seen.curves),
        across=True,
    ),
    Rule(
        "C10",
        "L grows with sparsity",
        "direction",
        "ratio of mean L over the whole training, sparsest over dense (p by Jonckheere's trend); not invariant",
        None,
        "mean L 0.57, 0.72, 0.81, 1.76 at S = 0, 50, 70, 90 (Simple-CNN)",
        Needs(levels=3, replicates=3, constants=True),
        lambda seen: on_trials.smoothness_grows(seen.trends),
    ),
    Rule(
        "C11",
        "Delta and beta change little with sparsity",
        "equality",
        "their ratios to the dense network's; not invariant",
        SAME,
        "Delta 4.68/4.66 = 1.00, beta 107.39/197.06 = 0.54",
        Needs(levels=2, replicates=3, constants=True),
        lambda seen: on_trials.constants_change_little(seen.measured, MARGIN),
    ),
    Rule(
        "C12",
        "c1 ratio = product of Delta, L, beta ratios",
        "equality",
        "fitted over predicted ratio of c1; the prediction is not invariant",
        SAME,
        "1.67 predicted, held against (1.5, 4.5)",
        Needs(levels=2, batch_sizes=3, replicates=3, constants=True),
        lambda seen: on_pairs.predicted_ratio(seen.pairs, MARGIN),
    ),
    Rule(
        "C13",
        "the best rate grows with B",
        "direction",
        "slope of log eta* on log B",
        None,
        "best rates grow, then saturate",
        Needs(batch_sizes=4),
        lambda seen: on_trials.best_rate_grows(seen.curves, seen.rates),
    ),
    Rule(
        "C14",
        "fewer rates succeed in sparse networks",
        "direction",
        "share of search points that succeed, sparsest less dense",
        None,
        "like 1/L",
        Needs(levels=2, losers=True),
        lambda seen: on_trials.successful_range_shrinks(seen.curves),
    ),
    Rule(
        "C15",
        "the successful region grows with B",
        "direction",
        "slope of the share of search points that succeed on log B",
        None,
        "in every workload",
        Needs(batch_sizes=3, losers=True),
        lambda seen: on_trials.region_grows(seen.curves),
    ),
    Rule(
        "C16",
        "winners lie inside the search ranges",
        "equality",
        "share of batch sizes where most winners have an extreme value of those tried",
        (0.0, EDGE_MARGIN),
        "in every workload",
        Needs(trials=3),
        lambda seen: on_trials.winners_inside(seen.curves),
    ),
    Rule(
        "C17",
        "C1 holds with decay and at both goals",
        "law",
        _LAW,
        (0.0, MISFIT),
        "in every workload",
        Needs(batch_sizes=4, beside="goal"),
        lambda seen: on_settings.other_settings(seen.curves, MISFIT),
        across=True,
    ),
    Rule(
        "C18",
        "larger L goes with higher training loss",
        "direction",
        "Kendall's tau of mean L and mean loss over runs; not invariant",
        None,
        "for Simple-CNN and ResNet-8",
        Needs(levels=3, replicates=3, constants=True),
        lambda seen: on_trials.loss_goes_with_smoothness(seen.smoothness),
    ),
)
STATEMENTS: Mapping[str, str] = MappingProxyType({rule.id: rule.statement for rule in RULES})
EFFECTS: Mapping[str, str] = MappingProxyType({rule.id: rule.effect for rule in RULES})
NEEDS: Mapping[str, Needs] = MappingProxyType({rule.id: rule.needs for rule in RULES})
