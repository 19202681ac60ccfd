"""The limits of the card: products, memory, launches, and words between host and device."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from benchmarks.gpu.bench import Bench
from empirics.store.provenance import hardware, provenance
from empirics.training.process import ready_to_train

_THOUSAND = 1000


def limits(bench: Bench) -> None:
    """Measure what nothing on this device can be faster than."""
    for name, value in {**hardware(bench.device.type), **provenance()}.items():
        bench.fact(name, value)
    size, device = (128 if bench.quick else 8192), bench.device
    drawn = np.random.default_rng(0).standard_normal((size, size), np.float32)  # of constants it would draw less power
    for name, dtype, tf32 in (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("float64", torch.float64, False),
    ):
        matrix = torch.from_numpy(drawn).to(device, dtype)
        ready_to_train(tf32=tf32)
        took = bench.seconds(partial(torch.mm, matrix, matrix), 5)
        bench.fact(f"matrix product, TFLOP/s, {name}", 2 * size**3 / took / 1e12)
    source = torch.zeros(2**18 if bench.quick else 2**29, device=device)
    target = torch.empty_like(source)
    took = bench.seconds(lambda: target.copy_(source), 10)
    bench.fact("memory, GB/s", 2 * 4 * source.numel() / took / 1e9)
    number = torch.zeros(1, device=device)

    def launches() -> None:
        for _ in range(_THOUSAND):
            number.add_(1)

    bench.fact("launch of a kernel, us", 1e6 * bench.seconds(launches, 5) / _THOUSAND)
    bench.fact("word to the host, us", 1e6 * bench.seconds(number.tolist, 50))
    rows = np.zeros((16, 128), np.int64)
    bench.fact("rows of 16 steps to the device, us", 1e6 * bench.seconds(lambda: torch.from_numpy(rows).to(device), 50))
