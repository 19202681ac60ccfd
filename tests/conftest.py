"""What every part of the test suite may ask for."""

import os
from pathlib import Path

import hypothesis
import pytest

# The same examples in every run, and no time limit on a shared machine: a failure means the code, not the day.
hypothesis.settings.register_profile("kstar", deadline=None, derandomize=True)
hypothesis.settings.load_profile("kstar")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """A cache folder of the tests' own: what the user has fetched must not decide a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data_dir():
    """The folder with MNIST/ and Fashion-MNIST/ that KSTAR_DATA_DIR names."""
    named = os.environ.get("KSTAR_DATA_DIR")
    if not named:
        pytest.skip("KSTAR_DATA_DIR names no folder with MNIST/ and Fashion-MNIST/")
    folder = Path(named)
    missing = [name for name in ("MNIST", "Fashion-MNIST") if not (folder / name).is_dir()]
    if missing:
        pytest.skip(f"{folder}, which KSTAR_DATA_DIR names, lacks {', '.join(missing)}")
    return folder
