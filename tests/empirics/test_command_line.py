from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from empirics.command_line import parse


@dataclass(frozen=True)
class What:
    sizes: Annotated[tuple[int, ...] | None, "several"] = None
    shares: Annotated[tuple[float, ...], "several with a default"] = (0.5,)
    count: Annotated[int, "one"] = 3
    place: Annotated[Path | None, "a path"] = None
    kind: Annotated[Literal["a", "b"], "one of two"] = "a"
    entry: Annotated[str, "one of a table", ("c", "d")] = "c"


@dataclass(frozen=True)
class How:
    fast_one: Annotated[bool, "a switch"] = True


def parsed(*words):
    return parse(words, "prog", "Does it.", What, How)


def test_without_words_the_defaults_hold():
    assert parsed() == (What(), How())


def test_several_values_follow_one_option():
    what, how = parsed(
        "--sizes",
        "1",
        "2",
        "--shares",
        "0",
        "-1",
        "nan",
        "--count",
        "-7",
        "--place",
        "x/y",
        "--kind",
        "b",
        "--no-fast-one",
    )
    assert what.sizes == (1, 2)
    assert what.shares[:2] == (0.0, -1.0)
    assert what.shares[2] != what.shares[2]
    assert (what.count, what.place, what.kind) == (-7, Path("x/y"), "b")
    assert how == How(fast_one=False)


@dataclass(frozen=True)
class Bad:
    name: str
    words: tuple[str, ...]
    message: str


BAD = [
    Bad("a word for a number", ("--shares", "abc"), "argument --shares: invalid float value: 'abc'"),
    Bad("a float for an integer", ("--sizes", "1.5"), "argument --sizes: invalid int value: '1.5'"),
    Bad("no value", ("--sizes",), "argument --sizes: expected at least one argument"),
    Bad("an unknown option", ("--colour", "red"), "unrecognized arguments: --colour red"),
    Bad("an abbreviation", ("--si", "1"), "unrecognized arguments: --si 1"),
    Bad("none of the choices", ("--kind", "c"), "argument --kind: invalid choice: 'c'"),
    Bad("none of a table's", ("--entry", "a"), "argument --entry: invalid choice: 'a'"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_errors_are_one_line_and_exit_code_2(bad, capsys):
    with pytest.raises(SystemExit) as leaving:
        parsed(*bad.words)
    out, err = capsys.readouterr()
    assert leaving.value.code == 2
    assert out == ""
    assert err.startswith(f"error: {bad.message}")
    assert err.endswith("(see prog --help)\n")
    assert err.count("\n") == 1


def test_help_names_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as leaving:
        parsed("--help")
    assert leaving.value.code == 0
    out = capsys.readouterr().out
    for text in (
        "--sizes N [N ...]",
        "--shares X [X ...]",
        "--place PATH",
        "--no-fast-one",
        "one of two",
        "--entry {c,d}",
        "(default: 3)",
    ):
        assert text in out
