"""`python -m verification.own_claims RUN...`: verdicts on our own claims about what K* is made of."""

import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.cells import estimate_text
from verification.claims.evidence import Material
from verification.claims.judge import Claim, Verdict
from verification.fits.curves import fit_curves
from verification.fits.fit import Interval
from verification.inference.pairs import compare_all
from verification.missing import Missing
from verification.own_claims.rules import OWN_RULES, evidence_of, judge_own
from verification.records.records import Records, read_records

_LEVEL = 0.90


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m verification.own_claims") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Judge our own claims, T1 to T6 of evidence/PROTOCOL.md.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, one workload each")
    parser.add_argument("--rows", action="store_true", help="print what each curve and pair says, with 90%% intervals")
    options = parser.parse_args(arguments)
    try:
        seen = [_material(read_records(folder)) for folder in options.runs]
        say(describe_own(judge_own(seen)))
        if options.rows:
            say("\n" + "\n".join(describe_rows(seen)))
    except (ValueError, OSError) as error:
        parser.refuse(error)
    return 0


def _material(records: Records) -> Material:
    """Return what our claims are judged by in one run; K* whatever its points are."""
    curves = fit_curves(records.curves)
    return Material(curves=curves, pairs=compare_all(curves, records.measured), smoothness=records.followed)


def describe_own(claims: Sequence[Claim]) -> str:
    """Return the verdicts as a table.

    Args:
        claims: Of `OWN_RULES`, in order.
    """
    lines = [f"{'':<5}{'claim':<51}{'verdict':<20}{'estimate [interval]':<27}{'within':<14}p"]
    notes = []
    for claim, rule in zip(claims, OWN_RULES, strict=True):
        within = "" if rule.equal is None else f"{rule.equal[0]:.3g} to {rule.equal[1]:.3g}"
        p = "-" if claim.p_holm is None else f"{claim.p_holm:.2g}"
        told = "-" if claim.verdict is Verdict.NOT_MEASURED else estimate_text(claim.estimate, claim.interval)
        lines.append(f"{claim.id:<5}{claim.statement:<51}{claim.brief:<20}{told:<27}{within:<14}{p}")
        why = claim.detail if claim.verdict is Verdict.NOT_MEASURED else f"{rule.effect}; shown: {claim.subject}"
        notes.append(f"{claim.id}: {why}")
    return "\n".join([*lines, "", *notes])


def describe_rows(runs: Sequence[Material]) -> list[str]:
    """Return a line for each curve or pair that a claim is judged by, with its 90% interval and where that lies.

    Args:
        runs: What each run folder holds, one workload each.
    """
    lines = []
    for rule in OWN_RULES:
        found = evidence_of(rule, runs)
        for one in [] if isinstance(found, Missing) else found:
            ends = None if one.interval is None else one.interval(_LEVEL)
            place = "" if ends is None or rule.equal is None else _place(ends, *rule.equal)
            lines.append(f"{rule.id:<5}{estimate_text(one.estimate, ends):<27}{place:<9}{one.subject}")
    return lines


def _place(ends: Interval, low: float, high: float) -> str:
    """Return where an interval lies: within a margin, outside it, or across an edge of it.

    Example:
        >>> [_place(Interval(*ends), 0.8, 1.25) for ends in ((0.9, 1.1), (0.9, 2.0), (1.5, 2.0))]
        ['within', 'across', 'outside']
    """
    if ends.inside(low, high):
        return "within"
    return "outside" if ends.excludes(low) and ends.excludes(high) else "across"


if __name__ == "__main__":
    sys.exit(main())
