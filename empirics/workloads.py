"""The workloads: data set, network, optimiser, and the protocol each is measured by."""

from __future__ import annotations

from dataclasses import dataclass

from empirics.errors import InputError
from empirics.search import Metaparameter

PAPER_LEARNING_RATE = Metaparameter("learning_rate", 1e-4, 1.0, "log")


@dataclass(frozen=True)
class Workload:
    """One workload and its defaults.

    Args:
        dataset: Name of a data set in `empirics.datasets`.
        network: Name of a network in `empirics.networks`.
        optimizer: Name of an update rule in `empirics.training`.
        search_space: The metaparameters and their ranges.
        goal_error: Validation error that counts as the result, in (0, 1).
        max_steps: Budget of a trial, steps.
        eval_interval: Steps between two goal tests.
        batch_sizes: Batch sizes measured by default.
        trials: Search points a study by default.
        smoothness_interval: Steps between two measurements of L.
        expected_c1: For estimates of time only: steps x examples in K ~ c1/B + c2, dense.
        expected_c2: For estimates of time only: steps in K ~ c1/B + c2, dense.
    """

    dataset: str
    network: str
    optimizer: str
    search_space: tuple[Metaparameter, ...]
    goal_error: float
    max_steps: int
    eval_interval: int
    batch_sizes: tuple[int, ...]
    trials: int
    smoothness_interval: int
    expected_c1: float
    expected_c2: float

    @property
    def name(self) -> str:
        """The workload's name, e.g. `mnist/simple-cnn/sgd`."""
        return f"{self.dataset}/{self.network}/{self.optimizer}"


def _paper(dataset: str, goal_error: float, c1: float, c2: float) -> Workload:
    """Return a workload by the paper's protocol (Appendix B): 100 trials, 40000 steps, a test every 16."""
    return Workload(
        dataset=dataset,
        network="simple-cnn",
        optimizer="sgd",
        search_space=(PAPER_LEARNING_RATE,),
        goal_error=goal_error,
        max_steps=40_000,
        eval_interval=16,
        batch_sizes=tuple(2**power for power in range(1, 15)),
        trials=100,
        smoothness_interval=100,
        expected_c1=c1,
        expected_c2=c2,
    )


# digits: goal, interval and range are the outcome of `python -m benchmarks.digits_sweep`; see docs/digits.md.
_DIGITS = Workload(
    dataset="digits",
    network="small-cnn",
    optimizer="sgd",
    search_space=(Metaparameter("learning_rate", 1e-2, 2.0, "log"),),
    goal_error=0.08,
    max_steps=4_000,
    eval_interval=2,
    batch_sizes=tuple(2**power for power in range(9)),
    trials=16,
    smoothness_interval=5,
    expected_c1=400.0,
    expected_c2=30.0,
)

WORKLOADS = {
    workload.name: workload
    for workload in (_DIGITS, _paper("mnist", 0.02, 2e4, 100.0), _paper("fashion-mnist", 0.12, 6e4, 300.0))
}


def find_workload(name: str) -> Workload:
    """Return the workload of that name; `digits` is short for `digits/small-cnn/sgd`.

    Raises:
        InputError: If there is none; the message lists the known ones.

    Example:
        >>> find_workload("digits").name
        'digits/small-cnn/sgd'
    """
    if name == "digits":
        return _DIGITS
    if name not in WORKLOADS:
        raise InputError(f"unknown workload {name!r}; choose one of: {', '.join(WORKLOADS)}")
    return WORKLOADS[name]
