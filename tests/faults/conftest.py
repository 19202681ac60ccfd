"""What the tests of faults share."""

import contextlib
import json
import time

import pytest
from samples.fault_runs import SMALL, Undisturbed, Warm

from empirics.kernels.kernel import Unavailable, load


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    with contextlib.closing(Warm(tmp_path_factory.mktemp("logs"))) as server:
        yield server


@pytest.fixture(scope="session")
def undisturbed(warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    started, code = warm.run(*SMALL, "--out", folder, count=str(folder.with_name("count")))
    assert code == 0, started.stderr
    (session,) = json.loads((folder / "provenance.json").read_text())["sessions"]
    assert session["engine"] == ("torch" if isinstance(load(), Unavailable) else "sparse")
    seconds = time.monotonic() - started.start
    return Undisturbed(folder, seconds, int(folder.with_name("count").read_text()))
