"""How much memory Python allocates."""

import contextlib
import tracemalloc


@contextlib.contextmanager
def at_most(megabytes):
    """Check what a block allocates at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()
