"""What the page of results says of MNIST is what its runs say."""

import contextlib
import json
import math
import re
import sqlite3
from statistics import median

import numpy as np
import pytest
from tools.commands import rows
from tools.results_page import EVIDENCE, PAGE, README, cells, drawn_again, ratio_told, steps_of, with_ends

from verification.cells import estimate_text
from verification.own_claims.__main__ import main
from verification.records.records import read_records
from verification.report.verdicts import kept_or_computed


@pytest.mark.slow  # 1 of 64 points a study, and constants of twelve runs
def test_our_own_claims_on_mnist_are_those_that_the_command_prints(capsys):
    assert main([str(EVIDENCE / "mnist-sgd"), "--rows"]) == 0
    rows = capsys.readouterr().out.rstrip().split("\n\n")[2].splitlines()
    told = {
        (line.split()[0], re.search(r"sparsity (\d+)%", line)[1]): re.split(r" {2,}", line)[1]
        for line in rows
        if "sparsity" in line
    }
    told |= {(line.split()[0], "0"): re.split(r" {2,}", line)[1] for line in rows if line.endswith("sparsity 0%")}
    words = " ".join(PAGE.split())
    assert f"T1 is {told['T1', '90']}, T2a {told['T2a', '90']} at 90% and {told['T2a', '70']} at 70%." in words
    assert f"keep as much of their promise as dense ones, {told['T6a', '90']}; on digits" in words
    assert f"T6b is supported, {told['T6b', '90']}." in words
    times = [f"{float(told['T5a', level].split()[0]):.2f}" for level in ("0", "50", "70", "90")]
    assert "noise scale along the runs is {}, {}, {} and {} times as large".format(*times) in words


def test_ratios_on_mnist_are_those_of_the_run():
    """A column has a replicate's ratio where both of its studies are there, and a mean where all three are."""
    steps = steps_of(read_records(EVIDENCE / "mnist-sgd"))
    sizes = [int(size) for size in cells("B")[1:]]
    assert sorted({size for _, size, _ in steps}) == sizes
    whole = {(size, r) for _, size, r in steps if {(0.0, size, r), (90.0, size, r)} <= steps.keys()}
    for r in range(3):
        ratios = {size: steps[90.0, size, r] / steps[0.0, size, r] for size, s in whole if s == r}
        told = dict(zip(sizes, cells(f"replicate {r}")[1:], strict=True))
        assert {size: float(cell) for size, cell in told.items() if cell != "-"} == pytest.approx(ratios, abs=0.0051)
    means = [ratio_told(steps, size, 3) if {(size, r) for r in range(3)} <= whole else "-" for size in sizes]
    assert cells("mean")[1:] == means
    drawn, few = drawn_again("mnist-sgd")
    reached = [all((s, size, r) in drawn for s in (0.0, 90.0) for r in range(3)) for size in sizes]
    again = [ratio_told(drawn, size, 3) if whole else "-" for size, whole in zip(sizes, reached, strict=True)]
    assert cells("winners drawn again")[1:] == again
    assert few == 5
    large = [float(again[sizes.index(size)].split()[0]) for size in (128, 256, 512)]
    assert f"{min(large):.0f} to {max(large):.0f} times the dense steps at B = 128 to 512" in " ".join(PAGE.split())
    logs = np.log([[steps[90.0, size, r] / steps[0.0, size, r] for size in sizes] for r in range(3)])
    slopes = [np.polyfit(np.log(sizes), row, 1)[0] for row in logs]
    ends = [np.exp(end) for end in with_ends(logs.mean(axis=1))]
    words = " ".join(PAGE.split())
    assert "Over all of them the ratio at 90% is {:.1f} [{:.1f}, {:.1f}] by K".format(*ends) in words
    assert "the factor by K\\* is {:.1f} [{:.1f}, {:.1f}]".format(*ends) in PAGE
    assert "rows are supported, at {:.1f} [{:.1f}, {:.1f}] times".format(*ends) in README
    assert "Its slope on ln B is {:.2f} [{:.2f}, {:.2f}].".format(*with_ends(slopes)) in words
    logs = [[math.log(drawn[90.0, size, r] / drawn[0.0, size, r]) for size in sizes[:-1]] for r in range(3)]
    again = with_ends(np.mean(logs, axis=1))
    assert "By winners drawn again it is {:.1f} [{:.1f}, {:.1f}] at B = 4 to 512".format(*map(math.exp, again)) in words
    assert "by winners drawn again {:.1f} [{:.1f}, {:.1f}]; whether".format(*map(math.exp, again)) in words
    rise = with_ends([np.polyfit(np.log(sizes[:-1]), row, 1)[0] for row in logs])
    drawn, _ = drawn_again("mnist-sgd", {"0", "70"})
    logs = [[math.log(drawn[70.0, size, r] / drawn[0.0, size, r]) for size in sizes[2:7]] for r in range(3)]
    less = with_ends([np.polyfit(np.log(sizes[2:7]), row, 1)[0] for row in logs])
    assert "*rises*: {:.2f} [{:.2f}, {:.2f}] at 90% and {:.2f} [{:.2f}, {:.2f}] at 70%".format(*rise, *less) in words
    drawn, _ = drawn_again("mnist-sgd", {"0", "50"})
    logs = [[math.log(drawn[50.0, size, r] / drawn[0.0, size, r]) for size in sizes[2:7]] for r in range(3)]
    half = with_ends([np.polyfit(np.log(sizes[2:7]), row, 1)[0] for row in logs])
    assert "and at 50% it is {:.2f} [{:.2f}, {:.2f}].".format(*half) in words


def test_ratios_and_predictions_at_50_and_70_are_those_of_the_run():
    """A row has K* over the dense one at five batch sizes, and the ratio of T/eta where the winners were followed."""
    run = EVIDENCE / "mnist-sgd"
    steps = steps_of(read_records(run))
    with contextlib.closing(sqlite3.connect(f"file:{run / 'study.sqlite'}?immutable=1", uri=True)) as store:
        followed = store.execute(
            "SELECT sparsity, replicate, quantities FROM constants WHERE batch_size = 64"
        ).fetchall()
    known = {(sparsity, r): json.loads(quantities) for sparsity, r, quantities in followed}
    times = {study: found["T_at_40"] / found["eta"] for study, found in known.items()}
    sizes = [int(size) for size in cells("at 50 and 70%, B =")[1:-1]]
    shown = [(s, r) for s in (50.0, 70.0) for r in range(3) if all((s, size, r) in steps for size in sizes)]
    assert len(shown) == PAGE.count("| 50%, replicate ") + PAGE.count("| 70%, replicate ") > 0
    for s, r in shown:
        ratios = [steps[s, size, r] / steps[0.0, size, r] for size in sizes] + [times[s, r] / times[0.0, r]]
        assert cells(f"{s:g}%, replicate {r}")[1:] == [f"{ratio:.2f}" for ratio in ratios]
    half, most = (
        "{:.2f}, {:.2f} and {:.2f}".format(
            *(np.exp(np.mean([math.log(steps[s, b, r] / steps[0.0, b, r]) for b in sizes])) for r in range(3))
        )
        for s in (50.0, 70.0)
    )
    words = " ".join(PAGE.split())
    assert f"between replicates: {half} at 50%, {most} at 70%." in words
    off = sorted(times[s, r] / times[0.0, r] * steps[0.0, 64, r] / steps[s, 64, r] for s, r in shown)
    assert all(0.8 < one < 1.2 for one in off[:3])
    assert f"in three of six cases, and {off[3]:.1f} to {off[5]:.1f} times too high in the others" in words
    drawn, few = drawn_again("mnist-sgd", {"0", "50", "70"})
    assert few >= 5
    again = [
        "{:.2f} [{:.2f}, {:.2f}]".format(
            *map(
                math.exp,
                with_ends([np.mean([math.log(drawn[s, b, r] / drawn[0.0, b, r]) for b in sizes]) for r in range(3)]),
            )
        )
        for s in (50.0, 70.0)
    ]
    assert "ratios by winners drawn again are {} and {}.".format(*again) in words
    rates = {study: found["eta"] for study, found in known.items()}
    assert {f"{rates[0.0, 1] / rates[s, 1]:.1f}" for s in (50.0, 70.0)} == {"1.8"}
    assert f"1.8 to {rates[0.0, 2] / rates[70.0, 2]:.1f} times that of the pruned one" in words


def test_smoothness_on_mnist_by_window_is_that_of_the_pair():
    """L every 400 steps in each window; standard errors of means are taken for independent, as examples are others."""
    records = read_records(EVIDENCE / "mnist-sgd/along")
    dense, sparse = sorted(records.smoothness, key=lambda one: one.sparsity)

    def means(low, high):
        return [
            np.mean([value for step, value in one.along["L"].items() if low < step <= high and step % 400 == 0])
            for one in (dense, sparse)
        ]

    def ratio(low, high):
        return means(low, high)[1] / means(low, high)[0]

    words = " ".join(PAGE.split())
    told = [ratio(*ends) for ends in ((0, 40000), (0, 4000), (4000, 8960), (8960, 20000), (20000, 40000), (0, 8960))]
    assert f"Its mean of L at 90% is {told[0]:.2f} times the dense one" in words
    assert (
        f"it is {told[1]:.2f} times. From there to 8960, ten times the dense steps to the goal, it is {told[2]:.2f}"
        in words
    )
    assert f"then to 20000 {told[3]:.2f} times, and beyond {told[4]:.1f} times." in words
    assert f"up to ten times the dense steps to the goal it is {told[5]:.2f} times" in words
    windows = [means(*ends) for ends in ((0, 4000), (4000, 8960), (8960, 20000), (20000, 40000))]
    levels = ["{:.2f}, {:.2f}, {:.2f} and {:.2g}".format(*side) for side in zip(*windows, strict=True)]
    assert f"dense L is {levels[0]}, and that at 90% {levels[1]}0." in words
    kept = json.loads((EVIDENCE / "mnist-sgd/verdicts.json").read_text(encoding="utf-8"))["smoothness_and_rate"]
    power, sparsest = kept["power"], max(kept["levels"], key=lambda level: level["sparsity"])
    ends = (power["estimate"], *power["interval"])
    assert "with power {:.2f} [{:.2f}, {:.2f}].".format(*ends) in words
    ends = (sparsest["ratio_at_same_rate"], *sparsest["ratio_interval"])
    assert "At one rate L up to the goal is {:.2f} [{:.2f}, {:.2f}] times".format(*ends) in words
    losses = [one.along["training_loss"][20000] for one in (dense, sparse)]
    assert "training loss is {:.1g}, the other's {:.2g}.".format(*losses) in words
    errors = {
        row["sparsity"]: row
        for row in rows(EVIDENCE / "mnist-sgd/along/constants.csv")
        if row["quantity"] == "L_mean_budget"
    }
    shares = [float(row["standard_error"]) / float(row["value"]) for row in errors.values()]
    assert f"with a standard error of {told[0] * math.hypot(*shares):.2f}" in words


def test_laws_and_ratios_on_mnist_are_those_of_the_verdicts():
    analysis, _ = kept_or_computed(EVIDENCE / "mnist-sgd", read_records(EVIDENCE / "mnist-sgd"), 0)
    words = " ".join(PAGE.split())
    laws = [one.laws["H"] for one in analysis.curves]
    dense, half, most, sparse = (estimate_text(law.estimates["b_crit"], law.intervals["b_crit"]) for law in laws)
    assert f"The fitted ones are {dense} dense, {half}, {most} and {sparse} at 90%." in words
    (pair,) = (one for one in analysis.pairs if one.sparse.curve.sparsity == 90.0)
    ends = pair.intervals["b_crit"]
    assert f"{pair.ratios['b_crit']:.2f} [{ends.low:.2f}, {ends.high:.2f}] times the dense one at 90%" in words
    c1, c2 = (estimate_text(pair.ratios[name], pair.intervals[name]) for name in ("c1", "c2"))
    assert f"Fitted, c1 rises to {c1} and c2 to {c2}." in words
    predicted, ends = pair.prediction.c1.ratio, pair.prediction.c1.interval
    assert f"**Delta L beta gives {predicted:.2f} [{ends.low:.2f}, {ends.high:.1f}] for c1 at 90%**" in words
    misfits = [one.misfit("H", whole=True) for one in analysis.curves]
    off, high = (
        [100 * math.expm1(value) for value in values]
        for values in ([one.estimate for one in misfits], [one.interval(0.90).high for one in misfits])
    )
    assert f"off by {off[3]:.1f}% at 90%**, at most {high[3]:.1f}%" in words
    least, worst = min(high[:3]), max(high[:3])
    assert f"it is off by {min(off[:3]):.0f} to {max(off[:3]):.1f}%, at most {least:.0f} to {worst:.0f}%" in words


def test_winners_drawn_again_on_mnist_take_what_the_page_says():
    """The median over all draws of all studies; one that takes more than ten times K* is the slowest."""
    run = EVIDENCE / "mnist-sgd"
    steps = steps_of(read_records(run))
    with contextlib.closing(sqlite3.connect(f"file:{run / 'study.sqlite'}?immutable=1", uri=True)) as store:
        rows = store.execute("SELECT sparsity, batch_size, replicate, event, step FROM repeats WHERE kind = 'draw'")
        times, by_size = {0.0: [], 50.0: [], 70.0: [], 90.0: []}, {}
        for sparsity, *study, event, step in rows.fetchall():
            ratio = step / steps[sparsity, *study]
            times[sparsity].append(ratio if event == "complete" and ratio <= 10.0 else math.inf)
            by_size.setdefault((sparsity, study[0]), []).append(times[sparsity][-1])
    words = r"five times take ([\d.]+) times K\\\* dense and\s+([\d.]+) times at 90%.*?(\d+) of (\d+)"
    told = re.search(words, PAGE, re.DOTALL)
    assert told is not None
    dense, sparse = times[0.0], times[90.0]
    assert not any(map(math.isinf, dense))
    expected = (f"{median(dense):.1f}", f"{median(sparse):.1f}", str(sum(map(math.isinf, sparse))), str(len(sparse)))
    assert told.groups() == expected
    middle = [f"{median(times[s]):.1f}" for s in (50.0, 70.0)]
    assert "At 50 and 70% the medians are {} and {} times K".format(*middle) in " ".join(PAGE.split())
    small, large = (f"{median(by_size[90.0, size]):.1f}" for size in (4, 512))
    assert f"{small} times at B = 4 and {large} at 512." in " ".join(PAGE.split())
    assert [math.isinf(one) for one in by_size[90.0, 1024]] == [True] * 5 + [False]
    dense = [f"{median(by_size[0.0, size]):.1f}" for size in (4, 512, 1024)]
    assert f"Dense it is {dense[0]}, {dense[1]} and {dense[2]}." in " ".join(PAGE.split())
