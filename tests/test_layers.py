"""What may know what: who imports whom, and that nothing from outside is unpickled or run."""

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

from tools.checkout import PACKAGES

import theory

ROOT = Path(theory.__file__).parents[1]
# What the layers above may know of `empirics`: readers of stores and tables, records, rates, columns, errors, requests.
READERS = {
    *(
        "empirics.derived",
        "empirics.store.store",
        "empirics.store.tables",
        "empirics.reading.table",
        "empirics.reading.outside",
        "empirics.followed",
        "empirics.records",
        "empirics.best_rate",
        "empirics.columns",
        "empirics.errors",
    ),
    *("empirics.specification.request", "empirics.search.ranges"),
    *("empirics.workloads.catalogue", "empirics.workloads.goal_label", "empirics.workloads.moved_time"),
}
# The rows of CONTRIBUTING's table: a folder, what it holds, what it may import.
ROW = re.compile(r"^\| `(\w+)/(\w+)/` \| [^|]+ \|([^|]*)\|$", re.MULTILINE)
PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@dataclass(frozen=True)
class Module:
    """A module of the project."""

    name: str
    tree: ast.Module

    @property
    def package(self):
        return self.name.partition(".")[0]

    @functools.cached_property
    def imported(self):
        """Return the full names of everything imported, wherever in the module."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} imports relatively"
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return found


def read_modules():
    modules = []
    for package in ("kstar", *PACKAGES, "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if not path.name.startswith("test_") and path.name != "conftest.py":
                parts = path.relative_to(ROOT).with_suffix("").parts
                name = ".".join(part for part in parts if part != "__init__")
                modules.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return modules


MODULES = read_modules()


def of(package):
    modules = [module for module in MODULES if module.package == package]
    assert modules
    return modules


def packages_imported(module):
    return {name.partition(".")[0] for name in module.imported}


def whole_names(names):
    """Return names without the packages that stand there as the beginning of a longer one."""
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def test_no_module_leads_back_to_itself():
    """Imports of whatever kind, those inside functions and for types alone included, have no circle."""
    names = {module.name for module in MODULES}
    left = {module.name: whole_names(module.imported & names) - {module.name} for module in MODULES}
    while ends := {name for name, imported in left.items() if not imported & left.keys()}:
        left = {name: imported for name, imported in left.items() if name not in ends}
    assert sorted(left) == []


def read_table():
    """Return each folder as (package, folder), and the sorted words of what it may import."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return {(package, folder): sorted(words.replace(",", " ").split()) for package, folder, words in ROW.findall(text)}


TABLE = read_table()


def folder_of(name):
    """Return package and folder of a module, None for what lies in no folder."""
    package, *rest = name.split(".")
    return (package, rest[0]) if rest and (ROOT / package / rest[0]).is_dir() else None


def test_the_table_has_every_folder():
    assert TABLE.keys() == {folder_of(module.name) for module in MODULES if module.package in PACKAGES} - {None}


def test_a_folder_imports_what_the_table_says():
    names = {module.name for module in MODULES}
    for folder, allowed in TABLE.items():
        inside = [module for module in MODULES if folder_of(module.name) == folder]
        imported = {name for module in inside for name in whole_names(module.imported & names)}
        others = {folder_of(name) or (name.partition(".")[0], None) for name in imported} - {folder, (folder[0], None)}
        used = {other if package == folder[0] else package for package, other in others} - {"empirics", "kstar"}
        assert sorted(used) == allowed, "/".join(folder)


# What each module of the front door may know; those that are not here know nobody.
KNOWN_TO_THE_FRONT_DOOR = {
    "kstar.__main__": {"verification"},
    "kstar.batch_size": {"paper_figures", "verification"},
    "kstar.drawing": {"paper_figures", "verification"},
    "kstar.estimates": {"verification"},
    "kstar.evaluation": {"theory"},
    "kstar.fitting": {"verification"},
    "kstar.given": {"verification"},
    "kstar.measuring": {"empirics"},
    "kstar.runs": {"empirics", "verification"},
    "kstar.tables": {"verification"},
}


def test_each_module_of_the_front_door_knows_what_it_hands_on():
    for module in of("kstar"):
        known = packages_imported(module) & {*PACKAGES, "benchmarks", "torch"}
        assert known == KNOWN_TO_THE_FRONT_DOOR.get(module.name, set()), module.name


def test_nobody_goes_through_the_front_door():
    """The packages know of it what lies below them: how a command reads, writes and ends, and the version."""
    below = {"command_line", "ending", "files", "version"}
    for module in MODULES:
        if module.package != "kstar":
            known = {name.split(".")[1] for name in module.imported if name.split(".")[0] == "kstar"}
            assert known <= below, module.name


def test_empirics_measures_without_knowing_the_theory():
    for module in of("empirics"):
        known = packages_imported(module)
        assert not known & {"theory", "verification", "paper_figures", "benchmarks"}, module.name


def test_theory_knows_nobody():
    for module in of("theory"):
        known = packages_imported(module)
        assert not known & {"empirics", "verification", "paper_figures", "benchmarks", "torch"}, module.name


def test_verification_knows_theory_and_the_stores_reader():
    for module in of("verification"):
        assert not packages_imported(module) & {"paper_figures", "benchmarks", "torch"}, module.name
        assert from_empirics(module) <= READERS, module.name


def test_figures_know_records_and_verdicts():
    for module in of("paper_figures"):
        assert not packages_imported(module) & {"benchmarks", "torch"}, module.name
        assert from_empirics(module) <= READERS, module.name


def from_empirics(module):
    """Return which modules of `empirics` are imported."""
    known = {known.name for known in MODULES}
    return {name for name in module.imported if name.startswith("empirics") and name in known - {"empirics"}}


def called_in(module):
    """Yield each call in a module: the function, the keywords, and what to say of it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            called = ast.unparse(node.func)
            yield called, keywords, f"{module.name}: {called}"


def test_nothing_from_outside_is_unpickled_or_run():
    for module in MODULES:
        assert not packages_imported(module) & PICKLES, module.name
        for called, keywords, where in called_in(module):
            if called in {"torch.load", "torch.hub.load"}:
                assert keywords.get("weights_only") == "True", where
            assert keywords.get("allow_pickle", "False") == "False", where
            assert not called.endswith("read_pickle"), where
            assert called not in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}, where
            assert keywords.get("shell", "False") == "False", where
            if called == "np.load":
                assert "allow_pickle" in keywords, where


def test_no_module_draws_from_global_random_state():
    for module in MODULES:
        draws_from_none(module)


def draws_from_none(module):
    functions = {"seed", "rand", "randn", "randint", "random", "shuffle", "permutation", "normal", "uniform", "choice"}
    forbidden = {f"np.random.{name}" for name in functions} | {"torch.manual_seed", "torch.rand", "torch.randn"}
    guarded = {  # a user's own module draws from torch's generator; within this block it is put back as it was
        inner
        for node in ast.walk(module.tree)
        if isinstance(node, ast.With) and "torch.random.fork_rng" in ast.unparse(node.items[0])
        for inner in ast.walk(node)
    }
    nodes = [node for node in ast.walk(module.tree) if node not in guarded]
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert not calls & forbidden, module.name
    assert "random" not in module.imported, module.name
