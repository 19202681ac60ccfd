"""How the site is built: `make docs`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

from kstar import __version__  # noqa: E402 - the checkout's own

project = "kstar"
author = "The kstar authors"
copyright = author  # noqa: A001 - Sphinx's own name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "cells", "mathml", "options", "reference"]
exclude_patterns = ["_extensions"]
default_role = "literal"
highlight_language = "none"

# Markdown.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Formulas.
html_math_renderer = "mathml"

# Reference.
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_display_short_literal_types = True
napoleon_custom_sections = ["Reference"]

# Look. Nothing is asked of other hosts: the maths font is in _static, all others are the reader's own.
html_theme = "furo"
html_title = "kstar"
html_static_path = ["_static"]
html_css_files = ["kstar.css"]
html_copy_source = False
html_show_sphinx = False
