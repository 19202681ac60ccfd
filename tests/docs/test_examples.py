"""The examples of the site run, and show what they say."""

import importlib.util
import sys

import pytest
from tools.checkout import ROOT

NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.py") if "# %%" in path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cells():
    """The extension of the site that runs examples."""
    spec = importlib.util.spec_from_file_location("cells", ROOT / "docs" / "_extensions" / "cells.py")
    extension = importlib.util.module_from_spec(spec)
    sys.modules["cells"] = extension  # dataclasses look their module up
    spec.loader.exec_module(extension)
    return extension


def test_there_are_four_and_the_page_shows_them():
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert NAMES == ["evaluate_a_bound", "fit_logs", "measure_own_model", "paper_claim"]
    assert all(f"{{example}} {name}\n" in page and f"python examples/{name}.py" in page for name in NAMES)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "measure_own_model")) for n in NAMES]
)
def test_an_example_runs_and_shows_its_output(cells, name):
    shown = list(cells.run(ROOT / "examples" / f"{name}.py"))
    code = [cell for cell in shown if cell.code]
    assert any(cell.prose for cell in shown)
    assert all(cell.output or cell.pictures for cell in code)
    if name == "fit_logs":
        assert "batch size 433 [385, 488], steps 372" in code[1].output
        assert code[-1].pictures[0].startswith(b"\x89PNG")


def test_a_cell_that_fails_fails_the_page(cells, tmp_path):
    example = tmp_path / "broken.py"
    example.write_text("# %% [markdown]\n# Words.\n# %%\nprint(1)\nraise ValueError('broken')\n")
    found = cells.run(example)
    assert next(found) == cells.Cell(prose="Words.")
    with pytest.raises(ValueError, match="broken"):
        next(found)
