"""What is measured for each claim, its margin or direction, and what would measure it: fixed before any data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from verification.evidence import ALPHA_MARGIN, SLOPE_MARGIN
from verification.evidence_trials import EDGE_MARGIN
from verification.pairs import MARGIN

_MEASURE = "python -m empirics.measure"
_LOSERS = f"{_MEASURE} --stop never"


@dataclass(frozen=True)
class Rule:
    """How a claim is judged, fixed before the data.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        kind: law, equality or direction.
        effect: What is measured.
        margin: How far from the claimed value counts as equal; None for directions. Of ratios a factor.
        direction: +1 or -1, which sign of the effect the claim asserts; 0 for equalities.
        command: What would measure it.
    """

    id: str
    statement: str
    kind: Literal["law", "equality", "direction"]
    effect: str
    margin: float | None
    direction: int
    command: str


RULES: tuple[Rule, ...] = (
    Rule("C1", "every curve follows K = c1/B + c2", "law", "alpha in c1/B^alpha + c2", ALPHA_MARGIN, 0, _MEASURE),
    Rule(
        "C2",
        "linear scaling (slope -1) at the smallest B",
        "equality",
        "slope of log K on log B over the smallest batch sizes, a factor 4",
        SLOPE_MARGIN,
        0,
        _MEASURE,
    ),
    Rule(
        "C3",
        "a plateau (slope 0) at the largest B",
        "equality",
        "slope of log K on log B over the largest batch sizes, a factor 4",
        SLOPE_MARGIN,
        0,
        _MEASURE,
    ),
    Rule(
        "C4",
        "the sparsest needs more steps at every B",
        "direction",
        "least K*_sparse/K*_dense",
        None,
        1,
        f"{_MEASURE} --sparsity 0 90",
    ),
    Rule(
        "C5",
        "curves are ordered by sparsity",
        "direction",
        "least mean ratio of neighbours in sparsity",
        None,
        1,
        f"{_MEASURE} --sparsity 0 50 70 90",
    ),
    Rule(
        "C6",
        "the ratio K*_sparse/K*_dense falls with B",
        "direction",
        "slope of its log on log B",
        None,
        -1,
        f"{_MEASURE} --sparsity 0 90",
    ),
    Rule(
        "C7",
        "sparse critical batch size no smaller",
        "direction",
        "ratio of critical batch sizes, sparsest over dense",
        None,
        1,
        f"{_MEASURE} --sparsity 0 90",
    ),
    Rule(
        "C8",
        "one factor moves the whole curve",
        "equality",
        "c1 ratio over c2 ratio",
        MARGIN,
        0,
        f"{_MEASURE} --sparsity 0 50 70 90",
    ),
    Rule(
        "C9",
        "momentum and Nesterov scale further",
        "direction",
        "smaller c2 and larger critical batch size than SGD",
        None,
        1,
        f"{_MEASURE} --workload digits/small-cnn/momentum, its curves.csv appended to that of SGD",
    ),
    Rule(
        "C10",
        "L grows with sparsity",
        "direction",
        "Jonckheere trend of the mean of L over training",
        None,
        1,
        f"{_MEASURE} --sparsity 0 50 70 90 --replicates 3",
    ),
    Rule(
        "C11",
        "Delta and beta change little with sparsity",
        "equality",
        "their ratios to the dense network's",
        MARGIN,
        0,
        f"{_MEASURE} --sparsity 0 90 --replicates 3",
    ),
    Rule(
        "C12",
        "c1 ratio = product of Delta, L, beta ratios",
        "equality",
        "fitted over predicted ratio of c1",
        MARGIN,
        0,
        f"{_MEASURE} --sparsity 0 90 --replicates 3",
    ),
    Rule("C13", "the best rate grows with B", "direction", "slope of log eta* on log B", None, 1, _MEASURE),
    Rule(
        "C14",
        "the range of successful rates shrinks with sparsity",
        "direction",
        "share of search points that succeed, sparsest less dense",
        None,
        -1,
        f"{_LOSERS} --sparsity 0 90",
    ),
    Rule(
        "C15",
        "the successful region grows with B",
        "direction",
        "slope of the share of search points that succeed on log B",
        None,
        1,
        _LOSERS,
    ),
    Rule(
        "C16",
        "winners lie inside the search ranges",
        "equality",
        "share of winners with an extreme value of those tried",
        EDGE_MARGIN,
        0,
        _MEASURE,
    ),
    Rule(
        "C17",
        "C1 holds with decay and at both goals",
        "law",
        "alpha in c1/B^alpha + c2",
        ALPHA_MARGIN,
        0,
        f"{_MEASURE} --workload fashion-mnist/simple-cnn/sgd --goal-error 0.12 0.14",
    ),
    Rule(
        "C18",
        "larger L goes with higher training loss",
        "direction",
        "Kendall's tau of mean L and mean loss over runs",
        None,
        1,
        f"{_MEASURE} --sparsity 0 50 70 90 --replicates 3",
    ),
)
STATEMENTS: Mapping[str, str] = MappingProxyType({rule.id: rule.statement for rule in RULES})
EFFECTS: Mapping[str, str] = MappingProxyType({rule.id: rule.effect for rule in RULES})
