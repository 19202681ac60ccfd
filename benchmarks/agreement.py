"""Do the engine and the plain way find the same K*? Both train the same trials side by side, in either precision.

Run `python -m benchmarks.agreement --workload mnist/simple-cnn/sgd --data-dir DATA --batch-size 128 --trials 4`, with
`--float64` for the comparison that rounding does not reach. In float32 two correct programs differ in the last bits of
a step, training amplifies that, and a trial may reach the goal some tests earlier or later; in float64 they must agree.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.one_study import only_study, request_of, study_parser
from benchmarks.plain import PlainTrial
from empirics.errors import InputError
from empirics.records import Study, TrialRecord
from empirics.training.laboratory import Laboratory
from empirics.training.race import trial_block
from empirics.workloads.goal_label import goal_count


@dataclass(frozen=True)
class Comparison:
    """One trial trained both ways.

    Attributes:
        trial: Which trial.
        engine: Step at which the engine's weights reached the goal, None where they did not.
        plain: The same of the plain way's.
        first_difference: First goal test at which the two made another number of errors, None where there was none.
        most_apart: The largest difference of two errors counts.
        distance: Relative distance |w - w'|/|w| of the weights at the last test.
    """

    trial: int
    engine: int | None
    plain: int | None
    first_difference: int | None
    most_apart: int
    distance: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; return 0 where K* and winner agree, 1 where they do not."""
    purpose = "Compare the engine's K* with the plain."
    parser = study_parser("python -m benchmarks.agreement", purpose, batch_size=128, trials=4)
    parser.add_argument("--float64", action="store_true", help="train in double precision")
    parser.add_argument("--until", type=int, default=1000, help="steps after which a comparison ends")
    options = parser.parse_args(arguments)
    dtype = torch.float64 if options.float64 else torch.float32
    found = []
    try:
        specification, dataset, study = only_study(request_of(options))
        for comparison in compare(Laboratory(specification, dataset), study, dtype, options.until):
            found.append(comparison)
            print(_line(comparison), flush=True)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    engine, plain = (_winner([(getattr(one, way), one.trial) for one in found]) for way in ("engine", "plain"))
    print(f"K* and winner: engine {engine}, plain {plain}, in {str(dtype).removeprefix('torch.')}")
    if options.json:
        facts = {"dtype": str(dtype), "engine": engine, "plain": plain, "trials": [asdict(one) for one in found]}
        options.json.write_text(json.dumps(facts, indent=2) + "\n")
    return 0 if engine == plain else 1


def compare(laboratory: Laboratory, study: Study, dtype: torch.dtype, until: int) -> Iterator[Comparison]:
    """Yield every trial's comparison, each trained both ways until both have reached the goal.

    Args:
        laboratory: The data and network at hand.
        study: Which study.
        dtype: torch.float32 or torch.float64.
        until: Steps after which a trial is given up.
    """
    for trial in range(laboratory.specification.trials):
        mask = laboratory.masks((study.sparsity,), study.replicate, trial)[0]
        yield _compare_trial(laboratory, study, trial, mask, dtype, until)


def _compare_trial(
    laboratory: Laboratory, study: Study, trial: int, mask: NDArray[np.bool_], dtype: torch.dtype, until: int
) -> Comparison:
    """Train one trial both ways, step by step on the same examples."""
    record = TrialRecord(trial, laboratory.specification.points[trial], "running", until)
    block = trial_block(laboratory, study.replicate, record, mask, dtype)
    plain = PlainTrial(laboratory, study, trial, mask, dtype)
    data, order = laboratory.split(study.replicate), laboratory.order(study.replicate)
    interval, goals = laboratory.specification.workload.eval_interval, laboratory.goal_test(study.replicate)
    examples = len(data.validation_labels)
    most = goal_count(laboratory.specification.goals[0], examples)
    hits: dict[str, int] = {}
    first_difference, most_apart = None, 0
    for step in range(1, until + 1):
        rows = laboratory.tensor(order.batch(step - 1, study.batch_size))
        finite = bool(block.step(data.training_images[rows], data.training_labels[rows]))
        if not (plain.step() and finite):
            break
        if step % interval:
            continue
        errors = {"engine": round(float(goals.values(block.weights)[0]) * examples), "plain": plain.errors()}
        apart = abs(errors["engine"] - errors["plain"])
        most_apart = max(most_apart, apart)
        first_difference = step if apart and first_difference is None else first_difference
        hits |= {way: step for way, wrong in errors.items() if wrong <= most and way not in hits}
        if len(hits) == 2:
            break
    ours, theirs = block.weights[0], nn.utils.parameters_to_vector(plain.parameters()).detach()
    distance = float((ours - theirs).norm() / ours.norm())
    return Comparison(trial, hits.get("engine"), hits.get("plain"), first_difference, most_apart, distance)


def _winner(hits: Sequence[tuple[int | None, int]]) -> tuple[int, int] | None:
    """Return the earliest hit and its trial, None where none was reached."""
    return min(((step, trial) for step, trial in hits if step is not None), default=None)


def _line(found: Comparison) -> str:
    """Return a comparison as a line."""
    parted = "never" if found.first_difference is None else f"first at step {found.first_difference}"
    return (
        f"trial {found.trial}: engine {found.engine}, plain {found.plain}; counts of errors differ {parted}, by "
        f"{found.most_apart} at most; weights {found.distance:.1e} apart at the end"
    )


if __name__ == "__main__":
    sys.exit(main())
