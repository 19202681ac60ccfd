"""The columns of a foreign table: names in any spelling, their synonyms, and kinds of table that are rejected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from empirics.columns import CURVES_COLUMNS, CURVES_WIDTHS, TRIALS_COLUMNS
from empirics.errors import InputError
from empirics.reading.numbers import looks_like_number

NEEDED = ("batch_size", "steps_to_result")
# What is known of a run's search point by its name; a table may have other columns of numbers.
METAPARAMETERS = ("learning_rate", "momentum", "weight_decay", "decay_steps", "end_learning_rate_factor")
# What to do with a history: every reader of rows says it.
STEPS_OF_LOGS = "`kstar import FILE --goal X` makes a row a run of it"
# What the published tables and logs of others call a column; spelled without blanks, marks and capitals.
_SPELLINGS: Mapping[str, str] = {
    "batch_size": "batchsize batch batchsizes bs b gbs globalbatchsize globalbatch trainbatchsize trainingbatchsize "
    "totalbatchsize totaltrainbatchsize effectivebatchsize minibatchsize minibatch examplesperstep",
    "steps_to_result": "stepstoresult steps numsteps nsteps numberofsteps stepcount stepstotarget stepstogoal "
    "stepstoconverge stepstoconvergence stepstoaccuracy stepsneeded stepstaken iterations iters numiterations numiters "
    "niterations niters iterationstoconvergence iterationstotarget iterationstoresult updates numupdates gradientsteps "
    "optimizersteps optimisersteps k kstar",
    "max_steps": "maxsteps stepbudget stepsbudget budget maxiterations maxiters maxnumsteps",
    "sparsity": "sparsity sparsitypercent sparsitypct sparsitylevel percentsparsity percentpruned prunedpercent",
    "learning_rate": "learningrate lr bestlr bestlearningrate",
    "momentum": "momentum bestmomentum",
    "weight_decay": "weightdecay wd bestweightdecay",
    "decay_steps": "decaysteps",
    "end_learning_rate_factor": "endlearningratefactor",
    "goal": "goal goalerror",
    "status": "status state outcome",
    "trial": "trial trialid trialnumber trialindex",
    "eval_interval": "evalinterval",
    "seconds_per_step": "secondsperstep secsperstep secperstep steptimeseconds",
    **{name: name for name in ("workload", "replicate", "lower", "upper", "stop", "metaparameters")},
}
_SYNONYMS = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
# One step of a history, unless there is one row a run; then the step that met the goal.
_MOMENTS = ("step", "globalstep", "iteration", "iter")
# Spelled as the pages spell them, and so not worth a word.
_PLAIN = frozenset({"steps", "goalerror"})
_UNITS = re.compile(
    r"\s*[(\[](examples|samples|images|sequences|tokens|steps|iterations|%|percent|pct)[)\]]$", re.IGNORECASE
)
_PREFIX = re.compile(r"^(configs?|params|parameters|hparams|hyperparameters|args|summary|metrics)[./_]", re.IGNORECASE)
_COUNTS_OF_OTHERS = {
    "tokens": "counts tokens: call it batch_size (tokens) if all batch sizes are tokens per step",
    "epoch": "counts epochs: the steps of a run are its epochs times the examples of an epoch over the batch size",
    "samples": "counts examples: the steps of a run are its examples over the batch size",
    "examples": "counts examples: the steps of a run are its examples over the batch size",
    "microbatch": "is a part of a batch: give the examples of all devices per step as batch_size",
    "localbatch": "is a part of a batch: give the examples of all devices per step as batch_size",
    "perdevice": "is a part of a batch: give the examples of all devices per step as batch_size",
    "pergpu": "is a part of a batch: give the examples of all devices per step as batch_size",
    "trainsteps": "may be a budget: call it steps if it is the steps a run took to its goal, max_steps if it is not",
    "trainingsteps": "may be a budget: call it steps if it is the steps a run took to its goal, max_steps if it is not",
    "totalsteps": "may be a budget: call it steps if it is the steps a run took to its goal, max_steps if it is not",
}
_MULTIPLIES = re.compile(
    "(?:grad(?:ient)?)?accum(?:ulat(?:e|ion))?(?:grad(?:ient)?)?(?:steps|batches)?|worldsize|"
    "(?:(?:num|n|numberof)?(?:devices|gpus|nodes|replicas))|(?:num|n)gpu"
)
_COUNTS_ALL = re.compile("global|total|effective|gbs")
_SEEDS = ("seed", "randomseed", "replicate", "repeat", "rep")
# They say how sparse a network is, in a way that has two readings.
_SHARES = (
    "density keepratio keepfraction pruneratio pruningratio pruningfraction pruningrate prunedfraction sparsityratio "
    "sparsityfraction compression compressionratio remainingweights weightsremaining"
)


@dataclass(frozen=True)
class Names:
    """The columns of a table.

    Attributes:
        columns: One a cell; those with a meaning by the name they have here, others as they are.
        taken: Name here to the name in the file, where that is a synonym.
        moments: Whether its steps are named as those of a history.
        own: Whether this program wrote the table, so that no name stands for another.
    """

    columns: tuple[str, ...]
    taken: Mapping[str, str]
    moments: bool = False
    own: bool = False


def key_of(name: str) -> str:
    """Return a name without its unit, prefix, blanks, marks and capitals.

    Example:
        >>> key_of("Batch Size (examples)"), key_of("config/batch-size"), key_of("BatchSize")
        ('batchsize', 'batchsize', 'batchsize')
    """
    return re.sub(r"[\s_\-.]+", "", _PREFIX.sub("", _UNITS.sub("", name.strip()[:200]))).lower().removesuffix("%")


def multiplies_batches(name: str) -> bool:
    """Return whether a name is that of devices, or of batches gathered before a step, so that a step takes more.

    Example:
        >>> [multiplies_batches(name) for name in ("gradient_accumulation_steps", "config.world_size", "accuracy")]
        [True, True, False]
    """
    return _MULTIPLIES.fullmatch(key_of(name)) is not None


def counts_all(name: str) -> bool:
    """Return whether the name of a batch size says that it counts the examples of all devices and gathered batches.

    Example:
        >>> counts_all("global_batch_size"), counts_all("batch_size")
        (True, False)
    """
    return _COUNTS_ALL.search(key_of(name)) is not None


def is_seed(name: str) -> bool:
    """Return whether a name is that of the seed, or number, of a repeat.

    Example:
        >>> is_seed("config.seed"), is_seed("seed_everything")
        (True, False)
    """
    return key_of(name) in _SEEDS


def is_header(cells: Sequence[str]) -> bool:
    """Return whether some cells name a batch size and steps."""
    found = {meaning_of(cell) for cell in cells}
    return found.issuperset(NEEDED)


def meaning_of(name: str) -> str:
    """Return the name here of a column, empty where there is none.

    Example:
        >>> meaning_of("Num Steps"), meaning_of("loss")
        ('steps_to_result', '')
    """
    key = key_of(name)
    return "steps_to_result" if key in _MOMENTS else _SYNONYMS.get(key, "")


def read_names(place: str, header: Sequence[str]) -> Names:
    """Return the columns of a table of curves or of trials.

    Args:
        place: File and row, for messages.
        header: The names in the file.

    Raises:
        InputError: If a column that is needed is missing, two could be the same one, or one has several readings; what
            was found.
    """
    if odd := [name for name in header if not name.isprintable()]:
        raise InputError(f"{place}: column {odd[0][:40]!a} has a name that cannot be printed")
    for written in (TRIALS_COLUMNS, CURVES_COLUMNS[: min(CURVES_WIDTHS)]):
        if set(written) <= set(header):
            _refuse_twice(place, header)
            return Names(tuple(header), {}, own=True)
    keys = [key_of(name) for name in header]
    meanings = [_SYNONYMS.get(key, "") for key in keys]
    moments = "steps_to_result" not in meanings
    if moments:
        meanings = [meaning_of(name) for name in header]
    columns = tuple(meaning or name for meaning, name in zip(meanings, header, strict=True))
    if missing := [name for name in NEEDED if name not in columns]:
        raise InputError(f"{place}: {_instead(header, missing[0])}")
    for name in columns:
        same = [told for told, column in zip(header, columns, strict=True) if column == name]
        if len(set(same)) > 1:
            raise InputError(f"{place}: columns {' and '.join(same)} could both be {name}: leave one out")
    _refuse_twice(place, columns)
    shares = [name for name, key in zip(header, keys, strict=True) if key in _SHARES.split()]
    if shares and "sparsity" not in columns:
        raise InputError(f"{place}: column {shares[0]} is not read: give sparsity, the percent of weights pruned")
    taken = {
        meaning: name
        for meaning, name, key in zip(meanings, header, keys, strict=True)
        if meaning and key not in _PLAIN and key != meaning.replace("_", "")
    }
    return Names(columns, taken, moments)


def _refuse_twice(place: str, columns: Sequence[str]) -> None:
    """Raise where a name is there twice."""
    for name in columns:
        if name and columns.count(name) > 1:
            raise InputError(f"{place}: column {name} is there twice")


def _instead(header: Sequence[str], missing: str) -> str:
    """Return what a table is that lacks a column."""
    keys = [key_of(name) for name in header]
    if all(looks_like_number(name) for name in header if name):
        return "holds numbers and no header; write one above it, e.g. batch_size,steps"
    also = {"batch_size": "bs, global_batch_size", "steps_to_result": "steps"}[missing]
    text = f"column {missing} (or {also}) is missing among: {listed(header)}"
    if "batchsize" not in keys and (any(key in _MOMENTS for key in keys) or any(" - " in name for name in header)):
        return f"a history, step by step ({text}): {STEPS_OF_LOGS}"
    for name, key in zip(header, keys, strict=True):
        for part, told in _COUNTS_OF_OTHERS.items():
            if part in key:
                return f"{text}; {name} {told}"
    return text


def listed(names: Sequence[str]) -> str:
    """Return some names on a line of bounded length.

    Example:
        >>> listed("abcdefghij")
        'a, b, c, d, e, f, g, h and 2 more'
    """
    shown = ", ".join(name if len(name) <= 40 else name[:37] + "..." for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
