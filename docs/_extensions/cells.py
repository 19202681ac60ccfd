"""Examples with their output: {example} NAME runs the cells of examples/NAME.py when the site is built."""

import base64
import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from docutils import nodes
from docutils.statemachine import StringList
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

FOLDER = Path(__file__).resolve().parents[2] / "examples"
_MARK = "# %%"


@dataclass(frozen=True)
class Cell:
    """A part of an example: a paragraph, or code with what it printed and drew."""

    prose: str = ""
    code: str = ""
    output: str = ""
    pictures: tuple[bytes, ...] = ()


def run(path: Path) -> Iterator[Cell]:
    """Run an example cell by cell, in an empty folder, and yield what a reader sees.

    Args:
        path: A Python file; `# %%` begins a cell of code, `# %% [markdown]` one of comments.

    Yields:
        One cell after the other, pictures as PNG.
    """
    names: dict[str, object] = {"__name__": "__main__"}
    shown: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), plt.rc_context({"backend": "agg"}):
        for part in path.read_text(encoding="utf-8").split(_MARK)[1:]:
            kind, text = part.split("\n", 1)
            if "markdown" in kind:
                yield Cell(prose="\n".join(line.removeprefix("#").strip() for line in text.strip().splitlines()))
                continue
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compile(text, os.fspath(path), "exec"), names)  # noqa: S102 - our own file
            figures = [value for value in names.values() if isinstance(value, Figure) and value not in shown]
            shown += figures
            pictures = (*_of_pyplot(), *map(_picture, figures))
            yield Cell(code=text.strip(), output=printed.getvalue().rstrip(), pictures=pictures)


def _of_pyplot() -> Iterator[bytes]:
    """Yield the figures that pyplot holds, and close them."""
    for number in plt.get_fignums():
        yield _picture(plt.figure(number))
        plt.close(number)


def _picture(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


class Example(SphinxDirective):
    """The directive."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return prose, code and output of all cells."""
        path = FOLDER / f"{self.arguments[0]}.py"
        self.env.note_dependency(os.fspath(path))
        shown = nodes.Element()
        for cell in run(path):
            if cell.prose:
                self.state.nested_parse(
                    StringList(cell.prose.splitlines(), source=path.name), self.content_offset, shown
                )
                continue
            shown += nodes.literal_block(cell.code, cell.code, language="python")
            if cell.output:
                shown += nodes.literal_block(cell.output, cell.output, language="none")
            for picture in cell.pictures:
                source = base64.b64encode(picture).decode()
                shown += nodes.raw("", f'<img alt="what it draws" src="data:image/png;base64,{source}">', format="html")
        return shown.children


def setup(app: Sphinx) -> ExtensionMetadata:
    """Offer the directive to Sphinx."""
    app.add_directive("example", Example)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
