"""A caption as LaTeX takes it."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_FORMULA = re.compile(r"(?<!\\)\$.*?(?<!\\)\$")
_TEXT: Mapping[str, str] = MappingProxyType(
    {
        **{sign: f"\\{sign}" for sign in "%&#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": "$<$",
        ">": "$>$",
        "≤": r"$\le$",
        "≥": r"$\ge$",
    }
)


def latex(sentences: Sequence[str]) -> str:
    r"""Return a caption with its formulas as they are, and every other sign as text.

    Args:
        sentences: With formulas between dollar signs; a dollar sign of a text is escaped.

    Returns:
        A line a sentence.

    Example:
        >>> print(latex([r"$K^*$ of my_net at 90% (\$5 a run) [< 3]"]))
        $K^*$ of my\_net at 90\% (\$5 a run) [$<$ 3]
    """
    return "\n".join(map(_sentence, sentences))


def _sentence(sentence: str) -> str:
    """Return one sentence."""
    found, place = "", 0
    for formula in _FORMULA.finditer(sentence):
        found += _plain(sentence[place : formula.start()]) + formula[0]
        place = formula.end()
    return found + _plain(sentence[place:])


def _plain(text: str) -> str:
    """Return a text without formulas."""
    return r"\$".join("".join(_TEXT.get(sign, sign) for sign in part) for part in text.split(r"\$"))
