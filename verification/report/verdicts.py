"""verdicts.json: the fits, tests and verdicts of an analysis, written in one piece and read back into the same records.

It holds what takes seconds to compute. What follows from that and the run's records in no time (rates, bands, search
error, trends) is computed anew where it is shown. What does not exist or is open is null; there is no infinity in it.
"""

import hashlib
import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from empirics.reading.outside import read_json
from verification.claims.analysis import Analysis, analyse, concluded
from verification.claims.judge import Claim
from verification.fits.curves import CANDIDATES, LARGEST_LOG, CurveTest, FittedCurve, FittedLaw, Rival, contrasts
from verification.fits.fit import LARGEST_LOG_RESIDUAL, OPEN, Fit, Interval
from verification.fits.likelihood import observe
from verification.fits.robust import RobustFit
from verification.fits.units import units_of
from verification.inference.known import Slope
from verification.inference.pairs import Pair, RatioTest, partners
from verification.inference.rates import Rates
from verification.inference.search_error import SearchError
from verification.inference.smoothness_and_rate import SmoothnessAndRate
from verification.inference.trends import Combined, block_interval
from verification.missing import Missing
from verification.prediction.prediction import Prediction, predict_from
from verification.records.curves import Curve
from verification.records.records import Records
from verification.records.trials import SmoothnessRun
from verification.report.plain import Entry, Json, mapping, number, plain, sequence, value_of

FILE_NAME = "verdicts.json"
INPUTS = ("curves.csv", "constants.csv")
# Of what the file holds and in which words; a file of another format is of an older version.
FORMAT = 4


def to_json(analysis: Analysis) -> dict[str, Json]:
    """Return an analysis as plain data.

    Args:
        analysis: The analysis.

    Returns:
        `format`, `inputs` (file to SHA-256), `notes`, `draws`, `curves`, `pairs`, `combined` (over workloads), trends
        and `claims`.
    """
    return {
        "format": FORMAT,
        "inputs": dict(input_digests(analysis.records.source)),
        "notes": list(analysis.records.notes),
        "draws": analysis.draws,
        "curves": [
            _curve(fitted, rates, search)
            for fitted, rates, search in zip(analysis.curves, analysis.rates, analysis.search, strict=True)
        ],
        "pairs": [_pair(pair) for pair in analysis.pairs],
        "combined": plain(analysis.combined),
        "smoothness_trends": plain(analysis.trends),
        "smoothness": [_smoothness(run) for run in analysis.records.smoothness],
        "smoothness_and_rate": _smoothness_and_rate(analysis.smoothness_and_rate),
        "claims": [plain(claim) for claim in analysis.claims],
    }


def from_json(found: Entry, records: Records) -> Analysis:
    """Return the analysis that plain data stand for.

    Args:
        found: From `to_json`, perhaps read back, or a stranger's.
        records: What was analysed.

    Returns:
        The analysis; numbers are as exact as the file.

    Raises:
        LookupError: If something is missing.
        TypeError: If something is of another kind.
        ValueError: If it is not about these records, or a word or count is none of its kind.
    """
    entries = zip(sequence(found["curves"]), records.curves, strict=True)
    curves = tuple(_read_curve(mapping(entry), curve) for entry, curve in entries)
    pairs = zip(sequence(found["pairs"]), partners(curves), strict=True)
    return concluded(
        records,
        curves,
        tuple(_read_pair(mapping(entry), *sides, records) for entry, sides in pairs),
        value_of(int, found["draws"]),
        combined={name: value_of(Combined | Missing, one) for name, one in mapping(found["combined"]).items()},
        claims=value_of(tuple[Claim, ...], found["claims"]),
    )


def kept_or_computed(folder: Path, records: Records, draws: int) -> tuple[Analysis, str | None]:
    """Return the analysis of a run from its verdicts.json; where that is missing or stale, computed.

    Args:
        folder: The run folder; nothing is written to it.
        records: Its records.
        draws: Bootstrap draws a curve, where it is computed.

    Returns:
        The analysis, and one line that says why it was computed, None where it was read.

    Raises:
        ValueError: If the file is there and is no verdicts file; one line that names it.
    """
    found = kept(folder, records)
    return (found, None) if isinstance(found, Analysis) else (analyse(records, draws), found)


def kept(folder: Path, records: Records) -> Analysis | str:
    """Return the analysis of a run from its verdicts.json, or one line that says why it must be computed.

    Args:
        folder: The run folder.
        records: Its records.

    Raises:
        ValueError: If the file is there and is no verdicts file; one line that names it.
    """
    file = folder / FILE_NAME
    command = f"python -m verification.report {shlex.quote(str(folder))} --save"
    if not file.exists():
        return f"{file} is missing: computed here; {command} keeps it"
    try:
        found = mapping(read_json(file))
        if found["inputs"] != input_digests(folder):
            stale = "older than the records"
        elif found.get("format") != FORMAT:
            stale = "of an older version"
        else:
            return from_json(found, records)
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{file} is no verdicts file ({error!r}); make it again: {command}") from None
    return f"{file} is {stale}: computed here; {command} renews it"


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
    """Return whether a file holds what `to_json` returns.

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
        verdicts: From `to_json`.

    Returns:
        Indented JSON with a final newline.

    Raises:
        ValueError: If a number is infinite or NaN.
    """
    return json.dumps(verdicts, indent=1, allow_nan=False) + "\n"


def _fit(fit: Fit, theta: tuple[float, ...]) -> dict[str, Json]:
    """Return a fit with its certificate."""
    worst = fit.worst_residual if max(map(abs, fit.residuals)) < LARGEST_LOG_RESIDUAL else None
    return {
        "sigma": plain(fit.sigma),
        "sigma_at_floor": fit.sigma_at_floor,
        "loglik": plain(fit.log_likelihood),
        "aicc": plain(fit.aicc),
        "converged": fit.converged,
        "max_residual": plain(worst),
        "residuals": plain(fit.residuals),
        "traced": list(fit.traced),
        "theta": plain(theta),
    }


def _read_fit(entry: Entry, theta: tuple[float, ...], n: int, points: int) -> Fit:
    """Return a fit of so many points, n of which are known from both sides."""
    traced, residuals = value_of(tuple[bool, ...], entry["traced"]), value_of(tuple[float, ...], entry["residuals"])
    if len(traced) != len(theta) or len(residuals) != points:
        raise ValueError(f"a fit of {points} points with {len(residuals)} residuals")
    return Fit(
        theta=theta,
        sigma=number(entry["sigma"]),
        sigma_at_floor=value_of(bool, entry["sigma_at_floor"]),
        log_likelihood=number(entry["loglik"]),
        aicc=value_of(float | None, entry["aicc"]),
        n=n,
        converged=value_of(bool, entry["converged"]),
        traced=traced,
        residuals=residuals,
    )


def _law(fitted: FittedLaw) -> Json:
    """Return one fitted law."""
    return {
        **{name: plain(value) for name, value in fitted.estimates.items()},
        **_fit(fitted.fit, fitted.theta),
        "weight": plain(fitted.weight),
        "intervals": plain(fitted.intervals),
    }


def _read_law(id_: str, entry: Entry, curve: Curve, n: int) -> FittedLaw:
    """Return one fitted law."""
    law = CANDIDATES[id_]
    unit = 1 if law.counts_examples else curve.points[0].batch_size
    theta = value_of(tuple[float, ...], entry["theta"])
    if len(theta) != len(law.parameters):
        raise ValueError(f"law {id_} with {len(theta)} constants")
    if theta[-1] > LARGEST_LOG:
        raise ValueError(f"law {id_} with a constant beyond all numbers")
    in_units = tuple(law.scale_with_batch(theta, 1.0 / unit).tolist())
    ends = {*contrasts(law)} | ({"cbs20"} & entry.keys())
    return FittedLaw(
        law=law,
        unit=unit,
        fit=_read_fit(entry, in_units, n, len(curve.points)),
        theta=theta,
        estimates={name: value_of(float | None, entry[name]) for name in _CONSTANTS if name in {"c1", "c2"} | ends},
        intervals=_intervals(entry, [name for name in _CONSTANTS if name in ends]),
        weight=value_of(float | None, entry["weight"]),
    )


_CONSTANTS = ("c1", "c2", "b_crit", "alpha", "h", "cbs20")


def _intervals(entry: Entry, names: Iterable[str], after: str = "") -> dict[str, Interval]:
    """Return the intervals of an entry by name."""
    found = mapping(entry["intervals"])
    return {name: value_of(Interval, found[f"{name}{after}"]) for name in names}


def _curve(fitted: FittedCurve, rates: Rates, search: SearchError | Missing) -> Json:
    """Return one curve with its laws and tests; `n` counts the points that reached the goal."""
    tests: dict[str, Json] = {str(CANDIDATES[law].shape): {"p": plain(p)} for law, p in fitted.shape_p.items()}
    tests |= {name: plain(test) for name, test in fitted.tests.items()}
    tests |= {"against": plain(fitted.rivals), "rate": _rates(rates), "search": plain(search)}
    return {
        **_named(fitted),
        "n": fitted.curve.reached,
        "reason": fitted.reason,
        "laws": {law: _law(one) for law, one in fitted.laws.items()},
        "robust": plain(fitted.robust),
        "tests": tests,
    }


def _named(fitted: FittedCurve) -> dict[str, Json]:
    """Return which curve an entry is about."""
    curve = fitted.curve
    return {"workload": curve.workload or None, "goal": curve.goal or None, "sparsity": curve.sparsity}


def _read_curve(entry: Entry, curve: Curve) -> FittedCurve:
    """Return one curve of some records with its laws and tests."""
    data, tests = observe(curve.points), mapping(entry["tests"])
    found = {law: mapping(one) for law, one in mapping(entry["laws"]).items()}
    shapes = {law: str(CANDIDATES[law].shape) for law in found if CANDIDATES[law].shape in tests}
    others = tests.keys() - {*shapes.values(), "against", "rate", "search"}
    fitted = FittedCurve(
        curve=curve,
        data=data,
        units=units_of(curve.points, data),
        laws={law: _read_law(law, one, curve, int(data.bounded.sum())) for law, one in found.items()},
        shape_p={law: value_of(float | None, mapping(tests[shape])["p"]) for law, shape in shapes.items()},
        robust=value_of(RobustFit | None, entry["robust"]),
        reason=value_of(str | None, entry["reason"]),
        tests={name: value_of(CurveTest, tests[name]) for name in tests if name in others},
        rivals={law: value_of(Rival, one) for law, one in mapping(tests["against"]).items()},
    )
    _check_named(entry, fitted)
    if (fitted.hyperbola is None) != (fitted.reason is not None):
        raise ValueError("a curve needs law H or a reason for having none")
    return fitted


def _check_named(entry: Entry, fitted: FittedCurve) -> None:
    """Raise where an entry is about another curve."""
    if any(entry[name] != value for name, value in _named(fitted).items()):
        raise ValueError(f"its curves are not those of the records: {entry['workload']!r:.40}")


def _rates(rates: Rates) -> Json:
    """Return what the rates say: a slope with its interval and the p-value of what theory has, or a reason."""
    claimed = {"rate": 0.0, "product": 0.0, "sharp": 1.0, "textbook": 1.0, "window": 1.0}
    return {name: _slope(getattr(rates, name), value) for name, value in claimed.items()}


def _slope(slope: Slope | Missing, claimed: float) -> Json:
    """Return a slope with its interval and the p-value of what is claimed of it, or a reason."""
    if isinstance(slope, Missing):
        return plain(slope)
    found = {"estimate": slope.value, "interval": slope.interval(), "claimed": claimed, "p": slope.p(claimed)}
    return plain(found)


def _smoothness(run: SmoothnessRun) -> Json:
    """Return the mean of L along one run with its block bootstrap interval."""
    mean = sum(run.smoothness) / len(run.smoothness) if run.smoothness else None
    ends = block_interval(run.smoothness)
    return plain({"sparsity": run.sparsity, "replicate": run.replicate, "L_mean": mean, "interval": ends})


def _smoothness_and_rate(found: SmoothnessAndRate | Missing) -> Json:
    """Return how L goes with the rate: the power, then a level a sparsity; or why it is not known."""
    if isinstance(found, Missing):
        return plain(found)
    levels: list[Json] = []
    for level in found.levels:
        ratio, ends = level.at_same_rate or (None, OPEN)
        entry = cast("dict[str, Json]", plain(level))
        del entry["at_same_rate"]
        levels.append({**entry, "ratio_at_same_rate": plain(ratio), "ratio_interval": plain(ends)})
    return {"power": _slope(found.power, 0.0), "levels": levels}


_RATIOS = ("c1", "c2", "b_crit")


def _pair(pair: Pair) -> Json:
    """Return one pair: fitted ratios, sparse over dense, beside the prediction."""
    fit, predicted = pair.fit, pair.prediction
    known = predicted if isinstance(predicted, Prediction) else None
    return {
        **_named(pair.sparse),
        "dense": pair.dense.curve.sparsity,
        "reason": pair.reason,
        "fit": None if fit is None else {"n": fit.n, **_fit(fit, fit.theta)},
        **{f"{name}_ratio": plain(pair.ratios.get(name)) for name in _RATIOS},
        "intervals": {f"{name}_ratio": plain(interval) for name, interval in pair.intervals.items()},
        "predicted_c1_ratio": None if known is None else plain(known.c1.ratio),
        "predicted_factors": None if known is None else plain(known.factors),
        "predicted_reason": predicted.reason if isinstance(predicted, Missing) else None,
        "predicted_interval": None if known is None else plain(known.c1.interval),
        "predicted_seeds": None if known is None else known.seeds,
        "tests": plain(pair.tests),
        "direction_disagrees": pair.direction_disagrees,
    }


def _read_pair(entry: Entry, dense: FittedCurve, sparse: FittedCurve, records: Records) -> Pair:
    """Return one pair of curves; its prediction is that of the records."""
    _check_named(entry, sparse)
    fit, points = None, len(dense.curve.points) + len(sparse.curve.points)
    if entry["fit"] is not None:
        found = mapping(entry["fit"])
        theta = value_of(tuple[float, float, float, float], found["theta"])
        fit = _read_fit(found, theta, value_of(int, found["n"]), points)
        if dense.hyperbola is None or sparse.hyperbola is None:
            raise ValueError("a pair is fitted and one of its curves is not")
    known = () if fit is None else _RATIOS
    return Pair(
        dense=dense,
        sparse=sparse,
        fit=fit,
        ratios={name: value_of(float | None, entry[f"{name}_ratio"]) for name in known},
        intervals=_intervals(entry, known, "_ratio"),
        prediction=predict_from(records.measured, sparse.curve.workload, sparse.curve.sparsity),
        reason=value_of(str | None, entry["reason"]),
        tests={name: value_of(RatioTest, test) for name, test in mapping(entry["tests"]).items()},
    )
