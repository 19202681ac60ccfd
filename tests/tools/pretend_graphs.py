"""CUDA graphs of the pretend GPU, by the rules of the real ones.

What is captured is not computed: memory stays as it was until a replay. A synchronisation or a copy from the host
spoils a capture: its end raises, leaves the stream of the capture the current one, and its pool takes no other. A
replay repeats the same kernels on the same memory. A graph's own memory is lost where another graph of its pool is
captured or replayed.
"""

import contextlib
import weakref
from unittest import mock

import torch
from torch.utils._pytree import tree_leaves

_LOST = 1e30  # in the place of numbers that another graph has overwritten; far from any that a network computes


class PretendGraph:
    """Stands for `torch.cuda.CUDAGraph`."""

    def __init__(self, gpu, pools):
        self._gpu, self._pools, self._calls = gpu, pools, []
        self._invalid, self.handle = False, None

    def begin(self, pool):
        """Start a capture."""
        self.handle = object() if pool is None else pool
        self._gpu.counts["capture"] += 1
        if self.handle in self._gpu.spoiled_pools:
            raise RuntimeError("beginAllocateToPool: already recording to mempool_id")
        self._pools.setdefault(self.handle, weakref.WeakSet()).add(self)
        self._lose_others()
        self._gpu.capturing = self

    def end(self):
        """End a capture."""
        self._gpu.capturing = None
        if self._invalid:
            self._calls.clear()
            self._gpu.spoiled_pools.add(self.handle)
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    def invalidate(self):
        """Note that the capture can come to nothing."""
        self._invalid = True

    def record(self, func, args, kwargs):
        """Record an operation; what it would have changed is as before, what it makes holds no numbers yet."""
        named = {**dict(zip([one.name for one in func._schema.arguments], args, strict=False)), **kwargs}
        written = [one.name for one in func._schema.arguments if one.alias_info is not None and one.alias_info.is_write]
        changed = [named[name] for name in written if name in named]
        before = [one.clone() for one in changed]
        result = func(*args, **kwargs)
        for one, value in zip(changed, before, strict=True):
            one.copy_(value)
        self._calls.append((func, args, kwargs, result))
        if not changed:
            _lose(result)
        return result

    def replay(self):
        """Launch what was recorded."""
        if self._gpu.capturing is not None:
            raise RuntimeError("CUDA error: a graph is launched while another is captured")
        self._gpu.counts["graph launch"] += 1
        self._lose_others()
        for func, args, kwargs, result in self._calls:
            found = func(*args, **kwargs)
            for place, value in zip(tree_leaves(result), tree_leaves(found), strict=True):
                if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)

    def _lose_others(self):
        """Overwrite what other graphs of the pool hold of their own."""
        for other in self._pools[self.handle]:
            if other is not self:
                for func, _, _, result in other._calls:
                    if not any(one.alias_info for one in func._schema.returns):
                        _lose(result)


def _lose(result):
    """Overwrite the numbers of some tensors."""
    for one in tree_leaves(result):
        if isinstance(one, torch.Tensor):
            one.fill_(_LOST if one.is_floating_point() else 0)


class PretendStream:
    """Stands for `torch.cuda.Stream`: a name for where kernels go."""


@contextlib.contextmanager
def pretended_graphs(gpu):
    """Let `torch.cuda` capture and launch graphs of the pretend GPU.

    `gpu.pools` is handle -> its graphs that are still there; the first of `gpu.streams` is the default stream, the last
    the current one.
    """
    gpu.pools, gpu.spoiled_pools, gpu.streams = {}, set(), [PretendStream()]
    streams = gpu.streams

    @contextlib.contextmanager
    def graph(captured, pool=None, **_):
        streams.append(PretendStream())
        captured.begin(pool)
        try:
            yield
        finally:
            captured.end()  # where this raises, PyTorch does not come back from the stream either
            streams.pop()

    @contextlib.contextmanager
    def stream(wanted):
        streams.append(wanted)
        try:
            yield
        finally:
            streams[:] = streams[: streams.index(wanted)]

    with contextlib.ExitStack() as undone:
        for name, instead in {
            "CUDAGraph": lambda: PretendGraph(gpu, gpu.pools),
            "graph": graph,
            "graph_pool_handle": object,
            "stream": stream,
            "Stream": PretendStream,
            "current_stream": lambda device=None: streams[-1],
            "set_stream": streams.append,
        }.items():
            undone.enter_context(mock.patch(f"torch.cuda.{name}", instead))
        yield
        assert gpu.capturing is None
