"""What holds the steps together: nothing follows from premises that are broken, left out or not read."""

import dataclasses
import re

import pytest
import sympy
from tools.check_mutations import variants
from tools.formula_mutations import mutations

from theory.checking.analysis import Best, Itself
from theory.checking.checks import by
from theory.checking.operations import Put, RightSide, Solve
from theory.checking.premises import UnprovenError
from theory.checking.proof import inherit, names_of, prove
from theory.checking.relations import put
from theory.results.all import RESULTS, refusal, steps_by_id
from theory.results.tuned.loss_goal import LOSS_GOAL
from theory.sequences import F, rate
from theory.symbols import decrease_at, eta, eta_loss, f_inf, k, nu, phi

CHECKED = [step for result in RESULTS for step in result.steps if step.check is not None]
every_step = pytest.mark.parametrize("step", CHECKED, ids=lambda step: step.id)


def names_by_id():
    found = {}
    for step in steps_by_id().values():
        found[step.id] = names_of(step, inherit(step, steps_by_id(), found))
    return found


NAMES = names_by_id()


def holds(step, changed=None):
    """Return whether a step follows, where some of its premises may be others."""
    cited = {premise: (changed or {}).get(premise, steps_by_id()[premise]) for premise in step.follows_from}
    try:
        prove(step, cited, inherit(step, cited, NAMES))
    except (UnprovenError, KeyError):  # KeyError: the check asks for what is not cited
        return False
    return True


def broken(premise, claims):
    return [dataclasses.replace(premise, claim=claim) for claim in claims]


def with_formulas(step):
    return [steps_by_id()[premise] for premise in step.follows_from if steps_by_id()[premise].claim is not None]


# Steps that a factor on a premise's left side leaves true: V(N) = 0 is so times 2, and in the ratio of an equation by
# itself the factor cancels.
CANCELS = {("4.5", "4.1"), ("8.28", "8.10"), ("8.29", "8.10"), ("12.1", "8.10")}


# Steps whose check holds with another value, for these reasons.
IDLE = {
    "4.5": "V(N) is 0, and so is it times any factor",
    "8.29": "beta is in the limit of large batches",
    "10.24": "the rate occurs in names alone",
    "12.12": "beta_V is put in as 0",
    "15.2": "what is largest at a rate is so times 2 as well",
    "22.3": "so is it here",
}


@every_step
def test_a_step_is_bound_to_its_premises(step):
    """It holds with them as they are: not with one more or less, nor with another left side in the first of them."""
    unneeded = next(a for a in ("polyak-lojasiewicz", "tight") if a not in step.follows_from)
    assert not holds(dataclasses.replace(step, follows_from=(*step.follows_from, unneeded)))
    for premise in step.follows_from:
        assert not holds(dataclasses.replace(step, follows_from=tuple(p for p in step.follows_from if p != premise)))
    for premise in with_formulas(step)[:1]:
        require_its_left_side(step, premise)
    broken = next(variants(step.check), None)
    assert broken is None or step.id in IDLE or not holds(dataclasses.replace(step, check=broken))


def require_its_left_side(step, premise):
    left = 2 * premise.claim.lhs
    if left != 0:
        other = dataclasses.replace(premise, claim=premise.claim.func(left, premise.claim.rhs, evaluate=False))
        assert holds(step, {premise.id: other}) == ((step.id, premise.id) in CANCELS), premise.id


@pytest.mark.slow
@every_step
def test_no_step_follows_from_whatever_its_premises_say(step):
    """Most ways to break a premise break the step; one at least of each."""
    for premise in with_formulas(step):
        require_its_left_side(step, premise)
        others = broken(premise, mutations(premise.claim))
        left = [other.claim for other in others if holds(step, {premise.id: other})]
        assert len(left) < len(others), premise.id


@pytest.mark.slow
@every_step
def test_no_broken_check_holds(step):
    for check in variants(step.check):
        try:
            held = holds(dataclasses.replace(step, check=check))
        except (NotImplementedError, TypeError, KeyError, AttributeError):  # nothing that can be carried out
            held = False
        assert not held or step.id in IDLE, check


def test_the_steps_that_rest_on_nothing_are_known():
    """Their checks hold a definition or plain algebra; every other step starts from the claim of another."""
    alone = {step.id for step in CHECKED if not step.follows_from}
    assert alone <= {
        *(
            "3.6",
            "4.1",
            "9.14",
            "9.15",
            "9.16",
            "10.6",
            "10.7",
            "10.8",
            "10.13",
            "10.25",
            "17.1",
            "21.2",
        ),
        *("19.5", "19.7", "19.8", "19.9", "19.10", "19.13", "20.7", "20.8"),
        *("16.3", "16.4", "16.5", "24.2", "24.3", "24.4", "24.8", "24.14", "24.15"),
        *("13.22", "13.23", "13.31", "13.32", "13.33", *(f"13.{n}" for n in range(1, 19))),
    }


DOUBLED = {nu: 2 * nu}


class TestTheFalseResult15:
    """The contraction doubled in a helper and in the claims that follow, 15.1 left alone: the noise is too small."""

    def false(self, id_, check=None):
        step = steps_by_id()[id_]
        return dataclasses.replace(step, claim=put(step.claim, DOUBLED), check=check or step.check)

    def test_the_true_one_holds(self):
        assert [refusal(step) for step in LOSS_GOAL.steps] == [None] * len(LOSS_GOAL.steps)

    @pytest.mark.parametrize("id_", ["15.2", "15.4"])
    def test_the_claims_that_follow_do_not(self, id_):
        assert "derived is" in refusal(self.false(id_))

    def gain(self, *, inside):
        """Return what 15.1 takes off the excess, with its contraction doubled where the helper might."""
        values = {F(k): f_inf + phi, rate(k): eta} | (DOUBLED if inside else {})
        return by("15.1", RightSide(F(k + 1) - f_inf, phi - decrease_at, values), Solve(decrease_at))

    @pytest.mark.parametrize(
        ("helper", "why"),
        [
            (
                lambda self: by(self.gain(inside=True), Best(decrease_at, eta, eta_loss, most=True)),
                "under its own name",
            ),
            (
                lambda self: by(
                    by("15.1", Put(DOUBLED)), RightSide(F(k + 1) - f_inf, phi - decrease_at, {F(k): f_inf + phi})
                ),
                "is about a run",
            ),
            (
                # a helper that holds the formula itself, as the one that passed did
                lambda self: by(Itself(put(steps_by_id()["15.2"].claim, DOUBLED).rhs)),
                "eta_loss|15.1 cited and not read|derived is",
            ),
        ],
        ids=["in the values", "as an instance", "in a formula of its own"],
    )
    def test_no_helper_helps(self, helper, why):
        assert re.search(why, refusal(self.false("15.2", helper(self))))

    def test_the_decrease_that_is_too_large_is_no_decrease(self):
        """15.4 doubled, taken for granted: 15.5 says what 15.1 says, and does not follow."""
        step = steps_by_id()["15.5"]
        assert holds(step)
        assert not holds(step, {"15.4": self.false("15.4")})
        assert not holds(step, {"15.4": self.false("15.4"), "15.2": self.false("15.2")})


def test_deleting_an_assumption_deletes_what_rests_on_it():
    """Worded assumptions, too: without same-goal there is no step 8.12."""
    for assumption in ("same-goal", "tight", "unbiased", "without-replacement", "independent-epochs", "equal-goals"):
        citing = [step for step in CHECKED if assumption in step.follows_from]
        assert citing
        for step in citing:
            said = dataclasses.replace(steps_by_id()[assumption], vectors=None)
            claim = said.claim.func(said.claim.lhs + sympy.Integer(1), said.claim.rhs, evaluate=False)
            assert not holds(step, {assumption: dataclasses.replace(said, claim=claim)})
