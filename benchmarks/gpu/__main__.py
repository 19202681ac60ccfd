"""Check a GPU against the CPU, measure how fast it is, and run the paper's workload in what time is left.

Run `python -m benchmarks.gpu [--budget 470] [--data-dir DATA]` on a machine with a GPU. Right answers come first. If
all of them hold, a record in the cache lets `--device auto` take the GPU from then on. `--quick` goes through every
stage with tiny sizes, on a CPU where there is no GPU; it leaves no record.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from benchmarks.gpu import answers, correctness, limits, paper, throughput
from benchmarks.gpu.bench import Bench
from empirics.executors import checked_gpu
from empirics.training.process import ready_to_train
from kstar.command_line import OneLineParser

RIGHT: Mapping[str, Callable[[Bench], None]] = {
    "gradients": correctness.gradients,
    "convolutions": correctness.convolutions,
    "graphs": correctness.graphs,
    "goal-tests": correctness.goal_tests,
    "memory": correctness.memory,
    "digits": answers.digits,
    "own": answers.own_module,
    "constants": answers.constants,
}
FAST: Mapping[str, Callable[[Bench], None]] = {
    "limits": limits.limits,
    "steps": throughput.steps,
    "goal-test-times": throughput.goal_tests,
    "paper": paper.paper,
}
_LEAST = 10.0  # seconds for a stage to be worth beginning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages; return the exit code: 1 if a check failed."""
    stages = {**RIGHT, **FAST}
    parser = OneLineParser(prog="python -m benchmarks.gpu", description="Check a GPU and measure how fast it is.")
    parser.add_argument("--budget", type=float, default=470.0, help="seconds in all (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="every stage with tiny sizes, on a CPU too")
    parser.add_argument("--device", choices=("cuda", "cpu"), default=None, help="default: the GPU, if there is one")
    parser.add_argument("--only", nargs="+", choices=tuple(stages), default=tuple(stages), help="some of the stages")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu-mnist-sgd"), help="run folder of the workload")
    parser.add_argument("--data-dir", type=Path, default=None, help="folder that holds MNIST")
    parser.add_argument("--json", type=Path, default=None, help="file for checks and measurements")
    options = parser.parse_args(arguments)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cpu" and not options.quick:
        parser.error("there is no GPU here; --quick goes through the stages on a CPU")
    if device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: this machine has no usable CUDA device")
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"--json {options.json}: its folder does not exist")
    data_dir = options.data_dir or (Path(os.environ["KSTAR_DATA_DIR"]) if "KSTAR_DATA_DIR" in os.environ else None)
    bench = Bench(torch.device(device), options.quick, time.monotonic() + options.budget, options.out, data_dir)
    left_out = [name for name, stage in stages.items() if name not in options.only or not _run(bench, name, stage)]
    return _conclude(bench, left_out, options.json)


def _run(bench: Bench, name: str, stage: Callable[[Bench], None]) -> bool:
    """Run a stage; return whether there was time. One that raises has failed, and the next may still tell something."""
    if bench.left < _LEAST:
        print(f"--    {name}: no time left", flush=True)
        return False
    print(f"==    {name}", flush=True)
    start = time.monotonic()
    ready_to_train()  # the stage before may have ended in TF32
    try:
        stage(bench)
        if bench.on_gpu:
            torch.cuda.empty_cache()
    except KeyboardInterrupt:
        bench.deadline = 0.0  # the other stages are left out; what was found is kept
        return False
    except Exception as error:  # noqa: BLE001 - of a GPU that nobody has seen, anything
        traceback.print_exc()
        bench.check(f"stage {name}", held=False, detail=f"{type(error).__name__}: {error}")
    print(f"      {time.monotonic() - start:.1f} s", flush=True)
    return True


def _conclude(bench: Bench, left_out: Sequence[str], path: Path | None) -> int:
    """Print the sum, write the file and the record; return the exit code."""
    failed = [check.name for check in bench.checks if not check.held]
    told = f": not {'; '.join(failed)}" if failed else ""
    print(f"{len(bench.checks) - len(failed)} of {len(bench.checks)} checks hold{told}")
    if path is not None:
        checks = [dataclasses.asdict(check) for check in bench.checks]
        path.write_text(json.dumps({"checks": checks, "facts": bench.facts}, indent=1, default=str) + "\n")
    if bench.on_gpu and not bench.quick:
        missing = [name for name in RIGHT if name in left_out]
        if failed:
            checked_gpu.forget()
            print("--device auto leaves this GPU alone")
        elif missing:
            print(f"no record is left, for want of {', '.join(missing)}")
        else:
            print(_remember())
    return int(bool(failed))


def _remember() -> str:
    """Leave the record; return what to say."""
    try:
        return f"{checked_gpu.remember()}: --device auto takes this GPU from now on"
    except OSError as error:
        return f"no record is left, the cache cannot be written to: {error}"


if __name__ == "__main__":
    sys.exit(main())
