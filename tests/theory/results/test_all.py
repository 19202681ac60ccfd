"""Every step holds, and no step holds any longer once its claim is broken."""

import dataclasses

import pytest
import sympy
from tools.formula_mutations import mutations

from theory.checking.assumptions import ASSUMPTIONS
from theory.checking.proof import Kind
from theory.checking.relations import eq
from theory.results.all import CASES, RESULTS, assumptions_of, index, premises_of, results_of, verify
from theory.symbols import covariance_12

STEPS = [step for result in RESULTS for step in result.steps]
CHECKED = [step for step in STEPS if step.check is not None]


@pytest.mark.parametrize("step", CHECKED, ids=lambda step: step.id)
def test_step_holds(step):
    assert verify(step) is True


@pytest.mark.parametrize("step", CHECKED, ids=lambda step: step.id)
def test_a_broken_claim_does_not_hold(step):
    """The first and the last way to break it; the slow tests try every one."""
    first, *_, last = mutations(step.claim)
    for claim in (first, last):
        assert verify(dataclasses.replace(step, claim=claim)) is False, claim


@pytest.mark.slow
@pytest.mark.parametrize("step", CHECKED, ids=lambda step: step.id)
def test_no_broken_claim_holds(step):
    broken = list(mutations(step.claim))
    assert len(broken) >= 4
    for claim in broken:
        assert verify(dataclasses.replace(step, claim=claim)) is False, claim


# One that something is 0, as a buffer at the start, has no sign, factor or term to break.
DEFINITIONS = pytest.mark.parametrize(
    ("step", "number"),
    [pytest.param(s, n, id=f"{s.id}-{d.lhs}") for s in CHECKED for n, d in enumerate(s.definitions) if d.rhs != 0],
)


def broken_definitions(step, number):
    """Return the step with one of its definitions broken, in every way."""
    definition = step.definitions[number]
    changed = [
        (*step.definitions[:number], eq(definition.lhs, meaning.rhs), *step.definitions[number + 1 :])
        for meaning in mutations(eq(sympy.Dummy(), definition.rhs))
        if meaning.lhs.is_Symbol
    ]
    return [dataclasses.replace(step, definitions=definitions) for definitions in changed]


@DEFINITIONS
def test_a_broken_definition_does_not_hold(step, number):
    """A definition is part of what a step says: c1 = ... carries Proposition 4.1."""
    first, *_, last = broken_definitions(step, number)
    assert verify(first) is verify(last) is False


@pytest.mark.slow
@DEFINITIONS
def test_no_broken_definition_holds(step, number):
    for broken in broken_definitions(step, number):
        if (step.id, number) == ("4.8", 0):  # an assumption says that the covariance is 0, so its factor plays no part
            change = broken.definitions[0].rhs - step.definitions[0].rhs
            if sympy.expand(change.subs(covariance_12, 0)) == 0:
                continue
        assert verify(broken) is False, broken.definitions[number]


@pytest.mark.parametrize(
    ("step", "number"), [pytest.param(s, n, id=f"{s.id}-{n}") for s in CHECKED for n, _ in enumerate(s.given)]
)
def test_no_claim_holds_without_its_condition(step, number):
    """The reverse of a condition must not do."""
    condition = step.given[number]
    reverse = condition.func(condition.rhs, condition.lhs, evaluate=False)
    changed = (*step.given[:number], reverse, *step.given[number + 1 :])
    assert verify(dataclasses.replace(step, given=changed)) is False


@pytest.mark.parametrize("step", [s for s in (*STEPS, *ASSUMPTIONS) if s.check is None], ids=lambda step: step.id)
def test_what_is_not_checked_is_never_called_verified(step):
    assert step.kind in {Kind.ASSUMPTION, Kind.ARGUMENT}
    assert verify(step) is None


def test_every_checked_step_is_algebra_or_inequality_by_its_claim():
    for step in CHECKED:
        assert (step.kind is Kind.ALGEBRA) == (step.claim.rel_op == "=="), step.id


def test_every_assumption_is_used():
    used = {p.id for step in STEPS for p in premises_of(step)}
    assert {a.id for a in ASSUMPTIONS} <= used


def test_the_results_of_the_derivation_rest_on_what_they_should():
    needed = {r.number: {a.id for a in assumptions_of(r)} for r in RESULTS}
    assert needed["1"] == {"smooth"}
    assert needed["3"] == {"smooth", "bounded", "sgd", "constant-rate", "first-moment", "second-moment", "cap"}
    assert "constant-rate" not in needed["3d"]
    assert {"tight", "same-rate", "same-goal"} <= needed["6"]
    # the point of result 8: neither a tight bound nor one rate for all batch sizes, nor the textbook cap
    assert not {"tight", "same-rate", "cap"} & needed["8"]
    # a threshold that one chooses is the same at every batch size by choice
    assert "same-goal" not in needed["11"]
    assert {"equal-goals", "equal-mu", "equal-growth"} <= needed["12"]
    # z makes plain steps only where two steps in a row have one rate
    assert {"unbiased", "momentum", "constant-rate"} <= needed["14"]
    # its rate changes with the loss, and keeps the cap
    assert {"polyak-lojasiewicz", "cap-each"} <= needed["15"]
    assert "constant-rate" not in needed["15"] | needed["22"]
    # an excess loss is not negative
    assert "bounded" in needed["22"]
    assert not needed["17"]


def test_cases():
    assert set(CASES) == {
        "fixed",
        "decaying",
        "tuned",
        "worst-case",
        "sparsity",
        "schedules",
        "momentum",
        "invariance",
        "run",
    }
    assert results_of("all") == RESULTS
    with pytest.raises(ValueError, match=r"case must be one of fixed, .*, all, got moon"):
        results_of("moon")


def test_a_list_with_a_repeated_id_is_no_proof():
    with pytest.raises(ValueError, match="step smooth occurs twice"):
        index((ASSUMPTIONS[0], ASSUMPTIONS[0]))


def test_a_list_that_cites_what_comes_later_is_no_proof():
    with pytest.raises(ValueError, match=r"step 1.1 cites \['smooth'\], which do not come before it"):
        index(RESULTS[0].steps)
