r"""The rule that turns evidence into a verdict.

`verification.claims.rules` says for each claim what is measured, by which function, what counts as equal, and what it
needs. Three things can be said of a claim: data are for it, against it, or cannot tell.

- *equality* and *law*: supported when the 90% interval lies within the margin; rejected when the whole interval lies
  outside it, at the level that Holm's correction asks for.
- *direction*: supported or rejected, as the data point, when the interval at that level leaves out what lies between;
  its error is 5% for both together.

Holm's correction runs over the claims of a report. C6, C7 and C8 ask nearly one question of a pair: they count as one.
Of a claim about every curve a verdict says for how many it holds: rejected where any curve rejects it, else supported
where any supports it. The curve shown is the weakest of those that decide. What cannot be tested is not measured, with
the reason; what the claim needs (`verification.claims.needs`) makes a command for the run at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from verification.claims.evidence import Evidence, Material
from verification.claims.rules import RULES, Rule
from verification.fits.fit import OPEN, Interval
from verification.fits.likelihood import Array
from verification.inference.detectable import SIGNIFICANCE
from verification.missing import Missing


class Verdict(StrEnum):
    """What a report may say of a claim; where curves differ the first of these stands, the last stands apart."""

    REJECTED = "rejected"
    SUPPORTED = "supported"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper with its verdict.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        verdict: By the rule above.
        supported: Of how many curves or pairs it is.
        rejected: Of how many it is not.
        of: How many there are.
        subject: The curve or pair that is shown, None when nothing was measured.
        estimate: There.
        interval: There, at the level that decided; None where the test gives none.
        level: That level; None without an interval.
        p: There, for or against as the verdict says; None where no data of this kind can decide.
        p_holm: There, corrected over the report; p itself where an equality is supported.
        detectable: There, the smallest effect seen with probability 0.8.
        detail: What else to know, or why nothing was measured.
        against: The curves or pairs for which it is rejected.
    """

    id: str
    statement: str
    verdict: Verdict
    supported: int = 0
    rejected: int = 0
    of: int = 0
    subject: str | None = None
    estimate: float | None = None
    interval: Interval | None = OPEN
    level: float | None = None
    p: float | None = None
    p_holm: float | None = None
    detectable: float | None = None
    detail: str
    against: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """The verdict with the number of curves or pairs that it is about, where there are several."""
        counts = {Verdict.SUPPORTED: self.supported, Verdict.REJECTED: self.rejected}
        several = self.of > 1 and self.verdict in counts
        return f"{self.verdict} {counts[self.verdict]} of {self.of}" if several else str(self.verdict)

    @property
    def found(self) -> str:
        """The verdict in words: for how many curves or pairs it is, and what the others say."""
        if self.of < 2:
            return str(self.verdict)
        if self.verdict is Verdict.INCONCLUSIVE:
            return f"{self.verdict} for all {self.of}"
        if self.verdict is Verdict.REJECTED:
            others = f", supported for {self.supported}" if self.supported else ""
            return f"rejected for {self.rejected} of {self.of}{others}"
        return f"supported for {self.supported} of {self.of}{', none rejected' if self.supported < self.of else ''}"


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
    return np.array([one.p for (one,) in corrected([[p] for p in p_values])])


@dataclass(frozen=True)
class Corrected:
    """A p-value with Holm's correction.

    Attributes:
        p: Corrected, in [0, 1].
        factor: By how much: an interval at the level 1 - 0.05/factor leaves out what a test rejects.
    """

    p: float
    factor: int


def corrected(questions: Sequence[Sequence[float]]) -> list[list[Corrected]]:
    """Return p-values with Holm's correction for the number of questions; those of one question count as one.

    Args:
        questions: Each with its p-values, one at least.

    Returns:
        The same shape.

    Example:
        >>> [[one.p for one in question] for question in corrected([[0.01, 0.02], [0.04]])]
        [[0.02, 0.04], [0.04]]
    """
    order = sorted(range(len(questions)), key=lambda i: min(questions[i]))
    found: list[list[Corrected]] = [[] for _ in questions]
    reached, stopped = 0.0, 0
    for rank, i in enumerate(order):
        count = len(questions) - rank
        reached = max(reached, min(questions[i]) * count)
        if not stopped and reached >= SIGNIFICANCE:
            stopped = count
        found[i] = [Corrected(min(max(reached, p * count), 1.0), stopped or count) for p in questions[i]]
    return found


@dataclass(frozen=True)
class Judged:
    """One piece of evidence with its verdict.

    Attributes:
        evidence: What was judged.
        verdict: The verdict.
        p: That decided, or came nearest to it; None where no data of this kind can decide.
        p_holm: Corrected.
        level: Of the interval that shows it.
    """

    evidence: Evidence
    verdict: Verdict
    p: float | None
    p_holm: float | None
    level: float


def uncorrected(rule: Rule, found: Evidence) -> float | None:
    """Return the p-value of a piece of evidence that Holm's correction is about, two-sided for a direction.

    Args:
        rule: Of the claim.
        found: Evidence on it.
    """
    if found.p_for is None or found.p_against is None:
        return None
    if rule.kind == "direction":
        return min(2.0 * min(found.p_for, found.p_against), 1.0)
    return found.p_against


def judge(rule: Rule, found: Evidence, correction: Corrected | None) -> Judged:
    """Return the verdict of one curve or pair on one claim, by the rule of this module.

    Args:
        rule: Of the claim.
        found: Evidence on it.
        correction: Of `uncorrected`; None where that is.
    """
    p = uncorrected(rule, found)
    if correction is None or p is None or found.p_for is None or found.p_against is None:
        return Judged(found, Verdict.INCONCLUSIVE, None, None, 1.0 - 2.0 * SIGNIFICANCE)
    significant = correction.p < SIGNIFICANCE
    if rule.kind == "direction":
        against = found.p_against < found.p_for
        verdict = Verdict.REJECTED if against else Verdict.SUPPORTED
        level = 1.0 - SIGNIFICANCE / correction.factor / (found.tests if against else 1)
        return Judged(found, verdict if significant else Verdict.INCONCLUSIVE, p, correction.p, level)
    if found.p_for < SIGNIFICANCE:
        return Judged(found, Verdict.SUPPORTED, found.p_for, found.p_for, 1.0 - 2.0 * SIGNIFICANCE)
    verdict = Verdict.REJECTED if significant else Verdict.INCONCLUSIVE
    return Judged(found, verdict, p, correction.p, 1.0 - 2.0 * SIGNIFICANCE / correction.factor)


def judge_all(material: Material, rules: Sequence[Rule] = RULES) -> tuple[Claim, ...]:
    """Return claims with their verdicts; Holm's correction takes them as one family.

    Args:
        material: What was measured.
        rules: Of the claims.

    Returns:
        One claim a rule, in order.
    """
    found = {rule.id: rule.evidence(material) for rule in rules}
    questions: dict[tuple[str, ...], list[tuple[str, int, float]]] = {}
    for rule in rules:
        pieces = found[rule.id]
        for i, one in enumerate([] if isinstance(pieces, Missing) else pieces):
            if (p := uncorrected(rule, one)) is not None:
                key = (rule.question, one.subject) if rule.question else (rule.id, str(i))
                questions.setdefault(key, []).append((rule.id, i, p))
    asked = list(questions.values())
    corrections = {
        (id_, i): correction
        for members, found_p in zip(asked, corrected([[p for *_, p in members] for members in asked]), strict=True)
        for (id_, i, _), correction in zip(members, found_p, strict=True)
    }
    claims = []
    for rule in rules:
        pieces = found[rule.id]
        if isinstance(pieces, Missing):
            claims.append(_not_measured(rule, pieces.reason))
        else:
            claims.append(
                _claim(rule, [judge(rule, one, corrections.get((rule.id, i))) for i, one in enumerate(pieces)])
            )
    return tuple(claims)


def _not_measured(rule: Rule, reason: str) -> Claim:
    """Return a claim nothing can be said about."""
    return Claim(id=rule.id, statement=rule.statement, verdict=Verdict.NOT_MEASURED, detail=reason)


def _reason(evidence: Evidence) -> str:
    """Return the first clause of a note, which says why a curve could not be tested."""
    return evidence.note.split(";")[0]


def _claim(rule: Rule, judged: Sequence[Judged]) -> Claim:
    """Return the claim with the verdict of its curves or pairs, and the weakest of those that decide."""
    verdicts = [one.verdict for one in judged]
    verdict = next(word for word in Verdict if word in verdicts)
    deciding = [one for one in judged if one.verdict is verdict]
    # Of the undecided the nearest to a decision is shown.
    weakest = min if verdict is Verdict.INCONCLUSIVE else max
    shown = weakest(deciding, key=lambda one: (2.0, 0.0) if one.p is None else (one.p_holm or 0.0, one.p))
    evidence, interval = shown.evidence, shown.evidence.interval
    untested = [one.evidence for one in judged if one.p is None and _reason(one.evidence) != _reason(evidence)]
    told = (evidence.note, *(f"{one.subject}: {one.note}" for one in untested))
    against = tuple(one.evidence.subject for one in judged if one.verdict is Verdict.REJECTED)
    return Claim(
        id=rule.id,
        statement=rule.statement,
        verdict=verdict,
        supported=verdicts.count(Verdict.SUPPORTED),
        rejected=len(against),
        of=len(judged),
        subject=evidence.subject,
        estimate=evidence.estimate,
        interval=None if interval is None else interval(shown.level),
        level=None if interval is None else shown.level,
        p=shown.p,
        p_holm=shown.p_holm,
        detectable=evidence.detectable,
        detail="; ".join(part for part in told if part),
        against=against,
    )
