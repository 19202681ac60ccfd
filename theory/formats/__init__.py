"""Ways to write a derivation down: text, Markdown, LaTeX and JSON."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from theory.formats.json_list import JsonList
from theory.formats.latex_document import LatexDocument
from theory.formats.markdown import Markdown
from theory.formats.page import Page
from theory.formats.plain_text import PlainText

FORMATS: Mapping[str, Callable[[], Page]] = MappingProxyType(
    {"text": PlainText, "markdown": Markdown, "latex": LatexDocument, "json": JsonList}
)

__all__ = ["FORMATS", "Page"]
