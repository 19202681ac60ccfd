"""Records packed into one value: what is packed is read, and nothing else is."""

import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics.followed import TrajectoryPoint
from empirics.store import packing
from empirics.store.packing import (
    NUMBER,
    OF_TRIAL,
    STEP,
    packed,
    packed_trajectory,
    packed_trials,
    unpacked,
    unpacked_trajectory,
    unpacked_trials,
)

places = st.sets(st.tuples(st.sampled_from(("L", "variance")), st.integers(0, 2**60)), max_size=5)
numbers = st.floats(allow_nan=False)


@given(places, st.data())
def test_a_trajectory_is_read_as_it_was(places, data):
    points = [TrajectoryPoint(*place, data.draw(numbers), data.draw(st.none() | numbers)) for place in sorted(places)]
    rows = list(packed_trajectory(data.draw(st.permutations(points))))
    assert [row["quantity"] for row in rows] == sorted({point.quantity for point in points})
    assert [point for row in rows for point in unpacked_trajectory(row)] == points


def test_numbers_are_packed_little_endian_and_compressed():
    assert zlib.decompress(packed([1, 258], STEP)) == struct.pack("<qq", 1, 258)
    assert zlib.decompress(packed([0.5], NUMBER)) == struct.pack("<d", 0.5)
    (row,) = packed_trajectory([TrajectoryPoint("L", 1, 2.0)])
    assert row["errors"] is None


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"plain",
        packed([1], STEP)[:-1],
        packed([1], STEP) + b"more",
        zlib.compress(b"seven b"),
        zlib.compress(bytes(2**12)),
    ],
    ids=["empty", "plain", "torn", "longer", "no whole number", "too large"],
)
def test_other_bytes_are_told(spoilt, monkeypatch):
    monkeypatch.setattr(packing, "MOST_BYTES", 2**11)
    with pytest.raises(ValueError, match=r"packed|buffer size"):
        unpacked(spoilt, STEP)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"steps": packed([1, -2], STEP)}, "below zero"), ({"errors": packed([0.1], NUMBER)}, "shorter")],
)
def test_columns_that_disagree_are_told(change, told):
    (row,) = packed_trajectory([TrajectoryPoint("L", 1, 2.0, 0.1), TrajectoryPoint("L", 2, 2.0, 0.1)])
    with pytest.raises(ValueError, match=told):
        unpacked_trajectory({**row, **change})


trials = st.fixed_dictionaries(
    {name: st.integers(0, 2**60) for name in OF_TRIAL} | {"event": st.text(), "short": st.none() | st.integers()}
)


@given(st.lists(trials))
def test_trials_are_read_as_they_were(trials):
    assert unpacked_trials(packed_trials(trials)) == trials


def columns(**changed):
    """Return packed trials of which a column differs, or is missing where it is None."""
    whole = {name: [1, 2] for name in OF_TRIAL} | changed
    return zlib.compress(json.dumps({name: column for name, column in whole.items() if column is not None}).encode())


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (b"plain", "nothing packed"),
        (zlib.compress(b"[1, 2"), "delimiter"),
        (zlib.compress(b"[]"), "no packed trials"),
        (columns(step=None), "no packed trials"),
        (columns(seconds=[1, 2]), "no packed trials"),
        (columns(step=[1]), "shorter"),
        (columns(short=[1, 2, 3]), "longer"),
    ],
)
def test_other_columns_of_trials_are_told(spoilt, told):
    with pytest.raises(ValueError, match=told):
        unpacked_trials(spoilt)
