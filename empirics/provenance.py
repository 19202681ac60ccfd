"""Where results come from: versions, hardware, commit."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from functools import cache
from pathlib import Path


@cache
def provenance() -> dict[str, object]:
    """Return what the results of this process depend on beyond their specification.

    Returns:
        Versions of Python and the libraries that compute, the processor, the operating system, and the commit of the
        checkout (None when it is not one; `-dirty` when files differ from it).
    """
    versions = {name: importlib.metadata.version(name) for name in ("kstar", "numpy", "scipy", "torch")}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
    }


def vector_instructions() -> str:
    """Return the vector instructions that torch computes with here, as AVX2: with others, sums have other last bits."""
    import torch  # noqa: PLC0415 - only for those who compute, and have it loaded

    return torch.backends.cpu.get_cpu_capability()


def _processor() -> str:
    """Return the processor's name as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str | None:
    """Return the checkout's commit, None outside one."""
    command = [
        "git",
        "-C",
        str(Path(__file__).parent),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
