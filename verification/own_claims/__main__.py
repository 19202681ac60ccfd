"""`python -m verification.own_claims RUN...`: verdicts on our own claims about what K* is made of."""

import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.claims.evidence import Material
from verification.claims.judge import Claim, Verdict
from verification.fits.curves import fit_curves
from verification.fits.fit import Interval
from verification.inference.pairs import compare_all
from verification.own_claims.rules import OWN_RULES, judge_own
from verification.records.records import Records, read_records


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
    options = parser.parse_args(arguments)
    try:
        seen = [_material(read_records(folder)) for folder in options.runs]
        say(describe_own(judge_own(seen)))
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
        told = "-" if claim.verdict is Verdict.NOT_MEASURED else _estimate(claim)
        lines.append(f"{claim.id:<5}{claim.statement:<51}{claim.brief:<20}{told:<27}{within:<14}{p}")
        why = claim.detail if claim.verdict is Verdict.NOT_MEASURED else f"{rule.effect}; shown: {claim.subject}"
        notes.append(f"{claim.id}: {why}")
    return "\n".join([*lines, "", *notes])


def _estimate(claim: Claim) -> str:
    """Return what was found, with its interval."""
    ends = claim.interval or Interval(None, None)
    told = "-" if claim.estimate is None else f"{claim.estimate:.3g}"
    return told if ends.low is None or ends.high is None else f"{told} [{ends.low:.3g}, {ends.high:.3g}]"


if __name__ == "__main__":
    sys.exit(main())
