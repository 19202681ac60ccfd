"""The page of results says what the commands say of the runs that are kept."""

import json
import math
import re

import numpy as np
import pytest
from tools.commands import rows
from tools.results_page import EVIDENCE, PAGE, README, cells, rates_of, ratio_told, steps_of, with_ends

from verification.cells import estimate_text
from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.own_claims.__main__ import main
from verification.own_claims.rules import OWN_RULES
from verification.records.records import read_records
from verification.report.verdicts import kept_or_computed

OPTIMIZERS = ("digits-sgd", "digits-momentum", "digits-nesterov")


def printed(capsys, *runs):
    """Return each claim's verdict, and the estimate of the row that it shows with that row's own interval."""
    assert main([*(str(EVIDENCE / run) for run in runs), "--rows"]) == 0
    table, notes, rows = capsys.readouterr().out.rstrip().split("\n\n")
    shown = dict(re.findall(r"^(T\S+): .*; shown: (.*)$", notes, re.MULTILINE))
    estimates = {}
    for line in rows.splitlines():
        id_, estimate, *_, subject = re.split(r" {2,}", line)
        estimates[id_, subject] = estimate
    word = r"  (supported|rejected|inconclusive|not measured)( \d+ of \d+)?  "
    verdicts = {line.split()[0]: "".join(re.search(word, line).groups("")) for line in table.splitlines()[1:]}
    return {id_: (verdict, estimates.get((id_, shown.get(id_)), "-")) for id_, verdict in verdicts.items()}


@pytest.mark.slow  # four runs of 120 constants and more are read and judged
def test_our_own_claims_stand_there_as_the_command_prints_them(capsys):
    sgd = printed(capsys, "digits-sgd")
    every = printed(capsys, *OPTIMIZERS, "digits-sgd-decay", "digits-sgd-decay-seen", "mnist-sgd")
    assert len(sgd) == len(OWN_RULES)
    for rule in OWN_RULES:
        _, _, margin, estimate, alone, together = cells(rule.id)
        assert (alone, estimate) == sgd[rule.id], rule.id
        assert together == every[rule.id][0], rule.id
        if rule.equal is not None:
            assert margin == f"{rule.equal[0]:.3g} to {rule.equal[1]:.3g}", rule.id


@pytest.mark.parametrize(("run", "column"), [(run, i - 4) for i, run in enumerate((*OPTIMIZERS, "mnist-sgd"))])
def test_verdicts_on_the_papers_claims_are_those_kept_with_the_runs(run, column):
    analysis, _ = kept_or_computed(EVIDENCE / run, read_records(EVIDENCE / run), 0)
    claims = {claim.id: claim for claim in analysis.claims}
    shown = re.findall(r"^\| (C\d+): ", PAGE, re.MULTILINE)
    assert len(shown) >= 9
    for id_ in shown:
        assert claims[id_].verdict is not Verdict.NOT_MEASURED
        assert cells(id_)[column].replace(",", "") == claims[id_].brief, id_


def test_verdicts_by_the_papers_measure_differ_where_the_page_says():
    """By K*, of all claims and optimisers, those whose verdict or count is another than the kept one."""
    other = {}
    for run in OPTIMIZERS:
        kept, _ = kept_or_computed(EVIDENCE / run, read_records(EVIDENCE / run), 0)
        least = analyse(read_records(EVIDENCE / run, minimum=True), 0)
        pairs = zip(kept.claims, least.claims, strict=True)
        other[run] = {one.id: two.brief for one, two in pairs if one.brief.split() != two.brief.split()}
        (pair,) = (one for one in least.pairs if one.sparse.curve.sparsity == 90.0)
        if run == "digits-sgd":
            ends = pair.ratios["b_crit"], pair.intervals["b_crit"].low, pair.intervals["b_crit"].high
    open_ = "inconclusive"
    assert other == {
        "digits-sgd": {"C6": open_, "C7": open_, "C8": open_},
        "digits-momentum": {"C1": open_, "C5": open_},
        "digits-nesterov": {"C1": "supported 1 of 4"},
    }
    words = " ".join(PAGE.split())
    told = "{:.2f} [{:.2f}, {:.2f}]".format(*ends)
    assert f"C6, C7 and C8, are inconclusive with SGD, and the ratio of critical batch sizes is {told}." in words
    assert "With momentum C1 and C5 are inconclusive. With Nesterov C1 is supported for one curve of four." in words
    assert "rows one with momentum and three with SGD are inconclusive" in README


def test_ratios_of_digits_by_the_papers_measure_are_those_of_the_run():
    """By K*: the range of the means over batch sizes, where the interval lies above 4.5, and the slope on ln B."""
    steps = steps_of(read_records(EVIDENCE / "digits-sgd", minimum=True))
    sizes, words = [2**i for i in range(9)], " ".join(PAGE.split())
    logs = np.array([[math.log(steps[90.0, b, r] / steps[0.0, b, r]) for b in sizes] for r in range(10)])
    ends = {b: np.exp(with_ends(column)) for b, column in zip(sizes, logs.T, strict=True)}
    means = [mean for mean, _, _ in ends.values()]
    told = f"{min(means):.1f} to {max(means):.1f}"
    assert f"By K\\* the factor with SGD is {told}." in words
    assert f"and row two is {told} times." in README
    above = " and ".join(str(b) for b, (_, low, _) in ends.items() if low > 4.5)
    assert f"By K\\*, the paper's measure, it does so at B = {above}." in words
    slope = np.mean([np.polyfit(np.log(sizes), row, 1)[0] for row in logs])
    assert f"-0.087 by K_rate and {slope:.3f} by K\\*" in words


def test_slopes_of_the_fitted_law_at_either_end_are_those_of_the_page():
    """Of law H over a factor of four: (b + B)/(b/4 + B) at B = 1, b the critical batch size, and likewise at 256."""
    kept = json.loads((EVIDENCE / "digits-sgd/verdicts.json").read_text(encoding="utf-8"))
    knee = {one["sparsity"]: one["laws"]["H"]["b_crit"] for one in kept["curves"]}
    small = math.log((knee[0.0] / 4 + 1) / (knee[0.0] + 1)) / math.log(4)
    large = math.log((knee[90.0] / 256 + 1) / (knee[90.0] / 64 + 1)) / math.log(4)
    words = " ".join(PAGE.split())
    assert f"critical batch size of {knee[0.0]:.0f} the dense law itself has slope {small:.2f} at B = 1 to 4" in words
    assert f"with one of {knee[90.0]:.0f} the law has slope {large:.2f} at B = 64 to 256" in words


def test_networks_without_biases_share_their_pruned_runs_with_those_that_have_some():
    with_them, without = (
        {(row["sparsity"], row["batch_size"], row["replicate"]): row for row in rows(EVIDENCE / run / "curves.csv")}
        for run in ("digits-sgd", "digits-sgd-no-biases")
    )
    same = {study[0]: [] for study in without}
    for study, row in without.items():
        same[study[0]].append(row["steps_at_best_rate"] == with_them[study]["steps_at_best_rate"])
    assert all(same["90"])
    assert not any(same["0"])


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("SNIP", "digits-sgd"),
        ("SNIP, no biases at either sparsity", "digits-sgd-no-biases"),
        ("the largest initial weights", "digits-sgd-magnitude"),
        ("random", "digits-sgd-random"),
    ],
)
def test_ratios_by_mask_are_those_of_the_runs(name, run):
    """Geometric means over replicates with Student's interval, computed anew; the last column by joint fits."""
    records = read_records(EVIDENCE / run)
    row = cells(name)
    assert row[1:4] == [ratio_told(steps_of(records), size, 10) for size in (16, 64, 256)]
    analysis, _ = kept_or_computed(EVIDENCE / run, records, 0)
    (pair,) = (one for one in analysis.pairs if one.sparse.curve.sparsity == 90.0)
    assert row[4] == estimate_text(pair.ratios["b_crit"], pair.intervals["b_crit"])


def range_told(found, name):
    values = [one[name]["estimate"] for one in found.values()]
    return min(values), max(values)


def test_what_theory_says_of_rates_is_told_as_the_verdicts_have_it():
    told = " ".join(PAGE.split("**The theory of the tuned rate holds in part.**")[1].split("- **K")[0].split())
    runs = {run: rates_of(run) for run in (*OPTIMIZERS, "digits-sgd-budget")}
    low, high = range_told(runs["digits-sgd"], "product")
    power = range_told(runs["digits-sgd"], "sharp")
    assert f"slopes are {low:.2f} to {high:.2f} and powers {power[0]:.2f} to {power[1]:.2f}" in told
    missed = [
        (sparsity, name)
        for sparsity, found in runs["digits-sgd"].items()
        for name in ("product", "sharp")
        if not found[name]["interval"][0] <= found[name]["claimed"] <= found[name]["interval"][1]
    ]
    assert missed == [(0.0, "sharp")]
    dense = runs["digits-sgd"][0.0]["sharp"]
    assert "dense power, {:.2f} [{:.2f}, {:.2f}]".format(dense["estimate"], *dense["interval"]) in told
    slopes, powers = (range_told(runs["digits-nesterov"], name) for name in ("product", "sharp"))
    assert "slopes of {:.2f} to {:.2f}, and powers are {:.1f} to {:.1f}".format(*slopes, *powers) in told
    assert all(one[name]["p"] < 0.05 for one in runs["digits-nesterov"].values() for name in ("product", "sharp"))
    assert (
        "momentum slopes are {:.2f} to {:.2f}, and two of".format(*range_told(runs["digits-momentum"], "product"))
        in told
    )
    assert sum(one["product"]["interval"][0] <= 0.0 for one in runs["digits-momentum"].values()) == 2
    assert "with power {:.2f} and {:.2f} instead".format(*range_told(runs["digits-sgd-budget"], "window")) in told
