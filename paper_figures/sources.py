"""What figures are drawn from: the records of a run and, where there are any, its verdicts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from theory import HYPERBOLA
from verification.records import Curve, Records, read_records
from verification.verdicts import input_digests

Interval = tuple[float | None, float | None]


@dataclass(frozen=True)
class FittedLaw:
    """The paper's law as verdicts.json has it.

    Attributes:
        parameters: c1 and c2 to draw the curve with, > 0.
        estimates: c1, c2 and b_crit as reported; None where the data hold no trace of one.
        intervals: The same names to their 95% intervals; an end is None where it is open.
        n: Points that reached the goal.
    """

    parameters: Mapping[str, float]
    estimates: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    n: int


@dataclass(frozen=True)
class Run:
    """A run folder as figures see it.

    Attributes:
        folder: Where it is.
        records: Its measured curves.
        fits: (workload, goal, sparsity) to the fitted law, or to the reason why there is none.
        missing: What to tell a reader when no verdicts can be shown, else None.
    """

    folder: Path
    records: Records
    fits: Mapping[tuple[str, str, float], FittedLaw | str]
    missing: str | None

    def fit(self, curve: Curve) -> FittedLaw | str:
        """Return the law fitted to a curve, or why there is none, one short line."""
        key = (curve.workload, curve.goal, curve.sparsity)
        return self.missing or self.fits.get(key, "no fit in verdicts.json")


def read_run(folder: str | Path) -> Run:
    """Read a run folder.

    Args:
        folder: With curves.csv, and verdicts.json where `verification.report` has written it.

    Returns:
        The run; verdicts that are absent, or older than the records, are missing with the command that makes them.

    Raises:
        ValueError: If the folder is no run, or one of its files cannot be read.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"{path}: no such run folder")
    records = read_records(path)
    file = path / "verdicts.json"
    command = f"python -m verification.report {path}"
    if not file.exists():
        return Run(path, records, {}, f"the fit is missing; make it by\n{command}")
    try:
        verdicts = json.loads(file.read_text(encoding="utf-8"))
        digests = verdicts["inputs"]
        fits = {_key(curve): _fit(curve) for curve in verdicts["curves"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{file} is no verdicts file ({error!r}); make it again: {command}") from None
    if digests != input_digests(path):
        return Run(path, records, {}, f"the fit is older than the records; renew it by\n{command}")
    return Run(path, records, fits, None)


def _key(curve: Mapping[str, object]) -> tuple[str, str, float]:
    """Return which curve an entry of verdicts.json is about."""
    return str(curve["workload"] or ""), str(curve["goal"] or ""), float(str(curve["sparsity"]))


def _fit(curve: Mapping[str, object]) -> FittedLaw | str:
    """Return the fitted law of an entry of verdicts.json, or its reason for having none."""
    laws = curve["laws"]
    if not isinstance(laws, dict) or "H" not in laws:
        return f"no fit: {curve['reason']}"
    law = laws["H"]
    names = ("c1", "c2", "b_crit")
    return FittedLaw(
        parameters=HYPERBOLA.natural(law["theta"]),
        estimates={name: law[name] for name in names},
        intervals={name: (law["intervals"][name][0], law["intervals"][name][1]) for name in names},
        n=int(str(curve["n"])),
    )
