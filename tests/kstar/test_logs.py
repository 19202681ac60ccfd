"""`kstar.read` of logs step by step."""

import pytest

import kstar


def test_python_reads_logs_and_fits_them(tmp_path):
    path = tmp_path / "chart.csv"
    sizes = (16, 32, 64, 128)
    lines = [",".join(["Step", *(f"bs{size} - acc" for size in sizes)])]
    lines += [",".join([str(t), *(str(0.5 * t / (5120 / size + 20)) for size in sizes)]) for t in range(1, 400)]
    path.write_text("\n".join(lines))
    found = kstar.read(path, goal=0.5)
    assert found.curves["lower"].tolist() == [339, 179, 99, 59]
    assert found.fits[0].c1.value == pytest.approx(5120, rel=0.01)
    assert "acc >= 0.5 is reached by 4 of 4 runs" in found.records[0].notes
    for options, message in (
        ({"goals": 1}, "no option goals: perhaps goal"),
        ({"goal": "1"}, "goal is '1': give a number"),
        ({"goal": [1]}, r"goal is \[1\]: give a number"),
        ({"goal": 1, "metric": 3}, "metric is 3: give a name"),
        ({"goal": 1, "runs": 3}, "runs is 3: give the name of a file"),
        ({"goal": 1, "by": 3}, "by is 3: give the name of a key, or several"),
        ({"goal": 1, "by": [3]}, r"by is \[3\]: give the name of a key, or several"),
        ({"goal": 1, "unit": "bytes"}, "unit is 'bytes': give 'examples' or 'tokens'"),
        ({"goal": 99}, "none of 4 runs reached acc >= 99"),
        ({"goal": 0.5, "metric": "loss"}, "no run has a metric loss"),
    ):
        with pytest.raises(ValueError, match=message):
            kstar.read(path, **options)
