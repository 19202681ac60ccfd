r"""The paper's claims C1-C18 and the rule, fixed before any data, that turns evidence into a verdict.

Holm's correction runs over every p-value of a report. Then, for each piece of evidence:

law (C1)            when p_holm < .05: supported as an approximation if the 90% interval of alpha lies in
                    [0.9, 1.1] and the worst residual is below 10%, else rejected;
                    otherwise supported when that interval lies in the margin, else underpowered.
equality (C2, C3)   supported when the 90% interval lies in the margin; else rejected when p_holm < .05;
                    else underpowered.
direction (C4, C7)  supported or rejected, as the data point, when the one-sided p_holm < .05; else underpowered.

A claim about every curve is as good as its worst curve: rejected, underpowered, approximation, supported, in that
order. What cannot be tested is not measured, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from verification.curves import FittedCurve
from verification.evidence import FROM_CURVES, FROM_PAIRS, Evidence
from verification.fit import Interval
from verification.likelihood import Array
from verification.pairs import Pair

SIGNIFICANCE = 0.05


class Verdict(StrEnum):
    """What a report may say of a claim; the order is from worst to best, the last stands apart."""

    REJECTED = "rejected"
    UNDERPOWERED = "underpowered"
    APPROXIMATE = "supported as an approximation"
    SUPPORTED = "supported"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper with its verdict.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        verdict: By the rule above.
        subject: The curve or pair that decides, None when nothing was measured.
        estimate: There.
        interval: There, 95%.
        p: There.
        p_holm: There, corrected over the report.
        detectable: There, the smallest effect seen with probability 0.8.
        detail: How many curves or pairs said what, or why nothing was measured.
    """

    id: str
    statement: str
    verdict: Verdict
    subject: str | None
    estimate: float | None
    interval: Interval
    p: float | None
    p_holm: float | None
    detectable: float | None
    detail: str


STATEMENTS: Mapping[str, str] = MappingProxyType(
    {
        "C1": "every curve follows K = c1/B + c2",
        "C2": "linear scaling (slope -1) at the smallest B",
        "C3": "a plateau (slope 0) at the largest B",
        "C4": "the sparsest needs more steps at every B",
        "C5": "curves are ordered by sparsity",
        "C6": "the ratio K*_sparse/K*_dense falls with B",
        "C7": "sparse critical batch size no smaller",
        "C8": "one factor moves the whole curve",
        "C9": "momentum and Nesterov scale further",
        "C10": "L grows with sparsity",
        "C11": "Delta and beta change little with sparsity",
        "C12": "c1 ratio = product of Delta, L, beta ratios",
        "C13": "the best rate grows with B",
        "C14": "the range of successful rates shrinks",
        "C15": "the successful region grows with B",
        "C16": "winners lie inside the search ranges",
        "C17": "C1 holds with decay and at both goals",
        "C18": "larger L goes with higher training loss",
    }
)
NEEDS: Mapping[str, str] = MappingProxyType(
    {
        "C1": "needs a curve with 4 batch sizes that reached the goal",
        "C2": "needs a curve with 4 batch sizes that reached the goal",
        "C3": "needs a curve with 4 batch sizes that reached the goal",
        "C4": "needs a dense and a sparse curve with 3 batch sizes each",
        "C7": "needs a dense and a sparse curve with 3 batch sizes each",
    }
)
NOT_TESTED = "not implemented by this version"


def holm(p_values: Sequence[float]) -> Array:
    """Return p-values corrected for their number by Holm's step-down method.

    Args:
        p_values: Shape (m,), in [0, 1].

    Returns:
        Shape (m,), in [0, 1], in the order given.
    Reference:
        Holm 1979, "A simple sequentially rejective multiple test procedure".

    Example:
        >>> holm([0.01, 0.04, 0.03])
        array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return corrected


def judge(claim: str, evidence: Evidence, p_holm: float) -> Verdict:
    """Return the verdict of one curve or pair on one claim, by the rule of this module.

    Args:
        claim: One of the claims with evidence.
        evidence: On that claim.
        p_holm: Its corrected p-value, in [0, 1].

    Returns:
        The verdict.
    """
    significant = p_holm < SIGNIFICANCE
    if claim in {"C4", "C7"}:
        if not significant:
            return Verdict.UNDERPOWERED
        return Verdict.SUPPORTED if evidence.direction > 0 else Verdict.REJECTED
    if claim == "C1" and significant:
        good = evidence.within_margin and evidence.approximate
        return Verdict.APPROXIMATE if good else Verdict.REJECTED
    if evidence.within_margin:
        return Verdict.SUPPORTED
    return Verdict.REJECTED if significant else Verdict.UNDERPOWERED


def judge_all(curves: Sequence[FittedCurve], pairs: Sequence[Pair]) -> tuple[Claim, ...]:
    """Return all claims with their verdicts.

    Args:
        curves: All fitted curves of one input.
        pairs: All pairs of it.

    Returns:
        C1 to C18, in order.
    """
    found = {claim: gather(curves) for claim, gather in FROM_CURVES.items()}
    found |= {claim: gather(pairs) for claim, gather in FROM_PAIRS.items()}
    corrected = iter(holm([e.p for evidence in found.values() for e in evidence]).tolist())
    judged = {claim: [(e, next(corrected)) for e in evidence] for claim, evidence in found.items()}
    return tuple(_claim(claim, judged.get(claim, [])) for claim in STATEMENTS)


def _claim(claim: str, judged: Sequence[tuple[Evidence, float]]) -> Claim:
    """Return the claim as good as its worst evidence."""
    if not judged:
        reason = NEEDS.get(claim, NOT_TESTED)
        nothing = Interval(None, None)
        return Claim(claim, STATEMENTS[claim], Verdict.NOT_MEASURED, None, None, nothing, None, None, None, reason)
    ranks = list(Verdict)
    verdicts = [judge(claim, evidence, p) for evidence, p in judged]
    worst = min(range(len(judged)), key=lambda i: (ranks.index(verdicts[i]), judged[i][1], judged[i][0].p))
    evidence, p_holm = judged[worst]
    counts = [f"{verdicts.count(v)} {v}" for v in Verdict if v in verdicts]
    return Claim(
        id=claim,
        statement=STATEMENTS[claim],
        verdict=verdicts[worst],
        subject=evidence.subject,
        estimate=evidence.estimate,
        interval=evidence.interval,
        p=evidence.p,
        p_holm=p_holm,
        detectable=evidence.detectable,
        detail="; ".join(counts),
    )
