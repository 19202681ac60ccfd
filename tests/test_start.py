"""What a start loads: the modules, not the seconds, which are the machine's."""

import subprocess
import sys
from dataclasses import dataclass

import pytest
from tools.checkout import PACKAGES, ROOT

HEAVY = {
    "torch",
    "ray",
    "matplotlib.pyplot",
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


# Commands, and what is imported before anything is trained, asked of a cluster or shown.
LIGHT = (
    *("empirics.measure", "empirics.constants", "empirics.exchange.__main__", "empirics.store.store"),
    *("empirics.executors.processes", "empirics.executors.ray_cluster", "empirics.executors.ray_executor"),
    *("verification.report.__main__", "paper_figures.__main__", "paper_figures.report.__main__"),
)
COMMANDS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
}
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
    Start("commands", f"import {', '.join(LIGHT)}", HEAVY - {"torch", "ray", "matplotlib.pyplot"}),
)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.name)
def test_a_start_loads_no_more_than_it_needs(start):
    code = f"{start.code}\nimport sys\nprint('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert done.stderr == ""
    assert loaded & HEAVY <= start.may_load
    if start.code in {f"import {package}" for package in PACKAGES}:
        # Python warns, on stderr, where `python -m` runs a module that is there already.
        assert not loaded & COMMANDS


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
