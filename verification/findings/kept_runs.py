"""A kept run on the findings page: what it is, what it took, and where it was made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verification.claims.analysis import Analysis
from verification.inference.search_error import winning_points
from verification.report.markdown import code, literal, table


@dataclass(frozen=True)
class KeptRun:
    """A run with what was made of it.

    Attributes:
        name: Of its folder.
        analysis: What it says.
        provenance: Plain data from provenance.json; empty without one.
    """

    name: str
    analysis: Analysis
    provenance: Mapping[str, object]

    @property
    def winners(self) -> int:
        """How many search points have won a study; 0 where the records do not say."""
        return winning_points(self.analysis.records.curves)

    @property
    def replicates(self) -> int:
        """How many times the most repeated study was done."""
        return 1 + max(point.replicate for curve in self.analysis.records.curves for point in curve.points)

    @property
    def mark(self) -> str:
        """A dagger after its name where one search point won every study, else nothing; `COARSE` explains it."""
        return f" {DAGGER}" if self.winners == 1 else ""

    def holds(self, subject: str | None) -> bool:
        """Return whether what a claim was decided by, `workload, goal ...`, is one of this run's workloads."""
        return any(curve.workload == (subject or "").partition(",")[0] for curve in self.analysis.records.curves)


DAGGER = "†"
COARSE = f"""\
{DAGGER} One search point won every study of this run: what is said of the shape of its curves is said of that point,
not of the network at its best."""
_PROCESSOR = ("processor", "vector_instructions")
_READING = """\
*Winners* counts the search points that won a study: where few win them all, the search was too coarse to say how the
best rate moves, and the shape of the curves is the grid's as much as the network's."""


def runs_table(runs: Sequence[KeptRun]) -> str:
    """Return what each run is and what it took."""
    rows = []
    for run in runs:
        asked, identity = _dictionary(run.provenance, "asked_for"), _dictionary(run.provenance, "identity")
        curves = run.analysis.records.curves
        sizes = sorted({point.batch_size for curve in curves for point in curve.points})
        studies = sum(len(curve.points) for curve in curves)
        reached = sum(point.reached for curve in curves for point in curve.points)
        rows.append(
            [
                code(run.name),
                literal(", ".join(sorted({curve.workload for curve in curves}))),
                literal(", ".join(sorted({curve.goal_label.removeprefix("goal ") for curve in curves}))),
                " ".join(f"{level:g}" for level in sorted({curve.sparsity for curve in curves})),
                " ".join(map(str, sizes)),
                f"{literal(str(asked.get('trials', '-')))} x {run.replicates}",
                literal(str(identity.get("stop", "-"))),
                f"{reached}/{studies}",
                str(run.winners or "-"),
                _hours(run.provenance),
            ]
        )
    header = ["run", "workload", "goal", "S, %", "B", "trials x replicates", "stop", "reached", "winners", "took"]
    took = f"*Took* is the time of one process, summed over all. {_machines(runs)}"
    return f"{table(header, rows)}\n\n{_READING}\n{took}{repeats(runs)}"


def repeats(runs: Sequence[KeptRun]) -> str:
    """Return which runs hold studies of a larger run again, one paragraph; nothing where none does."""
    results = [_results(run) for run in runs]
    again: dict[str, list[str]] = {}
    for run, found in zip(runs, results, strict=True):
        shared = [
            (len(other), len(found.items() & other.items()), larger.name)
            for larger, other in zip(runs, results, strict=True)
            if len(other) > len(found) and found.items() & other.items()
        ]
        if shared:
            _, count, name = max(shared, key=lambda one: one[0])
            again.setdefault(name, []).append(f"{code(run.name)} ({count} of {len(found)})")
    return "".join(
        f"\n\nStudies of {code(name)} that came out again with the same winner at the same step: {', '.join(told)}. "
        "There these runs repeat it and do not confirm it."
        for name, told in again.items()
    )


def _results(run: KeptRun) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return what every study that reached its goal found: where its winner did so, and with what."""
    return {
        (*curve.group, curve.sparsity, point.batch_size, point.replicate): (
            point.lower,
            point.upper,
            *sorted(point.metaparameters.items()),
        )
        for curve in run.analysis.records.curves
        for point in curve.points
        if point.reached
    }


def cost(runs: Sequence[KeptRun]) -> str:
    """Return how long every run took, one sentence."""
    told = ", ".join(f"{code(run.name)} {_hours(run.provenance)}" for run in runs)
    return f"Time of one process, summed over all: {told}. {_machines(runs)}"


def _hours(provenance: Mapping[str, object]) -> str:
    """Return how long the work of a run took, summed over its processes."""
    parts = [provenance.get(name) for name in ("study_seconds", "constants_seconds")]
    seconds = sum(part for part in parts if isinstance(part, int | float))
    if not seconds:
        return "-"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{math.ceil(seconds / 60)} min"


def _machines(runs: Sequence[KeptRun]) -> str:
    """Return where the runs were made, one sentence."""
    found: dict[str, None] = {}
    for run in runs:
        sessions = run.provenance.get("sessions")
        for session in sessions if isinstance(sessions, list) else ():
            versions = _dictionary(session, "versions")
            processor = ", ".join(str(session[key]) for key in _PROCESSOR if session.get(key))
            found[f"{processor} ({session.get('device')}), torch {versions.get('torch')}"] = None
    return f"Other work ran beside. Processors, as far as recorded: {literal('; '.join(found)) or 'not recorded'}."


def _dictionary(facts: Mapping[str, object], name: str) -> dict[str, object]:
    """Return a part of plain data, empty where it is missing."""
    part = facts.get(name)
    return part if isinstance(part, dict) else {}
