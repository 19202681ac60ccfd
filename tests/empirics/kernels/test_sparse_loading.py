import shutil

import numpy as np
import pytest
from reference.empirics.sparse_cases import case, rule

from empirics.kernels import kernel as sparse_kernel
from empirics.kernels.build import is_whole, source_hash, stamp
from empirics.kernels.kernel import Kernel, Unavailable, load, processor_builds


@pytest.fixture
def copied(kernel, tmp_path):
    """A copy of the compiled kernel, which a test may spoil."""
    return shutil.copy(kernel.path, tmp_path)


def test_a_sound_object_is_loaded_from_where_it_is(kernel, copied, tmp_path):
    found = load(tmp_path)
    assert isinstance(found, Kernel)
    assert str(found.path) == str(copied)
    assert found.description == f"kstar sparse kernel 1 {source_hash()}"


@pytest.mark.parametrize("place", [0, 0.3, 0.9, -1])
def test_an_object_with_a_changed_byte_is_refused(copied, tmp_path, place):
    content = bytearray(tmp_path.joinpath(copied).read_bytes())
    content[int(place * len(content)) if 0 <= place < 1 else -1] ^= 1
    tmp_path.joinpath(copied).write_bytes(content)
    assert_missing(load(tmp_path), "is damaged or no kernel of ours; install this package again")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_an_object_cut_short_is_refused(copied, tmp_path, share):
    content = tmp_path.joinpath(copied).read_bytes()
    tmp_path.joinpath(copied).write_bytes(content[: int(share * len(content))])
    assert_missing(load(tmp_path), "is damaged or no kernel of ours")


def test_another_library_of_that_name_is_refused(copied, tmp_path):
    shutil.copy(np._core._multiarray_umath.__file__, copied)
    assert_missing(load(tmp_path), "is damaged or no kernel of ours")
    stamp(tmp_path.joinpath(copied))
    assert_missing(load(tmp_path), r"cannot be loaded \(.*kstar_kernel")


def test_what_is_no_library_is_refused(copied, tmp_path):
    tmp_path.joinpath(copied).write_bytes(b"no library")
    stamp(tmp_path.joinpath(copied))
    assert is_whole(tmp_path.joinpath(copied))
    assert_missing(load(tmp_path), "cannot be loaded")


def test_an_object_of_another_source_is_refused(copied, tmp_path):
    path = tmp_path.joinpath(copied)
    content = path.read_bytes().rpartition(b"\nkstar-sha256:")[0]
    path.write_bytes(content.replace(source_hash().encode(), b"0123456789abcdef"))
    stamp(path)
    assert_missing(
        load(tmp_path), f"is 'kstar sparse kernel 1 0123456789abcdef' where this version needs .*{source_hash()}"
    )


def test_an_object_that_computes_other_numbers_is_refused(kernel, monkeypatch):
    monkeypatch.setattr(sparse_kernel, "_ANSWER", "0" * 16)
    assert_missing(load(), "computes other numbers than it should")


def test_where_nothing_is_compiled_it_is_said(tmp_path):
    assert_missing(load(tmp_path), r"not compiled; install g\+\+ .* or clang .*, then this package again")


def test_a_processor_without_the_registers_is_told(monkeypatch):
    monkeypatch.setattr(sparse_kernel, "processor_builds", list)
    assert_missing(load(), "needs AVX2 with FMA, or 64-bit ARM; this is ")


def assert_missing(found, match):
    assert isinstance(found, Unavailable)
    with pytest.raises(RuntimeError, match=match):
        raise RuntimeError(found.reason)
    assert "\n" not in found.reason


def test_every_build_takes_the_same_steps(kernel):
    one = case("small-cnn", 0.5)
    rows = np.random.default_rng(1).integers(0, 40, (200, 13))
    ends = {}
    for name in processor_builds():
        built = load(only=name)
        assert isinstance(built, Kernel), built
        trials = one.trials(built, np.float32)
        trials.train(0, rule("nesterov", "linear")[0], one.examples, rows)
        ends[name] = trials.get(0)[0].tobytes()
    assert len(set(ends.values())) == 1
