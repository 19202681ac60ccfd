"""What Linux says of processes: whom one started, and which are still there."""

import time
from pathlib import Path


def children(pid):
    """Return the processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    """Return whether a process is there; one that only waits to be taken note of is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def still_running(pids):
    """Return which of the processes are there after 10 seconds at most."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and any(map(is_running, pids)):
        time.sleep(0.05)
    return [pid for pid in pids if is_running(pid)]
