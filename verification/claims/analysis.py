"""From records to everything a report says: fitted curves, their tests, pairs and claims."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from verification.claims.evidence import Material
from verification.claims.judge import Claim, judge_all
from verification.fits.curves import FittedCurve, fit_curves
from verification.inference.curve_tests import with_tests
from verification.inference.pairs import Pair, compare_all
from verification.inference.rates import Rates, rates
from verification.inference.search_error import SearchError, by_group
from verification.inference.smoothness_and_rate import SmoothnessAndRate, smoothness_and_rate
from verification.inference.trends import Combined, Trend, combined, smoothness_trends
from verification.missing import Missing
from verification.records.curves import Curve
from verification.records.records import Records

Progress = Callable[[Iterable[FittedCurve]], Iterable[FittedCurve]]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What one input says.

    Attributes:
        records: What was read.
        curves: One per measured curve, in the order of the records.
        pairs: One per sparse curve with a dense partner.
        rates: What the rates of each curve say.
        search: What each curve's search may have missed, or why that is not known.
        trends: Of each mean of L over sparsity, by its quantity, or why there is none.
        smoothness_and_rate: How L goes with the rate of its run, or why that is not known.
        combined: Quantity (c1, c2, b_crit) to its ratio at the highest sparsity over all workloads and goals.
        claims: C1 to C18.
        draws: Bootstrap draws behind the tests of a curve.
    """

    records: Records
    curves: tuple[FittedCurve, ...]
    pairs: tuple[Pair, ...]
    rates: tuple[Rates, ...]
    search: tuple[SearchError | Missing, ...]
    trends: Mapping[str, Trend | Missing]
    smoothness_and_rate: SmoothnessAndRate | Missing
    combined: Mapping[str, Combined | Missing]
    claims: tuple[Claim, ...]
    draws: int

    @property
    def rejected(self) -> tuple[str, ...]:
        """Names of the curves for which claim C1, that the law holds, is rejected."""
        return next((claim.against for claim in self.claims if claim.id == "C1"), ())

    def studies(self, group: tuple[str, str]) -> int:
        """Return how many studies there are of a workload and goal."""
        return sum(len(curve.points) for curve in self.records.curves if curve.group == group)

    def fitted(self, curve: Curve) -> FittedCurve:
        """Return a curve of the records with its fits."""
        return self.curves[self.records.curves.index(curve)]

    def rates_of(self, curve: Curve) -> Rates:
        """Return what the rates of a curve of the records say."""
        return self.rates[self.records.curves.index(curve)]

    def pair(self, sparse: Curve) -> Pair | None:
        """Return a curve of the records over the dense one, None where it is that or there is none."""
        return next((pair for pair in self.pairs if pair.sparse.curve == sparse), None)


def analyse(records: Records, draws: int = 0, progress: Progress = iter) -> Analysis:
    """Fit every curve, test it, compare every pair, judge every claim.

    Args:
        records: Of one run folder or CSV file.
        draws: Bootstrap draws per curve; 0 leaves the small-sample correction and no tests that need draws.
        progress: Wraps the curves while they are tested.

    Returns:
        The analysis; what could not be done carries its reason.
    """
    fitted = fit_curves(records.curves)
    curves = tuple(with_tests(one, draws) for one in progress(fitted))
    return concluded(records, curves, compare_all(curves, records.measured), draws)


def concluded(
    records: Records,
    curves: tuple[FittedCurve, ...],
    pairs: tuple[Pair, ...],
    draws: int,
    combined: Mapping[str, Combined | Missing] | None = None,
    claims: tuple[Claim, ...] | None = None,
) -> Analysis:
    """Return what follows from fitted curves and pairs.

    Args:
        records: What was read.
        curves: One per curve of the records, tested.
        pairs: Of them.
        draws: Bootstrap draws behind the tests of a curve.
        combined: Where it is known already, like the next.
        claims: With their verdicts.

    Returns:
        The analysis.
    """
    found, trends = tuple(rates(one) for one in curves), smoothness_trends(records.smoothness)
    if claims is None:
        claims = judge_all(
            Material(
                curves=curves,
                pairs=pairs,
                rates=found,
                measured=records.measured,
                smoothness=records.smoothness,
                trends=trends,
            )
        )
    return Analysis(
        records=records,
        curves=curves,
        pairs=pairs,
        rates=found,
        search=by_group(records.curves),
        trends=trends,
        smoothness_and_rate=smoothness_and_rate(records.smoothness),
        combined=_over_workloads(pairs) if combined is None else combined,
        claims=claims,
        draws=draws,
    )


def _over_workloads(pairs: tuple[Pair, ...]) -> dict[str, Combined | Missing]:
    """Combine the ratios at the highest sparsity that all workloads and goals have."""
    common = set.intersection(*_sparsities(pairs).values()) if pairs else set()
    found: dict[str, Combined | Missing] = {}
    for quantity in ("c1", "c2", "b_crit"):
        effects = []
        for pair in pairs:
            if not common or pair.sparse.curve.sparsity != max(common) or pair.fit is None:
                continue
            known = pair.known(quantity)
            if pair.ratios[quantity] is not None and known is not None and known.error:
                effects.append((pair.sparse.curve.workload, known.value, known.error))
        found[quantity] = combined(effects)
    return found


def _sparsities(pairs: tuple[Pair, ...]) -> dict[tuple[str, str], set[float]]:
    """Return the sparsities compared in each workload and goal."""
    found: dict[tuple[str, str], set[float]] = {}
    for pair in pairs:
        found.setdefault(pair.sparse.curve.group, set()).add(pair.sparse.curve.sparsity)
    return found
