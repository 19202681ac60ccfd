"""The theory of steps-to-result: symbols, laws K(B), and proofs that check themselves."""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m`: Ctrl-C is one line while modules are imported too
    from kstar.ending import leave_at_once

    leave_at_once(__name__)

from theory.laws import FIXED_RATE, HYPERBOLA, LAWS, PIECEWISE, POWER, SHARPNESS, TUNED_TEXTBOOK, Law
from theory.noisy_quadratic.law import NOISY_QUADRATIC
from theory.numbers.critical_batch import (
    batch_size_for_efficiency,
    critical_batch_size,
    critical_batch_size_20_percent,
    fastest_batch_size,
    least_total_time,
    parallel_efficiency,
)
from theory.numbers.schedules import Schedule, self_consistent_steps

__all__ = [
    "FIXED_RATE",
    "HYPERBOLA",
    "LAWS",
    "NOISY_QUADRATIC",
    "PIECEWISE",
    "POWER",
    "SHARPNESS",
    "TUNED_TEXTBOOK",
    "Law",
    "Schedule",
    "batch_size_for_efficiency",
    "critical_batch_size",
    "critical_batch_size_20_percent",
    "fastest_batch_size",
    "least_total_time",
    "parallel_efficiency",
    "self_consistent_steps",
]
