"""A pause: a run that ends by itself after some time, and goes on when its command is run again."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from empirics.errors import InputError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 1e8  # seconds that every system's timer takes


class Paused(KeyboardInterrupt):
    """The time that a run was given is over; what it has finished is kept."""


def seconds_of(duration: str) -> float:
    """Return a duration in seconds.

    Args:
        duration: A number > 0 and a unit: s, m or h.

    Raises:
        InputError: If it is not that.

    Example:
        >>> seconds_of("170m"), seconds_of("1.5h")
        (10200.0, 5400.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smh])", duration)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0.0 < seconds <= _LONGEST:
        raise InputError(f"--pause-after {duration}: must be a time > 0 with its unit, like 90s, 170m or 2.5h")
    return seconds


@contextlib.contextmanager
def paused_after(duration: str | None) -> Iterator[None]:
    """Raise `Paused` in a block that takes longer.

    Args:
        duration: As `seconds_of` reads it; None for no end.

    Raises:
        InputError: If it cannot be read, or the block runs in a thread that no signal reaches.
    """
    if duration is None:
        yield
        return
    seconds = seconds_of(duration)
    if threading.current_thread() is not threading.main_thread():
        raise InputError(f"--pause-after {duration}: works in a program's main thread only")

    def end(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise Paused(duration)

    previous = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)
