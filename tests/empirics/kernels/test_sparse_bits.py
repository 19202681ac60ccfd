"""The same bits of any compiler, optimisation and processor: one driver, compiled in several ways."""

import platform
import subprocess
from functools import cache
from pathlib import Path

import pytest
from tools.needed import need

from empirics.kernels.build import FLAGS, X86_BUILDS

DRIVER = Path(__file__).with_name("driver.cpp")
# network, bits of a number, batch size, steps, kept of 1000, most lanes
RUNS = [
    ("small-cnn", 32, 13, 200, 100, 0),
    ("small-cnn", 32, 5, 200, 1000, 4),
    ("small-cnn", 64, 19, 200, 300, 0),
    ("simple-cnn", 32, 21, 200, 100, 0),
    ("resnet-8", 32, 5, 200, 30, 0),
]
# Emulated, a step takes a hundred times as long.
FEWER = [
    (name, bits, batch, 200 if name == "small-cnn" else 3, kept, lanes) for name, bits, batch, _, kept, lanes in RUNS
]
SANITISED = [(name, bits, batch, 3, kept, lanes) for name, bits, batch, _, kept, lanes in RUNS]
x86 = pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="compiles for x86-64, runs on it")


def compiled(folder, compiler, *flags):
    """The driver, by one compiler and its flags, which come after those of every build."""
    program = folder / "driver"
    command = [compiler, *FLAGS, *flags, "-fvisibility=default", str(DRIVER), "-o", str(program)]
    subprocess.run(command, check=True, capture_output=True)
    return program


def said(run, *command):
    """What the driver prints of one run."""
    done = subprocess.run([*map(str, command), *map(str, run)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count(" 1\n") == 6, "every update rule ends with finite weights, or this compares nothing"
    return done.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What the driver says of a run as the package builds it, for the oldest processor."""
    need("g++", package="g++")
    flags = X86_BUILDS["v3"] if platform.machine() in {"x86_64", "AMD64"} else ()
    program = compiled(tmp_path_factory.mktemp("reference"), "g++", *flags)
    return cache(lambda run: said(run, program))


@pytest.mark.slow
@x86
@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("g++", ("-O2", *X86_BUILDS["v3"])),
        ("g++", ("-O1", *X86_BUILDS["v4"])),
        ("g++", X86_BUILDS["v4"]),
        ("clang++", ("-O2", *X86_BUILDS["v3"])),
        ("clang++", X86_BUILDS["v4"]),
    ],
)
def test_compilers_and_optimisations_change_no_bit(expected, compiler, flags, tmp_path):
    need(compiler, package="g++ clang")
    if "avx512f" not in Path("/proc/cpuinfo").read_text() and flags[-1] == X86_BUILDS["v4"][0]:
        pytest.skip("this processor has no AVX-512")
    other = compiled(tmp_path, compiler, *flags)
    for run in RUNS:
        assert said(run, other) == expected(run)


@pytest.mark.slow
def test_neon_changes_no_bit(expected, tmp_path):
    need("qemu-aarch64", "aarch64-linux-gnu-g++", package="qemu-user g++-aarch64-linux-gnu")
    arm = compiled(tmp_path, "aarch64-linux-gnu-g++", "-static")
    for run in FEWER:
        assert said(run, "qemu-aarch64", arm) == expected(run)


@pytest.mark.slow
def test_sanitisers_find_nothing(expected, tmp_path):
    flags = X86_BUILDS["v3"] if platform.machine() in {"x86_64", "AMD64"} else ()
    checked = compiled(
        tmp_path, "g++", *flags, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
    )
    for run in SANITISED:
        assert said(run, checked) == expected(run)
