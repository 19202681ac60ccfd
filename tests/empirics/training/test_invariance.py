"""A network written in other units of weights and loss: the same account, and constants that go as their exponents."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from empirics.derived import account_of, with_derived
from empirics.followed import EXPONENTS
from empirics.specification.probe import FollowedRun, Probe, flow_of
from empirics.training.flowing import measure_flow
from empirics.training.following import measure_constants


@pytest.fixture(scope="module")
def measured(laboratory_of):
    """Return what is measured along a run and its flow, in some units, at the rate that belongs to them."""

    @cache
    def measure(name, a=1.0, s=1.0):
        laboratory = laboratory_of(
            workload=f"samples.constants_workloads:{name}", every=6, hessian_points=1, quadratic_forms=8
        )
        mask = np.ones(laboratory.network.size, dtype=bool)
        point = {"learning_rate": 0.5 / (a**2 * s)} | ({"momentum": 0.5} if "momentum" in name else {})
        found = measure_constants(laboratory, FollowedRun(0.0, 0, 16, 1, point, 20, 20), mask, lambda _: None)
        plan = flow_of(found, laboratory.specification.probe)
        flow = measure_flow(laboratory, plan, mask, lambda _: None)
        return replace(found, values=found.values | flow.values)

    return measure


@pytest.mark.parametrize("sampled", [False, True])
def test_a_flow_over_a_sample_is_not_to_go_on_to_the_goal(measured, sampled):
    found = replace(measured("plain_sgd"), errors={"beta": 0.1} if sampled else {})
    plan = flow_of(found, Probe(examples=40))
    assert set(plan.losses) == {"T_at_40"} | (set() if sampled else {"T_at_goal"})


@pytest.mark.parametrize(
    ("kind", "name", "a", "s"),
    [("sgd", "half", 0.5, 1.0), ("sgd", "double", 2.0, 1.0), ("sgd", "louder", 1.0, 4.0), ("momentum", "double", 2, 4)],
)
def test_the_account_is_the_same_to_the_bit_and_all_else_goes_as_its_exponents(measured, kind, name, a, s):
    record, other = measured(f"plain_{kind}"), measured(f"{name}_{kind}", a, s)
    ours, theirs = account_of(record, ""), account_of(other, "")
    for part in ("steps", "flow_steps", "c", "needed", "kept", "alignment"):
        assert getattr(theirs, part) == getattr(ours, part)
    first, second = with_derived(record, [record], "").values, with_derived(other, [other], "").values
    assert first.keys() == second.keys() == EXPONENTS.keys() - ({"s"} if kind == "momentum" else set())
    for quantity, (i, j) in EXPONENTS.items():
        if quantity in first:
            assert second[quantity] == pytest.approx(first[quantity] * a**i * s**j, rel=1e-9), quantity
