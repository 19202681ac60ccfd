"""The parser of every command: its errors are one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

from kstar.ending import one_line, say


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line on stderr and exit code 2.

    Example:
        >>> OneLineParser(prog="kstar report", allow_abbrev=False).allow_abbrev
        False
    """

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the words of a command with what to do next, and leave."""
        self.refuse(f"{message} (see {self.prog} --help)")

    def refuse(self, message: object) -> NoReturn:
        """Print what is wrong with what an option names, and leave."""
        self.exit(2, f"error: {without_password(one_line(str(message)))}\n")

    def print_help(self, _file: object = None) -> None:
        """Print the help to standard output; where it cannot be written, that is no success."""
        say(self.format_help(), end="")


def without_password(text: str) -> str:
    """Return a text without what stands before the @ of an address.

    Example:
        >>> without_password("http://me:secret@example.org/mnist/")
        'http://example.org/mnist/'
    """
    return re.sub(r"[^\s/]*:[^\s/]*@|(?<=//)\S*@", "", text)
