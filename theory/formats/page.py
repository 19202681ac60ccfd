"""The methods of every output format of a derivation, and the words that the formats share."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from sympy import Basic
from sympy.core.relational import Relational

from theory.checking.checks import Check
from theory.checking.proof import Kind, Result, Step
from theory.results.all import assumptions_of

_GREEK = {
    "Delta": "Δ",
    "beta": "β",
    "epsilon": "ε",
    "eta": "η",
    "gamma": "\N{GREEK SMALL LETTER GAMMA}",
    "lambda": "λ",
    "mu": "μ",
    "nu": "\N{GREEK SMALL LETTER NU}",
    "phi": "φ",
    "rho": "\N{GREEK SMALL LETTER RHO}",
    "tau": "τ",
}
_MARK = "\0"  # stands for a formula in words
_NAMES = re.compile(rf"\b({'|'.join(_GREEK)})(?![a-z])")


@dataclass
class Count:
    """How the steps of a derivation fared."""

    verified: int = 0
    failed: int = 0
    assumed: int = 0
    argued: int = 0
    unprinted: int = 0

    def add(self, step: Step, verified: bool | None) -> None:
        """Count one step."""
        self.verified += verified is True
        self.failed += verified is False
        self.assumed += step.kind is Kind.ASSUMPTION
        self.argued += step.kind is Kind.ARGUMENT

    def sentence(self) -> str:
        """Return the outcome in words."""
        elsewhere = f"\nChecked without being printed: {self.unprinted} steps of other results that these rest on."
        return (
            f"{self.verified} steps verified, {self.failed} failed; "
            f"{self.assumed} assumptions and {self.argued} arguments in words, which are not verified."
            f"{elsewhere if self.unprinted else ''}"
        )


class Page(Protocol):
    """A derivation being written; every method returns the next piece, with its line end."""

    def opening(self) -> str:
        """Return what comes before the first result."""
        ...

    def heading(self, result: Result) -> str:
        """Return what opens a result."""
        ...

    def step(self, step: Step, case: str, verified: bool | None) -> str:
        """Return one step and the outcome of its check."""
        ...

    def closing(self, results: tuple[Result, ...], count: Count) -> str:
        """Return what comes after the last result."""
        ...


def prose(sentence: str) -> str:
    """Return a sentence with the names of Greek letters written as letters."""
    return _NAMES.sub(lambda match: _GREEK[match[1]], sentence)


def conditions(step: Step, write: Callable[[Relational], str]) -> str:
    """Return what restricts and explains the claim: for every ..., where ..."""
    pieces = []
    if step.given:
        pieces.append("for " + " and ".join(write(g) for g in step.given))
    if step.definitions:
        pieces.append("where " + ", ".join(write(d) for d in step.definitions))
    return ", ".join(pieces)


def source(step: Step, words: Callable[[str], str], formula: Callable[[Basic], str]) -> str:
    """Return what the step follows from, how, and where it is published, if elsewhere than here."""
    premises = words(f"from {', '.join(step.follows_from)}") if step.follows_from else ""
    published = "" if step.source.startswith("docs/theory.md") else words(f"[{prose(step.reference)}]")
    operation = _with_formulas(step.check, words, formula) if step.check else ""
    reasons = "; ".join(piece for piece in (premises, operation) if piece)
    return " ".join(piece for piece in (reasons, published) if piece)


def _with_formulas(check: Check, words: Callable[[str], str], formula: Callable[[Basic], str]) -> str:
    """Return a description, its words and its formulas each written in their own way."""
    formulas: list[Basic] = []

    def mark(expression: Basic) -> str:
        formulas.append(expression)
        return _MARK

    pieces = check.describe(mark).split(_MARK)
    written = [words(prose(piece)) for piece in pieces]
    return "".join(a + formula(b) for a, b in zip(written, formulas, strict=False)) + written[-1]


def needs(results: Iterable[Result]) -> list[tuple[Result, str]]:
    """Return each result with the names of the assumptions it rests on."""
    return [(r, ", ".join(a.id for a in assumptions_of(r)) or "nothing") for r in results]
