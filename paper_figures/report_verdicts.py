"""What the report says of fits, ratios and claims: from verdicts.json, or computed where that file cannot serve."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verification.analysis import analyse
from verification.curve_tests import DRAWS
from verification.fit import Interval
from verification.json_file import read_json
from verification.records import Curve, Records
from verification.verdicts import input_digests, to_json

FILE_NAME = "verdicts.json"


@dataclass(frozen=True)
class ClaimFound:
    """One claim with its verdict, as `verification.claims.Claim` has it.

    Attributes:
        id: C1 to C18.
        statement: The claim in one clause.
        verdict: In the words of `verification.claims.Verdict`.
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
    laws: Mapping[tuple[str, str, float], LawFound | str]
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
    file, command = folder / FILE_NAME, f"python -m verification.report {shlex.quote(str(folder))}"
    state, ending = "missing", "keeps them"
    if file.exists():
        try:
            found: Any = read_json(file)
            if found["inputs"] == input_digests(folder):
                return _verdicts(found, None)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"{file} is no verdicts file ({error!r}); make it again: {command}") from None
        state, ending = "older than the records", "renews it"
    note = f"{FILE_NAME} is {state}: computed for this page; {command} {ending}"
    return _verdicts(to_json(analyse(records, DRAWS)), note)


def _verdicts(found: Any, note: str | None) -> Verdicts:  # noqa: ANN401 - JSON
    """Return verdicts from plain data."""
    return Verdicts(
        claims=tuple(_claim(entry) for entry in found["claims"]),
        laws={(*_group(entry), _needed(entry["sparsity"])): _law(entry) for entry in found["curves"]},
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
        estimate=_number(entry["estimate"]),
        interval=_interval(entry["interval"]),
        p=_number(entry["p"]),
        p_holm=_number(entry["p_holm"]),
        detectable=_number(entry["detectable"]),
        detail=str(entry["detail"]),
    )


def _law(entry: Any) -> LawFound | str:  # noqa: ANN401 - JSON
    """Return the paper's law on a curve, or why there is none."""
    if "H" not in entry["laws"]:
        return str(entry["reason"] or "no fit in verdicts.json")
    law = entry["laws"]["H"]
    names = ("c1", "c2", "b_crit")
    return LawFound(
        theta=(_needed(law["theta"][0]), _needed(law["theta"][1])),
        estimates={name: _number(law[name]) for name in names},
        intervals={name: _interval(law["intervals"][name]) for name in names},
        sigma=_number(law["sigma"]),
        sigma_at_floor=bool(law["sigma_at_floor"]),
        worst_residual=_number(law["max_residual"]),
        converged=bool(law["converged"]),
    )


def _ratio(entry: Any) -> RatioFound:  # noqa: ANN401 - JSON
    """Return the ratios of a pair from plain data."""
    names = ("c1", "c2", "b_crit")
    intervals = entry["intervals"]
    return RatioFound(
        group=_group(entry),
        sparsity=_needed(entry["sparsity"]),
        ratios={name: _number(entry[f"{name}_ratio"]) for name in names},
        intervals={name: _interval(intervals.get(f"{name}_ratio", (None, None))) for name in names},
        predicted=_number(entry["predicted_c1_ratio"]),
        factors={str(name): _needed(value) for name, value in (entry["predicted_factors"] or {}).items()},
        opposite=bool(entry["direction_disagrees"]),
        reasons=tuple(str(entry[key]) for key in ("reason", "predicted_reason") if entry[key]),
    )


def _group(entry: Any) -> tuple[str, str]:  # noqa: ANN401 - JSON
    """Return workload and goal of an entry."""
    return str(entry["workload"] or ""), str(entry["goal"] or "")


def _interval(ends: Any) -> Interval:  # noqa: ANN401 - JSON
    """Return an interval from its two ends."""
    low, high = ends
    return Interval(_number(low), _number(high))


def _needed(value: object) -> float:
    """Return a number that must be there."""
    number = _number(value)
    if number is None:
        raise ValueError("null where a number is needed")
    return number


def _number(value: object) -> float | None:
    """Return a finite number or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} where a number is needed")
    return float(value)
