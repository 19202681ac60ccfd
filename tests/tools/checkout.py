"""The project as a checkout has it, and copies of it to be changed or built."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("theory", "empirics", "verification", "paper_figures")
_MADE = shutil.ignore_patterns(
    *(".git", ".venv", "runs", "site", "build", "dist", ".*_cache", "*.egg-info", "__pycache__", "*.so")
)


def _left_out(folder, names):
    return _MADE(folder, names) | ({"reference"} if Path(folder) == ROOT / "docs" else set())


def copy_checkout(folder):
    """Copy the project without what was made in it; return the folder."""
    return Path(shutil.copytree(ROOT, folder, ignore=_left_out))
