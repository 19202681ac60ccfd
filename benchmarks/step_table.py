"""Steps of one network at one sparsity, by batch size: what each way takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

from benchmarks.operations import useful_operations
from benchmarks.steps import Case, step_seconds, ways
from empirics.errors import InputError
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory
from empirics.training.sparse import SparseEngine

_SNIP_EXAMPLES = 2000  # rank the weights well enough to time what is kept


@dataclass(frozen=True)
class StepTable:
    """What a step of one trial takes.

    Args:
        workload: Its name.
        sparsity: Percent of weights pruned.
        seconds: CPU seconds, by way and batch size; the engines are among the ways, torch and sparse.
        useful: Useful floating-point operations of the step on one image.
        missing: Ways that are left out, and why.
    """

    workload: str
    sparsity: float
    seconds: Mapping[str, Mapping[int, float]]
    useful: float
    missing: Mapping[str, str]

    @property
    def network(self) -> str:
        """The network's name."""
        return self.workload.split("/")[1]

    def ratio(self, way: str) -> dict[int, float]:
        """Return how many times as fast as the torch engine a way is, by batch size."""
        return {batch: self.seconds["torch"][batch] / taken for batch, taken in self.seconds[way].items()}

    def share(self, matmul: float) -> dict[int, float]:
        """Return the sparse engine's useful operations a second over the matrix product's rate, by batch size."""
        return {batch: self.useful * batch / taken / matmul for batch, taken in self.seconds["sparse"].items()}

    def lines(self, matmul: float) -> Iterator[str]:
        """Yield the table as text: ratios by batch size with their geometric mean, then shares."""
        rows = {way: self.ratio(way) for way in self.seconds} | {"useful share": self.share(matmul)}
        yield f"{self.workload}, {self.sparsity:g}% pruned: times as fast as the torch engine, by batch size"
        yield f"{'':>12}" + "".join(f"{batch:>8}" for batch in self.seconds["torch"]) + f"{'mean':>8}"
        for name, row in rows.items():
            values = (*row.values(), geometric_mean(row.values()))
            yield f"{name:>12}" + "".join(f"{value:8.2f}" for value in values)
        yield from (f"without {way}: {reason}" for way, reason in self.missing.items())


def step_tables(
    workload: str, data_dir: Path | None, sparsities: Sequence[float], batch_sizes: Sequence[int], rounds: int
) -> Iterator[StepTable]:
    """Yield a table for each sparsity, as soon as it is measured.

    Args:
        workload: Its name.
        data_dir: Where its data are; None for the digits.
        sparsities: Percent of weights pruned.
        batch_sizes: Examples of a step.
        rounds: In which the ways take turns; the best counts.

    Raises:
        InputError: If the workload's data are missing, or a sparsity or batch size cannot be used.
    """
    request = Request(
        workload=workload,
        sparsity=tuple(sparsities),
        batch_sizes=tuple(batch_sizes),
        trials=1,
        data_dir=data_dir,
        device="cpu",
        engine="torch",
        pruning_examples=None if workload.startswith("digits/") else _SNIP_EXAMPLES,
    )
    laboratory = Laboratory(*resolve(request, cuda_available=False))
    known, shape = laboratory.specification.workload, laboratory.network.image_shape
    if (known.optimizer, known.schedule) != ("sgd", "constant"):
        raise InputError("steps are compared for SGD at a constant rate only")
    engines = {"torch": laboratory.engine, "sparse": SparseEngine(known, shape)}
    for sparsity, mask in zip(sparsities, laboratory.masks(sparsities, 0, 0), strict=True):
        seconds: dict[str, dict[int, float]] = {}
        missing: dict[str, str] = {}
        for batch_size in batch_sizes:
            found, missing = ways(Case(laboratory, engines, mask, batch_size))
            for way, taken in zip(found, step_seconds([*found.values()], rounds), strict=True):
                seconds.setdefault(way, {})[batch_size] = taken
        useful = useful_operations(known.network, shape, mask).step
        yield StepTable(workload, sparsity, seconds, useful, missing)
