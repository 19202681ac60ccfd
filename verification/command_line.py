"""A parser whose errors take one line."""

from argparse import ArgumentParser
from typing import NoReturn


class Parser(ArgumentParser):
    """Prints an error on one line and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the error on one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")
