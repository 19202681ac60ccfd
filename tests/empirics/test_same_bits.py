"""All that goes into a run of the sparse engine, and what comes out, has the same bits on every machine."""

import json
import os
import subprocess
import sys

import pytest
from tools import digests
from tools.needed import give_up, need

from empirics.kernels.kernel import Unavailable, load, processor_builds

EXPECTED = {
    "quantiles in float64": "909a875f8dce6b37",
    "weights of small-cnn": "5b732d2b139b3939",
    "weights of simple-cnn": "1936bb2f6f9fc1c2",
    "weights of resnet-8": "f85947d7faceee2e",
    "points of digits/small-cnn/sgd": "dd48d8400024e37c",
    "points of digits/small-cnn/sgd/linear": "e689cb5700850569",
    "points of digits/small-cnn/momentum": "47aceb18f1943e96",
    "points of digits/small-cnn/adamw": "8e60911e31a4b320",
    "points of mnist/simple-cnn/sgd": "ea65174b0674576b",
    "points of mnist/simple-cnn/sgd/linear": "76f8655cc683db50",
    "points of mnist/simple-cnn/momentum": "43e6a915359423e4",
    "points of mnist/simple-cnn/momentum/linear": "908835bd3c76578b",
    "points of mnist/simple-cnn/adamw": "cec50cff6ff7c7cc",
    "points of mnist/simple-cnn/adamw/linear": "536f959805f83e26",
    "images of digits": "474350ec494fa8e9",
    "images of mnist": "fa9e809e2cc95e3d",
    "images of fashion-mnist": "ae38ed35e0827faa",
    "images of cifar-10": "d32eb8c610d722f6",
    "split and order": "a83e53c0c69bb653",
    "scores of snip in float64": "d7dbdae5f9d939e0",
    "mask where scores are equal": "86ad483ca36b1a11",
    "masks of snip at 50%": "87d153ff6c73581b",
    "masks of snip at 70%": "f3a2016cbd1b28d1",
    "masks of snip at 90%": "0bf7def7d8a2cb3c",
    "masks of magnitude at 50%": "79a98496f4ca64c6",
    "masks of magnitude at 70%": "cf443e1a84c07e67",
    "masks of magnitude at 90%": "a6d2ff88bb787f54",
    "masks of random at 50%": "f9a4f4e400091ad8",
    "masks of random at 70%": "ad94c4331409d7fe",
    "masks of random at 90%": "11a2cf4f2698d240",
    "trial to its K* at 90%": {"1": 170},
    "weights at K*": "5a41e199e4ebf419",
    "curves.csv of nesterov": "41ff45325d74492e",
}
# An old processor: numpy, torch and their libraries find no AVX2, AVX-512 or FMA.
OLD = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(digests.machine()["numpy"]),
    "ATEN_CPU_CAPABILITY": "default",
    "OPENBLAS_CORETYPE": "Nehalem",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F",
}


@pytest.fixture(autouse=True)
def compiled():
    kernel = load()
    if isinstance(kernel, Unavailable):
        give_up(kernel.reason)


def test_digests_are_those_of_every_machine():
    assert digests.digests() == EXPECTED


def test_an_old_processor_and_another_mathematics_library_change_no_digest(tmp_path):
    need("gcc", package="gcc")
    library = tmp_path / "other_libm.so"
    source = digests.__file__.replace("digests.py", "other_libm.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-fno-builtin", "-o", library, source], check=True)
    words = [sys.executable, digests.__file__]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | OLD | {"LD_PRELOAD": str(library)}
    )
    assert done.returncode == 0, done.stderr
    found, machine, kernel = json.loads(done.stdout)
    here = digests.machine()
    assert (machine["numpy"], machine["torch"]) == ([], "DEFAULT"), "the settings must take effect"
    assert machine["log 2"] > here["log 2"], "so must the library"
    assert f"_sparse_{processor_builds()[-1]}." in kernel, "and the oldest build be taken"
    assert found == EXPECTED
