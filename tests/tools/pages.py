"""What the project's pages ask a reader to type, read from their Markdown."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tools.checkout import ROOT

PROGRAMS = ("python", "pytest", "make", "pip", "kstar", "cat", "tail", "git", ".ci/run")
COMMENT = re.compile(r"<!-- *(not run|file): *(.+?) *-->")
FENCE = re.compile(r"( *)(`{3,}|~{3,})(\S*)")


@dataclass(frozen=True)
class Step:
    """Something a page asks for: `run` a command, write a `file`, apply a `diff`, or a command `not run`."""

    kind: str
    text: str  # the command, the file's name, or the diff
    content: str = ""  # of the file; the reason why a command is not run
    line: int = 0


@dataclass(frozen=True)
class Block:
    """An indented or fenced block of a page."""

    language: str
    lines: list[str]
    line: int
    mark: tuple[str, str] | None  # the comment just above it


def pages() -> list[Path]:
    """Return every page that tells a reader what to type."""
    return [ROOT / "README.md", *sorted(ROOT.glob("CONTRIBUTING.md")), *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> list[Block]:
    """Return the code blocks of a page, in order."""
    found, lines, number, mark, prose_above = [], text.splitlines(), 0, None, False
    while number < len(lines):
        line = lines[number]
        fence, start = FENCE.match(line), number
        if fence:
            number += 1
            while number < len(lines) and not lines[number].strip().startswith(fence[2]):
                number += 1
            found.append(Block(fence[3], lines[start + 1 : number], start + 1, mark))
            mark = None
        elif line.startswith("    ") and line.strip() and not prose_above:
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            found.append(Block("", [inner[4:] for inner in lines[start:number]], start + 1, mark))
            mark, number = None, number - 1
        elif comment := COMMENT.match(line):
            mark = (comment[1], comment[2])
        elif line.strip():
            mark = None
        # An indented line below a paragraph or within a list belongs to it.
        prose_above = bool(line.strip()) and not fence and not COMMENT.match(line)
        number += 1
    return found


def commands_of(lines: list[str]) -> list[str]:
    """Return the commands of a block of which the first line is one; none of any other block."""
    joined = "\n".join(lines).replace("\\\n", " ")
    listed = [" ".join(line.split()) for line in joined.splitlines() if line.strip()]
    if not listed or not is_command(listed[0]):
        return []
    return [without_comment(line) for line in listed]


def without_comment(command: str) -> str:
    """Return a command without what follows a # that is no part of a word."""
    return re.split(r"\s#", command)[0].strip()


def is_command(text: str) -> bool:
    """Return whether a text begins like a command."""
    return text.split(" ", maxsplit=1)[0] in PROGRAMS


def inline_commands(text: str) -> list[tuple[int, str]]:
    """Return line and text of each command within a paragraph that has arguments; a bare name is only mentioned."""
    prose, inside = [], False
    for line in text.splitlines():
        if FENCE.match(line):
            inside = not inside
            prose.append("")
        else:
            prose.append("" if inside or line.startswith("    ") else line)
    joined = "\n".join(prose)
    found = []
    for match in re.finditer(r"(?<!`)`([^`]+)`(?!`)", joined):
        words = " ".join(match[1].split())
        if is_command(words) and len(shlex.split(re.sub("^(python -m|kstar) ", "", words))) > 1:
            found.append((joined.count("\n", 0, match.start()) + 1, words))
    return found


def steps(path: Path) -> list[Step]:
    """Return what a page asks for, in the order of its lines."""
    text = path.read_text(encoding="utf-8")
    found = []
    for block in blocks(text):
        kind, value = block.mark or ("", "")
        if kind == "file":
            found.append(Step("file", value, "\n".join(block.lines).rstrip() + "\n", block.line))
        elif block.language == "diff":
            found.append(Step("diff", "\n".join(block.lines) + "\n", line=block.line))
        elif block.language in {"", "sh", "bash", "console", "shell"}:
            way = "not run" if kind == "not run" else "run"
            found += [Step(way, command, value, block.line) for command in commands_of(block.lines)]
    found += [Step("run", command, line=line) for line, command in inline_commands(text)]
    return sorted(found, key=lambda step: step.line)
