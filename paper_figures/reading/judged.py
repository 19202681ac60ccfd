"""What verdicts.json says of one curve or pair, as figures draw it; what it does not say is None or empty."""

from collections.abc import Mapping
from dataclasses import dataclass

from paper_figures.reading.verdicts_file import Entry, interval, mapping, number, number_or_none, numbers, sequence
from theory import HYPERBOLA
from verification.fits.fit import Interval
from verification.inference.bands import Band
from verification.inference.pairs import MeasuredRatio
from verification.inference.rates import BestRates
from verification.inference.smoothness_and_rate import Level


@dataclass(frozen=True, kw_only=True)
class FittedLaw:
    """The paper's law.

    Attributes:
        parameters: c1 and c2 to draw the curve with, > 0.
        estimates: c1, c2 and b_crit as reported; None where the data hold no trace of one.
        intervals: The same names to their 95% intervals.
        n: Points that reached the goal.
        band: K over batch sizes; None where verdicts.json has none.
        residuals: Law id to log steps from it to each measured point, in the order of the curve's points.
        weights: Law id to its AICc weight, None where there is none.
    """

    parameters: Mapping[str, float]
    estimates: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    n: int
    band: Band | None
    residuals: Mapping[str, tuple[float, ...]]
    weights: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Trials over multiples of the best rate; see `verification.inference.rates.Window`.

    Attributes:
        batch_size: Of each trial.
        multiple: r, in (0, 2).
        slowdown: K over K*.
        power: w of (1/(r (2 - r)))^w with its 95% interval.
    """

    batch_size: tuple[float, ...]
    multiple: tuple[float, ...]
    slowdown: tuple[float, ...]
    power: tuple[float, Interval]


@dataclass(frozen=True)
class JudgedCurve:
    """One curve.

    Attributes:
        law: The fitted law, or why there is none.
        rates: The winners' rates, or why there are none.
        window: The trials' window, or why there is none.
        slopes: `rate` and `product` to slope and 95% interval on log B.
    """

    law: FittedLaw | str
    rates: BestRates | str
    window: Window | str
    slopes: Mapping[str, tuple[float, Interval]]


@dataclass(frozen=True)
class JudgedPair:
    """A sparse curve over the dense one.

    Attributes:
        measured: The ratio at each batch size.
        band: Of the fitted laws; None without a fit.
        limits: c1 and c2 to the fitted ratio and its 95% interval; None where it is not bounded.
        predicted: The ratio of c1 that the constants predict, or why there is none.
        reason: Why there is no fit, else None.
    """

    measured: tuple[MeasuredRatio, ...]
    band: Band | None
    limits: Mapping[str, tuple[float | None, Interval]]
    predicted: float | str
    reason: str | None


@dataclass(frozen=True)
class JudgedSmoothness:
    """How L goes with the rate of the run along which it was measured.

    Attributes:
        power: Of L on the rate at one sparsity, with its 95% interval; or why it is not known.
        levels: By sparsity, ascending.
    """

    power: tuple[float, Interval] | str
    levels: tuple[Level, ...]


OLDER = "not in verdicts.json"


def read_curve(entry: Entry) -> JudgedCurve:
    """Return one entry of `curves`.

    Args:
        entry: As `verification.report.verdicts.to_json` writes it.

    Returns:
        The curve.

    Raises:
        LookupError: If something that was always there is missing.
        TypeError: If something is of another kind.
        ValueError: If a number is none.
    """
    tests = mapping(entry.get("tests", {}))
    slopes = {name: _slope(one) for name, one in mapping(tests.get("rate", {})).items() if name != "better"}
    known = {name: slope for name, slope in slopes.items() if slope is not None}
    return JudgedCurve(_law(entry), _rates(entry.get("best_rates")), _window(entry.get("window"), known), known)


def read_pair(entry: Entry) -> JudgedPair:
    """Return one entry of `pairs`; see `read_curve`."""
    intervals = mapping(entry["intervals"])
    limits = {}
    for name in ("c1", "c2"):
        limits[name] = (number_or_none(entry[f"{name}_ratio"]), interval(intervals.get(f"{name}_ratio")))
    measured = tuple(
        MeasuredRatio(
            batch_size=int(number(one["batch_size"])),
            replicate=int(number(one["replicate"])),
            ratio=number(one["ratio"]),
            low=number(one["low"]),
            high=number_or_none(one["high"]),
        )
        for one in map(mapping, sequence(entry.get("measured", [])))
    )
    predicted = number_or_none(entry["predicted_c1_ratio"])
    return JudgedPair(
        measured,
        _band(entry.get("band")),
        limits,
        str(entry["predicted_reason"]) if predicted is None else predicted,
        None if entry["reason"] is None else str(entry["reason"]),
    )


def read_smoothness(value: object) -> JudgedSmoothness | str:
    """Return the entry `smoothness_and_rate`, or why there is none; see `read_curve`."""
    found = mapping(value or {"reason": OLDER})
    if "reason" in found:
        return str(found["reason"])
    power = _slope(found["power"]) or str(mapping(found["power"])["reason"])
    return JudgedSmoothness(power, tuple(map(_level, map(mapping, sequence(found["levels"])))))


def _level(entry: Entry) -> Level:
    """Return the runs of one sparsity."""
    ratio = number_or_none(entry["ratio_at_same_rate"])
    return Level(
        sparsity=number(entry["sparsity"]),
        rates=numbers(entry["rates"]),
        smoothness=numbers(entry["smoothness"]),
        product=number(entry["product"]),
        interval=interval(entry["interval"]),
        at_same_rate=None if ratio is None else (ratio, interval(entry["ratio_interval"])),
    )


def _law(entry: Entry) -> FittedLaw | str:
    """Return the fitted law of a curve, or its reason for having none."""
    laws = mapping(entry["laws"])
    if "H" not in laws:
        return f"no fit: {entry['reason']}"
    law = mapping(laws["H"])
    names = ("c1", "c2", "b_crit")
    intervals = mapping(law["intervals"])
    return FittedLaw(
        parameters=HYPERBOLA.natural(numbers(law["theta"])),
        estimates={name: number_or_none(law[name]) for name in names},
        intervals={name: interval(intervals[name]) for name in names},
        n=int(number(entry["n"])),
        band=_band(entry.get("band")),
        residuals={name: numbers(mapping(one)["residuals"]) for name, one in laws.items()},
        weights={name: number_or_none(mapping(one)["weight"]) for name, one in laws.items()},
    )


def _band(value: object) -> Band | None:
    """Return a band, None where there is none."""
    if value is None:
        return None
    band = mapping(value)
    low, high = (tuple(map(number_or_none, sequence(band[name]))) for name in ("low", "high"))
    return Band(batch_size=numbers(band["batch_size"]), value=numbers(band["value"]), low=low, high=high)


def _rates(value: object) -> BestRates | str:
    """Return the winners' rates, or why there are none."""
    found = mapping(value or {"reason": OLDER})
    if "reason" in found:
        return str(found["reason"])
    sizes = tuple(map(int, numbers(found["batch_size"])))
    names = ("rate", "product", "grid", "sharp", "textbook")
    return BestRates(batch_size=sizes, level=number(found["level"]), **{name: numbers(found[name]) for name in names})


def _window(value: object, slopes: Mapping[str, tuple[float, Interval]]) -> Window | str:
    """Return the window, or why there is none."""
    found = mapping(value or {"reason": OLDER})
    if "reason" in found:
        return str(found["reason"])
    sizes, multiples, slowdowns = (numbers(found[name]) for name in ("batch_size", "multiple", "slowdown"))
    return Window(batch_size=sizes, multiple=multiples, slowdown=slowdowns, power=slopes["window"])


def _slope(value: object) -> tuple[float, Interval] | None:
    """Return a slope with its interval, None where there is a reason instead."""
    found = mapping(value)
    return None if "reason" in found else (number(found["estimate"]), interval(found["interval"]))
