"""From records to everything a report says: fitted curves, pairs and claims."""

from dataclasses import dataclass

from verification.claims import Claim, judge_all
from verification.curves import FittedCurve, fit_curves
from verification.pairs import Pair, compare_all
from verification.records import Records


@dataclass(frozen=True)
class Analysis:
    """What one input says.

    Attributes:
        records: What was read.
        curves: One per measured curve, in the order of the records.
        pairs: One per sparse curve with a dense partner.
        claims: C1 to C18.
    """

    records: Records
    curves: tuple[FittedCurve, ...]
    pairs: tuple[Pair, ...]
    claims: tuple[Claim, ...]


def analyse(records: Records) -> Analysis:
    """Fit every curve, compare every pair, judge every claim.

    Args:
        records: Of one run folder or CSV file.

    Returns:
        The analysis; what could not be done carries its reason.
    """
    curves = fit_curves(records.curves)
    pairs = compare_all(curves, records.constants)
    return Analysis(records, curves, pairs, judge_all(curves, pairs))
