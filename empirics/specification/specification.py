"""The frozen specification of a measurement, from the user's request."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.pruning.methods import OWN, Biases
from empirics.records import Study
from empirics.search.point_table import read_points
from empirics.search.space import search_points
from empirics.specification.engine import choose_engine
from empirics.specification.probe import Probe
from empirics.specification.request import EngineName, Precision, Request, TraceName
from empirics.stopping import StopRule, read_stop_rule
from empirics.workloads.find import find_workload
from empirics.workloads.goal_label import CLASSIFICATION_ERROR
from empirics.workloads.workload import Workload

DeviceClass = Literal["cpu", "cuda"]
_MOST_TRAININGS = 1_000_000  # the paper's largest workload has 5600; a task and a mask of each are held in memory


@dataclass(frozen=True)
class Specification:
    """A request with every default filled in and every value checked.

    Args:
        workload: The workload, with the request's budget and interval in place.
        goals: Validation errors that count as the result, in the order asked for; L is measured up to the first.
        dataset_digest: SHA-256 of the data's content.
        sparsities: Percent of weights pruned, ascending.
        batch_sizes: Examples per step, ascending.
        points: The metaparameters of each trial of a study, name -> value.
        own_points: Those of studies that have others, by sparsity and batch size; as many each.
        from_table: Whether they come from a table instead of the Sobol sequence.
        stop: When a study is over.
        trace: Whether the error of every trial is kept at every goal test.
        replicates: Independent repetitions.
        draws: D, of initial weights and mask, of every point.
        rerun_winner: More draws of each winner alone.
        jitter: Retrainings of each winner with its weights moved by one unit in the last place.
        pruning: How weights are chosen, one of `PRUNING_METHODS` or `own`.
        pruning_examples: How many training examples that choice sees.
        biases: What becomes of biases.
        seed: Seed of the run.
        data_parallel: Shares of a batch, whose sums are added; where they are taken at once, one process each.
        device: Device class; results are comparable within one.
        precision: Of products in single precision, where a GPU may round their factors.
        engine: What trains, one for all sparsities.
        notice: What the user should know of how the engine was chosen, None where there is nothing to say.
        constants: Whether L, Delta and beta are measured.
        follow: Batch sizes at which they are; the first stands for all. Empty: the one nearest 128.
        probe: How.
    """

    workload: Workload
    goals: tuple[float, ...]
    dataset_digest: str
    sparsities: tuple[float, ...]
    batch_sizes: tuple[int, ...]
    points: tuple[dict[str, float], ...]
    own_points: Mapping[tuple[float, int], tuple[dict[str, float], ...]]
    from_table: bool
    stop: StopRule
    trace: TraceName
    replicates: int
    draws: int
    rerun_winner: int
    jitter: int
    pruning: str
    pruning_examples: int
    biases: Biases
    seed: int
    data_parallel: int
    device: DeviceClass
    precision: Precision
    engine: EngineName
    notice: str | None
    constants: bool
    follow: tuple[int, ...]
    probe: Probe

    @property
    def trials(self) -> int:
        """Search points a study."""
        return len(self.points)

    def points_of(self, study: Study) -> tuple[dict[str, float], ...]:
        """Return the metaparameters of each trial of a study."""
        return self.own_points.get((study.sparsity, study.batch_size), self.points)

    def studies(self) -> tuple[Study, ...]:
        """Return every study of the run, in the order of `curves.csv`."""
        return tuple(
            Study(sparsity, replicate, batch_size)
            for sparsity in self.sparsities
            for replicate in range(self.replicates)
            for batch_size in self.batch_sizes
        )

    def runs_followed(self) -> list[tuple[float, int]]:
        """Return sparsity and replicate of each run along which constants are measured."""
        once = dict.fromkeys((study.sparsity, study.replicate) for study in self.studies())
        return list(once) * max(len(self.follow), 1)

    def additions(self) -> dict[str, object]:
        """Return what may be added to a run folder, as plain JSON values."""
        names = ("batch_sizes", "sparsities", "replicates", "trials", "draws", "rerun_winner", "jitter", "constants")
        followed = {"follow": self.follow} if self.follow else {}
        return {**{name: getattr(self, name) for name in names}, **followed, "probe": self.probe.settings()}

    def identity(self) -> dict[str, object]:
        """Return what must not change within one run folder, as plain JSON values; what is not there is the default."""
        optional = {
            "points": "table" if self.from_table else None,
            "direction_numbers": None if self.from_table else self._direction_numbers(),
            "trace": self.trace if self.trace != "none" else None,
            "strided_padding": "0 before, 1 after" if self.workload.network == "resnet-8" else None,
            "own": None if self.workload.own_description is None else dict(self.workload.own_description),
            "data_parallel": self.data_parallel if self.data_parallel > 1 else None,
            "engine": self.engine if self.engine != "torch" else None,
            "precision": self.precision if self.precision != "float32" else None,
            "metric": None if self.workload.metric == CLASSIFICATION_ERROR else self.workload.goal_sign,
        }
        return {
            "workload": self.workload.name,
            "goal_error": list(self.goals),
            "max_steps": self.workload.max_steps,
            "eval_interval": self.workload.eval_interval,
            "seed": self.seed,
            "device": self.device,
            "pruning": self.pruning,
            "pruning_examples": self.pruning_examples,
            "biases": self.biases,
            "stop": str(self.stop),
            "dataset_digest": self.dataset_digest,
            "search_space": [list(dataclasses.astuple(axis)) for axis in self.workload.search_space],
            **{name: value for name, value in optional.items() if value is not None},
        }

    def _direction_numbers(self) -> str | None:
        """Return whose the Sobol points are, None where it makes no difference or they are those of most workloads."""
        numbers, axes = self.workload.direction_numbers, self.workload.search_space
        return numbers if numbers != "joe-kuo" and len(axes) > 2 else None

    def folder_name(self) -> str:
        """Return the name of the folder under `runs/` that holds this run and what may be added to it."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()
        return f"{re.sub('[/:]', '-', self.workload.name)}-{digest[:8]}"


def resolve(request: Request, *, cuda_available: bool) -> tuple[Specification, Dataset]:
    """Fill in the workload's defaults, check every value and read the data.

    Args:
        request: What the user asks for.
        cuda_available: Whether there is a GPU to train on.

    Returns:
        The specification and the data set it names.

    Raises:
        InputError: If a value is outside its range or data are missing.
    """
    workload = _workload(request)
    goals, stop = _goals(request, workload), read_stop_rule(request.stop)
    device = _device(request, cuda_available)
    dataset = workload.load_data(request.data_dir)
    batch_sizes = _batch_sizes(request, workload, dataset)
    sparsities = tuple(sorted({float(value) for value in request.sparsity}))
    points, own_points = _points(request, workload, tuple(itertools.product(sparsities, batch_sizes)))
    choice = choose_engine(
        request.engine, workload, dataset.images.shape[1:], device, request.data_parallel, sparsities
    )
    specification = Specification(
        workload=workload,
        goals=goals,
        dataset_digest=dataset.digest,
        sparsities=sparsities,
        batch_sizes=batch_sizes,
        points=points,
        own_points=own_points,
        from_table=request.points is not None,
        stop=stop,
        trace=request.trace,
        replicates=request.replicates,
        draws=request.draws,
        rerun_winner=request.rerun_winner,
        jitter=request.jitter,
        pruning=_pruning(request, workload),
        pruning_examples=min(request.pruning_examples or dataset.training_examples, dataset.training_examples),
        biases=request.biases,
        seed=request.seed,
        data_parallel=request.data_parallel,
        device=device,
        precision=request.precision,
        engine=choice.engine,
        notice=choice.notice,
        constants=request.constants,
        follow=_followed(request, batch_sizes),
        probe=_probe(request, dataset),
    )
    _check_trainings(specification)
    return specification, dataset


def _workload(request: Request) -> Workload:
    """Return the workload asked for, with what the request changes of it."""
    names = ("max_steps", "eval_interval", "trials", "batch_sizes")
    asked = {name: getattr(request, name) for name in names}
    changed = {name: value for name, value in asked.items() if value is not None}
    return dataclasses.replace(find_workload(request.workload), **changed)


def _device(request: Request, cuda_available: bool) -> DeviceClass:
    """Return where to train."""
    if request.device == "cuda" and not cuda_available:
        raise InputError("--device cuda: this machine has no usable CUDA device; use --device cpu or auto")
    device: DeviceClass = "cuda" if cuda_available and request.device != "cpu" else "cpu"
    if request.precision == "tf32" and device == "cpu":
        raise InputError("--precision tf32: only a GPU has it; use --device cuda, or leave it out")
    return device


def _batch_sizes(request: Request, workload: Workload, dataset: Dataset) -> tuple[int, ...]:
    """Return the batch sizes, each once and ascending, that the data and the processes allow."""
    batch_sizes = tuple(sorted(set(workload.batch_sizes)))
    if batch_sizes[-1] > dataset.training_examples:
        raise InputError(
            f"--batch-sizes {batch_sizes[-1]}: more than the {dataset.training_examples} training examples of "
            f"{workload.dataset}"
        )
    if request.data_parallel > batch_sizes[-1]:
        raise InputError(
            f"--data-parallel {request.data_parallel}: more processes than the largest batch has examples, "
            f"{batch_sizes[-1]}; use fewer"
        )
    return batch_sizes


def _probe(request: Request, dataset: Dataset) -> Probe:
    """Return how constants are measured."""
    names = ("every", "steps", "hessian_points", "quadratic_forms", "flow_gradients", "repeats")
    examples = min(request.examples or dataset.training_examples, dataset.training_examples)
    return Probe(examples=examples, **{name: getattr(request, name) for name in names})


def _goals(request: Request, workload: Workload) -> tuple[float, ...]:
    """Return the goals asked for, without repetitions, or the workload's."""
    asked = request.goal_error or ((workload.goal_error,) if workload.goal_error is not None else ())
    if not asked:
        raise InputError(f"{workload.name} has no goal of its own; pass --goal-error, e.g. 0.1 for 10% errors")
    for goal in asked:
        workload.check_goal(goal, "--goal-error" if request.goal_error else f"{workload.name}: goal")
    return tuple(dict.fromkeys(asked))


def _followed(request: Request, batch_sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the batch sizes to be followed, which are measured."""
    asked = tuple(dict.fromkeys(request.follow or ()))
    for size in asked:
        if size not in batch_sizes:
            raise InputError(f"--follow {size}: is none of --batch-sizes {' '.join(map(str, batch_sizes))}")
    if asked and not request.constants:
        raise InputError("--follow: constants are measured along these runs; leave out --no-constants")
    return asked


def _points(
    request: Request, workload: Workload, cells: Sequence[tuple[float, int]]
) -> tuple[tuple[dict[str, float], ...], dict[tuple[float, int], tuple[dict[str, float], ...]]]:
    """Return the search points of a study; and by sparsity and batch size, where a table has others for each."""
    if request.points is None:
        return search_points(workload.search_space, workload.trials, workload.direction_numbers), {}
    table = read_points(request.points, workload.search_space)
    found = {cell: table.points(*cell) for cell in (cells if table.by else cells[:1])}
    counts = {len(of): cell for cell, of in found.items()}
    if len(counts) > 1:
        told = " and ".join(f"{n} of sparsity {s:g}, batch size {b}" for n, (s, b) in sorted(counts.items())[:2])
        raise InputError(f"--points {request.points}: its points are {told}; give every study as many")
    if (request.trials or 0) > max(counts):
        raise InputError(f"--trials {request.trials}: {request.points} holds {max(counts)} points; use --trials less")
    found = {cell: of[: request.trials] for cell, of in found.items()}
    return found[cells[0]], found if table.by else {}


def _pruning(request: Request, workload: Workload) -> str:
    """Return the pruning method asked for; by default the workload's own masks, else the paper's."""
    if request.pruning == OWN and not workload.own_masks:
        raise InputError("--pruning own: the workload has no masks; give OwnWorkload(masks=...), or another method")
    return request.pruning or (OWN if workload.own_masks else "snip")


def nearest_128(batch_sizes: Iterable[int]) -> int:
    """Return the batch size nearest 128 on a log scale, of two equally near the smaller.

    Example:
        >>> nearest_128([1, 16, 64, 256])
        64
    """
    return min(batch_sizes, key=lambda batch_size: (abs(math.log2(batch_size / 128)), batch_size))


def _check_trainings(specification: Specification) -> None:
    """Refuse more trainings than a run folder is made for."""
    one = specification
    studies = len(one.sparsities) * len(one.batch_sizes) * one.replicates
    again = one.rerun_winner + one.jitter
    trainings = studies * (one.trials * one.draws + again)
    if trainings > _MOST_TRAININGS:
        raise InputError(
            f"{studies} studies of {one.trials} trials, {one.draws} draws each, and {again} reruns: more than "
            f"{_MOST_TRAININGS} trainings in one run; use fewer --replicates, --trials, --draws or --rerun-winner"
        )
