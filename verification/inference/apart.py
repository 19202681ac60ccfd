"""Laws held against batch sizes that they have not seen: the only judgement without replicates."""

import math

import numpy as np

from verification.fits.curves import CANDIDATES, FittedCurve, problems_of
from verification.fits.fit import fit_laws
from verification.fits.likelihood import relative_to
from verification.fits.units import NO_UNITS

# A miss by more than a factor e counts as one: at the ends of a curve some laws have no finite K.
_LARGEST_MISS = 1.0
# With fewer batch sizes a law with a shape has none to spare.
_FEWEST = 6


def misses(fitted: FittedCurve) -> dict[str, float]:
    """Return how far each law lies off a batch size that it was fitted without.

    Args:
        fitted: A curve.

    Returns:
        Law id to the root mean square over the batch sizes, in logs; empty where there are fewer than six.
    """
    data = fitted.aligned
    sizes = np.unique(data.log_batch_size[data.bounded])
    if len(sizes) < _FEWEST:
        return {}
    unit = math.exp(float(sizes[0]))
    found = {}
    for id_, law in CANDIDATES.items():
        counted = data if law.counts_examples else relative_to(data, unit)
        at = np.unique(counted.log_batch_size[counted.bounded])
        kept = [counted.select(np.flatnonzero(counted.log_batch_size != one)) for one in at]
        fits = fit_laws(problems_of(law, kept, [NO_UNITS] * len(kept)))
        gaps = []
        for one, fit in zip(at, fits, strict=True):
            left = counted.select(np.flatnonzero((counted.log_batch_size == one) & counted.bounded))
            gaps.append(float((left.log_middle - law.log_steps(left.log_batch_size, np.asarray(fit.theta))).mean()))
        found[id_] = float(np.sqrt(np.mean(np.minimum(np.abs(gaps), _LARGEST_MISS) ** 2)))
    return found


def one_left_out(fitted: FittedCurve) -> str:
    """Return in words how law H predicts batch sizes that were left out, beside the best other law."""
    found = misses(fitted)
    if not found:
        return ""
    ours = found.pop("H")
    best = min(found, key=lambda law: found[law])
    return f"batch sizes left out are missed by {_percent(ours)} by law H, by {_percent(found[best])} by law {best}"


def _percent(miss: float) -> str:
    """Return a miss in logs as a share of K."""
    return f"{100.0 * math.expm1(miss):.2g}%"
