"""How a run of a foreign table ended: the many spellings of a goal that was not reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence

from empirics.errors import InputError
from empirics.reading.names import METAPARAMETERS, key_of
from empirics.reading.numbers import looks_like_number

Refuse = Callable[[str, str], InputError]
BLANKS = frozenset({"", "nan", "na", "n/a", "#n/a", "none", "null", "-", "--", "\u2014"})
_NEVER = frozenset({"inf", "+inf", "infinity", "\u221e", "never", "dnf", "dnc", "did_not_converge"})
# More than, at least.
_BOUND = re.compile(r"(>=?|\u2265)\s*(.*?)|(.*?)\s*(\+)")
# What others call how a run ended, by the word for it here; `finished` is said of a run that met its goal or did not.
_ENDS: Mapping[str, str] = {
    **{word: word for word in ("reached", "complete", "incomplete", "censored")},
    "not_reached": "not_reached notreached dnf did_not_finish timeout timed_out budget_spent",
    "infeasible": "infeasible diverged",
    "": "finished completed",
    "?": "crashed failed fail failure error killed running pending preempted aborted interrupted oom",
}
_LONGEST_BOUND = 60
_WORDS = {word: end for end, words in _ENDS.items() for word in words.split()}
_OF_A_STUDY = {"complete": "reached", "incomplete": "not_reached"}
_TRUTHS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
# Columns of true and false, by what true says of the goal.
_FLAGS: Mapping[bool, str] = {
    True: "reached converged success succeeded goalreached reachedgoal targetreached goalmet",
    False: "censored diverged timedout dnf",
}


def flags_of(columns: Sequence[str], rows: Sequence[tuple[Mapping[str, str], Refuse]]) -> dict[str, bool]:
    """Return the columns of true and false that say whether the goal was met, to what true says.

    Args:
        columns: Their names.
        rows: The fields of each, and what makes the error of a column and a reason.

    Raises:
        InputError: If such a column holds other words.

    Example:
        >>> fields = {"steps": "4", "Converged": "False"}
        >>> flags_of(["steps", "Converged"], [(fields, lambda column, reason: InputError(reason))])
        {'Converged': True}
    """
    flags = {name: true for name in columns for true, keys in _FLAGS.items() if key_of(name) in keys.split()}
    if "trials" in columns:  # there `censored` counts them
        flags.pop("censored", None)
    return {name: true for name, true in flags.items() if _says_truths(name, rows)}


def _says_truths(name: str, rows: Sequence[tuple[Mapping[str, str], Refuse]]) -> bool:
    """Return whether a column holds true and false; one of other numbers or of blanks alone says something else."""
    filled = [(fields[name], refuse) for fields, refuse in rows if fields[name].lower() not in BLANKS]
    others = [(text, refuse) for text, refuse in filled if text.lower() not in _TRUTHS]
    if others and not all(looks_like_number(text) for text, _ in filled):
        text, refuse = next((one for one in others if not looks_like_number(one[0])), others[0])
        raise refuse(name, f"need true or false, got {text[:60]!r}")
    return bool(filled) and not others


def read_ending(fields: MutableMapping[str, str], flags: Mapping[str, bool], refuse: Refuse) -> None:
    """Write the end of a run as `steps_to_result`, `lower` and `status` say it here.

    Args:
        fields: Of one row; changed in place.
        flags: Of the table, see `flags_of`.
        refuse: Makes the error of a column and a reason.

    Raises:
        InputError: If two fields contradict each other, or a word says nothing of the goal.

    Example:
        >>> fields = {"steps_to_result": ">=5000"}
        >>> read_ending(fields, {}, lambda column, reason: InputError(reason))
        >>> fields
        {'steps_to_result': '', 'lower': '4999'}
    """
    for name in ("lower", "upper", "max_steps", "eval_interval", *METAPARAMETERS):
        if fields.get(name, "").lower() in BLANKS or (name == "upper" and _never(fields.get(name, ""))):
            fields.pop(name, None)
    status = _status(fields, refuse)
    text = fields["steps_to_result"]
    word = text.lower()
    if bound := bound_of(text):
        _at_least(fields, bound, refuse)
    elif word in BLANKS or _never(word):
        fields["steps_to_result"] = ""
    if (bound or _never(word)) and status in {"reached", "complete"}:
        raise refuse("status", f"{status}, yet the steps are {text!r}")
    for name, true in flags.items():
        if fields[name].lower() not in BLANKS:
            _heed(fields, name, _TRUTHS[fields[name].lower()] == true, refuse)
        elif fields["steps_to_result"] and not status:
            raise refuse(name, "is blank, yet steps are given: say whether they met the goal")
    spent = not fields["steps_to_result"] and not fields.get("lower") and status in {"", "not_reached", "incomplete"}
    if spent and "max_steps" in fields:
        fields["lower"] = fields["max_steps"]


def _never(text: str) -> bool:
    """Return whether a word says that a goal was not met."""
    word = re.sub("[ -]", "_", text.lower())
    return word in _NEVER or _WORDS.get(word) == "not_reached"


def bound_of(text: str) -> re.Match[str] | None:
    """Return the parts of a bound such as >5000, >=5000 or 5000+: a sign and a number, or a number and a sign."""
    return _BOUND.fullmatch(text) if len(text) <= _LONGEST_BOUND else None


def _status(fields: MutableMapping[str, str], refuse: Refuse) -> str:
    """Return the word for how a run ended, written as here."""
    told = fields.get("status", "")
    word = "finished" if told.lower() in BLANKS else re.sub("[ -]", "_", told.lower())
    if _WORDS.get(word) == "?":
        ends = "complete, incomplete (budget spent), infeasible (diverged) or censored (cut short)"
        raise refuse("status", f"{told!r} says nothing of the goal: write {ends}, or leave the row out")
    word = _WORDS.get(word, told)
    if "trial" not in fields:
        word = _OF_A_STUDY.get(word, word)
    if "status" in fields:
        fields["status"] = word
    return word


def _at_least(fields: MutableMapping[str, str], bound: re.Match[str], refuse: Refuse) -> None:
    """Write a bound on the steps as the steps that were trained without meeting the goal."""
    number = bound[2] or bound[3] or ""
    if not (number and looks_like_number(number) and float(number).is_integer() and 0 <= float(number) < 1e15):
        raise refuse("steps_to_result", f"need a whole number beside the sign, got {bound[0]!r}")
    least = int(float(number))
    trained = str(least if bound[1] == ">" else least - 1)
    if fields.get("upper") or fields.get("lower", trained) not in {trained, str(least)}:
        raise refuse("steps_to_result", f"{bound[0]!r} contradicts lower or upper")
    fields["steps_to_result"], fields["lower"] = "", trained


def _heed(fields: MutableMapping[str, str], name: str, reached: bool, refuse: Refuse) -> None:
    """Heed a flag: steps of a run that did not reach its goal are those it was trained."""
    steps = fields["steps_to_result"]
    if reached and not steps:
        raise refuse(name, f"{fields[name]}, yet there are no steps")
    if reached or not steps:
        return
    if fields.get("lower") or fields.get("upper") or fields.get("max_steps", steps) != steps:
        raise refuse(name, f"{fields[name]}, yet steps are given; write those trained as >{steps}")
    fields["steps_to_result"], fields["lower"] = "", steps
    if fields.get("status") in {"reached", "complete"}:
        raise refuse(name, f"{fields[name]}, yet the status is {fields['status']}")
