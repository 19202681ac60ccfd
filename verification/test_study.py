"""The claims on measured runs: what is kept in evidence/, and any `--study DIR`.

What fails here is broken records, a fit that did not converge, or kept verdicts that no longer follow from
the records. A claim that the data reject is printed, not failed.
"""

import json
import math
import os

import pytest

from empirics.reading.outside import read_json
from verification.claims.judge import Verdict
from verification.claims.rules import STATEMENTS
from verification.report.differences import differences
from verification.report.verdicts import FILE_NAME, dump, to_json


def test_records_can_be_read(analysis):
    assert analysis.records.curves
    for curve in analysis.records.curves:
        keys = [(point.batch_size, point.replicate) for point in curve.points]
        assert keys == sorted(set(keys))


def test_the_law_is_fitted_to_every_curve_that_allows_it(analysis):
    for fitted in analysis.curves:
        if fitted.reason is not None:
            assert fitted.data.bounded_batch_sizes < 3, fitted.reason
            continue
        for law in fitted.laws.values():
            assert law.fit.converged, (fitted.curve.sparsity, law.law.id)
            assert math.isfinite(law.fit.log_likelihood)
            assert law.fit.sigma > 0.0
            assert len(law.fit.residuals) == len(fitted.curve.points)
            for name, interval in law.intervals.items():
                assert_holds(interval, law.estimates[name])


def test_sparse_curves_are_compared_with_the_dense_one(analysis):
    for pair in analysis.pairs:
        if pair.fit is None:
            assert pair.reason
            continue
        assert pair.fit.converged, pair.sparse.curve.sparsity
        for name, interval in pair.intervals.items():
            assert_holds(interval, pair.ratios[name])


def test_every_claim_has_a_verdict_or_a_reason(analysis, run, findings):
    findings[os.path.relpath(run)] = analysis.claims
    assert [claim.id for claim in analysis.claims] == list(STATEMENTS)
    for claim in analysis.claims:
        measured = claim.verdict is not Verdict.NOT_MEASURED
        assert measured == bool(claim.subject)
        assert measured or claim.detail
        assert claim.p is not None or claim.verdict in {Verdict.NOT_MEASURED, Verdict.INCONCLUSIVE}


def test_kept_verdicts_follow_from_the_records(analysis, run):
    file, command = run / FILE_NAME, f"python -m verification.report {os.path.relpath(run)} --save"
    if not file.exists():
        pytest.skip(f"no kept verdicts: {command}")
    kept = read_json(file)
    if kept.get("draws") != analysis.draws:
        pytest.skip(f"kept with other draws than {analysis.draws}: {command}")
    changes = differences(kept, json.loads(dump(to_json(analysis))))
    assert changes == [], f"look at each, then: {command}"


def assert_holds(interval, estimate):
    """Assert that an interval contains its estimate, as far as both exist."""
    if estimate is not None:
        assert (interval.low or 0.0) <= estimate <= (interval.high or math.inf)
