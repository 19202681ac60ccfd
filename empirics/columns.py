"""The columns of the tables that a run is written as and read from; `docs/` says what each holds."""

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
)
CONSTANTS_COLUMNS = ("workload", "sparsity", "quantity", "value", "low", "high", "n", "standard_error")
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
# Names that tables of others have for them.
ALIASES = {"steps": "steps_to_result", "goal_error": "goal"}
