"""What a start loads: the modules, not the seconds, which are the machine's."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

HEAVY = {
    "torch",
    "sklearn",
    "matplotlib",
    "pandas",
    "statsmodels",
    "scipy",
    "scipy.stats",
    "sympy",
    "numpy",
    "rich",
    "jinja2",
    "pooch",
}


@dataclass(frozen=True)
class Start:
    """Something that a user starts, and which of the heavy packages it may load."""

    name: str
    code: str
    may_load: frozenset[str]


NONE: frozenset[str] = frozenset()
THEORY = frozenset({"numpy", "sympy"})
STARTS = (
    Start("kstar", "import kstar", NONE),
    Start("kstar --help", "from kstar.__main__ import main; main(['--help'])", NONE),
    Start("empirics", "import empirics", NONE),
    Start("theory", "import theory", THEORY),
    Start("kstar derive", "from kstar.__main__ import main; main(['derive', '--case', 'sparsity'])", THEORY),
    Start("verification", "import verification", THEORY | {"scipy"}),
    Start("figures", "import paper_figures", THEORY | {"scipy", "matplotlib"}),
)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_a_start_loads_no_more_than_it_needs(start):
    code = f"{start.code}\nimport sys\nprint('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split()) & HEAVY
    assert loaded <= start.may_load


def test_a_report_on_a_file_loads_neither_torch_nor_a_table_library(tmp_path):
    rows = "batch_size,steps\n8,10150\n16,5210\n32,2688\n64,1452\n128,810\n256,501\n512,340\n"
    (tmp_path / "logs.csv").write_text(rows)
    code = (
        "import sys\nfrom verification.report.__main__ import main\nmain(['logs.csv', '--draws', '0'])\n"
        "print('loaded', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = set(done.stdout.splitlines()[-1].split()) & HEAVY
    assert "rainbow" in done.stdout
    assert not loaded & {"torch", "sklearn", "matplotlib", "jinja2", "pooch", "pandas", "statsmodels", "scipy.stats"}
