import os
import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from tools.pretend_gpu import PretendGpu

from empirics.store.provenance import _commit, hardware, provenance, vector_instructions


def test_what_results_depend_on():
    found = provenance()
    assert found["versions"]["python"] == platform.python_version()
    assert torch.__version__.startswith(found["versions"]["torch"]), "a wheel may leave +cu130 to the module"
    assert found["versions"]["numpy"] == np.__version__
    assert {"kstar", "scipy"} <= set(found["versions"])
    assert found["processor"]
    assert found["commit"] is None or set(found["commit"].removesuffix("-dirty")) <= set("0123456789abcdef")


def test_vector_instructions_are_those_that_torch_takes():
    code = "from empirics.store.provenance import vector_instructions; print(vector_instructions())"
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "DEFAULT\n"
    assert vector_instructions() == torch.backends.cpu.get_cpu_capability()


def test_a_gpu_is_named_with_its_libraries_where_one_is_used(monkeypatch):
    assert hardware("cpu") == hardware("cuda") == {"vector_instructions": vector_instructions()}
    monkeypatch.setattr("torch.version.cuda", "13.0")
    monkeypatch.setattr("torch.backends.cudnn.version", lambda: 91900)
    with PretendGpu():
        assert hardware("cpu") == {"vector_instructions": vector_instructions()}
        there = {"gpu": "pretend GPU", "cuda": "13.0", "cudnn": 91900}
        assert hardware("cuda") == {"vector_instructions": vector_instructions()} | there


def git(folder, *words):
    """Run git in a folder, as nobody in particular; return what it says."""
    known = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *known, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A user's repository with a commit, and a package below it that it does not track."""
    if shutil.which("git") is None:
        pytest.skip("no git here")
    package = tmp_path / "mine" / ".venv" / "site-packages" / "empirics"
    (package / "store").mkdir(parents=True)
    for name in ("__init__.py", "store/provenance.py"):
        (package / name).write_text("")
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    git(tmp_path / "mine", "init", "-q")
    git(tmp_path / "mine", "add", "thesis.tex")
    git(tmp_path / "mine", "commit", "-qm", "first")
    return tmp_path / "mine", package


@pytest.mark.parametrize("ignored", [False, True])
def test_the_commit_of_a_repository_that_only_surrounds_the_package_is_none(ignored, repository):
    mine, package = repository
    if ignored:
        (mine / ".gitignore").write_text(".venv\n")
    assert _commit(package) is None


def test_the_commit_of_a_repository_that_tracks_the_package_is_told(repository):
    mine, package = repository
    git(mine, "add", "-f", ".")
    git(mine, "commit", "-qm", "second")
    commit = git(mine, "rev-parse", "--short=12", "HEAD")
    assert _commit(package) == commit
    (package / "other.py").write_text("")
    assert _commit(package) == f"{commit}-dirty"
    (package / "other.py").unlink()
    (package / "__init__.py").write_text("x = 1")
    assert _commit(package) == f"{commit}-dirty"


def test_a_link_to_the_package_leads_to_the_repository_that_tracks_it(repository, tmp_path):
    mine, package = repository
    (tmp_path / "installed").mkdir()
    shutil.copytree(package, tmp_path / "own" / "empirics")
    git(tmp_path / "own", "init", "-q")
    git(tmp_path / "own", "add", ".")
    git(tmp_path / "own", "commit", "-qm", "own")
    (mine / "empirics").symlink_to(tmp_path / "own" / "empirics")
    assert _commit(mine / "empirics") == git(tmp_path / "own", "rev-parse", "--short=12", "HEAD")


def test_a_repository_that_runs_us_from_a_hook_is_not_taken_for_ours(repository, tmp_path, monkeypatch):
    mine, package = repository
    alone = shutil.copytree(package, tmp_path / "alone" / "empirics")
    git(mine, "add", "-f", ".")
    git(mine, "commit", "-qm", "second")
    monkeypatch.setenv("GIT_DIR", str(mine / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(alone.parents[0]))
    monkeypatch.setenv("GIT_INDEX_FILE", str(mine / ".git" / "index"))
    assert _commit(alone) is None


def test_without_git_there_is_no_commit(repository, monkeypatch):
    mine, package = repository
    git(mine, "add", "-f", ".")
    monkeypatch.setenv("PATH", str(mine))
    assert _commit(package) is None
