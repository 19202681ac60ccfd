"""The page of results says what the commands say of the runs that are kept."""

import re

from tools.checkout import ROOT

from verification.claims.judge import Verdict
from verification.own_claims.__main__ import main
from verification.own_claims.rules import OWN_RULES
from verification.records.records import read_records
from verification.report.verdicts import kept_or_computed

PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")
RUN = ROOT / "evidence/digits-sgd"


def row(id_):
    (cells,) = re.findall(rf"^\| {id_}\b(.*)\|$", PAGE, re.MULTILINE)
    return cells


def test_our_own_claims_stand_there_as_the_command_prints_them(capsys):
    assert main([str(RUN)]) == 0
    printed = capsys.readouterr().out
    for rule in OWN_RULES:
        (line,) = re.findall(rf"^{rule.id:<5}.*$", printed, re.MULTILINE)
        found = re.search(
            r"  ((?:supported|rejected)(?: \d+ of \d+)?|inconclusive|not measured) +(\S+(?: \[.*?\])?)", line
        )
        verdict, estimate = found.groups()
        assert row(rule.id).rstrip().endswith(verdict), rule.id
        assert f"| {estimate} |" in row(rule.id), rule.id


def test_verdicts_on_the_papers_claims_are_those_kept_with_the_run():
    analysis, _ = kept_or_computed(RUN, read_records(RUN), 0)
    claims = {claim.id: claim for claim in analysis.claims}
    shown = re.findall(r"^\| (C\d+): ", PAGE, re.MULTILINE)
    assert len(shown) >= 9
    for id_ in shown:
        claim = claims[id_]
        assert claim.verdict is not Verdict.NOT_MEASURED
        assert row(id_).rstrip().split("| ")[-1].replace(",", "") in {claim.brief, claim.verdict.value}, id_
