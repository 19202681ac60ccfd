r"""The paper's claims C1-C18 and the rule that turns evidence into a verdict.

`verification.claims.rules` says for each claim what is measured, by which function, what counts as equal, and what it
needs. Holm's correction runs over every p-value of a report. Then, for each piece of evidence:

- *law*: when p_holm < .05, supported as an approximation if the 90% interval of alpha lies in [0.9, 1.1] and the
  worst residual is below 10%, else rejected; otherwise supported when that interval lies in the margin, else
  inconclusive.
- *equality*: supported when the 90% interval lies in the margin; else rejected when p_holm < .05; else inconclusive.
- *direction*: supported or rejected, as the data point, when the one-sided p_holm < .05; else inconclusive.

A claim about every curve is as good as its worst curve: rejected, inconclusive, approximation, supported, in that
order. What cannot be tested is not measured, with the reason; what the claim needs
(`verification.claims.needs`) makes a command for the run at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from verification.claims.evidence import Evidence, Material
from verification.claims.rules import RULES, Rule
from verification.fits.fit import OPEN, Interval
from verification.fits.likelihood import Array
from verification.missing import Missing

SIGNIFICANCE = 0.05


class Verdict(StrEnum):
    """What a report may say of a claim; the order is from worst to best, the last stands apart."""

    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"
    APPROXIMATE = "supported as an approximation"
    SUPPORTED = "supported"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper with its verdict.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        verdict: By the rule above.
        subject: The curve or pair that decides, None when nothing was measured.
        estimate: There.
        interval: There, 95%; None where the test gives none.
        p: There.
        p_holm: There, corrected over the report.
        detectable: There, the smallest effect seen with probability 0.8.
        detail: How many curves or pairs said what, or why nothing was measured.
        against: The curves or pairs for which it is rejected, an approximation among them.
    """

    id: str
    statement: str
    verdict: Verdict
    subject: str | None
    estimate: float | None
    interval: Interval | None
    p: float | None
    p_holm: float | None
    detectable: float | None
    detail: str
    against: tuple[str, ...] = ()


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


def judge(rule: Rule, found: Evidence, p_holm: float) -> Verdict:
    """Return the verdict of one curve or pair on one claim, by the rule of this module.

    Args:
        rule: Of the claim.
        found: Evidence on it.
        p_holm: Its corrected p-value, in [0, 1].

    Returns:
        The verdict.
    """
    significant = p_holm < SIGNIFICANCE
    if rule.kind == "direction":
        if not significant:
            return Verdict.INCONCLUSIVE
        return Verdict.SUPPORTED if found.direction > 0 else Verdict.REJECTED
    equal = rule.equal is not None and found.interval_90.inside(*rule.equal)
    if rule.kind == "law" and significant:
        return Verdict.APPROXIMATE if equal and found.approximate else Verdict.REJECTED
    if equal:
        return Verdict.SUPPORTED
    return Verdict.REJECTED if significant else Verdict.INCONCLUSIVE


def judge_all(material: Material) -> tuple[Claim, ...]:
    """Return all claims with their verdicts.

    Args:
        material: What was measured.

    Returns:
        C1 to C18, in order.
    """
    found = {rule.id: rule.evidence(material) for rule in RULES}
    listed = [one for pieces in found.values() if not isinstance(pieces, Missing) for one in pieces]
    corrected = iter(holm([one.p for one in listed]).tolist())
    claims = []
    for rule in RULES:
        pieces = found[rule.id]
        if isinstance(pieces, Missing):
            claims.append(_not_measured(rule, pieces.reason))
        else:
            claims.append(_claim(rule, [(one, next(corrected)) for one in pieces]))
    return tuple(claims)


def _not_measured(rule: Rule, reason: str) -> Claim:
    """Return a claim nothing can be said about."""
    return Claim(
        id=rule.id,
        statement=rule.statement,
        verdict=Verdict.NOT_MEASURED,
        subject=None,
        estimate=None,
        interval=OPEN,
        p=None,
        p_holm=None,
        detectable=None,
        detail=reason,
    )


def _claim(rule: Rule, judged: Sequence[tuple[Evidence, float]]) -> Claim:
    """Return the claim as good as its worst evidence."""
    ranks = list(Verdict)
    verdicts = [judge(rule, one, p) for one, p in judged]
    worst = min(range(len(judged)), key=lambda i: (ranks.index(verdicts[i]), judged[i][1], judged[i][0].p))
    found, p_holm = judged[worst]
    against = {Verdict.REJECTED, Verdict.APPROXIMATE}
    counts = [f"{verdicts.count(v)} {v}" for v in Verdict if v in verdicts]
    return Claim(
        id=rule.id,
        statement=rule.statement,
        verdict=verdicts[worst],
        subject=found.subject,
        estimate=found.estimate,
        interval=found.interval,
        p=found.p,
        p_holm=p_holm,
        detectable=found.detectable,
        detail="; ".join(counts),
        against=tuple(one.subject for (one, _), verdict in zip(judged, verdicts, strict=True) if verdict in against),
    )
