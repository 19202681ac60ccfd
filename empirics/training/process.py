"""What a process sets in torch and in the C library before it trains, and only then."""

from __future__ import annotations

import ctypes
import os
import platform

import torch

_MOST = 2**31 - 1
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def ready_to_train(*, tf32: bool = False) -> None:
    """Let this process train on one thread, with the same bits every time, in memory that it keeps.

    Args:
        tf32: Whether a GPU may round what it multiplies to 10 bits: what that does to K* has not been measured.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else CUDA refuses to be deterministic
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # Nothing here reads what it has not written. A property of the module, which the stubs do not know.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let the C library keep what is freed: glibc returns the activations of a pass, and each page comes back zeroed.

    Other C libraries have no such settings and go on without.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, _MOST)
