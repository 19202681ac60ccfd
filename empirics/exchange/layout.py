"""The `batch_science` layout of Shallue et al. 2019: names, study.json and metadata.json.

    <dataset>/<model>[_s<percent>][_r<replicate>]/<optimizer>[_linear]/<batch_size>/study.json
    <dataset>/.../<batch_size>/<trial>/{metadata.json,measurements.csv}

The original reader takes the keys it knows and ignores the others, which carry what the layout has no place for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from empirics.records import Study, StudyRecord, TraceRecord, TrialRecord, number_text

DEFAULT_METRIC = "val/classification_error"
_TO_FOREIGN = {"decay_steps": "learning_rate_decay_steps"}
_TO_OWN = {foreign: own for own, foreign in _TO_FOREIGN.items()}
_SCALES = {"log": "LOG_SCALE", "reverse_log": "REVERSE_LOG_SCALE", "linear": "LINEAR_SCALE", "integer": ""}
_MODEL = re.compile(r"(?P<name>.+?)(_s(?P<sparsity>[0-9]+(\.[0-9]+)?(e-[0-9]+)?))?(_r(?P<replicate>[0-9]{1,9}))?")


@dataclass(frozen=True)
class Names:
    """The three names of a workload in the layout, sparsity and replicate within the model's.

    Example:
        >>> names_of("mnist/simple-cnn/nesterov/linear", Study(90.0, 1, 16))
        Names(dataset='mnist', model='simple_cnn_s90_r1', optimizer='nesterov_momentum_linear')
        >>> names_of("mnist/simple-cnn/nesterov/linear", Study(90.0, 1, 16)).workload
        'mnist/simple-cnn/nesterov/linear'
        >>> Names("mnist", "simple_cnn_s90_r1", "sgd").sparsity_and_replicate
        (90.0, 1)
    """

    dataset: str
    model: str
    optimizer: str

    @property
    def workload(self) -> str:
        """The workload's name here."""
        match = _MODEL.fullmatch(self.model)
        model = match["name"] if match else self.model
        optimizer, linear = self.optimizer.removesuffix("_linear"), self.optimizer.endswith("_linear")
        optimizer = "nesterov" if optimizer == "nesterov_momentum" else optimizer
        parts = [part.replace("_", "-") for part in (self.dataset, model, optimizer)]
        return "/".join(parts + ["linear"] * linear)

    @property
    def sparsity_and_replicate(self) -> tuple[float, int]:
        """Percent and index that the model's name carries; 0 where it does not."""
        match = _MODEL.fullmatch(self.model)
        return (float(match["sparsity"] or 0), int(match["replicate"] or 0)) if match else (0.0, 0)


def names_of(workload: str, study: Study) -> Names:
    """Return the names under which a study is filed.

    Args:
        workload: Any workload's name; parts that are no words become such.
        study: Its sparsity and replicate go into the model's name.
    """
    parts = [_word(part) for part in re.split("[/:]", workload)] + ["unnamed"] * 2
    dataset, model, optimizer, *schedule = parts[: max(3, len(parts) - 2)]
    suffix = f"_s{number_text(study.sparsity)}" if study.sparsity else ""
    suffix += f"_r{study.replicate}" if study.replicate else ""
    optimizer = "nesterov_momentum" if optimizer == "nesterov" else optimizer
    return Names(dataset, model + suffix, "_".join((optimizer, *schedule)))


def own_parameters(parameters: Mapping[str, float]) -> dict[str, float]:
    """Return metaparameters under our names.

    Example:
        >>> own_parameters({"learning_rate_decay_steps": 45000.0})
        {'decay_steps': 45000.0}
    """
    return {name if (own := _TO_OWN.get(name, name)) in parameters else own: v for name, v in parameters.items()}


def study_facts(workload: str, records: Sequence[StudyRecord], space: Sequence[Sequence[Any]] | None) -> dict[str, Any]:
    """Return what study.json says of a study.

    Args:
        workload: Its name.
        records: Its outcome for each goal.
        space: The search space as a run's identity keeps it, None where it is not known.

    Returns:
        The original reader's keys, then ours, `workload`, `sparsity` (percent), `replicate`, `goal_error`, `best_error`
        (by goal), `check_interval`, `stop`; an export adds `metric` (`r_squared >=`) where it is not the error.
    """
    first = records[0]
    names = names_of(workload, first.study)
    configs = {} if space is None else {"parameter_configs": {_TO_FOREIGN.get(n, n): _config(*r) for n, *r in space}}
    return {
        "batch_size": first.study.batch_size,
        "dataset": names.dataset,
        "early_stopping": first.stop.kind != "never",
        "model": names.model,
        "optimizer": names.optimizer,
        "train_steps": max(record.max_steps for record in records),
        **configs,
        "workload": workload,
        "sparsity": first.study.sparsity,
        "replicate": first.study.replicate,
        "goal_error": [record.goal for record in records],
        "best_error": [record.best_error for record in records],
        "check_interval": first.eval_interval,
        "stop": str(first.stop),
    }


def trial_facts(
    records: Sequence[StudyRecord], trials: Sequence[TrialRecord], traces: Iterable[TraceRecord], study: dict[str, Any]
) -> dict[str, Any]:
    """Return what metadata.json says of a trial.

    Args:
        records: The outcome of its study for each goal.
        trials: The trial's record in each of them.
        traces: What was measured along it.
        study: What study.json says.

    Returns:
        The original reader's keys, then `events`, what happened on the way to each goal.
    """
    configs = study.get("parameter_configs")
    whole = {n for n, c in configs.items() if isinstance(c, dict) and c.get("type") == "INTEGER"} if configs else set()
    parameters = {_TO_FOREIGN.get(name, name): value for name, value in trials[0].metaparameters.items()}
    measured = [trace.steps[-1] for trace in traces if trace.steps]
    return {
        "trial_id": trials[0].trial,
        "parameters": {n: int(v) if n in whole and v == int(v) else v for n, v in parameters.items()},
        "status": _status([record.status(trial) for record, trial in zip(records, trials, strict=True)]),
        "steps": max([trial.step for trial in trials] + measured),
        "events": [{"event": trial.ending, "step": trial.step, "short": trial.short} for trial in trials],
    }


def _config(low: float, high: float, scale: str) -> dict[str, Any]:
    """Return the layout's description of one axis of a search space."""
    if scale == "integer":
        low, high = (int(end) if end == int(end) else end for end in (low, high))
    kind = "INTEGER" if scale == "integer" else "DOUBLE"
    return {"type": kind, "min_value": low, "max_value": high, "scale": _SCALES[scale]}


def _status(statuses: Sequence[str]) -> str:
    """Return the layout's status of a trial from ours for each goal."""
    if "complete" in statuses or set(statuses) == {"incomplete"}:
        return "COMPLETE"
    return "INFEASIBLE" if "infeasible" in statuses else "INCOMPLETE"


def _word(text: str) -> str:
    """Return a text as one folder's name."""
    return re.sub(r"[^A-Za-z0-9_.+]", "_", text).lstrip(".") or "unnamed"
