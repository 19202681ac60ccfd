"""Spoilt files, a hundred thousand and more of them: read, or refused as documented; nothing else, and not for long."""

import random
import resource
import signal
import warnings
import zlib

import pytest
from tools.mutations import mutated
from tools.untrusted import readers

SEED, FEW = 20210504, 60
MOST_SECONDS = 20  # of one input, on a busy machine
MOST_BYTES = 2**28  # that reading one of these small files may take
NAMES = (
    *("IDX", "IDX gzipped", "CIFAR-10", "curves", "trials", "constants", "points", "trial table", "provenance"),
    *("verdicts", "recorded verdicts", "batch_science", "batch_science events", "authors", "store", "checkpoint"),
)


@pytest.fixture(scope="module")
def by_name(tmp_path_factory):
    found = {reader.name: reader for reader in readers(tmp_path_factory.mktemp("made"))}
    assert tuple(found) == NAMES
    return found


def put(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def too_long(*_):
    raise TimeoutError("an input took too long")


def try_one(reader, folder, number):
    """Read one spoilt file; return whether it was refused."""
    place = random.Random(f"{SEED}/{reader.name}/{number}").choice(sorted(reader.files))
    put(folder, {place: mutated(reader.files[place], zlib.crc32(f"{SEED}/{reader.name}/{number}".encode()))})
    signal.alarm(MOST_SECONDS)
    try:
        reader.read(folder)
    except reader.errors:
        return True
    except Exception as error:
        error.add_note(f"{reader.name}, input {number}: {(folder / place).read_bytes()[:2000]!r}")
        raise
    finally:
        signal.alarm(0)
        put(folder, {place: reader.files[place]} | {n: c for n, c in reader.files.items() if n == "verdicts.json"})
    return False


def try_many(reader, folder, numbers):
    """Read spoilt files; return how many were refused. Warnings are errors, as in every test."""
    put(folder, reader.files)
    reader.read(folder)  # the valid ones
    previous = signal.signal(signal.SIGALRM, too_long)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            refused = sum(try_one(reader, folder, number) for number in numbers)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_BYTES / 1024
    finally:
        signal.signal(signal.SIGALRM, previous)
    return refused


@pytest.mark.parametrize("name", NAMES)
def test_some_spoilt_files(name, by_name, tmp_path):
    reader = by_name[name]
    refused = try_many(reader, tmp_path / "in", range(FEW))
    assert refused > 0 or not reader.errors
    assert [path.name for path in tmp_path.iterdir()] == ["in"], "something was written elsewhere"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_spoilt_files(name, by_name, tmp_path):
    reader = by_name[name]
    refused = try_many(reader, tmp_path / "in", range(FEW, FEW + reader.tries))
    assert refused > reader.tries / 10 or not reader.errors
    assert [path.name for path in tmp_path.iterdir()] == ["in"], "something was written elsewhere"


def test_they_are_a_hundred_thousand_and_more(by_name):
    assert sum(reader.tries for reader in by_name.values()) >= 100_000
