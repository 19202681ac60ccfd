import contextlib
import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.data_parallel import Cell, describe, lines_of, main, measure, step_time
from benchmarks.data_parallel_picture import draw
from empirics.executors.processes import ProcessExecutor
from empirics.specification.request import Request
from empirics.specification.specification import resolve

SIZES = [4, 16, 64, 256]


@given(fixed=st.floats(1e-5, 1e-1), per_example=st.floats(1e-7, 1e-3))
def test_exact_step_times_give_their_own_constants(fixed, per_example):
    found = step_time(SIZES, [fixed + per_example * size for size in SIZES])
    # Columns 1/t and B/t of a 4 x 2 system whose condition number stays below 1e6: six digits of sixteen are lost.
    assert found == pytest.approx((fixed, per_example), rel=1e-9, abs=1e-9 * (fixed / 256 + per_example * 4))


def cells(processes, fixed, per_example):
    return [Cell(processes, size, t, t / 2, t / 2, 1e-4, 5e-5) for size in SIZES if (t := fixed + per_example * size)]


EVERY = [*cells(1, 1e-3, 2e-5), *cells(2, 2e-3, 1e-5)]


def test_the_best_batch_size_is_where_no_other_takes_less_time():
    for line in lines_of(EVERY, c1=400.0, c2=20.0):
        fixed, per_example = {1: (1e-3, 2e-5), 2: (2e-3, 1e-5)}[line.processes]
        half = 1.0 if line.by == "step" else 2.0
        grid = np.geomspace(1, 4096, 4097)
        times = (400 / grid + 20) * (fixed + per_example * grid) / half
        # The least of a parabola in log B, on a grid of 0.2% steps: half a step off in B, (0.1%)^2 in time.
        assert line.batch_size == pytest.approx(grid[times.argmin()], rel=2e-3)
        assert line.seconds == pytest.approx(times.min(), rel=1e-5)
        assert line.batch_size == pytest.approx(math.sqrt(400 * fixed / (20 * per_example)), rel=1e-6)


def document():
    lines = [dataclasses.asdict(line) for line in lines_of(EVERY, 400.0, 20.0)]
    facts = {"workload": "w", "weights": 7, "rounds": 3, "cores": 2, "processor": "p", "load": 1.5, "torch": "t"}
    constants = {"run": "r", "c1": 400.0, "c2": 20.0}
    return {**facts, **constants, "cells": [dataclasses.asdict(cell) for cell in EVERY], "lines": lines}


def test_what_was_kept_is_told_and_drawn_again_to_the_byte(tmp_path, capsys):
    kept, picture = tmp_path / "kept.json", tmp_path / "picture.png"
    kept.write_text(json.dumps(document()))
    assert main(["--read", str(kept), "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    assert out == describe(document()) + "\n"
    assert " least  1    0.500    10.00       32" in out
    draw(document(), tmp_path / "again.png")
    assert picture.read_bytes() == (tmp_path / "again.png").read_bytes()


def test_no_time_without_a_fixed_part_has_a_best_batch_size():
    faster_than_linear = [Cell(1, size, *[1e-7 * size**2] * 3, 0.0, 0.0) for size in SIZES]
    line, *_ = lines_of(faster_than_linear, 400.0, 20.0)
    assert line.fixed == 0.0
    assert line.per_example > 0.0
    assert (line.batch_size, line.seconds) == (None, None)


def test_bad_input_is_one_line(tmp_path, capsys):
    assert main(["--read", str(tmp_path / "missing.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["--workload", "nothing"]) == 2
    assert "unknown workload" in capsys.readouterr().err
    for words in (["--rounds", "0"], ["--batch-sizes", "4"]):
        assert main(words) == 2
        assert capsys.readouterr().err == "error: need --rounds >= 1 and at least two --batch-sizes\n"


@pytest.mark.slow
def test_steps_are_timed_for_one_process_and_for_two():
    specification, dataset = resolve(Request(batch_sizes=(4, 32)), cuda_available=False)
    with contextlib.closing(ProcessExecutor(specification, dataset, 2)) as executor:
        found = measure(specification, executor, 1, (1, 2))
    assert [(cell.processes, cell.batch_size) for cell in found] == [(1, 4), (1, 32), (2, 4), (2, 32)]
    for cell in found:
        assert 0 < cell.least <= cell.step
        assert cell.busy > 0
        assert (0 < cell.exchange < cell.step and cell.bare > 0) is (cell.processes == 2)
