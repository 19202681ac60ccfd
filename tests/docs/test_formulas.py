"""Formulas of the site: the maths font that it brings has every character of them."""

import importlib.util
import re
from html import unescape

from fontTools.ttLib import TTFont
from tools.checkout import ROOT

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+)\$", re.DOTALL)
ITALIC = {*range(0x1D434, 0x1D468), *range(0x1D6FC, 0x1D715)} - {0x1D455}  # browsers write variables with these


def written():
    """Return every character that the formulas of docs/ show."""
    spec = importlib.util.spec_from_file_location("mathml", ROOT / "docs" / "_extensions" / "mathml.py")
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    found = set()
    for page in (ROOT / "docs").glob("*.md"):
        prose = re.sub(r"^```.*?^```|`[^`\n]+`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for displayed, inline in FORMULA.findall(prose):
            formula = extension.mathml(displayed or inline, displayed=bool(displayed))
            found |= set(unescape(re.sub("<annotation.*?</annotation>|<[^>]+>", "", formula, flags=re.DOTALL)))
    return found


def test_the_font_draws_every_character_and_knows_how_to_set_formulas():
    font = TTFont(ROOT / "docs" / "_static" / "STIXTwoMath.woff")
    held = font.getBestCmap()
    assert "MATH" in font
    assert len(written()) > 60
    assert {c for c in written() if not c.isspace() and ord(c) not in held} == set()
    assert set(held) >= ITALIC
