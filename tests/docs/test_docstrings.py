"""Docstrings as the site will read them, long before `make docs` would say so."""

import ast
import io
import re

import pytest
from docutils.core import publish_doctree
from sphinx.ext.napoleon import Config, GoogleDocstring
from tools.checkout import PACKAGES, ROOT

# As docs/conf.py has it, but for attributes, which become fields here: their directive is Sphinx's own.
NAPOLEON = Config(napoleon_custom_sections=["Reference"], napoleon_use_ivar=True)


def complaints(docstring):
    """Return what docutils has to say against a docstring once napoleon has written it as reStructuredText."""
    said = io.StringIO()
    settings = {"warning_stream": said, "report_level": 2, "halt_level": 5, "file_insertion_enabled": False}
    publish_doctree(str(GoogleDocstring(docstring, NAPOLEON)), settings_overrides=settings)
    return said.getvalue()


def documented(source):
    """Yield name and docstring of a module and of all in it that is not named private."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = getattr(node, "name", "the module")
            if not name.startswith("_") and (docstring := ast.get_docstring(node)):
                yield name, docstring


def docstrings(package):
    """Yield where a docstring of a package stands, and the docstring."""
    for path in sorted((ROOT / package).rglob("*.py")):
        if not path.name.startswith(("test_", "conftest")):
            for name, docstring in documented(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(ROOT)}, {name}", docstring


every_package = pytest.mark.parametrize("package", ["kstar", *PACKAGES])


@every_package
def test_the_site_can_read_every_docstring(package):
    wrong = [f"{where}: {said}" for where, docstring in docstrings(package) if (said := complaints(docstring))]
    assert not wrong, "\n".join(wrong)


@every_package
def test_no_sentence_is_taken_for_a_type(package):
    """What stands before a colon in `Returns` is read as a type, and each of its words as a name to link to."""
    wrong = [
        f"{where}: {kind}"
        for where, docstring in docstrings(package)
        for kind in re.findall(":rtype: (.*)", str(GoogleDocstring(docstring, NAPOLEON)))
        if " " in kind
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "docstring",
    [
        "Return the two-sided P(|T| >= |t|).",
        "Return `one.",
        "Return what **keywords say.",
        "Return one.\n\nArgs:\n    t: Any shape, as in\n        :nothing:`this`.\n",
        "Return a list:\n* one\n  two\n* three\n    four\n",
    ],
)
def test_what_sphinx_would_complain_of_is_complained_of(docstring):
    assert complaints(docstring)
