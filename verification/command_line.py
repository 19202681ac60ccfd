"""The arguments that the commands share."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable

_MOST_DRAWS = 100_000  # a hundred times the default; their curves are held in memory together


def add_draws(parser: ArgumentParser, default: int) -> None:
    """Add --draws to a parser."""
    wanted = checked(_count, f"a whole number in 0..{_MOST_DRAWS}")
    parser.add_argument("--draws", type=wanted, default=default, help="bootstrap draws (default: %(default)s)")


def checked(read: Callable[[str], float], wanted: str) -> Callable[[str], float]:
    """Return an argument type that says what it wants.

    Args:
        read: Makes a value of text; raises ValueError where it cannot.
        wanted: What the text should be, in words.
    """

    def convert(text: str) -> float:
        try:
            return read(text)
        except ValueError:
            raise ArgumentTypeError(f"need {wanted}, got {text!r}") from None

    return convert


def _count(text: str) -> int:
    """Return a whole number of draws."""
    value = int(text)
    if not 0 <= value <= _MOST_DRAWS:
        raise ValueError(text)
    return value
