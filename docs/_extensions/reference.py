"""The reference: a page of public names, and one for every module, written whenever the site is built."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata, stringify_annotation

# What numpy's alias stands for fills three lines; readers know it by its name.
_ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")
PACKAGES = ("kstar", "theory", "empirics", "verification", "paper_figures")
ROOT = Path(__file__).resolve().parents[2]


def public_page() -> str:
    """Return the page of all names that the packages export, each with its first line and a link.

    Returns:
        What Sphinx makes the page of.
    """
    parts = [
        _heading("Public names"),
        "Only these names are public, with the commands that `kstar --help` lists. "
        "All others may change without notice; the pages of the packages below describe them, too.\n\n",
    ]
    for package in PACKAGES:
        module = import_module(package)
        lines = [_public_line(package, name, getattr(module, name)) for name in getattr(module, "__all__", ())]
        if any(lines):
            parts.append(f".. rubric:: {package}\n\n{''.join(filter(None, lines))}\n")
    return "".join(parts)


def _public_line(package: str, name: str, thing: object) -> str:
    """Return the item of a public name; a constant is told by its type, since its text is that of the type."""
    home = getattr(thing, "__module__", "")
    if (inspect.isclass(thing) or inspect.isfunction(thing)) and home.startswith(PACKAGES):
        first = (inspect.getdoc(thing) or "").split("\n", 1)[0]
        return f"- :py:obj:`{package}.{name} <{home}.{name}>`: {first}\n"
    return "" if name.startswith("_") else f"- `{package}.{name}`: a constant of type `{type(thing).__name__}`.\n"


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the page of a package and of all that it holds.

    Args:
        folder: A package.

    Yields:
        The dotted name, and what Sphinx makes the page of.
    """
    name = ".".join(folder.relative_to(ROOT).parts)
    inside = sorted(path for path in folder.iterdir() if _documented(path))
    entries = "".join(f"   {path.stem} <{name}.{path.stem}>\n" for path in inside)
    # What a package only hands on is described where it is defined.
    yield name, f"{_heading(name)}.. automodule:: {name}\n\n.. toctree::\n   :maxdepth: 1\n\n{entries}"
    for path in inside:
        if path.is_dir():
            yield from pages(path)
        else:
            module = f"{name}.{path.stem}"
            yield module, f"{_heading(module)}.. automodule:: {module}\n   :members:\n   :show-inheritance:\n"


def _documented(path: Path) -> bool:
    """Return whether a path is a package or module with a page of its own."""
    if path.is_dir():
        return (path / "__init__.py").is_file()
    return path.suffix == ".py" and not path.name.startswith(("_", "test_")) and path.name != "conftest.py"


def _heading(name: str) -> str:
    """Return a title of reStructuredText."""
    return f"{name}\n{'=' * len(name)}\n\n"


def write_pages(app: Sphinx) -> None:
    """Write the pages that changed, and remove those of modules that are gone.

    Args:
        app: Whose sources they become.
    """
    target = Path(app.srcdir) / "reference"
    target.mkdir(exist_ok=True)
    public = {target / "public.rst": public_page()}
    wanted = public | {target / f"{name}.rst": text for package in PACKAGES for name, text in pages(ROOT / package)}
    for stale in set(target.iterdir()) - set(wanted):
        stale.unlink()
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def shorten(*event: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - Sphinx's own arguments
    """Return a signature's arguments and result with numpy's alias by its name.

    Args:
        event: What Sphinx tells of a signature, its text and that of its result last.

    Returns:
        Both, None where there is none.
    """
    signature, result = (text and text.replace(_ARRAY_LIKE, "ArrayLike") for text in event[-2:])
    return signature, result


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
