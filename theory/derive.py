"""`python -m theory.derive`: print a derivation and verify each step, or evaluate its results.

Without options: Proposition 4.1 for a fixed rate and the result that makes it exact for a tuned one.
"""

import io
import sys
from collections.abc import Callable, Iterator, Sequence

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from theory import second_prover
from theory.checking.proof import Kind, Result, Step
from theory.evaluation.command import add_evaluation_arguments, evaluate_main, wants_evaluation
from theory.formats import FORMATS, Page
from theory.formats.page import Count
from theory.results.all import CASES, PROPOSITION_4_1, premises_of, results_of, verify

Verifier = Callable[[Step], bool | None]


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--case", choices=(*CASES, "all"), help="results to derive (default: Proposition 4.1)")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default: text")
    parser.add_argument(
        "--prover", choices=("sympy", "z3"), default="sympy", help="z3: say which steps a second prover holds, too"
    )
    add_evaluation_arguments(parser)
    return parser


def derive(results: tuple[Result, ...], page: Page, check: Verifier = verify) -> Iterator[tuple[str, bool]]:
    r"""Yield a derivation piece by piece, each step verified before it is yielded.

    Assumptions come before the first step that cites them. Steps of other results that these rest on are
    verified first, unprinted.

    Args:
        results: Results to derive, in order.
        page: How to write them.
        check: Verifies one step.

    Yields:
        The next piece of the page, and whether every check so far has held.

    Raises:
        KeyError: If a step cites an unknown premise.

    Reference:
        docs/theory.md.

    Example:
        >>> pieces = list(derive(results_of("sparsity"), FORMATS["text"]()))
        >>> all(sound for _, sound in pieces)
        True
    """
    count = Count()
    own = {step.id: None for result in results for step in result.steps}
    unprinted = {p.id: p for r in results for s in r.steps for p in premises_of(s) if p.id not in own}
    outcomes = [check(step) for step in unprinted.values()]
    count.unprinted = sum(outcome is not None for outcome in outcomes)
    sound = False not in outcomes
    yield page.opening(), sound
    introduced: set[str] = set()
    for result in results:
        yield page.heading(result), sound
        for step in _with_assumptions(result, introduced):
            verified = check(step)
            sound = sound and verified is not False
            count.add(step, verified)
            yield page.step(step, result.case, verified), sound
    yield page.closing(results, count), sound


def _with_assumptions(result: Result, introduced: set[str]) -> Iterator[Step]:
    """Yield the steps, each assumption right before the first step that cites it."""
    for step in result.steps:
        for premise in premises_of(step):
            if premise.kind is Kind.ASSUMPTION and premise.id not in introduced and premise.id in step.follows_from:
                introduced.add(premise.id)
                yield premise
        yield step


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m theory.derive") -> int:
    r"""Print a derivation, or with --evaluate numbers.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.
        prog: How the program was called.

    Returns:
        0 if every check holds, 1 if one fails, 2 if what was asked for cannot be done.

    Raises:
        SystemExit: With code 2 and one line on stderr if an option is unknown or a prover is missing.

    Reference:
        docs/theory.md.

    Example:
        >>> main(["--case", "decaying", "--format", "json"]) == 0  # doctest: +ELLIPSIS
        [
        ...
    """
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    if wants_evaluation(options):
        if options.prover == "z3":
            parser.refuse("--prover is for derivations: leave it out with --evaluate")
        return evaluate_main(options, prog)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    results = results_of(options.case) if options.case else PROPOSITION_4_1
    if options.prover == "z3" and options.format != "text":
        parser.refuse(f"--prover z3 prints text, not {options.format}")
    if options.prover == "z3" and not second_prover.is_installed():
        parser.refuse(second_prover.MISSING)
    sound = True
    written = second_prover.report(results) if options.prover == "z3" else derive(results, FORMATS[options.format]())
    for piece, sound in written:  # noqa: B007  (the last value is the verdict)
        if not say(piece, end=""):  # the reader has seen enough, as in `... | head`
            break
    if not sound:
        print("theory.derive: a check failed; the derivation above does not hold", file=sys.stderr)
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
