"""The needs of a claim that a run may lack, and the options that ask for them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from empirics.workloads.goal_label import goal_count
from verification.records.curves import Curve
from verification.records.records import Records
from verification.records.run_command import ADDED, MeasuredRun, command_lines, measured_run

ERRORS = "error <="
_TRIALS = 16
_LONGER = 4  # times the budget, where goals were not reached within it
_PAPER = (0.0, 50.0, 70.0, 90.0)


@dataclass(frozen=True)
class Needs:
    """What a claim needs to be tested at all.

    Attributes:
        levels: Sparsities, 0 among them where there are several.
        batch_sizes: Distinct ones at which K* is known from both sides, of each curve.
        replicates: Repetitions.
        trials: Search points a study.
        losers: Whether trials must go on after the first hit.
        constants: Whether L, Delta and beta are needed.
        beside: Another optimiser, or another goal, besides the run's own.
        end: At which end two batch sizes must lie within a factor 4.
    """

    levels: int = 1
    batch_sizes: int = 1
    replicates: int = 1
    trials: int = 1
    losers: bool = False
    constants: bool = False
    beside: Literal["", "optimizer", "goal"] = ""
    end: Literal["", "smallest", "largest"] = ""


def lacking(needs: Needs, run: MeasuredRun) -> dict[str, object]:
    """Return the options that ask for what a run lacks, name to value or values; empty where nothing would help.

    Args:
        needs: Of a claim.
        run: The run.
    """
    found = _levels(needs, run) | _batch_sizes(needs, run)
    if run.replicates < needs.replicates:
        found["replicates"] = needs.replicates
    trials = run.asked("trials")
    if isinstance(trials, int) and trials < needs.trials:
        more = _TRIALS if run.points_held is None else min(_TRIALS, run.points_held)
        if more < needs.trials:  # a table of points must be given them first
            return {}
        found["trials"] = more
    if needs.losers and str(run.identity.get("stop", "")).split(" ")[0] in {"race", "hits"}:
        found["stop"] = "never"
    if needs.constants and run.asked("constants") is False:
        found["constants"] = True
    if needs.beside == "optimizer":
        other = _other_optimizer(run.workload)
        return found | {"workload": other} if other else {}
    if needs.beside == "goal":
        found |= _two_goals(run)
    return found


class Judged(Protocol):
    """A claim as an analysis or verdicts.json has it."""

    @property
    def id(self) -> str:
        """C1 to C18."""

    @property
    def verdict(self) -> str:
        """In words."""


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """One command that measures what several claims were not measured for."""

    ids: tuple[str, ...]
    command: str


def remedies(records: Records, claims: Iterable[Judged], needs: Mapping[str, Needs]) -> list[Remedy]:
    """Return the commands that measure what was not measured, as few as can be.

    Args:
        records: What the claims were judged by.
        claims: All of them.
        needs: Of each claim, by its id.

    Returns:
        First what goes into the run folder itself; nothing for a CSV file or an imported run, and for claims for which
        more of the same would not help.
    """
    run = measured_run(records)
    if run is None:
        return []
    together: dict[tuple[tuple[str, str], ...], list[tuple[str, dict[str, object]]]] = {}
    for claim in claims:
        changes = lacking(needs[claim.id], run) if claim.verdict == "not measured" and claim.id in needs else {}
        if changes:
            other = tuple(sorted((name, repr(value)) for name, value in changes.items() if name not in ADDED))
            together.setdefault(other, []).append((claim.id, changes))
    found = []
    for _, members in sorted(together.items()):
        command = run.command(**_merged([changes for _, changes in members]))
        if command is not None:
            found.append(Remedy(ids=tuple(id_ for id_, _ in members), command=command))
    return found


def remedy_lines(found: Sequence[Remedy], width: int) -> list[str]:
    """Return the commands as a report prints them, a shell takes each as one.

    Args:
        found: From `remedies`.
        width: Characters of a line.
    """
    lines = [""] if found else []
    for one in found:
        lines += [f"To measure {', '.join(one.ids)}:", *command_lines(one.command, width)]
    return lines


def _merged(every: Sequence[dict[str, object]]) -> dict[str, object]:
    """Return options that ask for all that some options ask for."""
    merged: dict[str, object] = {}
    for changes in every:
        for name, value in changes.items():
            before = merged.get(name, value)
            if name in {"sparsity", "batch_sizes"} and isinstance(value, list) and isinstance(before, list):
                merged[name] = sorted({*before, *value})
            elif isinstance(value, int) and isinstance(before, int):
                merged[name] = max(before, value)
            else:
                merged[name] = value
    return merged


def more_sparsities(run: MeasuredRun) -> str | None:
    """Return the command that adds the paper's sparsities to a run."""
    return run.command(sparsity=sorted({*run.sparsities, *_PAPER}))


def _levels(needs: Needs, run: MeasuredRun) -> dict[str, object]:
    """Ask for more sparsities."""
    levels = {*run.sparsities, *([0.0] if needs.levels > 1 else [])}
    if len(levels) < needs.levels:
        levels |= {90.0} if needs.levels == 2 else set(_PAPER)
    return {"sparsity": sorted(levels)} if levels != {*run.sparsities} else {}


def _batch_sizes(needs: Needs, run: MeasuredRun) -> dict[str, object]:
    """Ask for more batch sizes, or for what lets those there are tell more."""
    poorest = min(run.curves, key=lambda curve: len(_bounded(curve)))
    if len(_bounded(poorest)) >= needs.batch_sizes:
        return _at_end(needs, run, poorest)
    if not all(point.reached for point in poorest.points):
        return _longer(run)
    if len(_bounded(poorest)) < len(poorest.reached_batch_sizes):
        interval = run.identity.get("eval_interval")
        if isinstance(interval, int) and interval > 1:
            return {"eval_interval": max(interval // _LONGER, 1)}
        return _harder_goals(run, poorest.sign)
    sizes = {*run.batch_sizes}
    while len(sizes) < needs.batch_sizes and 2 * max(sizes) <= _training_examples(run):
        sizes.add(2 * max(sizes))
    while len(sizes) < needs.batch_sizes and min(sizes) > 1:
        sizes.add(min(sizes) // 2)
    return {"batch_sizes": sorted(sizes)} if len(sizes) >= needs.batch_sizes else {}


def _longer(run: MeasuredRun) -> dict[str, object]:
    """Ask for a longer budget, as far as there are longer ones."""
    from empirics.search.ranges import COUNTS  # noqa: PLC0415 - a CSV file needs none of it

    budget, (_, most) = run.identity.get("max_steps"), COUNTS["max_steps"]
    return {"max_steps": min(_LONGER * budget, most)} if isinstance(budget, int) and budget < most else {}


def _harder_goals(run: MeasuredRun, sign: str) -> dict[str, object]:
    """Ask for goals that are harder to reach, where fewer errors can be asked for."""
    goals, examples = run.identity.get("goal_error"), _validation_examples(run, sign)
    pairs = [(float(goal), harder(float(goal), sign)) for goal in goals] if isinstance(goals, list) else []
    found = [new for goal, new in pairs if not examples or goal_count(new, examples) < goal_count(goal, examples)]
    return {"goal_error": found} if found else {}


def _validation_examples(run: MeasuredRun, sign: str) -> int:
    """Return of how many examples a goal is a share; 0 where it is none, or an older run does not say."""
    known = run.session("validation_examples")
    return known if sign == ERRORS and isinstance(known, int) else 0


def _bounded(curve: Curve) -> list[int]:
    """Return the batch sizes at which K* is known from both sides, ascending."""
    return sorted({point.batch_size for point in curve.points if point.reached and point.lower > 0})


def _at_end(needs: Needs, run: MeasuredRun, curve: Curve) -> dict[str, object]:
    """Ask for a second batch size within a factor 4 of an end that has one alone."""
    if not needs.end:
        return {}
    sizes = _bounded(curve)
    first, second = (sizes[0], sizes[1]) if needs.end == "smallest" else (sizes[-1], sizes[-2])
    if max(first, second) <= 4 * min(first, second):
        return {}
    between = 2 * first if needs.end == "smallest" else first // 2
    return {"batch_sizes": sorted({*run.batch_sizes, between})}


def _training_examples(run: MeasuredRun) -> int:
    """Return how many training examples there are at least."""
    known = (run.session("training_examples"), run.identity.get("pruning_examples"))
    return max(value for value in (*known, 0) if isinstance(value, int))


def _other_optimizer(workload: str) -> str | None:
    """Return the workload that differs in having momentum, or in having none; None where there is no such one."""
    from empirics.workloads.catalogue import WORKLOADS  # noqa: PLC0415 - a CSV file needs none of it

    parts = workload.split("/")
    if len(parts) < 3:
        return None
    other = "momentum" if parts[2] == "sgd" else "sgd"
    found = "/".join((*parts[:2], other, *parts[3:]))
    return found if workload in WORKLOADS and found in WORKLOADS and parts[2] != "adamw" else None


def _two_goals(run: MeasuredRun) -> dict[str, object]:
    """Ask for an easier goal besides the run's one."""
    goals = run.identity.get("goal_error")
    if not isinstance(goals, list) or len(goals) != 1 or not isinstance(goals[0], int | float):
        return {}
    goal, sign = float(goals[0]), run.curves[0].sign
    other, examples = easier(goal, sign), _validation_examples(run, sign)
    if examples and goal_count(other, examples) == (errors := goal_count(goal, examples)):
        if errors + 1 >= examples:
            return {}
        other = _goal_of(errors + 1, examples)
    return {"goal_error": [goals[0], other]}


def _goal_of(errors: int, examples: int) -> float:
    """Return a short goal that so many errors meet and no more.

    Example:
        >>> _goal_of(1, 179), _goal_of(14, 179)
        (0.01, 0.08)
    """
    tries = (math.ceil(errors / examples * 10**digits) / 10**digits for digits in range(1, 16))
    return next((goal for goal in tries if goal_count(goal, examples) == errors), errors / examples)


def easier(goal: float, sign: str) -> float:
    """Return a goal that is a little easier to reach.

    Args:
        goal: In (0, 1) for an error, any number for other metrics.
        sign: As `empirics.workloads.goal_label.goal_sign` gives it.

    Example:
        >>> easier(0.08, "error <="), easier(0.97, "error <="), easier(0.45, "r_squared >="), easier(-2.0, "nats <=")
        (0.1, 0.98, 0.405, -1.8)
    """
    if sign == ERRORS:
        wanted = min(1.25 * goal, (1.0 + goal) / 2.0)
        return next((v for n in range(2, 15) if goal < (v := float(f"{wanted:.{n}g}")) < 1.0), wanted)
    step = 0.1 * abs(goal) or 0.1
    return float(f"{goal - step if sign.endswith('>=') else goal + step:.12g}")


def harder(goal: float, sign: str) -> float:
    """Return a goal that is a little harder to reach; arguments as those of `easier`.

    Example:
        >>> harder(0.08, "error <="), harder(0.45, "r_squared >="), harder(-2.0, "nats <=")
        (0.04, 0.495, -2.2)
    """
    return goal / 2.0 if sign == ERRORS else float(f"{2.0 * goal - easier(goal, sign):.12g}")
