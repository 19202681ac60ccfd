"""Two provers on the same steps: what both hold, and that neither holds what is false."""

import dataclasses

import pytest
from tools.commands import assert_one_line, code_of
from tools.formula_mutations import mutations

from theory import second_prover
from theory.checking.relations import put
from theory.derive import main
from theory.results.all import RESULTS, results_of, steps_by_id
from theory.second_prover import report, second_opinion
from theory.symbols import nu

pytestmark = pytest.mark.skipif(not second_prover.is_installed(), reason=second_prover.MISSING)

CHECKED = [step for result in RESULTS for step in result.steps if step.check is not None]
BEYOND = {"a limit", "a sum over steps", "a derivative", "an integral", "a logarithm", "an expansion"}


def test_the_report_names_what_each_prover_holds(capsys):
    assert main(["--case", "decaying", "--prover", "z3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3d.1   both"
    assert "3d.3   sympy alone: a sum over steps" in lines
    assert lines[-1].endswith("1 by sympy alone (a sum over steps: 1), 0 refuted.")


def test_without_z3_one_line_says_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setattr(second_prover, "is_installed", lambda: False)
    assert code_of(main, "--prover", "z3") == 2
    assert capsys.readouterr().err == "error: z3 is not installed; pip install 'kstar-scaling[smt]'\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--prover z3 --format json", "--prover z3 prints text, not json"),
        ("--prover z3 --evaluate tuned", "--prover is for derivations: leave it out with --evaluate"),
        ("--prover coq", "invalid choice: 'coq'"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(capsys, words, message):
    assert code_of(main, *words.split()) == 2
    assert_one_line(capsys, message)


@pytest.mark.parametrize("id_", ["15.2", "15.4"])
def test_the_false_result_15_is_refuted_by_numbers(id_):
    """Its contraction is doubled, 15.1 left alone."""
    step = steps_by_id()[id_]
    assert second_opinion(step).proved is True
    false = second_opinion(dataclasses.replace(step, claim=put(step.claim, {nu: 2 * nu})))
    assert false.proved is False
    assert {"μ", "L"} <= set(false.counterexample)


def test_a_refuted_step_is_shown_and_gives_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr(second_prover, "verify", lambda step: step.id != "3d.2")
    assert main(["--case", "decaying", "--prover", "z3"]) == 1
    out, err = capsys.readouterr()
    assert "3d.2   REFUTED: its check does not hold" in out
    assert "1 refuted." in out
    assert err.startswith("theory.derive: a check failed")


@pytest.mark.parametrize("number", ["3", "8", "9", "12", "14", "15"])
def test_of_the_main_results_z3_proves_all_but_limits_sums_and_derivatives(number):
    for step in (s for r in RESULTS if r.number == number for s in r.steps if s.check is not None):
        found = second_opinion(step)
        assert found.proved or found.reason in BEYOND, f"{step.id}: {found}"


@pytest.mark.slow
def test_most_steps_are_held_by_both():
    *lines, (last, sound) = report(results_of("all"))
    assert sound
    assert sum(line.endswith("both\n") for line, _ in lines) >= 180, last


@pytest.mark.slow
@pytest.mark.parametrize("step", CHECKED, ids=lambda step: step.id)
def test_z3_refutes_what_is_broken(step):
    """No broken equation is proved; some break of every statement is refuted, by numbers but for sums."""
    if not second_opinion(step).proved:
        return
    outcomes = [second_opinion(dataclasses.replace(step, claim=claim)) for claim in mutations(step.claim)]
    assert any(found.proved is False or found.reason == "a sum over steps" for found in outcomes)
    if step.claim.rel_op == "==":  # a broken inequality may be weaker, and true
        assert not any(found.proved for found in outcomes)
