"""The one exception that stands for something the user can mend."""


class InputError(ValueError):
    """Input that cannot be used; the message is one line that says what to do.

    Commands print it on stderr and end with exit code 2.
    """
