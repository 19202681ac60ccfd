"""`python -m empirics.measure` with a second's rest after each study it has kept, so that a test can stop it there."""

import signal
import sys
import time

from empirics import measure
from empirics.run.progress import Display

_done = Display.done


def done_slowly(display, task, line):
    _done(display, task, line)
    time.sleep(1.0 if line else 0.0)


if __name__ == "__main__":
    Display.done = done_slowly
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with Ctrl-C ignored
    sys.exit(measure.main())
