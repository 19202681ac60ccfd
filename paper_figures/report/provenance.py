"""How a run was measured and how to measure it again, from its provenance.json."""

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empirics.records import duration_text
from empirics.workloads.goal_label import sign_of
from verification.records.provenance_file import FILE_NAME, listed, part
from verification.records.run_command import measure_command, words_of
from verification.report.verdicts import input_digests


@dataclass(frozen=True)
class Measured:
    """How a run was measured.

    Attributes:
        facts: (heading, value) of what must not change within the run, what was asked for, and times.
        sessions: One list of (heading, value) for every process that worked on it.
        notices: What the measurement warned of, without repetitions.
        missing: Why the above are empty, else None.
        digests: (file, SHA-256) of the files this page was made from.
    """

    facts: tuple[tuple[str, str], ...]
    sessions: tuple[tuple[tuple[str, str], ...], ...]
    notices: tuple[str, ...]
    missing: str | None
    digests: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Step:
    """One step of doing it again: what it does and the command, or None where words are all there is."""

    what: str
    command: str | None


def measured(source: Path, provenance: Mapping[str, Any] | None) -> Measured:
    """Return how a run was measured, in words.

    Args:
        source: The run folder, or a CSV file.
        provenance: From `verification.records.provenance_file`.

    Returns:
        Everything the file says, whether or not this version knows it.
    """
    digests = tuple(sorted(input_digests(source).items()))
    if provenance is None:
        what = f"{FILE_NAME} is missing" if not source.is_file() else f"{source.name} is a table"
        missing = f"{what}: nothing here says how the run was measured"
        return Measured((), (), (), missing, digests)
    sessions = [session for session in listed(provenance, "sessions") if isinstance(session, dict)]
    notices = [notice for session in sessions for notice in listed(session, "notices")]
    facts = {key: value for key, value in provenance.items() if key != "sessions"}
    if "goal_error" in part(facts, "identity"):
        facts["identity"] = _with_goal(part(facts, "identity"))
    without = [{key: value for key, value in session.items() if key != "notices"} for session in sessions]
    return Measured(
        facts=tuple(
            fact for key, value in facts.items() for fact in _facts(value if isinstance(value, dict) else {key: value})
        ),
        sessions=tuple(_facts(session) for session in without),
        notices=tuple(dict.fromkeys(words_of(notice) for notice in notices)),
        missing=None,
        digests=digests,
    )


def _with_goal(identity: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an identity that calls its goals by what they are values of."""
    told = f"{sign_of(identity)} {words_of(identity['goal_error'])}".strip()
    renamed = {"goal" if name == "goal_error" else name: value for name, value in identity.items()}
    return {name: value for name, value in renamed.items() if name != "metric"} | {"goal": told}


def steps_to_reproduce(source: Path, provenance: Mapping[str, Any] | None) -> tuple[Step, ...]:
    """Return the commands that make a run, its verdicts, figures and this page again.

    Args:
        source: The run folder, or a CSV file.
        provenance: From `verification.records.provenance_file`.

    Returns:
        The steps in order; where a run does not say how it was measured, a step says that.
    """
    again = source
    steps = []
    command = None if provenance is None else measure_command(provenance)
    if provenance is not None and command is not None:
        again = Path("runs") / f"{source.resolve().name}-again"
        steps += [*_install(provenance), *_data(provenance)]
        steps.append(Step("Measure. If you stop it, the same command resumes.", f"{command} --out {_quoted(again)}"))
        same = "Compare: the same versions and device class give the same bytes."
        steps.append(Step(same, f"diff {_quoted(again / 'curves.csv')} {_quoted(source / 'curves.csv')}"))
    elif not source.is_file():
        steps.append(Step(f"{FILE_NAME} does not say how it was measured.", None))
    save = "" if source.is_file() else " --save"
    steps.append(Step("Fit the laws, judge the claims.", f"python -m verification.report {_quoted(again)}{save}"))
    steps.append(Step("Draw the figures.", f"python -m paper_figures {_quoted(again)}"))
    steps.append(Step("Make this page.", f"python -m paper_figures.report {_quoted(again)} --to report.html"))
    return tuple(steps)


def _install(provenance: Mapping[str, Any]) -> list[Step]:
    """Return how to have the versions that measured a run."""
    commits = [session.get("commit") for session in listed(provenance, "sessions") if isinstance(session, dict)]
    known = list(dict.fromkeys(commit for commit in commits if isinstance(commit, str)))
    steps = []
    if len(known) == 1 and re.fullmatch(r"[0-9a-f]{7,40}", known[0]):
        steps.append(Step("Take the commit it was measured with.", f"git checkout {known[0]}"))
    elif known:
        several = f"It was measured with {', '.join(known)}: no single commit that can be checked out."
        steps.append(Step(several, None))
    return [*steps, Step("Install the pinned versions.", "pip install -c constraints.txt -e .")]


def _data(provenance: Mapping[str, Any]) -> list[Step]:
    """Return what must be at hand before the measurement."""
    identity = part(provenance, "identity")
    workload = str(identity["workload"])
    steps = []
    if ":" in workload:
        steps.append(Step(f"Have the module of {workload} where Python finds it.", None))
    elif not workload.startswith("digits"):
        fetch = f"python -m empirics.datasets fetch {shlex.quote(workload.partition('/')[0])}"
        steps.append(Step("Have its data; files of your own are named by --data-dir.", fetch))
    if identity.get("points") is not None:
        sessions = [session for session in listed(provenance, "sessions") if isinstance(session, dict)]
        files = [Path(one["points"]).name for one in sessions if isinstance(one.get("points"), str)]
        named = f", {files[-1]}," if files else ""
        steps.append(Step(f"Have its search points{named} as POINTS.csv.", None))
    return steps


def _facts(found: Mapping[str, Any], before: str = "") -> tuple[tuple[str, str], ...]:
    """Return nested values as (heading, value)."""
    facts: list[tuple[str, str]] = []
    for key, value in found.items():
        heading = f"{before}{str(key).replace('_', ' ')}"
        if isinstance(value, dict):
            facts += _facts(value, f"{heading}: ")
        elif heading.endswith("seconds") and isinstance(value, int | float) and 0 <= value < math.inf:
            facts.append((f"{heading.removesuffix(' seconds')} time, summed over processes", duration_text(value)))
        else:
            facts.append((heading, words_of(value)))
    return tuple(facts)


def _quoted(path: Path) -> str:
    """Return a path for a shell."""
    return shlex.quote(str(path))
