"""A table of a command's options, from the dataclasses that it is parsed into: {options} module:Class module:Class."""

from dataclasses import fields
from importlib import import_module
from typing import get_args, get_type_hints

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata


def rows(kind: type) -> list[tuple[str, str, str]]:
    """Return option, meaning and default of every field of a dataclass.

    Args:
        kind: A dataclass, each field of which is annotated with its help.

    Returns:
        One tuple of three texts a field, in order.
    """
    told = get_type_hints(kind, include_extras=True)
    return [(_option(one.name, one.default), get_args(told[one.name])[1], _text(one.default)) for one in fields(kind)]


def _option(name: str, default: object) -> str:
    """Return how an option is typed; a switch that is on is typed to turn it off."""
    return f"--{'no-' if default is True else ''}{name.replace('_', '-')}"


def _text(default: object) -> str:
    """Return a default as it is typed; the meaning speaks of those that are none."""
    if default is None or isinstance(default, bool):
        return ""
    if isinstance(default, tuple):
        return " ".join(_text(one) for one in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


class Options(SphinxDirective):
    """The directive."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        lines = ["| option | meaning | default |", "|---|---|---|"]
        for name in self.arguments[0].split():
            module, kind = name.split(":")
            lines += [
                f"| `{option}` | {text} | {value} |"
                for option, text, value in rows(getattr(import_module(module), kind))
            ]
        table = nodes.Element()
        self.state.nested_parse(StringList(lines, source="options"), self.content_offset, table)
        return table.children


def setup(app: Sphinx) -> ExtensionMetadata:
    """Offer the directive to Sphinx."""
    app.add_directive("options", Options)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
