"""Formulas as MathML: written when the site is built, so that a page needs no script and no font to show them."""

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

_CONVERTER = LatexToMathML(fancy_error=False)


def mathml(latex: str, *, displayed: bool) -> str:
    r"""Return a formula as MathML.

    Args:
        latex: What stands between the dollar signs.
        displayed: Whether the formula has a line of its own.

    Returns:
        A `math` element.

    Raises:
        ExtensionError: If the formula cannot be read.

    Example:
        >>> mathml("c_2", displayed=False)
        '<math><msub><mi>c</mi><mn>2</mn></msub></math>'
    """
    try:
        return _CONVERTER.convert_with_local_state(latex.strip(), displaystyle=displayed)
    except LatexError as error:
        raise ExtensionError(f"no formula: {latex}: {error}") from error


def _inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext(), displayed=False))
    raise nodes.SkipNode


def _displayed(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    translator.body.append(f'<div class="formula">{mathml(node.astext(), displayed=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Offer the renderer to Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
