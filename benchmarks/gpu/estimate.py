"""What the paper's MNIST/SGD workload takes on a GPU: operations counted, times by rates that are written down here.

`python -m benchmarks.gpu.estimate` prints the table of `benchmarks/RESULTS.md`. No rate in it was measured.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

TRIALS, INTERVAL = 100, 16
BATCH_SIZES = tuple(2**power for power in range(1, 15))
# c1, c2 of K = c1/B + c2, by sparsity. 0 and 90%: through K* at B = 16 and 256 of evidence/mnist-sgd at commit f12a311;
# between: guessed.
LAWS: Mapping[float, tuple[float, float]] = MappingProxyType(
    {0.0: (13_650.0, 299.0), 50.0: (18_000.0, 305.0), 70.0: (28_000.0, 315.0), 90.0: (74_800.0, 348.0)}
)
STEP, EVALUATION = 21.56e6, 7.50e6  # operations on an image; `benchmarks/operations.py` counts them


@dataclass(frozen=True)
class Rates:
    """How fast a design is on a GPU.

    Args:
        name: Of the design.
        alone_from: Batch size from which on each trial is a plain convolution network.
        alone: Its operations per second.
        together: Those of several trials in one pass.
        launches: Seconds that a step of a block takes at least.
        images: That a trial looks at in a goal test.
        tests: Operations per second of a goal test.
        test_launches: Seconds that a trial's part in a goal test takes at least.
    """

    name: str
    alone_from: int
    alone: float
    together: float
    launches: float
    images: float
    tests: float
    test_launches: float


# An H100: 67 TFLOP/s in float32, 494 in TF32. Plain convolutions at half of the first or a quarter of the second;
# grouped ones at an eighth; products of patches at a quarter, as much time goes to writing patches and reading them.
# Launches: 60 kernels of a graph at 2.5 us, and a word and a copy at 30 us each where every step has its own; a trial's
# pass in a goal test 20 kernels at 6 us. Images: counted, see RESULTS.md.
FLOAT32 = Rates("float32", 1024, 33e12, 17e12, 150e-6, 766.0, 33e12, 240e-6)
DESIGNS = (
    Rates("before", 16_384, 33e12, 8e12, 210e-6, 2759.0, 8e12, 0.0),
    FLOAT32,
    Rates("tf32", 1024, 124e12, 34e12, 150e-6, 766.0, 124e12, 240e-6),
)


def steps_of(sparsity: float, batch_size: int) -> float:
    """Return the expected steps to result.

    Example:
        >>> steps_of(0.0, 16)
        1152.125
    """
    c1, c2 = LAWS[sparsity]
    return c1 / batch_size + c2


def study_seconds(steps: float, batch_size: int, rates: Rates, trials: int = TRIALS) -> float:
    """Return the time of a study.

    Args:
        steps: To its result.
        batch_size: Examples per step.
        rates: Of the design.
        trials: That are raced.

    Example:
        >>> design = Rates("by hand", 1024, alone=2e9, together=1e9, launches=0, images=1000, tests=7.5e9,
        ...                test_launches=0)
        >>> study_seconds(16, 2048, design, trials=1)  # 16 x 2048 x 21.56e6 / 2e9, and 1000 images in a second
        354.2...
    """
    alone = batch_size >= rates.alone_from
    arithmetic = STEP * trials * batch_size / (rates.alone if alone else rates.together)
    blocks = trials if alone else max(trials * batch_size // 16_384, 1)  # at most so many examples go together
    step = max(arithmetic, blocks * rates.launches)
    test = trials * max(rates.images * EVALUATION / rates.tests, rates.test_launches)
    return steps * step + steps / INTERVAL * test


def minutes(rates: Rates, batch_sizes: Sequence[int] = BATCH_SIZES) -> float:
    """Return the minutes of all sparsities at some batch sizes."""
    seconds = [study_seconds(steps_of(s, size), size, rates) for s in LAWS for size in batch_sizes]
    return sum(seconds) / 60


def table() -> list[str]:
    """Return the table, a line each."""
    designs = " | ".join(f"{one.name}, min" for one in DESIGNS)
    lines = [f"| B | steps at 0 and 90% | 10^15 operations | {designs} |", "|" + "---|" * (3 + len(DESIGNS))]
    for size in BATCH_SIZES:
        flop = sum(steps_of(s, size) for s in LAWS) * TRIALS * size * STEP / 1e15
        times = " | ".join(f"{minutes(one, [size]):.2f}" for one in DESIGNS)
        lines.append(f"| {size} | {steps_of(0.0, size):.0f}, {steps_of(90.0, size):.0f} | {flop:.2f} | {times} |")
    total = sum(steps_of(s, size) * size for s in LAWS for size in BATCH_SIZES) * TRIALS * STEP / 1e15
    lines.append(f"| all | | {total:.1f} | " + " | ".join(f"{minutes(one):.0f}" for one in DESIGNS) + " |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
    sys.exit(0)
