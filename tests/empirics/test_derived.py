"""The account of a run against closed forms on a quadratic, and the mean over steps with its error."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics.account import quadratic_account
from samples.accounts import CURVATURES, START, descent

from empirics.derived import account_of, mean_over_steps, mean_rate, with_derived
from theory.evaluation.trajectory import account

SGD, MOMENTUM = "digits/small-cnn/sgd", "digits/small-cnn/momentum"


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.48])
@pytest.mark.parametrize("steps", [1, 7, 60])
def test_on_a_quadratic_it_is_the_closed_form(rate, steps):
    account, expected = (
        account_of(descent(rate=rate, steps=steps), SGD),
        quadratic_account(CURVATURES, START, rate, steps),
    )
    found = {"N": account.needed, "e": account.kept, "T": account.flow_time, "c": account.c}
    assert found == pytest.approx(expected, rel=1e-9)
    assert (
        account.steps == pytest.approx(account.needed / account.kept) == pytest.approx(account.c * account.flow_steps)
    )
    assert (account.alignment, account.gradient.error) == (1.0, 0.0 if steps > 2 else None)


@pytest.mark.parametrize("every", [1, 3])
def test_it_is_the_account_that_theory_makes_of_the_same_trajectory(every):
    """Both draw lines between measured steps; theory's table goes on to the step after the goal."""
    record = descent(rate=0.05, steps=61, every=every)
    loss, square = record.along("training_loss"), record.along("gradient_square")
    steps = [*square, 62]
    by_theory = account(steps, [loss[step] for step in steps], [*square.values(), square[61]], 0.05)
    found = account_of(record, SGD)
    assert (found.steps, found.needed, found.kept) == pytest.approx((by_theory.K, by_theory.N, by_theory.e), rel=1e-12)


@pytest.mark.parametrize("every", [2, 3, 5])
def test_steps_that_were_left_out_leave_no_more_than_their_error(every):
    whole, some = (account_of(descent(rate=0.05, steps=60, every=n), SGD) for n in (1, every))
    assert some.gap == whole.gap
    assert 0.0 < abs(some.kept / whole.kept - 1.0) < some.slope.relative_error < 0.25


def test_steps_with_momentum_are_counted_by_their_own_slope_and_flow_time():
    """By hand: h = 1, w = 1, rate 1/2, m = 1/2: w = 1, 1/2, 0; d.g = -1/2, -1/4; eta K = 1/2 (1 + 3/2) = 5/4."""
    one = descent(rate=0.5, steps=2, momentum=0.5, curvatures=np.array([1.0, 0.0, 0.0]))
    account = account_of(one, MOMENTUM)
    assert (account.eta, account.gap, account.gradient.value) == (0.625, 0.5, 0.625)
    assert account.kept == pytest.approx(0.5 / 0.75)
    assert account.alignment == pytest.approx(0.375 / 0.625**2)
    assert account.needed / (account.kept * account.alignment) == pytest.approx(2.0)


def test_what_a_decaying_rate_promises_is_that_of_its_steps():
    one = descent(rate=0.4, steps=9)
    decaying = replace(one, metaparameters=one.metaparameters | {"decay_steps": 5.0, "end_learning_rate_factor": 0.5})
    account = account_of(decaying, f"{SGD}/linear")
    assert account.eta < 0.4
    assert account.kept == pytest.approx(account_of(one, SGD).kept)
    assert account.alignment == pytest.approx(0.4 / account.eta)


def test_a_record_that_knows_its_flow_time_needs_no_name_of_a_workload():
    one = descent(rate=0.4)
    named = replace(one, values=one.values | {"eta": mean_rate(one, SGD)})
    assert account_of(named, "my:own") == account_of(one, SGD)
    assert [mean_rate(one, name) for name in ("my:own", "digits/small-cnn/adamw", SGD)] == [
        None,
        None,
        pytest.approx(0.4),
    ]


@pytest.mark.parametrize("lacking", ["goal", "first loss", "last loss", "gradients", "slopes", "a fall"])
def test_what_lacks_a_part_has_no_account(lacking):
    one = descent(momentum=0.5 if lacking == "slopes" else None)
    last = one.goal_step + 1
    kept = {
        "first loss": lambda point: (point.quantity, point.step) != ("training_loss", 1),
        "last loss": lambda point: (point.quantity, point.step) != ("training_loss", last),
        "gradients": lambda point: point.quantity != "gradient_square",
        "slopes": lambda point: point.quantity != "step_slope",
    }.get(lacking, lambda _: True)
    trajectory = tuple(filter(kept, one.trajectory))
    if lacking == "a fall":
        trajectory = tuple(replace(p, value=1e9) if p.step == last else p for p in trajectory)
    broken = replace(one, trajectory=trajectory, goal_step=None if lacking == "goal" else one.goal_step)
    workload = MOMENTUM if lacking == "slopes" else SGD
    assert account_of(broken, workload) is None
    assert "N" not in with_derived(broken, [broken], workload).values


def test_what_follows_is_added_to_what_was_measured():
    low, other = descent(rate=0.4, steps=30), descent(90.0, rate=0.2, steps=5, flow=False)
    found = with_derived(other, [low, other], SGD).values
    assert {"K", "eta", "N", "e", "alignment", "Delta_run", "Delta_best"} == found.keys() - other.values.keys()
    assert found["Delta_best"] == pytest.approx(found["Delta"] - 2 * low.along("training_loss")[31])
    whole = with_derived(low, [low], SGD).values
    assert whole["c"] == pytest.approx(whole["eta"] * whole["K"] / whole["T_at_goal"])
    assert whole["kappa"] == 4.0 * whole["T_at_goal"]
    alone = with_derived(other, [other, replace(low, study=replace(low.study, replicate=1))], SGD).values
    assert alone["Delta_best"] < found["Delta_best"]


@given(st.sets(st.integers(1, 60), min_size=2), st.integers(0, 5), st.floats(-3, 3), st.floats(-3, 3))
def test_a_line_between_measurements_has_its_mean(steps, rest, start, slope):
    inside, last = sorted(steps), max(steps) + rest
    known = {step: start + slope * step for step in inside}
    every = [start + slope * min(max(step, inside[0]), inside[-1]) for step in range(1, last + 1)]
    found = mean_over_steps(known, last)
    assert found.value == pytest.approx(np.mean(every), abs=1e-9)
    assert found.error is None if len(inside) < 3 else found.error == pytest.approx(0.0, abs=1e-9)


def test_scatter_of_steps_is_covered_by_its_error():
    """Steps that scatter independently, every fourth measured: errors in units of the stated one have a spread of 1."""
    random, units = np.random.default_rng(0), []
    for _ in range(300):
        values = 5.0 + random.normal(size=120)
        found = mean_over_steps({step: values[step - 1] for step in range(1, 121, 4)}, 120)
        units.append((found.value - values.mean()) / found.error)
    assert 0.9 < np.std(units) < 1.15


def test_the_bend_of_a_parabola_is_covered_by_its_error():
    """Every tenth step: the trapezoid rule misses f'' h (h^2 - 1)/12 an interval."""
    every = range(1, 102)
    found = mean_over_steps({step: float(step**2) for step in every if step % 10 == 1}, 101)
    missed = found.value - float(np.mean([step**2 for step in every]))
    assert missed == pytest.approx(10 * 2 * 10 * 99 / 12 / 101)
    assert 0.9 * missed < found.error < 2 * missed
