"""A parser whose errors take one line, and the arguments that commands share."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import NoReturn

from kstar.ending import say

_MOST_DRAWS = 100_000  # a hundred times the default; their curves are held in memory together


class Parser(ArgumentParser):
    """Prints an error on one line and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the error on one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")

    def print_help(self, _file: object = None) -> None:
        """Print the help to standard output; where it cannot be written, that is no success."""
        say(self.format_help(), end="")

    def add_draws(self, default: int) -> None:
        """Add --draws."""
        wanted = checked(_count, f"a whole number in 0..{_MOST_DRAWS}")
        self.add_argument("--draws", type=wanted, default=default, help="bootstrap draws (default: %(default)s)")


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
