"""The ending of every command: an error or a stop is one line on stderr and an exit code, never a traceback.

It loads nothing but the standard library, so that an interruption is met at once.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn, ParamSpec, TextIO

from kstar.shadows import what_is_shadowed

Arguments = ParamSpec("Arguments")
INTERRUPTED = 130
_REQUESTS = (signal.SIGINT, signal.SIGTERM)


class _Seen:
    """What has happened to the command that runs."""

    interruption = False
    ending = False


def command(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Return the `main` of a command that ends in one line where it is interrupted or cannot print.

    Ctrl-C and SIGTERM give exit code 130, a full output device 2. A reader that stops reading is no error. An
    interruption that a library swallowed still counts. What the process answered to signals before stays as it was.

    Args:
        main: Returns an exit code, or raises SystemExit.

    Example:
        >>> @command
        ... def main() -> int:
        ...     raise KeyboardInterrupt
        >>> main()
        130
    """

    @functools.wraps(main)
    def ended(*arguments: Arguments.args, **options: Arguments.kwargs) -> int:
        with _requests_raise():
            _show_what_cannot_be_encoded()
            try:
                code, message = main(*arguments, **options), ""
            except SystemExit as leaving:  # an option was wrong, or --help was asked for
                failure = _finish_output()
                if failure and not leaving.code:
                    return _tell(failure, 2)
                raise
            except BaseException as error:
                code, message = _outcome(error)
                if not code:
                    raise
            _Seen.ending = True
            failure = _finish_output()
            if not code and _Seen.interruption:
                code, message = INTERRUPTED, "interrupted"
            elif not code and failure:
                code, message = 2, failure
            return _tell(message, code) if message else code

    return ended


def _outcome(error: BaseException) -> tuple[int, str]:
    """Return the exit code of a command that an error ended and what to say of it; 0 where it is a fault of ours."""
    if _Seen.interruption or isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    said = one_line(str(error)) or type(error).__name__
    return (2, said) if isinstance(error, OSError) else (0, "")


def say(text: str, end: str = "\n") -> bool:
    """Print to whoever still reads.

    Args:
        text: What to print.
        end: What follows it.

    Returns:
        Whether anybody reads.

    Raises:
        OSError: If standard output cannot be written; it is named.
        KeyboardInterrupt: If an interruption came before and was swallowed.
    """
    if _Seen.interruption and not _Seen.ending:
        raise KeyboardInterrupt
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _mute(sys.stdout)
        return False
    except OSError as error:
        _mute(sys.stdout)
        raise OSError(error.errno, error.strerror, "standard output") from None
    return True


def one_line(text: str) -> str:
    r"""Return a text as one line that a terminal can show, whatever names it holds.

    Example:
        >>> print(one_line("two\nlines, a bell \a"))
        two lines, a bell \x07
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in line)


def leave_at_once(package: str) -> None:
    """Let Ctrl-C and SIGTERM end a command in one line, as long as it only imports: nothing is to be put away yet.

    A command that could not import its own packages, because a user's folder hides one, ends here, in one line too.

    Args:
        package: Whose command `python -m` was asked for; where it is another's, as of a user's own package that imports
            this one, nothing changes.
    """
    asked = dict(zip(sys.orig_argv, sys.orig_argv[1:], strict=False)).get("-m", "")
    if asked.partition(".")[0] == package and threading.current_thread() is threading.main_thread():
        for request in _REQUESTS:
            if signal.getsignal(request) is not signal.SIG_IGN:
                signal.signal(request, _leave)
        if shadowed := what_is_shadowed():
            os._exit(_tell(f"{shadowed}, or use the command `kstar`, which finds its own", 2))


def _leave(_request: int, _frame: FrameType | None) -> NoReturn:
    """End the process."""
    os._exit(_tell("interrupted", INTERRUPTED))


@contextlib.contextmanager
def _requests_raise() -> Iterator[None]:
    """Let a request to end raise KeyboardInterrupt; one that the process was started to ignore stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {request: signal.getsignal(request) for request in _REQUESTS}
    _Seen.interruption = _Seen.ending = False
    answered = [request for request, answer in kept.items() if answer not in {signal.SIG_IGN, None}]
    for request in answered:
        signal.signal(request, _interrupt)
    try:
        yield
    finally:
        for request in answered:
            signal.signal(request, kept[request])


def _interrupt(_request: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, unless the command ends anyway."""
    if not _Seen.ending:
        _Seen.interruption = True
        raise KeyboardInterrupt


def _show_what_cannot_be_encoded() -> None:
    """Let a character that standard output has no code for be printed as its number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _finish_output() -> str:
    """Write what is left to print; return what hinders it, empty where nothing does or nobody reads any more."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _mute(sys.stdout)
    except OSError as error:
        _mute(sys.stdout)
        return f"standard output cannot be written ({error.strerror})"
    return ""


def _tell(message: str, code: int) -> int:
    """Print one line on stderr; return the exit code."""
    try:
        print(f"error: {message}", file=sys.stderr, flush=True)
    except OSError:
        _mute(sys.stderr)
    return code


def _mute(stream: TextIO) -> None:
    """Let what is still to be written to a stream go nowhere, so that Python does not complain as it ends."""
    with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
