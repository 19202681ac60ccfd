"""Make one self-contained page of measured runs or logs: verdicts, curves, constants, figures, provenance, commands.

python -m paper_figures.report DIR... [--to report.html]
"""

import base64
import hashlib
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from paper_figures.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from paper_figures.report.page import Page, page
from verification.report.target_file import Target, check_targets, holds, write_whole

_HERE = Path(__file__).parent
# By which the command knows its own pages.
_MARK = "<title>kstar report: "
# Control, format (among them those that turn the direction of text) and surrogate characters.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m paper_figures.report") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Make one page of measured runs, or of your own logs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="run folders, or CSV files of your own logs")
    parser.add_argument(
        "--to", type=Path, default=Path("report.html"), metavar="FILE", help="the page (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        check_targets([Target("--to", options.to, "page of this command", holds(_MARK))])
        write_whole(options.to, render(page(options.runs)))
    except (ValueError, OSError) as error:
        parser.refuse(error)
    say(str(options.to))
    return 0


def render(content: Page) -> str:
    """Return a page as HTML that needs nothing else and lets nothing else in.

    Every text is escaped. Styles and script are the two files of this package, named in the page's policy by their
    digests, so that a browser runs nothing that came with the data.

    Args:
        content: The page.

    Returns:
        An HTML document.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, finalize=visible, trim_blocks=True
    )
    style, script = (f"\n{(_HERE / name).read_text(encoding='utf-8')}" for name in ("report.css", "report.js"))
    return environment.get_template("report.html.j2").render(
        page=content,
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        style_digest=_digest(style),
        script_digest=_digest(script),
        frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
    )


def visible(value: object) -> object:
    r"""Return a text with a mark in place of every character that would not show or would turn the others around.

    Args:
        value: What a template prints.

    Returns:
        The text; anything but a plain string as it is.

    Example:
        >>> visible("a\u202eb"), visible(3)
        ('a\ufffdb', 3)
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join("\ufffd" if unicodedata.category(c) in _INVISIBLE and c not in "\n\t" else c for c in value)


def _digest(text: str) -> str:
    """Return the digest a content security policy names an element's text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


if __name__ == "__main__":
    sys.exit(main())
