"""The ending of commands that measure: an error of the user's, or a stop, is one line and an exit code."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable

from empirics.errors import InputError, WorkerError
from kstar.ending import INTERRUPTED, one_line

_GO_ON = "finished work is kept; run the same command again to resume"


def run_command(carry_out: Callable[[], None]) -> int:
    """Carry out a command; return its exit code, 2 where the user can mend something, 1 where a worker failed."""
    try:
        carry_out()
    except InputError as error:
        return _fail(str(error), 2)
    except WorkerError as error:
        return _fail(str(error), 1)
    except (OSError, sqlite3.OperationalError) as error:
        said = one_line(str(error)) or type(error).__name__
        return _fail(f"{said}; {_GO_ON}", 2)
    except MemoryError:
        return _fail(f"memory is exhausted; use fewer --trials or --jobs; {_GO_ON}", 2)
    except KeyboardInterrupt:
        return _fail(f"interrupted; {_GO_ON}", INTERRUPTED)
    return 0


def _fail(message: str, code: int) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"error: {message}", file=sys.stderr)
    return code
