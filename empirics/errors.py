"""The one exception that stands for something the user can mend."""

import re


class InputError(ValueError):
    """Input that cannot be used; the message is one line that says what to do.

    Commands print it on stderr and end with exit code 2.
    """


def describe(error: Exception) -> str:
    r"""Return the kind and message of an error on one line.

    Example:
        >>> describe(ValueError("two\nlines"))
        'ValueError: two lines'
    """
    return " ".join(f"{type(error).__name__}: {error}".split())


def without_password(text: str) -> str:
    """Return a text without what stands before the @ of an address.

    Example:
        >>> without_password("http://me:secret@example.org/mnist/")
        'http://example.org/mnist/'
    """
    return re.sub(r"[^\s/]*:[^\s/]*@|(?<=//)\S*@", "", text)
