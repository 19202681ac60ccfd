import subprocess
import sysconfig

import pytest

from empirics.kernels.build import compile_kernel, compiler


@pytest.fixture
def at_hand(tmp_path, monkeypatch):
    """Make PATH lead to such commands and no others, and Python know a compiler of such a name."""

    def make(*names, of_python="g++ -pthread", named=None):
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CXX", raising=False)
        if named is not None:
            monkeypatch.setenv("CXX", named)
        monkeypatch.setattr(sysconfig, "get_config_var", {"CXX": of_python}.get)

    return make


@pytest.mark.parametrize(
    ("names", "known", "found"),
    [
        (("g++", "clang++"), {}, "g++ -pthread"),
        (("clang++",), {}, "clang++"),
        (("g++", "clang++"), {"of_python": "g++-11"}, "g++"),
        (("g++",), {"of_python": None}, "g++"),
        (("g++", "clang++"), {"named": "clang++ -m64"}, "clang++ -m64"),
        (("g++", "clang++"), {"named": ""}, "g++ -pthread"),
    ],
)
def test_the_compiler_is_the_one_named_then_pythons_own_then_any(at_hand, names, known, found):
    at_hand(*names, **known)
    assert " ".join(compiler()) == found


@pytest.mark.parametrize(("names", "named"), [((), None), (("g++",), "clang++ -O3"), (("g++",), "  ")])
def test_a_compiler_that_is_not_there_is_said(at_hand, names, named):
    at_hand(*names, named=named)
    with pytest.raises(FileNotFoundError, match=r"there is no C\+\+ compiler"):
        compiler()


def test_a_compiler_that_refuses_leaves_nothing(at_hand, tmp_path):
    at_hand("g++")
    with pytest.raises(subprocess.CalledProcessError):
        compile_kernel((), tmp_path / "object.so")
    assert not (tmp_path / "object.so").exists()
