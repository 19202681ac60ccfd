"""The rule of each of our own claims, as `evidence/PROTOCOL.md` has it; a claim of several rows is one rule a row.

The margins were read off seeds 0, 7 and 21 of digits and written down before any other seed was measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from verification.claims.evidence import Evidence, Found, Material
from verification.claims.judge import Claim, judge_all
from verification.claims.needs import Needs
from verification.claims.rules import Rule
from verification.missing import Missing
from verification.own_claims import evidence


def _within(factor: float) -> tuple[float, float]:
    """Return the margin of a ratio that is 1 within a factor."""
    return 1.0 / factor, factor


def _rule(
    id_: str,
    statement: str,
    effect: str,
    of: Callable[..., Found],
    edge: tuple[float, float] | float | None = None,
    *,
    across: bool = False,
) -> Rule:
    """Return one rule: an equality where its edge is a margin, else a direction."""
    kind: Literal["equality", "direction"] = "equality" if isinstance(edge, tuple) else "direction"
    return Rule(
        id=id_,
        statement=statement,
        kind=kind,
        effect=effect,
        equal=edge if isinstance(edge, tuple) else None,
        reported="not in the paper",
        needs=Needs(levels=2, replicates=2),
        evidence=of if edge is None else lambda seen: of(seen, edge),
        across=across,
    )


OWN_RULES: tuple[Rule, ...] = (
    _rule(
        "T1",
        "flow time is what eta K* is made of",
        "ratio of T, over that of eta K*",
        evidence.flow_time_is_eta_k,
        _within(1.35),
    ),
    _rule(
        "T2a",
        "flow time over the rate predicts K*",
        "ratio of T/eta, over that of K*",
        evidence.flow_predicts_steps,
        _within(1.4),
    ),
    _rule(
        "T2b",
        "it has the sign where the paper's product has not",
        "share of replicates with the sign",
        evidence.flow_has_the_sign,
    ),
    _rule("T3a", "what is left is one number", "c = eta K*/T", evidence.what_is_left, (1.3, 3.0)),
    _rule("T3b", "K* is the condition number", "ratio of K*/(h_max T)", evidence.condition_number, (0.75, 1.33)),
    _rule(
        "T4a",
        "the rate absorbs the batch size",
        "slope of ln(eta K*) on ln B",
        evidence.rate_absorbs_batch_size,
        (-0.15, 0.10),
    ),
    _rule(
        "T4b",
        "eta K* is that of any optimiser",
        "ratio of eta K* of two",
        evidence.optimizers_agree,
        _within(1.5),
        across=True,
    ),
    _rule(
        "T4c",
        "a decay sums its rates",
        "ratio of the sum to eta K*",
        evidence.decay_sums_its_rates,
        _within(1.3),
        across=True,
    ),
    _rule(
        "T4d",
        "a decay needs as many effective steps",
        "ratio of A_K^2/H_K to K*",
        evidence.decay_needs_effective_steps,
        _within(1.3),
        across=True,
    ),
    _rule("T5a", "the knee is where noise is", "<V>/<G> over B_crit", evidence.knee_is_noise, _within(2.0)),
    _rule("T5b", "sparse and dense share the knee", "ratio of B_crit", evidence.knees_agree, _within(2.0)),
    _rule("T6a", "sparse steps keep less of their promise", "ratio of e, below 0.7", evidence.efficiency_falls, 0.7),
    _rule(
        "T6b",
        "the modes below the edge keep their share",
        "ratio of their share of |grad f|^2",
        evidence.modes_keep_their_share,
        _within(1.5),
    ),
)


def judge_own(runs: Sequence[Material]) -> tuple[Claim, ...]:
    """Return our own claims with their verdicts; Holm's correction takes all rows and curves as one family.

    Args:
        runs: What each run folder holds, one workload each.
    """

    def fixed(rule: Rule) -> Rule:
        found = evidence_of(rule, runs)
        return replace(rule, evidence=lambda _: found)

    return judge_all(Material(), [fixed(rule) for rule in OWN_RULES])


def evidence_of(rule: Rule, runs: Sequence[Material]) -> Found:
    """Return what all runs say about a claim, a row for each curve or pair; else why they say nothing.

    Args:
        rule: Of `OWN_RULES`.
        runs: What each run folder holds, one workload each.
    """
    if rule.across:
        return rule.evidence(Material(curves=[curve for run in runs for curve in run.curves]))
    found = [rule.evidence(seen) for seen in runs]
    return found[0] if len(runs) == 1 else _together(list(map(_named, found, runs)))


def _named(found: Found, seen: Material) -> Found:
    """Return evidence that names the workload it is of."""
    if isinstance(found, Missing) or not seen.curves:
        return found
    workload = seen.curves[0].curve.workload
    return [
        one if one.subject.startswith(workload) else replace(one, subject=f"{workload}, {one.subject}") for one in found
    ]


def _together(parts: Sequence[Found]) -> Found:
    """Return the evidence of several runs as one; why there is none where no run gives any."""
    pieces: list[Evidence] = []
    for part in parts:
        pieces += [] if isinstance(part, Missing) else part
    reasons = [part for part in parts if isinstance(part, Missing)]
    return pieces or reasons[0]
