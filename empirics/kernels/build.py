"""How the sparse kernel is compiled, and how a compiled one is known.

Imports nothing but the standard library: `setup.py` reads it where nothing is installed yet.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "kernel.cpp"
HEADERS = (FOLDER / "lanes.hpp", FOLDER / "layers.hpp", FOLDER / "network.hpp")
# Fused only where the source says so: with any other setting of the first the bits differ. No other flag moves them.
FLAGS = ("-ffp-contract=off", "-std=c++17", "-O3", "-g0", "-fno-math-errno", "-fvisibility=hidden", "-Wno-psabi")
X86_BUILDS = {"v4": ("-march=x86-64-v4",), "v3": ("-march=x86-64-v3",)}  # best first
ARM_BUILDS = {"neon": ("-march=armv8-a",)}
_MARK = b"\nkstar-sha256:"


def builds(machine: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return the builds for a kind of machine and their flags, best first; none where the kernel has no code for it.

    Args:
        machine: As `platform.machine` says, by default of this one.

    Example:
        >>> [*builds("x86_64")], [*builds("aarch64")], [*builds("riscv64")]
        (['v4', 'v3'], ['neon'], [])
    """
    kind = machine or platform.machine()
    if kind in {"x86_64", "AMD64"}:
        return dict(X86_BUILDS)
    return dict(ARM_BUILDS) if kind in {"aarch64", "arm64"} else {}


def source_hash() -> str:
    """Return 16 hexadecimal digits that tell this source from any other."""
    digest = hashlib.sha256()
    for path in (SOURCE, *HEADERS):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def definition() -> str:
    """Return the compiler's argument that writes the source's hash into the object."""
    return f'-DKSTAR_SOURCE="{source_hash()}"'


def compiler() -> list[str]:
    """Return the command of a C++ compiler: what CXX says, else the first at hand of Python's own, g++ and clang++.

    Raises:
        FileNotFoundError: If there is none.
    """
    named = os.environ.get("CXX")
    for command in [named] if named else [sysconfig.get_config_var("CXX") or "c++", "g++", "clang++"]:
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    raise FileNotFoundError(f"there is no C++ compiler {named or ''}".rstrip())


def compile_kernel(flags: Sequence[str], to: Path) -> None:
    """Compile the kernel into a stamped object file; CXXFLAGS, which could move bits, are not heeded.

    Args:
        flags: Beyond those of every build; later ones win.
        to: The object file.

    Raises:
        FileNotFoundError: If there is no compiler.
        subprocess.CalledProcessError: If the compiler refuses; its words are in `stderr`.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / to.name
        command = [*compiler(), *FLAGS, *flags, definition(), "-shared", "-fPIC", str(SOURCE), "-o", str(made)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        stamp(made)
        shutil.move(made, to)


def stamp(path: Path) -> None:
    """Append the hash of an object file to it, by which damage is seen before it is loaded."""
    content = path.read_bytes()
    path.write_bytes(content + _MARK + hashlib.sha256(content).hexdigest().encode())


def is_whole(path: Path) -> bool:
    """Return whether a file is what was stamped."""
    content, mark, digest = path.read_bytes().rpartition(_MARK)
    return bool(mark) and hashlib.sha256(content).hexdigest().encode() == digest
