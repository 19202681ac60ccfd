"""From logged runs to rows: the crossing, repetitions and searches, curves, batch sizes; and what reads the rows."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.sizes import batch_size_of
from empirics.logs.crossing import Goal, crossing
from empirics.logs.steps import import_steps, steps_table
from empirics.logs.wanted import Wanted
from verification.records.curve_tables import read_curves

BELOW = Goal("loss", 0.5, above=False)
WANTED = Wanted(goal=0.5, metric="loss")


def run(name, *values, **config):
    """Return a run whose loss is given every ten steps, from step 10 on."""
    return LoggedRun(name, "log.csv", config, {"loss": [(10 * at, value) for at, value in enumerate(values, start=1)]})


def table(runs, wanted=WANTED):
    text, notes = steps_table(runs, wanted)
    return [list(row.values()) for row in csv.DictReader(io.StringIO(text))], text.split("\n")[0], notes


@given(
    st.dictionaries(st.integers(1, 60), st.sampled_from([0.1, 0.5, 0.6, math.nan, math.inf, -math.inf])),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_a_crossing_is_what_a_walk_through_the_steps_finds(values, above, random):
    """Whatever the order of the log, and whatever comes after the first hit."""
    shuffled = list(values.items())
    random.shuffle(shuffled)
    lower, upper = 0, None
    for step in sorted(values):
        if math.isfinite(values[step]) and upper is None:
            hit = values[step] >= 0.5 if above else values[step] <= 0.5
            upper, lower = (step, lower) if hit else (None, step)
    found = crossing(LoggedRun("a", "log.csv", {}, {"loss": shuffled}), Goal("loss", 0.5, above))
    assert (found.lower, found.upper) == (lower, upper)
    assert found.diverged == (bool(values) and not math.isfinite(values[max(values)]))


@pytest.mark.parametrize(("repeated", "upper"), [("first", 10), ("last", 20)])
def test_of_several_values_at_a_step_the_wanted_one_counts(repeated, upper):
    history = [(10, 0.4), (10, 0.9), (20, 0.3), (20, 0.3)]
    found = crossing(LoggedRun("a", "log.csv", {}, {"loss": history}), BELOW, repeated)
    assert found.upper == upper
    assert crossing(LoggedRun("a", "log.csv", {}, {"loss": history[2:]}), BELOW).upper == 20


def test_a_run_that_never_reached_the_goal_is_censored_at_its_last_finite_test():
    rows, header, notes = table([run("b8", 0.9, 0.4), run("b16", 0.9, 0.8, math.nan), run("b32", 0.3)])
    assert header == "batch_size,steps,lower,replicate,goal,run"
    assert rows == [
        ["8", "20", "10", "0", "0.5", "b8"],
        ["16", "", "20", "0", "0.5", "b16"],
        ["32", "10", "0", "0", "0.5", "b32"],
    ]
    assert notes == [
        "batch sizes from the names of runs",
        "loss <= 0.5 is reached by 2 of 3 runs; the others are censored at their last test",
        "met at the first test, a bound from above only: b32",
    ]


def test_a_goal_that_every_run_met_at_once_may_be_of_another_scale():
    runs = [run(f"b{size}", 0.3) for size in (8, 16)]
    notes = table(runs)[2]
    assert notes[-1] == "met at the first test, a bound from above only: b8, b16; is 0.5 in the units of loss?"


def test_steps_that_begin_anew_may_be_of_two_runs():
    twice = LoggedRun("b8", "log.csv", {}, {"loss": [(10, 0.9), (20, 0.4), (10, 0.8), (20, 0.3)]})
    with pytest.raises(InputError, match="if several runs are in it, name each in a column run; else say by --rep"):
        table([twice])
    with pytest.raises(InputError, match=r"0.9 and 0.8 at step 10: say by --repeated-steps"):
        table([LoggedRun("b8", "log.csv", {}, {"loss": [(10, 0.9), (10, 0.8), (20, 0.4)]})])


def test_repetitions_are_numbered_by_their_seeds_and_names_stay_apart():
    runs = [run("b8", 0.9, 0.4, seed=seed) for seed in ("3", "1")]
    assert [row[1:4] + row[5:] for row in table(runs)[0]] == [["20", "10", "0", "b8"], ["20", "10", "1", "b8 #2"]]


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        ({8: "123", 16: "13", 32: "23"}, ["0", "1", "2", "0", "2", "1", "2"]),  # a missing run shifts no other
        ({8: "123", 16: "45", 32: "67"}, ["0", "1", "2", "0", "1", "0", "1"]),  # each seed once: they tell nothing
        ({8: "113", 16: "13", 32: "13"}, ["0", "1", "2", "0", "1", "0", "1"]),  # a seed twice at one batch size
    ],
)
def test_one_seed_is_one_replicate_at_all_batch_sizes(seeds, expected):
    runs = [run(f"b{size}-{i}", 0.9, 0.4, seed=seed) for size, own in seeds.items() for i, seed in enumerate(own)]
    assert [row[3] for row in table(runs)[0]] == expected


def test_runs_that_differ_in_a_rate_are_trials_of_a_search(tmp_path):
    """The least counts, as in every table of trials; a run that diverged is infeasible."""
    runs = [
        run(f"b{size}-{rate}-{seed}", *[0.9] * tests, 0.4, lr=rate, seed=seed)
        for seed in ("0", "1")
        for size, tests in ((8, 9), (16, 6), (32, 4))
        for rate, more in (("0.1", 0), ("0.2", 2))
        for tests in [tests + more]
    ]
    runs.append(run("b8", 0.9, math.nan, lr="9"))
    rows, header, _ = table(runs)
    assert header == "batch_size,steps,lower,trial,status,replicate,goal,learning_rate,run"
    assert [row[1:6] for row in rows if row[0] == "8"] == [
        ["100", "90", "0", "complete", "0"],
        ["120", "110", "1", "complete", "0"],
        ["100", "90", "0", "complete", "1"],
        ["120", "110", "1", "complete", "1"],
        ["", "10", "2", "infeasible", "0"],
    ]
    path = tmp_path / "steps.csv"
    path.write_text(steps_table(runs, WANTED)[0])
    ((curve,), _) = read_curves(path)
    assert [(p.batch_size, p.replicate, p.upper) for p in curve.points] == [
        (size, seed, steps) for size, steps in ((8, 100), (16, 70), (32, 50)) for seed in (0, 1)
    ]


def test_momentum_that_differs_between_batch_sizes_is_told_without_a_search():
    """The best rate is eta/(1 - m): without m, a report would judge by the learning rate alone."""
    runs = [run(f"b{size}", 0.9, 0.4, lr="0.1", momentum=momentum) for size, momentum in ((8, "0.5"), (16, "0.75"))]
    rows, header, _ = table(runs)
    assert header == "batch_size,steps,lower,replicate,goal,learning_rate,momentum,run"
    assert [row[5:7] for row in rows] == [["0.1", "0.5"], ["0.1", "0.75"]]


def test_models_and_what_is_asked_for_are_curves_of_their_own():
    runs = [run("b8", 0.9, 0.4, model=model, warmup=warmup, dense="x") for model in "ab" for warmup in ("1", "2")]
    rows, header, notes = table(runs)
    assert header == "batch_size,steps,lower,replicate,goal,model,run"
    assert notes[2:] == [
        "runs of one batch size differ in warmup, taken as repeats: --by KEY makes a curve for each value"
    ]
    rows, header, notes = table(runs, Wanted(goal=0.5, by=("warmup",)))
    assert header == "batch_size,steps,lower,replicate,goal,model,warmup,run"
    assert [row[3] for row in rows] == ["0"] * 4
    assert len(notes) == 2


def test_names_that_tell_runs_of_one_batch_size_apart_are_said():
    """Where what is left of a name comes at several batch sizes; seeds, attempts and names of each run say nothing."""
    names = [f"mlp-{tag}-bs{size}-seed1" for tag in ("dense", "sp90") for size in (8, 16)]
    notes = table([run(name, 0.9, 0.4) for name in names])[2]
    assert "names of runs of one batch size differ in more than a number (mlp-dense, mlp-sp90)" in notes[2]
    for apart in ("resnet-{}", "sparsity-{}", "lr=1e-{}"):
        notes = table([run(f"bs{size}-{apart.format(n)}", 0.9, 0.4) for n in (3, 4) for size in (8, 16)])[2]
        assert f"({apart.format(3)}, {apart.format(4)})" in notes[2]
    searched = [run(f"lr{rate}-bs{size}", 0.9, 0.4, lr=rate) for rate in ("0.1", "0.2") for size in (8, 16)]
    assert len(table(searched)[2]) == 2
    numbered = [[name.format(size, n) for size in (8, 16) for n in (1, 2)] for name in ("bs{}-seed{}", "mlp-bs{}-{}")]
    for same in (*numbered, ["warm-bs8", "cold-bs8", "red-bs16"]):
        assert len(table([run(name, 0.9, 0.4) for name in same])[2]) == 2


def test_batches_gathered_before_a_step_are_no_repeats():
    runs = [run(f"r{at}", 0.9, 0.4, bs="8", grad_accum=times) for at, times in enumerate(("1", "2"))]
    with pytest.raises(InputError, match=r"give --batch-size-from 'bs\*grad_accum', else --batch-size-from bs$"):
        table(runs)
    told = table(runs, Wanted(goal=0.5, metric="loss", batch_size_from="bs*grad_accum"))[0]
    assert [row[0] for row in told] == ["8", "16"]
    assert [row[0] for row in table(runs, Wanted(goal=0.5, metric="loss", batch_size_from="bs"))[0]] == ["8", "8"]
    named = [run(f"mlp-bs8-{times}", 0.9, 0.4, gpus=times, grad_accum=str(3 - int(times))) for times in ("1", "2")]
    with pytest.raises(InputError, match=r"--batch-size-from 'name\*gpus\*grad_accum', else --batch-size-from name$"):
        table(named)
    told, _, notes = table(named, Wanted(goal=0.5, metric="loss", batch_size_from="name*gpus*grad_accum"))
    assert [row[0] for row in told] == ["16", "16"]
    assert len(notes) == 2


@pytest.mark.parametrize(("key", "values"), [("num_workers", "12"), ("gpu", ("A100", "V100")), ("num_gpus", "12")])
def test_what_does_not_change_a_batch_is_no_factor_of_it(key, values):
    size = "global_batch_size" if key == "num_gpus" else "bs"
    runs = [run(f"r{at}", 0.9, 0.4, **{size: "8", key: value}) for at, value in enumerate(values)]
    rows, _, notes = table(runs)
    assert [row[0] for row in rows] == ["8", "8"]
    assert len(notes) == 2
    assert len(table([run("b8-1", 0.9, 0.4, clip="nan", seed=seed) for seed in ("1", "1.0")] * 2)[2]) == 2


def test_a_share_that_is_pruned_becomes_a_percentage():
    runs = [run(f"b8-{share}", 0.9, 0.4, sparsity=share) for share in ("0", "0.5", "0.9")]
    rows, header, notes = table(runs)
    at = header.split(",").index("sparsity")
    assert sorted(row[at] for row in rows) == ["0", "50", "90"]
    assert notes[0] == "sparsity is a share in the logs and a percentage here"
    with pytest.raises(InputError, match=r"run b8-0.5: sparsity 0.5 is 0.5%: write 50"):
        table([*runs, run("b8-90", 0.9, 0.4, sparsity="90")])
    rows, header, _ = table([run("b8-dense", 0.9, 0.4), run("b8-0.9", 0.9, 0.4, sparsity="0.9")])
    assert sorted(row[header.split(",").index("sparsity")] for row in rows) == ["0", "90"]


def test_a_seed_or_a_count_of_devices_is_no_metric():
    histories = {"config.seed": [(10, 1.0), (20, 1.0)], "gpus": [(10, 4.0), (20, 4.0)], "loss": [(10, 0.9), (20, 0.4)]}
    assert table([LoggedRun("b8", "log.csv", {}, histories)], Wanted(goal=0.5))[0][0][1] == "20"


@pytest.mark.parametrize(
    ("name", "config", "keys", "unit", "size"),
    [
        ("a-bs64-lr1", {}, None, "examples", 64),
        ("a-bs64", {"params.batch_size": "32"}, None, "examples", 32),
        ("a-bs64", {"batch_size": "32"}, "name", "examples", 64),
        ("a", {"micro": "8", "accumulate": "4", "gpus": "2"}, "micro*accumulate*gpus", "examples", 64),
        ("a", {"sequences": "256"}, "sequences*2048", "tokens", 524288),
        ("gpt-0.5M", {"batch_size": "0.5M"}, None, "tokens", 500000),
        ("gpt_bs512Ki", {}, None, "tokens", 524288),
    ],
)
def test_where_a_batch_size_is_found(name, config, keys, unit, size):
    assert batch_size_of(LoggedRun(name, "log.csv", config), keys, unit) == size


@pytest.mark.parametrize(
    ("name", "config", "keys", "message"),
    [
        ("a", {"batch_size": "32", "bs": "16"}, None, "batch_size and bs could both be its batch size"),
        ("b8-b16", {}, None, "its batch size is not known"),
        ("a", {"n": "8.5"}, "n", "gives a batch size of 8.5: need a whole number"),
        ("a", {"n": "many"}, "n", "n: need a number, got 'many'"),
        ("a", {"n": "8"}, "m", "it has no m: its config holds n"),
    ],
)
def test_a_batch_size_that_is_not_clear_is_refused(name, config, keys, message):
    with pytest.raises(InputError, match=message):
        batch_size_of(LoggedRun(name, "log.csv", config), keys, "examples")


def test_the_same_run_twice_is_no_repetition(tmp_path):
    """Nor is a table of runs read again: last misses are kept."""
    path = tmp_path / "chart.csv"
    path.write_text("Step,b8 - loss,b16 - loss\n10,0.9,0.8\n20,0.4,0.7\n30,0.3,0.4\n")
    text, notes = import_steps([path, path], WANTED)
    assert text == import_steps([path], WANTED)[0]
    assert notes[0] == "equal runs taken as one: b8, b16"
    table = tmp_path / "steps.csv"
    table.write_text(text)
    assert read_curves(table)[1] == ()
    again = import_steps([table], Wanted(steps_from="steps"))[0].splitlines()
    assert [line.split(",")[:3] for line in again] == [line.split(",")[:3] for line in text.splitlines()]


def test_what_a_chart_hides_is_said(tmp_path):
    path = tmp_path / "chart.csv"
    header = "Step,Group: b8 - loss,Group: b8 - loss__MIN,Group: b8 - loss__MAX\n"
    path.write_text(f"{header}10,0.9,0.8,1.0\n20,0.4,0.4,0.4\n")
    _, notes = import_steps([path], WANTED)
    assert "its runs are grouped" in notes[0]
    assert "the chart shows means of several steps or runs" in notes[1]
