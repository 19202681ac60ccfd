"""Tools that a test cannot do without."""

import os
import shutil

import pytest


def give_up(reason):
    """End a test whose tool is missing: it fails where CI is set, which has every tool, and skips elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def need(*programs, package):
    """Give up unless all programs can be run; tell the Debian packages that hold them."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        give_up(f"{' and '.join(missing)} not found (Debian: {package})")
