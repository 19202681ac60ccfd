"""The one reader of tables of curves and of trials: which rows are one curve, which are repeats, which are the same.

`text` makes cells of bytes, `names` knows the columns, `rows` reads each row by itself; here rows are held against each
other. Reports and imports read every file through this door.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from empirics.columns import CURVES_COLUMNS, TRIALS_COLUMNS
from empirics.errors import InputError
from empirics.reading.names import METAPARAMETERS, STEPS_OF_LOGS, counts_all, key_of, listed, multiplies_batches
from empirics.reading.numbers import looks_like_number
from empirics.reading.rows import Row, Table, read_plain_table, read_rows

__all__ = [
    "Row",
    "Table",
    "holds_texts",
    "listed",
    "metaparameter_columns",
    "other_columns",
    "read_plain_table",
    "read_table",
]

# A curve is of one model and one goal: their names tell curves apart, whether they are texts or numbers. What was
# measured of a model (`model_loss`) does not.
_SUBJECTS = (
    "model|(?:neural)?network|net|backbone|arch(?:itecture)?|optimi[sz]er|optim|opt|data|dataset|task|benchmark|"
    "workload|problem|method|algo(?:rithm)?|pruning(?:method|algo(?:rithm)?)?|pruner|(?:lr|learningrate)?schedule|"
    "(?:lr|learningrate)?scheduler|variant|setting"
)
_LABELS = (
    "id|ids|name|index|idx|no|nr|num|number|code|key|label|tag|type|kind|family|version|class|variant|size|scale|width|"
    "depth|layers|params|parameters"
)
_SIZES = (
    "width|depth|hidden(?:size|dim|units)|dmodel|(?:num|n|numberof)?(?:layers|params|parameters)|"
    "(?:param|parameter|layer)count"
)
_METRIC = (
    "(?:train(?:ing)?|val(?:id(?:ation)?)?|dev|test|eval|top[15]){0,2}"
    "(?:acc|accuracy|loss|err|error|errorrate|metric|value|level|score|perplexity|ppl|auc|f1|bleu|mse|percent|pct)"
)
_GOALS = "target|threshold|thresh|goal"
_OF_A_CURVE = re.compile(
    f"(?:train(?:ing)?|base|target)?(?:{_SUBJECTS})(?:{_LABELS})?|{_SIZES}|"
    f"(?:{_GOALS})(?:{_METRIC}|{_LABELS})?|{_METRIC}(?:{_GOALS})"
)
# What a repetition may be numbered by, the first that tells the rows apart.
_OF_A_REPEAT = (
    *("seed", "randomseed", "rep", "repeat", "repetition", "run", "runid", "runnumber", "runname", "name", "id"),
    *("experiment", "experimentid"),
)
# Of these, what may as well name the runs of a search, where it is a rate that makes them differ.
_NAMES_A_RUN = re.compile("run.*|name|id|experiment.*")
_SEARCHED = re.compile("learningrate|lr|metaparameters|momentum|weightdecay|wd|.*decaysteps|.*endlearningratefactor")
# What a history holds at every step.
_MEASURED = ("loss", "acc", "error", "perplexity", "epoch")
_RESULT = ("steps_to_result", "lower", "upper", "status")
_STUDY = ("workload", "goal", "sparsity", "replicate", "trial", "batch_size")
_KNOWN = frozenset({*CURVES_COLUMNS, *TRIALS_COLUMNS, "seconds_per_step"})


def read_table(path: Path) -> Table:
    """Read a table of curves or of trials as people have it.

    Args:
        path: The file, see `docs/own_logs.md`.

    Returns:
        The table; columns that tell curves apart are in `workload`, those that number repetitions in `replicate`, and
        equal rows are one.

    Raises:
        InputError: If it cannot be read, or something in it has two readings; one line naming what was found.
    """
    table = read_rows(path)
    if not table.names.own:
        table = _with_replicates(_with_curves_apart(table))
        _refuse_pooled(table)
    return _without_repeats(table)


def other_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that have no meaning here, in the order of the file."""
    known = _KNOWN.union(metaparameter_columns(table))
    return tuple(name for name in table.columns if name not in known)


def metaparameter_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that hold a metaparameter known by its name; not one that says in words what was used."""
    there = (name for name in METAPARAMETERS if name in table.columns)
    return tuple(name for name in there if name == "learning_rate" or not holds_texts(table, name))


def holds_texts(table: Table, name: str) -> bool:
    """Return whether a column has no numbers and is not blank."""
    cells = [row.text(name) for row in table.rows]
    return any(cells) and not any(looks_like_number(cell) for cell in cells)


def _with_curves_apart(table: Table) -> Table:
    """Return a table whose workload tells of every column that tells curves apart."""
    apart = [name for name in other_columns(table) if is_of_a_curve(name) and _varies_within(table.rows, name)]
    if not apart:
        return table
    rows = []
    first: dict[tuple[str, float | str], str] = {}  # 0.7 and 0.70 are one goal
    for row in table.rows:
        if blank := next((name for name in apart if not row.text(name)), None):
            raise row.refuse(blank, "is blank here and tells curves apart elsewhere: fill it in every row")
        texts = (first.setdefault((name, number_or_text(row.text(name))), row.text(name)) for name in apart)
        told = ", ".join(f"{name} {text}" for name, text in zip(apart, texts, strict=True))
        workload = ", ".join(part for part in (row.text("workload"), told) if part)
        rows.append(replace(row, fields={**row.fields, "workload": workload}))
    return _used(table, rows, apart, f"one curve for each {' and '.join(apart)}")


def is_of_a_curve(name: str) -> bool:
    """Return whether a name says that its column holds a model, what it is trained by or on, or a goal.

    Example:
        >>> [is_of_a_curve(name) for name in ("params.model", "optimizer", "warmup")]
        [True, True, False]
    """
    return _OF_A_CURVE.fullmatch(re.sub("[^a-z0-9]+", "", key_of(name))) is not None


def is_searched(name: str) -> bool:
    """Return whether a name is that of a metaparameter, in which the runs of a search differ.

    Example:
        >>> [is_searched(name) for name in ("lr", "config/weight_decay", "seed")]
        [True, True, False]
    """
    return _SEARCHED.fullmatch(re.sub("[^a-z0-9]+", "", key_of(name))) is not None


def _refuse_pooled(table: Table) -> None:
    """Refuse a text of no known meaning that would tell rows of one curve apart."""
    for name in other_columns(table):
        split = multiplies_batches(name) and not counts_all(table.names.taken.get("batch_size", ""))
        if split and _varies_within(table.rows, name, (*_STUDY[:3], "batch_size")):
            raise InputError(
                f"{table.path}: rows of one batch size differ in {name}: multiply batch_size by it where a step "
                "takes so many more examples, else leave it out"
            )
        values = [row.text(name) for row in table.rows]
        if _tells_rows_apart(values) and _varies_within(table.rows, name):
            shown = ", ".join(repr(value[:30]) for value in list(dict.fromkeys(values))[:3])
            raise InputError(
                f"{table.path}: column {name} ({shown}) tells rows of one curve apart: call it workload if it says "
                "what was trained, replicate if it numbers repeats, or leave it out"
            )


def _tells_rows_apart(values: Sequence[str]) -> bool:
    """Return whether a column holds texts that are not a name or time of each row."""
    texts = [value for value in values if value and not looks_like_number(value)]
    moments = all(set(value) <= set("0123456789-:/.+TZ ") for value in texts)
    return bool(texts) and not moments and len(set(values)) < len(values)


def _varies_within(rows: Sequence[Row], name: str, within: Sequence[str] = _STUDY[:3]) -> bool:
    """Return whether a column has several values within one curve, or within what other columns tell apart."""
    seen: dict[object, float | str] = {}
    return any(
        seen.setdefault(tuple(number_or_text(row.text(part)) for part in within), value) != value
        for row, value in ((row, number_or_text(row.text(name))) for row in rows)
    )


def _with_replicates(table: Table) -> Table:
    """Return a table whose repetitions are numbered by a column such as `seed`, where they need numbers."""
    if "replicate" in table.columns or not _repeated(table.rows):
        return table
    keys = {key_of(name): name for name in reversed(other_columns(table))}
    search = _is_a_search(table)
    for key in _OF_A_REPEAT:
        if key not in keys or (search and _NAMES_A_RUN.fullmatch(key)):
            continue
        name = keys[key]
        rows = [
            replace(row, fields={**row.fields, "replicate": str(number)})
            for row, number in zip(table.rows, _numbers(table.rows, name), strict=True)
        ]
        if not _repeated(rows):
            return _used(table, rows, [name], f"read column {name} as replicate")
    return table


def _is_a_search(table: Table) -> bool:
    """Return whether rows of one study differ in a metaparameter: trials, of which the least counts, and no repeats."""
    names = [name for name in table.columns if is_searched(name)]
    seen: dict[object, list[float | str]] = {}
    values = ((_study(row), [number_or_text(row.text(name)) for name in names]) for row in table.rows)
    return any(seen.setdefault(study, of_row) != of_row for study, of_row in values)


def _numbers(rows: Sequence[Row], name: str) -> list[int]:
    """Return the number of each row's repetition by the order of a column."""
    texts = [row.text(name) for row in rows]
    ranks = {text: rank for rank, text in enumerate(sorted(set(texts), key=_order))}
    if len(ranks) < len(rows):  # the same seed has the same number at every batch size and sparsity
        return [ranks[text] for text in texts]
    counts: dict[object, int] = {}  # a name of each row: repetitions are numbered study by study
    numbers = [0] * len(rows)
    for at in sorted(range(len(rows)), key=lambda at: ranks[texts[at]]):
        study = _study(rows[at])
        numbers[at] = counts.get(study, 0)
        counts[study] = numbers[at] + 1
    return numbers


def _order(text: str) -> tuple[float, str]:
    """Return what puts numbers in their order, then texts in theirs."""
    value = number_or_text(text)
    return (value, "") if isinstance(value, float) else (float("inf"), text)


def number_or_text(text: str) -> float | str:
    """Return a number where a text is one, so that 16 and 16.0 are the same; NaN, which equals nothing, stays a text.

    Example:
        >>> number_or_text("16.0"), number_or_text("nan"), number_or_text("a")
        (16.0, 'nan', 'a')
    """
    try:
        value = float(text)
    except ValueError:
        return text
    return value if value == value else text  # noqa: PLR0124 - NaN alone differs from itself


def _study(row: Row) -> tuple[float | str, ...]:
    """Return what a row is of; a table without sparsity or replicate has 0."""
    absent = {"sparsity": "0", "replicate": "0"}
    return tuple(number_or_text(row.text(name) or absent.get(name, "")) for name in _STUDY)


def _repeated(rows: Iterable[Row]) -> bool:
    """Return whether two rows are of the same study, and of the same trial where there are trials."""
    studies = [_study(row) for row in rows]
    return len(set(studies)) < len(studies)


def _without_repeats(table: Table) -> Table:
    """Return a table of which equal rows are one; others of the same study are refused."""
    first: dict[object, Row] = {}
    kept, same = [], []
    for row in table.rows:
        other = first.setdefault(_study(row), row)
        if other is row:
            kept.append(row)
            continue
        _refuse_repeat(table, row, other)
        same.append(row.number)
    if not same:
        return table
    rows = ", ".join(map(str, same[:5])) + (" ..." if len(same) > 5 else "")
    what = f"equal rows taken as one: row {rows} said what an earlier one says"
    return replace(table, rows=tuple(kept), notes=(*table.notes, what))


def _refuse_repeat(table: Table, row: Row, other: Row) -> None:
    """Refuse a row of the same study as another, unless it says the same; name what tells them apart."""
    apart = [
        name
        for name in table.columns
        if name not in {*_STUDY, *_RESULT} and number_or_text(row.text(name)) != number_or_text(other.text(name))
    ]
    results = [name for name in _RESULT if number_or_text(row.text(name)) != number_or_text(other.text(name))]
    column, what = ("trial", "trials") if "trial" in table.columns else ("batch_size", "replicates")
    if results and (table.names.moments or any(word in key_of(name) for name in apart for word in _MEASURED)):
        raise row.refuse(column, f"repeats row {other.number}: a history, step by step: {STEPS_OF_LOGS}")
    if apart and not table.names.own:
        by = ", ".join(apart[:5])
        remedy = "name such a column workload (another curve), replicate (repeats) or trial (a search)"
        raise row.refuse(column, f"repeats row {other.number}, apart by {by}: {remedy}")
    if results:
        raise row.refuse(column, f"repeats row {other.number} with another result: number the {what}")


def _used(table: Table, rows: Sequence[Row], names: Sequence[str], note: str) -> Table:
    """Return a table whose rows tell what some columns said."""
    columns = tuple(name for name in table.columns if name not in names)
    return replace(table, rows=tuple(rows), columns=columns, notes=(*table.notes, note))
