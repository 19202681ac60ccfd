"""The columns of the tables of a run; `docs/` says what each holds."""

from __future__ import annotations

CURVES_COLUMNS = (
    "workload",
    "goal",
    "sparsity",
    "replicate",
    "batch_size",
    "steps_to_result",
    "lower",
    "upper",
    "status",
    "stop",
    "trials",
    "complete",
    "incomplete",
    "infeasible",
    "censored",
    "winner",
    "metaparameters",
    "draws",
    "redrawn",
    "steps_at_best_rate",
    "steps_at_best_rate_low",
    "steps_at_best_rate_high",
    "reached_share",
    "log_spread",
    "rounding_spread",
)
# How many columns `curves.csv` has, and had before there were draws.
CURVES_WIDTHS = (len(CURVES_COLUMNS), CURVES_COLUMNS.index("draws"))
CONSTANTS_COLUMNS = ("workload", "sparsity", "quantity", "value", "low", "high", "n", "standard_error", "exponents")
TRIALS_COLUMNS = (
    "workload",
    "goal",
    "sparsity",
    "replicate",
    "trial",
    "batch_size",
    "steps_to_result",
    "lower",
    "upper",
    "status",
    "stop",
    "max_steps",
    "eval_interval",
)


def share_for_percent(value: float) -> str:
    """Return what to say of a percentage that looks like a share, nothing where it does not.

    Args:
        value: Percent.

    Example:
        >>> share_for_percent(0.9), share_for_percent(90.0), share_for_percent(0.0)
        ('0.9 is 0.9%: write 90', '', '')
    """
    return f"{value:.12g} is {value:.12g}%: write {100.0 * value:.12g}" if 0.0 < value < 1.0 else ""
