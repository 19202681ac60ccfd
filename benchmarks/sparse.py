"""What the sparse engine saves: steps and whole studies against the torch engine, a plain loop and SparseProp.

Run `python -m benchmarks.sparse --data-dir DATA`. First come steps of one trial, by network, sparsity and batch size.
All ways take the same mask and the same rows in one process on one thread, in turn. The best of several rounds of each
counts, in CPU seconds. The torch engine steps as many trials at once as it does in a study, and its time is divided by
their number. Then come whole studies at 90% by both engines. Workloads whose data are not there are skipped.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.operations import matrix_product_rate
from benchmarks.step_table import StepTable, step_tables
from benchmarks.whole_study import StudyPair, study_pair
from empirics.errors import InputError
from empirics.kernels.kernel import Unavailable, load
from empirics.store.provenance import provenance
from kstar.command_line import OneLineParser

STUDIES = ("digits/small-cnn/sgd", "mnist/simple-cnn/sgd")
WORKLOADS = (*STUDIES, "cifar-10/resnet-8/sgd")  # a study of the last takes torch hours


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.sparse", description="Compare the sparse engine with others.")
    parser.add_argument("--workload", nargs="+", default=WORKLOADS)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--sparsity", type=float, nargs="+", default=[90.0, 70.0, 50.0, 0.0])
    parser.add_argument(
        "--batch-sizes", type=int, nargs="*", default=[16, 32, 64, 128, 256, 512, 1024], help="of steps"
    )
    parser.add_argument("--rounds", type=int, default=7, help="of steps (default: %(default)s)")
    parser.add_argument(
        "--studies", type=int, nargs="*", default=[64], metavar="B", help="batch sizes of whole studies"
    )
    parser.add_argument("--trials", type=int, default=16, help="of such a study (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    kernel = load()
    if isinstance(kernel, Unavailable):
        print(f"error: {kernel.reason}", file=sys.stderr)
        return 2
    matmul, processor = matrix_product_rate(), str(provenance()["processor"])
    print(f"{processor}, {kernel.path.name}, matrix product {matmul / 1e9:.0f} GFLOP/s")
    tables = [*_tables(options, matmul)]
    pairs = [*_pairs(options)]
    if not tables and not pairs:
        parser.error("nothing was measured")
    if options.json:
        machine = {"processor": processor, "kernel": kernel.path.name, "matmul_flop_per_second": matmul}
        content = machine | _steps_found(tables, matmul) | _studies_found(pairs)
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0


def _tables(options: Namespace, matmul: float) -> Iterator[StepTable]:
    """Yield the tables of steps, and print each."""
    for workload in options.workload if options.batch_sizes else ():
        try:
            for table in step_tables(workload, options.data_dir, options.sparsity, options.batch_sizes, options.rounds):
                print("\n".join(("", *table.lines(matmul))), flush=True)
                yield table
        except InputError as error:
            print(f"skipped: {workload}: {error}")


def _pairs(options: Namespace) -> Iterator[StudyPair]:
    """Yield the whole studies by both engines, and print each."""
    for workload in STUDIES:
        for batch_size in options.studies if workload in options.workload else ():
            try:
                pair = study_pair(workload, options.data_dir, batch_size, options.trials)
            except InputError as error:
                print(f"skipped: {workload}: {error}")
                break
            print(pair.line(), flush=True)
            yield pair


def _steps_found(tables: Sequence[StepTable], matmul: float) -> dict[str, object]:
    """Return what is told of steps, by network, sparsity and batch size; the seconds by way as well."""
    parts: Mapping[str, dict[str, dict[str, object]]] = {
        "step_ratio": {},
        "useful_share_of_matmul": {},
        "step_seconds": {},
        "missing": {},
    }
    for table in tables:
        values = (table.ratio("sparse"), table.share(matmul), table.seconds, table.missing)
        for part, value in zip(parts.values(), values, strict=True):
            part.setdefault(table.network, {})[f"{table.sparsity:g}"] = value
    return {**parts}


def _studies_found(pairs: Sequence[StudyPair]) -> dict[str, object]:
    """Return what is told of whole studies, by network and batch size."""
    parts: Mapping[str, dict[str, dict[int, object]]] = {
        "study_ratio": {},
        "same_steps_to_result": {},
        "same_winner": {},
    }
    for pair in pairs:
        values = (pair.ratio, pair.same_steps_to_result, pair.same_winner)
        for part, value in zip(parts.values(), values, strict=True):
            part.setdefault(pair.workload.split("/")[1], {})[pair.batch_size] = value
    return {**parts}


if __name__ == "__main__":
    sys.exit(main())
