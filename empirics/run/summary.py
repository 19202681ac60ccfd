"""The summary of a run for a person: one line a study, one table a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from empirics.derived import with_derived
from empirics.followed import QUANTITIES, ConstantsRecord
from empirics.records import FEW_STEPS, Study, StudyRecord, at_edge, number_text
from empirics.store.store import read_store
from empirics.workloads.goal_label import goal_label, sign_of

_EDGE_MARK = "*"
# So many studies are named in one line.
_NAMES = 6

_BY_LUCK = "(a lucky draw chose that rate: 12% too many where log K spreads by 0.4; --draws chooses by all draws)"


def describe_study(records: Sequence[StudyRecord], sign: str = "") -> str:
    """Return one line: what came out for each goal, of which trial, and at what cost.

    Args:
        records: The outcome for each goal.
        sign: What the goals are held against, as `goal_sign` gives it.
    """
    several = len(records) > 1
    outcomes = [f"{goal_label(number_text(r.goal), sign)}: {_outcome(r)}" if several else _outcome(r) for r in records]
    return f"{records[0].study}: {', '.join(outcomes)}, {sum(record.seconds for record in records):.1f} s"


def _outcome(record: StudyRecord) -> str:
    """Return what came out for one goal."""
    winner = record.winner
    if winner is None:
        diverged = all(trial.ending == "infeasible" for trial in record.trials)
        unknown = "all trials diverged" if diverged else "best value not known"
        best = unknown if record.best_error is None else f"best at the end {record.best_error:.3f}"
        return f"not reached in {record.max_steps} steps ({best})"
    point = ", ".join(f"{name} {value:.3g}" for name, value in winner.metaparameters.items())
    if record.lower == 0:
        return f"K* <= {winner.step}, met at the first goal test (trial {winner.trial}: {point})"
    rate = f", {_best_rate_cell(record)} at the best rate" if record.best_rate else ""
    return f"K* = {winner.step} (trial {winner.trial}: {point}){rate}"


def describe_ending(record: ConstantsRecord) -> str:
    """Return one line on what a run that was measured along, or its flow, lacks; empty where nothing."""
    parts = []
    if record.diverged is not None:
        parts.append(f"diverged at step {record.diverged}; measurements before it are kept")
    elif record.goal_step is None:
        parts.append("its run did not reach the goal, so nothing is averaged up to K*")
    if record.skipped:
        parts.append(f"{record.skipped} steps moved nothing and have no L")
    flow = record.along("flow_loss")
    last = "T_at_40" if record.sampled else "T_at_goal"
    if flow and record.goal_step is not None and last not in record.values:
        parts.append(f"its flow ended too early, at a loss of {min(flow.values()):.3g} (--flow-gradients: more)")
    return f"constants of {record.study}: {'; '.join(parts)}" if parts else ""


def describe_run(folder: Path) -> str:
    """Return the table of K*(B) per sparsity, warnings, and the measured constants of a run folder.

    Args:
        folder: The run folder.
    """
    with read_store(folder) as store:
        constants, workload, sessions = store.constants(), store.identity["workload"], store.sessions()
        lines, sign = [], sign_of(store.identity)
        for goal in store.goals:
            studies = store.studies(goal)
            lines.append(f"\n{workload}, {goal_label(number_text(goal), sign)}: steps to result K*(B)")
            lines += [*_table(studies, _cell), *_draws_tables(studies), *_warnings(studies, sign)]
    if constants:
        lines += ["", *_constants_table(constants, str(workload))]
    peak = sessions[-1].get("peak_memory_bytes") if sessions else None
    if isinstance(peak, int):
        lines += ["", f"Most memory of a process: {peak / 1e9:.2f} GB."]
    return "\n".join(lines)


def _table(studies: dict[Study, StudyRecord], cell: Callable[[StudyRecord], str]) -> list[str]:
    """Return what a function says of each study, with a row a batch size and a column a sparsity and replicate."""
    columns = sorted({(study.sparsity, study.replicate) for study in studies})
    with_replicates = any(replicate for _, replicate in columns)
    titles = [f"S={sparsity:g}%" + (f" r={replicate}" if with_replicates else "") for sparsity, replicate in columns]
    sizes, found = sorted({study.batch_size for study in studies}), []
    for column in columns:
        records = [studies.get(Study(*column, batch_size)) for batch_size in sizes]
        found.append(["-" if record is None else cell(record) for record in records])
    width = max(12, *(2 + len(text) for texts in found for text in texts))
    lines = ["", f"{'B':>8}" + "".join(f"{title:>{width}}" for title in titles)]
    for batch_size, *cells in zip(sizes, *found, strict=True):
        lines.append(f"{batch_size:>8}" + "".join(f"{text:>{width}}" for text in cells))
    return lines


def _draws_tables(studies: dict[Study, StudyRecord]) -> list[str]:
    """Return what draws and rounding say of each study; nothing where there was one draw and no repeat."""
    lines = []
    for title, every_point in (("Steps at the best rate", True), ("Steps of the winner drawn again", False)):
        of = {study: one for study, one in studies.items() if one.best_rate and (one.draws > 1) is every_point}
        counts = sorted({one.best_rate.draws for one in of.values() if one.best_rate})
        if counts:
            draws = f"{' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} draws"
            lines += ["", f"{title}: median over {draws}, [95%]", *_table(of, _best_rate_cell)]
            lines += [] if every_point else ["", _BY_LUCK]
    if any(record.rounding_spread is not None for record in studies.values()):
        lines += ["", "Standard deviation of log K* by rounding alone", *_table(studies, _rounding_cell)]
    return lines


def _best_rate_cell(record: StudyRecord) -> str:
    """Return the steps at the best rate with their interval."""
    found = record.best_rate
    if found is None or found.steps is None:
        return "-"
    return f"{found.steps:.0f} [{found.low:.0f}, {found.high:.0f}]"


def _rounding_cell(record: StudyRecord) -> str:
    """Return how far rounding moves log K*."""
    return "-" if record.rounding_spread is None else f"{record.rounding_spread:.2f}"


def _cell(record: StudyRecord) -> str:
    """Return K* as text, `> budget` where no trial reached the goal, marked where the winner is at an edge."""
    if record.winner is None:
        return f"> {record.max_steps}"
    bound = "<= " if record.lower == 0 else ""
    return f"{bound}{record.winner.step}{_EDGE_MARK if _edges(record) else ' '}"


def _edges(record: StudyRecord) -> tuple[str, ...]:
    """Return the metaparameters for which the winner is the last point tried on one side.

    Of trials that met the goal at the first test the first listed counts as winner: where it lies says nothing.
    """
    if record.winner is None or record.lower == 0:
        return ()
    return at_edge(record.winner.metaparameters, [trial.metaparameters for trial in record.trials])


def _warnings(studies: dict[Study, StudyRecord], sign: str) -> list[str]:
    """Return what a reader should know before using the table of goals with this sign."""
    lines = []
    at_an_edge = sorted({name for record in studies.values() for name in _edges(record)})
    if at_an_edge:
        lines.append(
            f"{_EDGE_MARK} the winner is the lowest or highest {', '.join(at_an_edge)} tried: K* may be lower outside "
            "the range, or between points with more --trials"
        )
    lines += [
        f"! {record.study}: {_outcome(record)}: try more --trials, or another --out with more --max-steps or an "
        "easier --goal-error"
        for record in studies.values()
        if record.winner is None
    ]
    lines += _coarse_counts(studies, sign)
    return ["", *lines] if lines else []


def _coarse_counts(studies: dict[Study, StudyRecord], sign: str) -> list[str]:
    """Return where K* is known from above alone, and where it is too few steps to be counted finely."""
    hits = [record for record in studies.values() if record.winner is not None]
    lines = []
    if first := [record for record in hits if record.lower == 0]:
        smaller = " or a smaller --eval-interval" if any(record.eval_interval > 1 for record in first) else ""
        metric, _, direction = sign.rpartition(" ")
        rises = f"; if {metric} should rise, give maximise=True" if direction == "<=" and metric != "error" else ""
        lines.append(
            f"! {_named(first)}: the goal was met at the first test, so K* is only known from above: take a harder goal"
            f"{smaller}{rises}"
        )
    if few := [record for record in hits if (record.steps_to_result or 0) <= FEW_STEPS]:
        lines.append(f"! {_named(few)}: K* is {FEW_STEPS} steps or fewer, which counts coarsely: take a harder goal")
    return lines


def _named(records: Sequence[StudyRecord]) -> str:
    """Return the names of some studies; of many the first ones, and how many more."""
    names = [str(record.study) for record in records]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def describe_constants(folder: Path) -> str:
    """Return the measured constants of a run folder, and how they were measured.

    Args:
        folder: The run folder.
    """
    with read_store(folder) as store:
        constants, workload, studies = store.constants(), store.identity["workload"], store.studies()
    lines = ["", f"{workload}: constants"]
    if constants:
        lines += [*_constants_table(constants, str(workload)), *_variance_lines(constants)]
    lines += [line for line in map(describe_ending, constants) if line]
    known = {(record.study.sparsity, record.study.replicate) for record in constants}
    missed = (study for study, record in studies.items() if record.winner is None)
    names = ", ".join(str(study) for study in missed if (study.sparsity, study.replicate) not in known)
    if names:
        lines.append(f"no constants of {names}: no trial reached the goal; try more --trials or --max-steps")
    return "\n".join(lines)


def _constants_table(constants: Sequence[ConstantsRecord], workload: str) -> list[str]:
    """Return the constants with a row a quantity and a column a sparsity and replicate, and what they belong to."""
    complete = [with_derived(record, constants, workload) for record in constants]
    quantities = [name for name in QUANTITIES if any(name in record.values for record in complete)]
    columns = [[_title(record), *(_constant(record, name) for name in quantities)] for record in complete]
    columns.insert(0, ["", *quantities])
    widths = [max(map(len, column)) for column in columns]
    rows = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in zip(*columns, strict=True)
    ]
    return [*(f"{_title(record)}: {_run_line(record)}" for record in constants), "", *rows]


def _title(record: ConstantsRecord) -> str:
    """Return e.g. `S=90%`, with the replicate when it is not the first."""
    study = record.study
    return f"S={study.sparsity:g}%" + (f" r={study.replicate}" if study.replicate else "")


def _run_line(record: ConstantsRecord) -> str:
    """Return which run the constants of a sparsity were measured along, and on what."""
    point = ", ".join(f"{name} {value:.3g}" for name, value in record.metaparameters.items())
    goal = "no goal" if record.goal_step is None else f"goal at step {record.goal_step}"
    measured = [*record.along("L")]
    every = measured[1] - measured[0] if len(measured) > 1 else 1
    where = f"B = {record.study.batch_size}, trial {record.trial} ({point}), {goal}"
    return f"{where}; L every {every} of {record.steps} steps, on {record.examples} training examples"


def _constant(record: ConstantsRecord, name: str) -> str:
    """Return one constant, with its standard error where it has one."""
    if name not in record.values:
        return "-"
    error = f" +- {record.errors[name]:.2g}" if name in record.errors else ""
    return f"{record.values[name]:.4g}{error}"


def _variance_lines(constants: Sequence[ConstantsRecord]) -> list[str]:
    """Return the check of beta/B, where one was made."""
    lines = [
        f"{_title(record):>10} {each.batch_size:>6} {each.drawing:>12} {each.measured:>12.4g} +- {each.error:<9.2g} "
        f"{each.expected:>12.4g}"
        for record in constants
        for each in record.batch_variances
    ]
    if not lines:
        return []
    header = f"{'':>10} {'B':>6} {'drawn by':>12} {'variance':>12}    {'error':<9} {'expected':>12}"
    return ["", "Variance of mini-batch gradients at the start", header, *lines]
