"""The request of a user, with every value in its range."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from empirics.columns import share_for_percent
from empirics.errors import InputError
from empirics.pruning.methods import OWN, PRUNING_METHODS, Biases
from empirics.search.ranges import (
    COUNTS,
    MOST_REPLICATES,
    check_batch_sizes,
    check_choice,
    check_counts,
    meant,
    numbers,
    place,
    words,
)

TraceName = Literal["none", "full"]
DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "tf32"]
EngineName = Literal["torch", "sparse"]
_LEAST_FORMS = 8
EngineChoice = Literal["auto", "torch", "sparse"]


@dataclass(frozen=True)
class BaseRequest:
    """What any measurement is told; each field is an option of its command, None is the workload's default."""

    workload: Annotated[str, "e.g. digits or mnist/simple-cnn/sgd; your own as my_module:make_workload"] = (
        "digits/small-cnn/sgd"
    )
    sparsity: Annotated[tuple[float, ...], "percent of weights pruned, each in [0, 100)"] = (
        0.0,
        50.0,
        70.0,
        90.0,
    )
    trials: Annotated[int | None, "search points in each study; default the workload's"] = None
    goal_error: Annotated[
        tuple[float, ...] | None,
        "goals: validation errors in (0, 1), or values of your own metric; each gives a curve",
    ] = None
    stop: Annotated[tuple[str, ...], "when a study ends: race (first hit), hits M, factor F (F x K*), never"] = (
        "race",
    )
    trace: Annotated[TraceName, "full: evaluate fully at every goal test and keep the error of every trial"] = "none"
    points: Annotated[
        Path | None,
        "CSV table of search points, a column for each metaparameter; sparsity and batch_size may say whose they are; "
        "default Sobol",
    ] = None
    max_steps: Annotated[int | None, "most steps of a trial; default the workload's"] = None
    eval_interval: Annotated[int | None, "steps between two goal tests; default the workload's"] = None
    pruning: Annotated[
        str | None,
        "method that chooses the weights to prune, before training; default snip, or the masks of your workload: own",
        (*PRUNING_METHODS, OWN),
    ] = None
    pruning_examples: Annotated[int | None, "training examples that pruning sees; default all"] = None
    biases: Annotated[Biases, "prune them with the weights, keep them, or have none at any sparsity"] = "prune"
    seed: Annotated[int, "seed of the run"] = 0
    data_parallel: Annotated[int, "processes that share each batch of a study; part of the run's identity"] = 1
    device: Annotated[DeviceName, "where to train; auto takes a GPU that has passed its checks"] = "auto"
    precision: Annotated[Precision, "of training on a GPU; tf32 rounds what it multiplies to 10 bits"] = "float32"
    engine: Annotated[
        EngineChoice, "what trains: sparse, compiled and on kept weights alone, or torch; auto takes the faster"
    ] = "auto"
    data_dir: Annotated[Path | None, "folder that holds MNIST/, Fashion-MNIST/ or cifar-10-batches-bin/"] = None
    examples: Annotated[int | None, "training examples that L, Delta and beta are measured on; default all"] = None
    every: Annotated[int | None, "steps between two measurements of L; default about 30 to the goal"] = None
    steps: Annotated[
        int | None,
        "steps over which L is averaged, at all sparsities; default 10 K* of the dense; 0: to the goal alone",
    ] = None
    hessian_points: Annotated[int, "measurements that look at the Hessian: its top, and the gradient's share in it"] = 4
    quadratic_forms: Annotated[int, "sign vectors for tr(H Sigma) at each measurement, 8 or more; 0: none"] = 0
    flow_gradients: Annotated[
        int | None, "most gradients of the flow from the start of each run that L is measured along; 0: no flow"
    ] = None
    repeats: Annotated[int, "mini-batch gradients to draw at each batch size, to check beta/B; 0: no check"] = 0

    def __post_init__(self) -> None:
        """Take single values, lists, arrays and names of files for what they stand for, and check every range."""
        meant(self, "sparsity", numbers("sparsity", self.sparsity, float))
        if self.goal_error is not None:
            meant(self, "goal_error", numbers("goal-error", self.goal_error, float))
        meant(self, "stop", words(self.stop))
        for name in ("points", "data_dir"):
            meant(self, name, place(name.replace("_", "-"), getattr(self, name)))
        _check_sparsities(self.sparsity)
        if self.pruning is not None:
            check_choice(self, "pruning", (*PRUNING_METHODS, OWN))
        for name, choices in (
            ("trace", TraceName),
            ("biases", Biases),
            ("device", DeviceName),
            ("precision", Precision),
            ("engine", EngineChoice),
        ):
            check_choice(self, name, get_args(choices))
        check_counts(self, COUNTS)
        if 0 < self.quadratic_forms < _LEAST_FORMS:
            raise InputError(f"--quadratic-forms {self.quadratic_forms}: too few to average; use 0 or at least 8")
        if self.repeats == 1:
            raise InputError("--repeats 1: one draw has no spread; use 0 or at least 2")


@dataclass(frozen=True)
class Request(BaseRequest):
    """What a user asks `python -m empirics.measure` for."""

    batch_sizes: Annotated[tuple[int, ...] | None, "examples per step; default the workload's"] = None
    replicates: Annotated[int, "independent repetitions of every study"] = 1
    draws: Annotated[int, "draws of initial weights and mask of every search point, odd"] = 1
    rerun_winner: Annotated[int, "more draws of each winner, up to ten times its steps; the cheap form of --draws"] = 0
    jitter: Annotated[int, "times each winner is trained again, its weights moved by one unit in the last place"] = 0
    constants: Annotated[bool, "measure L, Delta and beta after the curves"] = True
    follow: Annotated[
        tuple[int, ...] | None,
        "batch sizes whose winners they are measured along; constants.csv shows the first; default the one nearest 128",
    ] = None

    def __post_init__(self) -> None:
        """Likewise; every batch size is an integer."""
        super().__post_init__()
        most = MOST_REPLICATES
        ranges = {"replicates": (1, most), "draws": (1, most), "rerun_winner": (0, most), "jitter": (0, most)}
        check_counts(self, ranges)
        if self.draws % 2 == 0:
            raise InputError(f"--draws {self.draws}: must be odd, so that the median is one of them")
        if self.draws > 1 and self.rerun_winner:
            raise InputError(
                f"--rerun-winner {self.rerun_winner}: --draws {self.draws} draws every point; use one of them"
            )
        for name in ("batch_sizes", "follow"):
            if getattr(self, name) is not None:
                check_batch_sizes(self, name)


def _check_sparsities(sparsities: tuple[float, ...]) -> None:
    """Refuse what is no percentage of weights to prune."""
    if not sparsities:
        raise InputError("--sparsity: name at least one value in [0, 100)")
    for sparsity in sparsities:
        if not 0 <= sparsity < 100:  # also true for nan
            raise InputError(f"--sparsity {sparsity:g}: must be a percentage in [0, 100)")
        if share := share_for_percent(sparsity):
            raise InputError(f"--sparsity {share}")
