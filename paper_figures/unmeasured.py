"""The list of what was not measured, and of the figures that lack it."""

from collections.abc import Mapping

from paper_figures.drawing.sheet import Page


def short(name: str) -> str:
    """Return a figure's name as a user types it.

    Args:
        name: A key of `paper_figures.catalogue.FIGURES`.

    Example:
        >>> short("figure_04"), short("extra_ratio")
        ('4', 'ratio')
    """
    return str(int(name[7:])) if name.startswith("figure_") else name.removeprefix("extra_")


def unmeasured(figures: Mapping[str, Page]) -> list[str]:
    """Return what was not measured, each once, with the figures that lack it and the command that measures it.

    Args:
        figures: Name to figure, drawn or not.

    Returns:
        Lines; first of figures that were not drawn for it, then of those drawn without it; none where nothing lacks.
    """
    return [
        *_listed("not drawn, for lack of measurements:", {k: one for k, one in figures.items() if not one.axes}),
        *_listed("drawn without what was not measured:", {k: one for k, one in figures.items() if one.axes}),
    ]


def reasons(figure: Page) -> str:
    """Return all that was not measured for a figure, in one line."""
    return "; ".join(map(_printable, figure.missing)) or "no measurements"


def _listed(heading: str, figures: Mapping[str, Page]) -> list[str]:
    """Return a line a reason, with the names of the figures that have it."""
    lacking: dict[str, list[str]] = {}
    for name, figure in figures.items():
        for reason in dict.fromkeys(figure.missing):
            lacking.setdefault(_printable(reason), []).append(short(name))
    return [heading, *(f"  {', '.join(names)}: {reason}" for reason, names in lacking.items())] if lacking else []


def _printable(text: str) -> str:
    """Return a text that was made for a picture, for a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text.replace(r"\$", "$"))
