"""verdicts.json: an analysis as plain data, written in one piece, read by figures and reports.

What does not exist or is open is null; there is no infinity and no NaN in it.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from empirics.reading.outside import read_json
from verification.claims.analysis import Analysis
from verification.claims.judge import Claim
from verification.fits.curves import FittedCurve, FittedLaw
from verification.fits.fit import LARGEST_LOG_RESIDUAL, OPEN, Interval
from verification.inference.bands import law_band, ratio_band
from verification.inference.pairs import Pair, measured_ratios
from verification.inference.rates import Rates, Slope, Window, best_rates, fitted_window
from verification.inference.search_error import SearchError
from verification.inference.smoothness_and_rate import SmoothnessAndRate
from verification.inference.trends import block_interval
from verification.missing import Missing
from verification.prediction.prediction import Prediction
from verification.records.trials import SmoothnessRun

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

FILE_NAME = "verdicts.json"
INPUTS = ("curves.csv", "constants.csv")
# A count of draws may move by one where a rounding differs.
P_VALUE_TOLERANCE = 0.005


def to_json(analysis: Analysis) -> dict[str, Json]:
    """Return an analysis as plain data.

    Args:
        analysis: The analysis.

    Returns:
        `inputs` (file to SHA-256), `notes`, `curves`, `pairs`, `combined` (over workloads), trends and `claims`;
        curves and pairs with what figures draw of them beside the fits: bands, best rates, windows, ratios.
    """
    return {
        "inputs": dict(input_digests(analysis.records.source)),
        "notes": list(analysis.records.notes),
        "curves": [
            _curve(fitted, rates, search)
            for fitted, rates, search in zip(analysis.curves, analysis.rates, analysis.search, strict=True)
        ],
        "pairs": [_pair(pair) for pair in analysis.pairs],
        "combined": {quantity: _plain(effect) for quantity, effect in analysis.combined.items()},
        "smoothness_trend": _plain(analysis.trend),
        "smoothness": [_smoothness(run) for run in analysis.records.smoothness],
        "smoothness_and_rate": _smoothness_and_rate(analysis.smoothness_and_rate),
        "claims": [_claim(claim) for claim in analysis.claims],
    }


def recorded_part(verdicts: Json) -> Json:
    """Return what is kept of verdicts: inputs, claims, constants of laws H, P and S, and ratios.

    Args:
        verdicts: From `to_json`, or read back.

    Returns:
        Plain data; small enough to read, and free of what only rounding decides.
    """
    assert isinstance(verdicts, dict)
    curves, pairs = verdicts["curves"], verdicts["pairs"]
    assert isinstance(curves, list)
    assert isinstance(pairs, list)
    kept: dict[str, Json] = {"inputs": verdicts["inputs"], "claims": verdicts["claims"]}
    kept["curves"] = [_recorded_curve(curve) for curve in curves]
    names = ("workload", "goal", "sparsity", "n", "c1_ratio", "c2_ratio", "b_crit_ratio", "intervals")
    kept["pairs"] = [{name: pair[name] for name in names} for pair in pairs if isinstance(pair, dict)]
    return kept


def _recorded_curve(curve: Json) -> Json:
    """Return what is kept of a curve."""
    assert isinstance(curve, dict)
    laws = curve["laws"]
    assert isinstance(laws, dict)
    kept: dict[str, Json] = {name: curve[name] for name in ("workload", "goal", "sparsity", "n", "reason")}
    dropped = {"theta", "residuals", "loglik", "converged"}
    kept["laws"] = {
        law: {name: value for name, value in one.items() if name not in dropped}
        for law, one in laws.items()
        if law in {"H", "P", "S"} and isinstance(one, dict)
    }
    return kept


def input_digests(source: Path) -> dict[str, str]:
    """Return the SHA-256 of each file an analysis reads, by file name.

    Args:
        source: A run folder or a CSV file.

    Returns:
        File name to hexadecimal digest; files that are not there are left out.
    """
    files = [source / name for name in INPUTS] if source.is_dir() else [source]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def is_verdicts(path: Path) -> bool:
    """Return whether a file holds what `to_json` returns; the verdicts that `verification.record` keeps are others.

    Args:
        path: Any file.
    """
    try:
        found = read_json(path)
    except ValueError:
        return False
    return isinstance(found, dict) and {"inputs", "notes", "curves", "pairs", "claims"} <= found.keys()


def dump(verdicts: Json) -> str:
    """Return verdicts as JSON text.

    Args:
        verdicts: From `to_json` or `recorded_part`.

    Returns:
        Indented JSON with a final newline.

    Raises:
        ValueError: If a number is infinite or NaN.
    """
    return json.dumps(verdicts, indent=2, allow_nan=False) + "\n"


def differences(recorded: Json, computed: Json, where: str = "verdicts") -> list[str]:
    """Return where two verdicts differ: words exactly, numbers by more than 10^-4, relative or not, p-values by 0.005.

    The tolerance is far below any interval's width and far above what another processor's rounding does to the
    end of an iteration. `theta` is not compared: where a constant is unbounded its coordinate is arbitrary, and where
    it is not the constants say the same.

    Args:
        recorded: Verdicts that were kept.
        computed: Verdicts of today.
        where: What to call the outermost value.

    Returns:
        One line per difference; empty when they agree.
    """
    if isinstance(recorded, dict) and isinstance(computed, dict):
        return [
            line
            for key in sorted((recorded.keys() | computed.keys()) - {"theta"})
            for line in differences(recorded.get(key), computed.get(key), f"{where}.{key}")
        ]
    if isinstance(recorded, list) and isinstance(computed, list) and len(recorded) == len(computed):
        pairs = enumerate(zip(recorded, computed, strict=True))
        return [line for i, (old, new) in pairs for line in differences(old, new, f"{where}[{i}]")]
    if isinstance(recorded, float) and isinstance(computed, float):
        counted = where.rpartition(".")[2] in {"p", "p_holm"}
        same = math.isclose(recorded, computed, rel_tol=1e-4, abs_tol=P_VALUE_TOLERANCE if counted else 1e-4)
    else:
        same = recorded == computed
    return [] if same else [f"{where}: recorded {recorded!r}, computed {computed!r}"]


def _interval(interval: Interval) -> Json:
    """Return both ends, null where open."""
    return [interval.low, interval.high]


def _law(fitted: FittedLaw) -> Json:
    """Return one fitted law."""
    fit = fitted.fit
    return {
        **fitted.estimates,
        "sigma": fit.sigma,
        "sigma_at_floor": fit.sigma_at_floor,
        "loglik": fit.log_likelihood,
        "aicc": fit.aicc,
        "converged": fit.converged,
        "weight": fitted.weight,
        "identified": dict(fitted.identified),
        "max_residual": fit.worst_residual if max(map(abs, fit.residuals)) < LARGEST_LOG_RESIDUAL else None,
        "residuals": list(fit.residuals),
        "theta": list(fitted.theta),
        "intervals": {name: _interval(interval) for name, interval in fitted.intervals.items()},
    }


def _curve(fitted: FittedCurve, rates: Rates, search: SearchError | Missing) -> Json:
    """Return one curve with its laws and tests; `n` counts the points that reached the goal."""
    tests: dict[str, Json] = {str(fitted.laws[law].law.shape): _plain(test) for law, test in fitted.shape_tests.items()}
    tests |= {name: _plain(test) for name, test in fitted.tests.items()}
    tests["against"] = {law: _plain(rival) for law, rival in fitted.rivals.items()}
    tests["rate"] = _rates(rates)
    tests["search"] = _plain(search)
    return {
        "workload": fitted.curve.workload or None,
        "goal": fitted.curve.goal or None,
        "sparsity": fitted.curve.sparsity,
        "n": sum(point.reached for point in fitted.curve.points),
        "reason": fitted.reason,
        "laws": {law: _law(one) for law, one in fitted.laws.items()},
        "robust": None if fitted.robust is None else _plain(fitted.robust),
        "tests": tests,
        "band": _plain_or_none(law_band(fitted)),
        "best_rates": _plain(best_rates(fitted)),
        "window": _window(fitted_window(fitted.curve)),
    }


def _plain_or_none(value: object) -> Json:
    """Return a dataclass as plain data, None as null."""
    return None if value is None else _plain(value)


def _window(window: Window | Missing) -> Json:
    """Return the trials of a window; its power stands among the tests."""
    found = _plain(window)
    assert isinstance(found, dict)
    return {name: value for name, value in found.items() if name != "power"}


def _rates(rates: Rates) -> Json:
    """Return what the rates say: a slope with its interval and the p-value of what theory has, or a reason."""
    claimed = {"rate": 0.0, "product": 0.0, "sharp": 1.0, "textbook": 1.0, "window": 1.0}
    found: dict[str, Json] = {"better": rates.better}
    return found | {name: _slope(getattr(rates, name), value) for name, value in claimed.items()}


def _slope(slope: Slope | Missing, claimed: float) -> Json:
    """Return a slope with its interval and the p-value of what is claimed of it, or a reason."""
    if isinstance(slope, Missing):
        return {"reason": slope.reason}
    ends = _interval(slope.interval())
    return {"estimate": slope.value, "interval": ends, "claimed": claimed, "p": slope.p(claimed)}


def _smoothness(run: SmoothnessRun) -> Json:
    """Return the mean of L along one run with its block bootstrap interval."""
    mean = sum(run.smoothness) / len(run.smoothness) if run.smoothness else None
    ends = _interval(block_interval(run.smoothness))
    return {"sparsity": run.sparsity, "replicate": run.replicate, "L_mean": mean, "interval": ends}


def _smoothness_and_rate(found: SmoothnessAndRate | Missing) -> Json:
    """Return how L goes with the rate: the power, then a level a sparsity; or why it is not known."""
    if isinstance(found, Missing):
        return {"reason": found.reason}
    levels: list[Json] = []
    for level in found.levels:
        ratio, ends = level.at_same_rate or (None, OPEN)
        levels.append(
            {
                "sparsity": level.sparsity,
                "rates": list(level.rates),
                "smoothness": list(level.smoothness),
                "product": level.product,
                "interval": _interval(level.interval),
                "ratio_at_same_rate": ratio,
                "ratio_interval": _interval(ends),
            }
        )
    return {"power": _slope(found.power, 0.0), "levels": levels}


def _plain(value: object) -> Json:
    """Return a dataclass as plain data, a reason as an object that holds it."""
    if isinstance(value, Missing):
        return {"reason": value.reason}
    found: dict[str, Json] = {}
    for field in dataclasses.fields(cast("Any", value)):
        entry = getattr(value, field.name)
        if isinstance(entry, Interval):
            found[field.name] = _interval(entry)
        elif isinstance(entry, tuple):
            found[field.name] = list(entry)
        elif isinstance(entry, Mapping):
            found[field.name] = {f"{key:g}" if isinstance(key, float) else str(key): v for key, v in entry.items()}
        else:
            found[field.name] = entry
    return found


def _pair(pair: Pair) -> Json:
    """Return one pair: fitted ratios, sparse over dense, beside the prediction."""
    fit, predicted = pair.fit, pair.prediction
    known = predicted if isinstance(predicted, Prediction) else None
    return {
        "workload": pair.sparse.curve.workload or None,
        "goal": pair.sparse.curve.goal or None,
        "sparsity": pair.sparse.curve.sparsity,
        "dense": pair.dense.curve.sparsity,
        "n": None if fit is None else fit.n,
        "sigma": None if fit is None else fit.sigma,
        "converged": None if fit is None else fit.converged,
        "reason": pair.reason,
        **{f"{name}_ratio": pair.ratios.get(name) for name in ("c1", "c2", "b_crit")},
        "intervals": {f"{name}_ratio": _interval(interval) for name, interval in pair.intervals.items()},
        "predicted_c1_ratio": None if known is None else known.c1.ratio,
        "predicted_factors": None if known is None else dict(known.factors),
        "predicted_reason": predicted.reason if isinstance(predicted, Missing) else None,
        "predicted_log_error": None if known is None else known.c1.log_error,
        "predicted_interval": None if known is None else _interval(known.c1.interval),
        "predicted_seeds": None if known is None else known.seeds,
        "tests": {name: _plain(test) for name, test in pair.tests.items()},
        "direction_disagrees": pair.direction_disagrees,
        "measured": [_plain(one) for one in measured_ratios(pair)],
        "band": _plain_or_none(ratio_band(pair)),
    }


def _claim(claim: Claim) -> Json:
    """Return one claim."""
    return {
        "id": claim.id,
        "statement": claim.statement,
        "verdict": claim.verdict.value,
        "subject": claim.subject,
        "estimate": claim.estimate,
        "interval": _interval(claim.interval or OPEN),
        "p": claim.p,
        "p_holm": claim.p_holm,
        "detectable": claim.detectable,
        "detail": claim.detail,
    }
