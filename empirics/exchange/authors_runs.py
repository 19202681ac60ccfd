"""The run folders that the published code of Lee et al. 2021 writes.

    <any folder>/study.json
    <any folder>/run-<i>/batch-science/metadata.json

They hold the steps to one goal for each trial: -1 for a trial that spent its budget, -2 for one that diverged. They
hold neither the budget nor the step at which a trial diverged.
"""

from __future__ import annotations

import re
from pathlib import Path

from empirics.errors import InputError
from empirics.exchange.imported_runs import ImportedStudy, ImportOptions
from empirics.reading.outside import Facts, find_study_folders, read_facts, subfolders
from empirics.records import Study, StudyRecord, TrialRecord, number_text
from empirics.stopping import StopRule
from empirics.workloads.goal_label import sign_of

_RUN = re.compile(r"run-([0-9]{1,9})")


def read_authors_runs(source: Path, options: ImportOptions) -> tuple[list[ImportedStudy], list[str]]:
    """Return the studies at and below a folder, and what a user should know of them.

    Args:
        source: A folder with such study folders at or below it.
        options: The budget where it is not the paper's; goals must be those recorded.

    Raises:
        InputError: If something in it cannot be used.
    """
    folders, links = find_study_folders(source)
    notices = [f"notice: {link} is a link and was not followed" for link in links]
    studies = []
    for folder in folders:
        study, lacking = _read_study(folder, options)
        studies.append(study)
        if lacking:
            notices.append(f"notice: {folder}: {lacking} runs are not finished and were left out")
    return studies, notices


def _read_study(folder: Path, options: ImportOptions) -> tuple[ImportedStudy, int]:
    """Return one study, and how many of its runs left no result."""
    facts = read_facts(folder / "study.json")
    parts = [facts.text(name).replace("_", "-") for name in ("dataset", "model", "optimizer")]
    kinds = facts.fields.get("mparams_kind", [])
    if not isinstance(kinds, list):
        facts.refuse("mparams_kind", "a list of names")
    workload = "/".join(parts + ["linear"] * ("decay_steps" in kinds))
    budget = options.budget_of(workload)
    if budget is None:
        raise InputError(f"{folder}: the budget of {workload} is not recorded; pass --max-steps")
    share = facts.number("sparsity")
    if not 0 <= share < 1:
        facts.refuse("sparsity", "a share in [0, 1)")
    study = Study(round(100 * share, 9), 0, facts.whole("batch_size", low=1))
    interval = facts.whole("check_interval", low=1, default=1)
    folders = _run_folders(folder)
    results = {run: path for run, path in folders.items() if (path / "metadata.json").exists()}
    if not results:
        raise InputError(f"{folder}: no run-<i>/batch-science/metadata.json below it")
    trials = tuple(_read_run(results[run] / "metadata.json", run, budget, interval) for run in sorted(results))
    record = StudyRecord(study, _goal(facts, options), trials, budget, interval, None, 0.0, StopRule("never"))
    wanted = facts.whole("nruns", low=0, default=len(folders))
    found = ImportedStudy(str(folder), workload, (record,), record.stop, sign=sign_of({}))
    return found, max(wanted, len(folders)) - len(results)


def _goal(facts: Facts, options: ImportOptions) -> float:
    """Return the goal that the steps were recorded for."""
    goal = facts.number("goal_error")
    if options.goals and set(options.goals) != {goal}:
        raise InputError(
            f"{facts.path}: records the steps to goal error {number_text(goal)} alone; leave --goal-error out"
        )
    return goal


def _run_folders(folder: Path) -> dict[int, Path]:
    """Return run -> the folder of its result."""
    folders, _ = subfolders(folder)
    runs = {int(m[1]): path / "batch-science" for path in folders if (m := _RUN.fullmatch(path.name))}
    for path in runs.values():
        if path.is_symlink():
            raise InputError(f"{path} is a link, and links are not followed")
    return runs


def _read_run(path: Path, run: int, budget: int, interval: int) -> TrialRecord:
    """Return how one run ended."""
    facts = read_facts(path)
    parameters = facts.table("parameters")
    point = {name: parameters.number(name) for name in parameters.names()}
    status = facts.text("status")
    if status == "complete":
        step = facts.whole("steps-to-result", low=1)
        if step > budget:
            raise InputError(f"{path}: reached its goal at step {step}, beyond a budget of {budget}; pass --max-steps")
        return TrialRecord(run, point, "complete", step)
    sentinel = {"incomplete": -1, "infeasible": -2}.get(status)
    if sentinel is None:
        facts.refuse("status", "one of complete, incomplete, infeasible")
    if facts.whole("steps-to-result", low=-2, default=sentinel) != sentinel:
        facts.refuse("steps-to-result", f"{sentinel} where the status is {status}")
    if status == "infeasible":
        return TrialRecord(run, point, "infeasible", budget, 0)
    last_test = budget // interval * interval
    return TrialRecord(run, point, "incomplete", budget, None if last_test == budget else last_test)
