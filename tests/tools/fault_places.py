"""Places where writing fails: disks that are full, and folders in which nothing may be written."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place, *words):
    """Mount something; skip where that is not allowed, for each such test has a twin that needs no mount."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount; the same test without a mount has run")
    done = subprocess.run(["mount", *map(str, words), str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here ({done.stderr.strip()}); the same test without a mount has run")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextlib.contextmanager
def small_disk(place, kilobytes):
    """A disk that holds so much."""
    with mounted(place, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs"):
        yield place


@contextlib.contextmanager
def read_only_view(folder, place):
    """A read-only view of a folder."""
    with mounted(place, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield place


@contextlib.contextmanager
def open_folder():
    """A folder that every user can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def forbid_writing(folder):
    """Take the permission to write from a folder and all in it, and return it to whoever may look."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def allow_writing(folder):
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
