"""Words and long sentences of the pages' prose, without code, tables and formulas: python tests/tools/prose.py."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = {"theory.md", "findings.md", "changelog.md", "contributing.md"}  # the last two only include another page
# In this order: comments, fenced blocks, displayed formulas, indented blocks, tables, then formulas and code in a line.
NOT_PROSE = (
    *(r"(?s)<!--.*?-->", r"(?sm)^ *(```|~~~).*?^ *\1", r"(?s)\$\$.*?\$\$"),
    *(r"(?<=\n\n)(?: {4}.*\n|\n)+", r"(?m)^ *\|.*$"),
)
ONE_WORD = (r"\$[^$\n]+\$", r"`[^`]+`")
# A sentence ends before a blank line, an item of a list or a heading, too.
BORDER = r"(?m)\n\s*\n|\n(?= *(?:[-*]|\d+\.) )|^#+ .*$"
END = r"(?<!\be\.g\.)(?<!\bal\.)(?<!\bvs\.)(?<=[.!?])[\"')*]*\s+(?=[^a-z])"


def pages():
    """Return the pages that are written by hand."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
    ]


def sentences(text):
    """Return the sentences of a page, each as its words."""
    for pattern in NOT_PROSE:
        text = re.sub(pattern, "\n\n", text)
    for pattern in ONE_WORD:
        text = re.sub(pattern, "Code", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    found = (part for block in re.split(BORDER, text) for part in re.split(END, " ".join(block.split())))
    return [words for part in found if (words := [w for w in part.split() if re.search(r"\w", w)])]


def main():
    """Print a row a page: words, sentences, those of over 30 words, and the longest."""
    for page in pages():
        lengths = [len(words) for words in sentences(page.read_text(encoding="utf-8"))]
        print(f"{page.name:22} {sum(lengths):6} {len(lengths):5} {sum(n > 30 for n in lengths):4} {max(lengths):4}")


if __name__ == "__main__":
    sys.exit(main())
