"""Rough estimates of how long a study takes; they order and announce work and change no result."""

from __future__ import annotations

from collections.abc import Iterable

from empirics.records import Study
from empirics.run.time_left import OVERHEAD_EXAMPLES
from empirics.specification.engine import step_time
from empirics.specification.specification import Specification
from empirics.workloads.workload import Workload

# On digits 90% sparsity costs 5 to 8 times the dense steps; in Lee et al. 2021, figure 12, 1.5 to 4.5 times.
_SPARSE_EXPONENT = 0.75
# How much later a study of several draws ends: by simulation where log K spreads by 0.4, `python -m benchmarks.draws`.
_OF_DRAWS = 1.25


def expected_steps(workload: Workload, study: Study) -> float:
    """Return a guess of K*: the law with the workload's expected constants, more for a sparser network.

    Args:
        workload: Whose constants and budget.
        study: Which study.

    Returns:
        Steps, at most the budget.
    """
    dense = workload.expected_c1 / study.batch_size + workload.expected_c2
    return float(min(dense * (1 - study.sparsity / 100) ** -_SPARSE_EXPONENT, workload.max_steps))


def expected_end(specification: Specification, study: Study) -> float:
    """Return a guess of the step at which a study is over under its stop rule.

    Args:
        specification: Whose workload and stop rule.
        study: Which study.

    Returns:
        Steps, at most the budget; for `hits M` those to the first hit, which the M-th can only follow.
    """
    steps, most = expected_steps(specification.workload, study), float(specification.workload.max_steps)
    if specification.draws > 1:
        steps = min(_OF_DRAWS * steps, most)
    if specification.stop.kind == "never":
        return most
    return min(specification.stop.amount * steps, most) if specification.stop.kind == "factor" else steps


def longest_first(specification: Specification, studies: Iterable[Study]) -> list[Study]:
    """Return the studies by falling expected time, so that no long one is left for the end."""

    def expected_examples(study: Study) -> float:
        steps, examples = expected_sizes(specification, study)
        return examples + OVERHEAD_EXAMPLES * steps

    return sorted(studies, key=expected_examples, reverse=True)


def expected_sizes(specification: Specification, study: Study) -> tuple[float, float]:
    """Return a guess of a trial's steps and examples until its study is over: torch's, in the same time.

    Args:
        specification: Whose workload, stop rule and engine.
        study: Which study.
    """
    of_torch = step_time(specification.engine, specification.workload.network, study.sparsity)
    steps = expected_end(specification, study) * of_torch
    return steps, steps * study.batch_size
