"""What figures are drawn from: the records of a run and, where there are any, its verdicts."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from paper_figures.reading.judged import (
    OLDER,
    FittedLaw,
    JudgedCurve,
    JudgedPair,
    JudgedSmoothness,
    Window,
    read_curve,
    read_pair,
    read_smoothness,
)
from paper_figures.reading.verdicts_file import Found, Key, entry_key, load_verdicts
from verification.claims.analysis import Analysis, analyse
from verification.inference.rates import BestRates
from verification.records.records import Curve, Records, read_records
from verification.report.verdicts import FILE_NAME, to_json


@dataclass(frozen=True)
class Run:
    """A run folder as figures see it.

    Attributes:
        folder: Where it is.
        records: Its measured curves, trials and trajectories.
        curves: (workload, goal, sparsity) to what verdicts say of the curve.
        pairs: The same of a sparse network to what they say of it over the dense one.
        missing: What to tell a reader when no verdicts can be shown, else None.
        judged_smoothness: How L goes with the rate of its run, or why there is nothing.
        note: What to tell a reader of where the verdicts come from, None where they are those of verdicts.json.
    """

    folder: Path
    records: Records
    curves: Mapping[Key, JudgedCurve]
    pairs: Mapping[Key, JudgedPair]
    missing: str | None
    judged_smoothness: JudgedSmoothness | str = OLDER
    note: str | None = None

    @property
    def smoothness(self) -> JudgedSmoothness | str:
        """How L goes with the rate of its run, or why there is nothing and what makes it."""
        return self._or_renew(self.judged_smoothness) if self.missing is None else self.missing

    def judged(self, curve: Curve) -> JudgedCurve | str:
        """Return what verdicts say of a curve, or why there is nothing, one short line or two."""
        if self.missing is not None:
            return self.missing
        return self.curves.get(key_of(curve)) or f"no fit in verdicts.json; renew it by\n{self.command}"

    def fit(self, curve: Curve) -> FittedLaw | str:
        """Return the law fitted to a curve, or why there is none."""
        judged = self.judged(curve)
        return judged if isinstance(judged, str) else judged.law

    def rates(self, curve: Curve) -> BestRates | str:
        """Return the winners' rates, or why there are none and what makes them."""
        judged = self.judged(curve)
        return judged if isinstance(judged, str) else self._or_renew(judged.rates)

    def window(self, curve: Curve) -> Window | str:
        """Return the window of the best rate, or why there is none and what makes it."""
        judged = self.judged(curve)
        return judged if isinstance(judged, str) else self._or_renew(judged.window)

    def _or_renew(self, found: Found | str) -> Found | str:
        """Return what was found; where verdicts.json is too old to have it, add what renews it."""
        return f"{found}; renew it by\n{self.command}" if found == OLDER else found

    def pair(self, sparse: Curve) -> JudgedPair | str:
        """Return what verdicts say of a sparse curve over the dense one, or why there is nothing."""
        if self.missing is not None:
            return self.missing
        return self.pairs.get(key_of(sparse)) or "no curve at sparsity 0% to compare with"

    @property
    def command(self) -> str:
        """What makes the verdicts."""
        return f"python -m verification.report {shlex.quote(str(self.folder))} --save"


def key_of(curve: Curve) -> Key:
    """Return workload, goal and sparsity of a curve."""
    return curve.workload, curve.goal, curve.sparsity


def read_run(folder: str | Path) -> Run:
    """Read a run folder.

    Args:
        folder: With curves.csv, and verdicts.json where `verification.report.__main__` has written it.

    Returns:
        The run; verdicts that are absent, or older than the records, are computed, and nothing is written.

    Raises:
        ValueError: If the folder is no run, or one of its files cannot be read.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"{path}: no such run folder")
    records = read_records(path)
    run = Run(path, records, {}, {}, None)
    found = load_verdicts(path, partial(_with_verdicts, run), run.command)
    if isinstance(found, Run):
        return found
    ending = "keeps them" if found == "missing" else "renews it"
    note = f"{path / FILE_NAME} is {found}: its fits were computed for these figures; {run.command} {ending}"
    # No figure shows a p-value, and nothing else needs draws.
    return replace(run_of(analyse(records, draws=0)), note=note)


def run_of(analysis: Analysis) -> Run:
    """Return what is drawn of an analysis: of a run folder, of a file, or of what was never written anywhere.

    Args:
        analysis: Of any records.

    Returns:
        The run, its folder the source of the records.
    """
    records = analysis.records
    return _with_verdicts(Run(records.source, records, {}, {}, None), to_json(analysis))


def _with_verdicts(run: Run, verdicts: Any) -> Run:  # noqa: ANN401 - JSON
    """Return a run with what is said of its curves, of its pairs and of L."""
    return replace(
        run,
        curves={entry_key(entry): read_curve(entry) for entry in verdicts["curves"]},
        pairs={entry_key(entry): read_pair(entry) for entry in verdicts["pairs"]},
        judged_smoothness=read_smoothness(verdicts.get("smoothness_and_rate")),
    )
