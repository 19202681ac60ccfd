"""Where results come from: versions, hardware, commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

from kstar.version import __version__

_OF_ANOTHER_REPOSITORY = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX"),
}


@cache
def provenance() -> dict[str, object]:
    """Return what the results of this process depend on beyond their specification.

    Returns:
        Versions of Python and the libraries that compute, the processor, the operating system, and the commit of the
        checkout that tracks the package (None when there is none; `-dirty` when files differ from it).
    """
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "torch")}
    return {
        "versions": {"python": platform.python_version(), "kstar": __version__, **versions},
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
    }


def vector_instructions() -> str:
    """Return the vector instructions that torch computes with here, as AVX2: with others, sums have other last bits."""
    import torch  # noqa: PLC0415 - only for those who compute, and have it loaded

    return torch.backends.cpu.get_cpu_capability()


def hardware(device: str) -> dict[str, object]:
    """Return what the last bits of results depend on where they are computed.

    Args:
        device: Device class.

    Returns:
        The processor's vector instructions; with a GPU its name, and the versions of CUDA and cuDNN.
    """
    import torch  # noqa: PLC0415 - as above

    found: dict[str, object] = {"vector_instructions": vector_instructions()}
    if device == "cuda" and torch.cuda.is_available():
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        found |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda, "cudnn": cudnn}
    return found


def _processor() -> str:
    """Return the processor's name as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit(package: Path = Path(__file__).parents[1]) -> str | None:
    """Return the commit of the checkout that a package's files belong to.

    Args:
        package: The folder of its modules.

    Returns:
        The commit, None where no repository tracks the modules: one that merely has them somewhere below it, as a
        user's own has the package that is installed in it, says nothing of them. With `-dirty` where files differ from
        it, or are not all tracked.
    """
    tracked = _git(package, "ls-files", "-z", "--", "*.py")
    if tracked is None:
        return None
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    known = modules & set(tracked.split("\0"))
    if "store/provenance.py" not in known:
        return None
    found = _git(package, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    if not found:
        return None
    commit = found.strip()
    return commit if known == modules or commit.endswith("-dirty") else f"{commit}-dirty"


def _git(folder: Path, *words: str) -> str | None:
    """Return what git says of the repository that a folder is in, None where there is none or no git."""
    # Where git runs us, as a hook does, these lead to the repository that it runs for.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, env=environment)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout
