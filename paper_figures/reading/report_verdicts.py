"""What the report says of fits, ratios and claims: from verdicts.json, or computed where that file cannot serve."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paper_figures.reading.verdicts_file import Key, entry_key, interval, load_verdicts, number, number_or_none
from verification.claims.analysis import analyse
from verification.fits.fit import Interval
from verification.inference.curve_tests import DRAWS
from verification.records.records import Curve, Records
from verification.report.verdicts import FILE_NAME, to_json


@dataclass(frozen=True)
class ClaimFound:
    """One claim with its verdict, as `verification.claims.judge.Claim` has it.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        verdict: In the words of `verification.claims.judge.Verdict`.
        subject: The curve or pair that decides, empty when nothing was measured.
        estimate: There.
        interval: There, 95%.
        p: There, not corrected.
        p_holm: There, corrected over the report.
        detectable: There, the smallest effect seen with probability 0.8.
        detail: How many curves or pairs said what, or why nothing was measured.
    """

    id: str
    statement: str
    verdict: str
    subject: str
    estimate: float | None
    interval: Interval
    p: float | None
    p_holm: float | None
    detectable: float | None
    detail: str


@dataclass(frozen=True)
class LawFound:
    """The paper's law on one curve.

    Attributes:
        theta: log c1 and log c2, to draw the curve with.
        estimates: c1, c2 and b_crit; None where the data hold no trace of one.
        intervals: The same names to their 95% intervals.
        sigma: Noise of log K; `sigma_at_floor` where the evaluation grid hides it.
        sigma_at_floor: See there.
        worst_residual: Relative, None where the law has no finite K at a point.
        converged: Whether the fit did.
    """

    theta: tuple[float, float]
    estimates: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    sigma: float | None
    sigma_at_floor: bool
    worst_residual: float | None
    converged: bool


@dataclass(frozen=True)
class RatioFound:
    """Sparse over dense, measured and predicted.

    Attributes:
        group: Workload and goal.
        sparsity: Percent, of the sparse network.
        ratios: c1, c2 and b_crit to their ratios; None where they are not known.
        intervals: The same names to their 95% intervals.
        predicted: Ratio of c1 from the constants, None when it could not be predicted.
        factors: Delta, L and beta to their ratios; empty likewise.
        opposite: Whether prediction and fit disagree in direction.
        reasons: Why there is no fitted, no predicted ratio.
    """

    group: tuple[str, str]
    sparsity: float
    ratios: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    predicted: float | None
    factors: Mapping[str, float]
    opposite: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Verdicts:
    """All that is known about a run beyond its records.

    Attributes:
        claims: C1 to C18.
        laws: (workload, goal, sparsity) to the fitted law, or to the reason why there is none.
        ratios: One per sparse curve with a dense partner.
        note: What a reader should know about where they come from, None when they are those of verdicts.json.
    """

    claims: tuple[ClaimFound, ...]
    laws: Mapping[Key, LawFound | str]
    ratios: tuple[RatioFound, ...]
    note: str | None

    def law(self, curve: Curve) -> LawFound | str:
        """Return the law fitted to a curve, or why there is none."""
        return self.laws.get((*curve.group, curve.sparsity), "no fit in verdicts.json")


def read_verdicts(folder: Path, records: Records) -> Verdicts:
    """Read the verdicts of a run, or compute them where they are absent or older than the records.

    Args:
        folder: A run folder.
        records: Its records.

    Returns:
        The verdicts; nothing is written.

    Raises:
        ValueError: If verdicts.json is there and is no verdicts file.
    """
    command = f"python -m verification.report {shlex.quote(str(folder))} --save"
    found = load_verdicts(folder, lambda kept: _verdicts(kept, None), command)
    if isinstance(found, Verdicts):
        return found
    ending = "keeps them" if found == "missing" else "renews it"
    note = f"{FILE_NAME} is {found}: computed for this page; {command} {ending}"
    return _verdicts(to_json(analyse(records, DRAWS)), note)


def _verdicts(found: Any, note: str | None) -> Verdicts:  # noqa: ANN401 - JSON
    """Return verdicts from plain data."""
    return Verdicts(
        claims=tuple(_claim(entry) for entry in found["claims"]),
        laws={entry_key(entry): _law(entry) for entry in found["curves"]},
        ratios=tuple(_ratio(entry) for entry in found["pairs"]),
        note=note,
    )


def _claim(entry: Any) -> ClaimFound:  # noqa: ANN401 - JSON
    """Return a claim from plain data."""
    return ClaimFound(
        id=str(entry["id"]),
        statement=str(entry["statement"]),
        verdict=str(entry["verdict"]),
        subject=str(entry["subject"] or ""),
        estimate=number_or_none(entry["estimate"]),
        interval=interval(entry["interval"]),
        p=number_or_none(entry["p"]),
        p_holm=number_or_none(entry["p_holm"]),
        detectable=number_or_none(entry["detectable"]),
        detail=str(entry["detail"]),
    )


def _law(entry: Any) -> LawFound | str:  # noqa: ANN401 - JSON
    """Return the paper's law on a curve, or why there is none."""
    if "H" not in entry["laws"]:
        return str(entry["reason"] or "no fit in verdicts.json")
    law = entry["laws"]["H"]
    names = ("c1", "c2", "b_crit")
    return LawFound(
        theta=(number(law["theta"][0]), number(law["theta"][1])),
        estimates={name: number_or_none(law[name]) for name in names},
        intervals={name: interval(law["intervals"][name]) for name in names},
        sigma=number_or_none(law["sigma"]),
        sigma_at_floor=bool(law["sigma_at_floor"]),
        worst_residual=number_or_none(law["max_residual"]),
        converged=bool(law["converged"]),
    )


def _ratio(entry: Any) -> RatioFound:  # noqa: ANN401 - JSON
    """Return the ratios of a pair from plain data."""
    names = ("c1", "c2", "b_crit")
    intervals = entry["intervals"]
    return RatioFound(
        group=entry_key(entry)[:2],
        sparsity=entry_key(entry)[2],
        ratios={name: number_or_none(entry[f"{name}_ratio"]) for name in names},
        intervals={name: interval(intervals.get(f"{name}_ratio")) for name in names},
        predicted=number_or_none(entry["predicted_c1_ratio"]),
        factors={str(name): number(value) for name, value in (entry["predicted_factors"] or {}).items()},
        opposite=bool(entry["direction_disagrees"]),
        reasons=tuple(str(entry[part]) for part in ("reason", "predicted_reason") if entry[part]),
    )
