"""verdicts.json is read back into the records that wrote it; what is stale is computed, what is spoilt refused."""

import json
import math
import shutil

import pytest
from samples.searched_runs import searched_records
from samples.verification_runs import DIGITS_TRUTHS, write_run

from verification.claims.analysis import analyse
from verification.fits.fit import Interval
from verification.inference.known import Slope
from verification.records.records import read_records
from verification.report.__main__ import main
from verification.report.differences import differences
from verification.report.plain import number, record, value_of
from verification.report.verdicts import dump, from_json, kept_or_computed, to_json


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run of two sparsities with verdicts, not to be changed."""
    # Law P counts in the smallest batch size, which therefore is not 1.
    sizes = tuple(2**i for i in range(1, 9))
    run = write_run(tmp_path_factory.mktemp("kept") / "r", truths=DIGITS_TRUTHS[::3], batch_sizes=sizes)
    assert main([str(run), "--draws", "20", "--save"]) == 0
    return run


@pytest.fixture
def folder(kept, tmp_path):
    """A copy of it, to be spoilt."""
    return shutil.copytree(kept, tmp_path / "r")


def close(one, other):
    """Whether two values of records agree to the digits of the file."""
    if isinstance(one, Interval | Slope):
        return close(vars(one), vars(other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(close, one, other))
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6) if isinstance(one, float) else one == other


def test_an_analysis_comes_back_as_it_went(kept):
    records = read_records(kept)
    wanted, (found, note) = analyse(records, 20), kept_or_computed(kept, records, 0)
    assert note is None
    assert found.draws == 20
    for one, other in zip((*wanted.claims, *wanted.rates), (*found.claims, *found.rates), strict=True):
        assert close(vars(one), vars(other))
    for one, other in zip(wanted.curves, found.curves, strict=True):
        assert one.curve == other.curve
        assert list(one.laws) == list(other.laws)
        for law, fitted in one.laws.items():
            again = other.laws[law]
            assert (again.law, again.unit) == (fitted.law, fitted.unit)
            assert close(vars(fitted.fit), vars(again.fit))
            assert close((fitted.theta, fitted.weight), (again.theta, again.weight))
            assert close(dict(fitted.estimates), dict(again.estimates))
            assert close(dict(fitted.intervals), dict(again.intervals))
        for part in ("tests", "rivals"):
            pairs = zip(getattr(one, part).items(), getattr(other, part).items(), strict=True)
            assert all(a == b and close(vars(x), vars(y)) for (a, x), (b, y) in pairs)
        assert close(dict(one.shape_p), dict(other.shape_p))
        assert close(vars(one.robust), vars(other.robust))
    for one, other in zip(wanted.pairs, found.pairs, strict=True):
        assert close(vars(one.fit), vars(other.fit))
        assert close((one.ratios, one.intervals), (other.ratios, other.intervals))
        assert one.prediction == other.prediction
        assert all(close(vars(one.tests[name]), vars(other.tests[name])) for name in one.tests)


def test_what_rates_trials_and_runs_say_is_computed_from_the_records():
    records = searched_records(seeds=3)
    first = analyse(records)
    again = from_json(json.loads(dump(to_json(first))), records)
    assert again.search == first.search
    assert again.smoothness_and_rate == first.smoothness_and_rate
    assert differences(to_json(first), to_json(again)) == []


def test_verdicts_older_than_the_records_are_computed_anew(folder):
    before = (folder / "verdicts.json").read_bytes()
    write_run(folder, truths=DIGITS_TRUTHS[::3], seed=5)
    _, note = kept_or_computed(folder, read_records(folder), 0)
    command = f"python -m verification.report {folder} --save"
    assert note == f"{folder}/verdicts.json is older than the records: computed here; {command} renews it"
    assert (folder / "verdicts.json").read_bytes() == before


def spoil(folder, change):
    """Change what a run's verdicts.json holds."""
    file = folder / "verdicts.json"
    verdicts = json.loads(file.read_text())
    change(verdicts)
    file.write_text(json.dumps(verdicts))


def test_verdicts_in_the_words_of_an_older_version_are_computed_anew(folder):
    def older(verdicts):
        del verdicts["format"]
        verdicts["claims"][0]["verdict"] = "underpowered"

    spoil(folder, older)
    found, note = kept_or_computed(folder, read_records(folder), 0)
    assert "is of an older version: computed here" in note
    assert found.claims[0].verdict == "inconclusive"


@pytest.mark.parametrize(
    "change",
    [
        lambda verdicts: verdicts.pop("claims"),
        lambda verdicts: verdicts["claims"][0].update(estimate="0.7"),
        lambda verdicts: verdicts["claims"][0].update(interval=[1.0]),
        lambda verdicts: verdicts["claims"][0].update(verdict="open"),
        lambda verdicts: verdicts["claims"][0].update(p=True),
        lambda verdicts: verdicts["claims"][0].update(p=math.nan),
        lambda verdicts: verdicts["curves"].pop(),
        lambda verdicts: verdicts["curves"][0].update(sparsity=50.0),
        lambda verdicts: verdicts["curves"][0]["laws"].pop("H"),
        lambda verdicts: verdicts["curves"][0]["laws"].update(Z={}),
        lambda verdicts: verdicts["curves"][0]["laws"]["H"].update(theta=[1.0]),
        lambda verdicts: verdicts["curves"][0]["laws"]["Q"].update(theta=[6.9, 2826.0]),
        lambda verdicts: verdicts["curves"][0]["laws"]["H"].update(residuals=[]),
        lambda verdicts: verdicts["curves"][0]["laws"]["H"].pop("b_crit"),
        lambda verdicts: verdicts["pairs"][0]["fit"].update(n=2.5),
        lambda verdicts: verdicts["pairs"][0]["intervals"].clear(),
        lambda verdicts: verdicts["pairs"].append(3),
    ],
)
def test_spoiled_verdicts_are_refused_in_one_line(folder, change):
    spoil(folder, change)
    with pytest.raises(ValueError, match=r"\A[^\n]*is no verdicts file [^\n]*; make it again: python -m verification"):
        kept_or_computed(folder, read_records(folder), 0)


@pytest.mark.parametrize(("kind", "value"), [(int, True), (int, 1.5), (str, 1), (bool, 1), (tuple[float, ...], "12")])
def test_a_value_of_another_kind_is_refused(kind, value):
    with pytest.raises(TypeError, match="is missing, there is"):
        value_of(kind, value)


def test_no_number_is_infinite_and_no_record_is_a_list():
    for value in (math.inf, "1", None):
        with pytest.raises(TypeError):
            number(value)
    with pytest.raises(TypeError, match="an object is missing"):
        record(Interval, [1.0, 2.0])
