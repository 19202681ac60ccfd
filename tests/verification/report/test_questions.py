"""Which batch size to use: questions to the report, and those that have no answer."""

import math

import numpy as np
import pytest

from verification.report.__main__ import main

LOGS = "".join(f"{2**i},{2000 / 2**i + 20:.4f}\n" for i in range(12))


def test_which_batch_size_to_use(tmp_path, capsys):
    """K = 2000/B + 20: half the efficiency at B_crit = 100; steps of 1 + 0.01 B are fastest at sqrt(100/0.01) = 100."""
    source = tmp_path / "mine.csv"
    source.write_text("batch_size,steps\n" + LOGS)
    asked = ["--batch-size-for-efficiency", "0.8", "--step-time", "1", "0.01", "--draws", "0"]
    assert main([str(source), *asked]) == 0
    printed = capsys.readouterr().out
    assert "Batch size at parallel efficiency 0.8, where a run takes 1.25 times" in printed
    assert "sparsity 0%  25 [25, 25]       100" in printed
    assert "sparsity 0%  100 [100, 100]    80" in printed  # (sqrt(2000 * .01) + sqrt(20 * 1))^2
    assert "extrapolation" not in printed


def test_answers_outside_the_batch_sizes_measured_are_called_so(tmp_path, capsys):
    source = tmp_path / "mine.csv"
    rng = np.random.default_rng(0)
    rows = "".join(f"{2**i},{(2000 / 2**i + 20) * math.exp(0.1 * rng.standard_normal()):.3f}\n" for i in range(5))
    source.write_text("batch_size,steps\n" + rows)
    assert main([str(source), "--batch-size-for-efficiency", "0.1", "--draws", "0"]) == 0
    printed = capsys.readouterr().out
    assert "Outside the batch sizes measured, an extrapolation of the law: sparsity 0%." in printed
    assert "[> " in printed  # five sizes below the critical one bound it from below alone


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--batch-size-for-efficiency", "1.5"], "need a number between 0 and 1, got '1.5'"),
        (["--batch-size-for-efficiency", "x"], "need a number between 0 and 1, got 'x'"),
        (["--step-time", "1", "0"], "need a number > 0, got '0'"),
        (["--draws", "-1"], "need a whole number in 0..100000, got '-1'"),
        (["--draws", "4294967295"], "need a whole number in 0..100000, got '4294967295'"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(tmp_path, capsys, option, message):
    source = tmp_path / "mine.csv"
    source.write_text("batch_size,steps\n" + LOGS)
    with pytest.raises(SystemExit, match="2"):
        main([str(source), *option])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
