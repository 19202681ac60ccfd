"""Whether the law holds for one curve by its own tests, and the measured facts where it does not."""

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np

from verification.cells import number, p_text, percent
from verification.claims.evidence import name
from verification.claims.judge import holm
from verification.claims.rules import MISFIT
from verification.fits.curves import FittedCurve
from verification.inference.curve_tests import shape_by_draws
from verification.inference.detectable import SIGNIFICANCE

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "reset": "RESET",
        "rainbow": "rainbow",
        "harvey_collier": "Harvey-Collier",
        "monotone": "K falls with B",
        "convex": "B K is convex in B",
    }
)


def why_rejected(fitted: FittedCurve, claimed: Collection[str] = ()) -> str | None:
    """Return by what the law K = c1/B + c2 is rejected for a curve.

    With replicates: by a misfit beyond the margin of claim C1, at 5%. Without them by alpha, h, the straight line,
    falling K or convex E, which share 5% by Holm. Whether K falls is tested also where a report was asked for no draws:
    nothing else sees a curve of few points turn upwards.

    Args:
        fitted: A curve with its tests.
        claimed: Names of the curves for which a report rejects claim C1, so that no answer contradicts it.

    Returns:
        The tests with their p-values; None where none rejects, or nothing was fitted.
    """
    hyperbola = fitted.hyperbola
    if hyperbola is None:
        return None
    misfit = fitted.misfit("H", whole=True)
    if misfit is not None:
        p = 1.0 - misfit.below(math.log1p(MISFIT))
        off = f"misfit of {percent(math.expm1(misfit.estimate))} between replicates"
        return f"{off}, p {p_text(p)}" if p < SIGNIFICANCE or name(fitted) in claimed else None
    shapes = {f"{fitted.laws[law].law.shape} = 1": p for law, p in fitted.shape_p.items()}
    tests = {**fitted.tests, **shape_by_draws(fitted)}
    named = {words: tests[key].p for key, words in _NAMES.items() if key in tests}
    known = {words: p for words, p in {**shapes, **named}.items() if p is not None}
    against = [words for words, p in zip(known, holm(list(known.values())), strict=True) if p < SIGNIFICANCE]
    if not against:
        return None
    worst = f"worst residual {percent(hyperbola.fit.worst_residual)}"
    return "; ".join([*(f"{words}, p {p_text(known[words])}" for words in against), worst])


def beyond_which_nothing_improved(fitted: FittedCurve) -> str:
    """Return the smallest measured batch size beyond which none took fewer steps, in words.

    It needs no law. K* of replicates is their geometric mean; a study that spent its budget took more than that.

    Args:
        fitted: A curve.

    Returns:
        One clause; empty where the points do not tell, because the goal was met there at the first test, or not always.
    """
    data, sizes = fitted.data, [point.batch_size for point in fitted.curve.points]
    by_size = {size: np.flatnonzero(np.array(sizes) == size) for size in dict.fromkeys(sorted(sizes))}
    means = {size: float(data.log_middle[where].mean()) for size, where in by_size.items()}
    best = min(means, key=lambda size: means[size])  # of equals the first, that is the smallest
    first = data.reached & ~data.bounded
    if not data.bounded[by_size[best]].all() or any(
        first[where].any() for size, where in by_size.items() if size > best
    ):
        return ""
    steps = number(float(np.exp(means[best])))
    if best == max(by_size):
        return f"the largest batch size measured, {best}, took the fewest steps, {steps}"
    return f"no batch size measured above {best} took fewer steps than its {steps}"
