"""The exceptions of a measurement: an error that the user can correct, and a dead worker."""

_MOST_CHARACTERS = 300


class InputError(ValueError):
    """Input that cannot be used; the message is one line that says what to do.

    Commands print it on stderr and end with exit code 2.
    """


class WorkerError(RuntimeError):
    """A worker ended or failed; what it had not reported is not lost, only not done."""


def describe(error: Exception) -> str:
    r"""Return the kind and message of an error on one line, the beginning of a long one.

    Example:
        >>> describe(ValueError("two\nlines"))
        'ValueError: two lines'
    """
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS].rstrip()} ..."
