"""A derivation as a JSON list, one object per step."""

import json

from theory.checking.proof import Kind, Result, Step
from theory.formats.page import Count


class JsonList:
    """Objects with id, case, claim, follows_from, reference, kind and verified, one a line."""

    def __init__(self) -> None:
        self._separator = "\n"

    def opening(self) -> str:
        """Return the opening bracket."""
        return "["

    def heading(self, result: Result) -> str:
        """Return nothing: results show in the ids."""
        return ""

    def step(self, step: Step, case: str, verified: bool | None) -> str:
        """Return the step; verified is null for assumptions and arguments."""
        entry = {
            "id": step.id,
            "case": case,
            "claim": claim(step),
            "follows_from": list(step.follows_from),
            "reference": step.source,
            "kind": str(step.kind),
            "verified": verified,
        }
        line = f"{self._separator}{json.dumps(entry, ensure_ascii=False)}"
        self._separator = ",\n"
        return line

    def closing(self, results: tuple[Result, ...], count: Count) -> str:
        """Return the closing bracket."""
        return "\n]\n"


def claim(step: Step) -> str:
    """Return the claim with the names of `theory.symbols`, or the sentence where no formula carries it."""
    if step.claim is None or step.kind is Kind.ARGUMENT:
        formula = f" ({step.claim})" if step.claim is not None else ""
        return f"{step.statement}{formula}"
    given = f" for {', '.join(map(str, step.given))}" if step.given else ""
    where = f" where {', '.join(map(str, step.definitions))}" if step.definitions else ""
    return f"{step.claim}{given}{where}"
