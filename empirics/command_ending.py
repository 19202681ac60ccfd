"""The ending of commands that measure: an error of the user's, or a stop, is one line and an exit code."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable

from empirics.errors import InputError, WorkerError
from empirics.executors.pause import Paused
from kstar.ending import INTERRUPTED, one_line

_PAUSED = 3
_GO_ON = "finished work is kept; run the same command again to resume"


def run_command(carry_out: Callable[[], None]) -> int:
    """Carry out a command; return its exit code.

    It is 2 where the user can mend something, 1 where a worker failed, and 3 where the time is over that was given.
    """
    try:
        carry_out()
    except (InputError, WorkerError) as error:
        return _fail(str(error), 2 if isinstance(error, InputError) else 1)
    except (OSError, sqlite3.OperationalError) as error:
        said = one_line(str(error)) or type(error).__name__
        return _fail(f"{said}; {_GO_ON}", 2)
    except MemoryError:
        return _fail(f"memory is exhausted; use fewer --trials or --jobs; {_GO_ON}", 2)
    except Paused as pause:
        print(f"paused after {pause}; {_GO_ON}", file=sys.stderr)
        return _PAUSED
    except KeyboardInterrupt:
        return _fail(f"interrupted; {_GO_ON}", INTERRUPTED)
    return 0


def _fail(message: str, code: int) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"error: {message}", file=sys.stderr)
    return code
