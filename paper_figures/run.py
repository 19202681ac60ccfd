"""What figures and pages are drawn from: the records of a run, its fits and its verdicts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from verification.claims.analysis import Analysis, analyse
from verification.fits.curves import FittedLaw
from verification.inference.pairs import Pair
from verification.inference.rates import BestRates, best_rates
from verification.missing import Missing
from verification.records.curves import Curve
from verification.records.records import Records, read_records
from verification.report.recommend import StepTime
from verification.report.verdicts import kept

NO_DENSE = "no curve at sparsity 0% to compare with"


@dataclass(frozen=True)
class Run:
    """What figures draw: the records of a run folder, of a file, or of what was never written anywhere.

    Attributes:
        records: Its measured curves, trials and trajectories.
        analysed: Returns their fits, tests and verdicts.
        step_time: How long a step takes, where the user says so.
    """

    records: Records
    analysed: Callable[[], Analysis]
    step_time: StepTime | None = None

    @classmethod
    def of(cls, analysis: Analysis, step_time: StepTime | None = None) -> Self:
        """Return what figures draw of an analysis."""
        return cls(analysis.records, lambda: analysis, step_time)

    @cached_property
    def analysis(self) -> Analysis:
        """Fits, tests and verdicts; figures that ask for none fit no law."""
        return self.analysed()

    @property
    def source(self) -> Path:
        """The folder or file its records are from."""
        return self.records.source

    @property
    def is_table(self) -> bool:
        """Whether they are from a file of somebody's logs."""
        return self.source.is_file()

    def fit(self, curve: Curve) -> FittedLaw | Missing:
        """Return the paper's law on a curve, or why there is none."""
        fitted = self.analysis.fitted(curve)
        return fitted.hyperbola or Missing(f"no fit: {fitted.reason}")

    def best_rates(self, curve: Curve) -> BestRates | Missing:
        """Return the winners' rates beside what theory makes of them, or why there are none."""
        return best_rates(self.analysis.fitted(curve))

    def pair(self, sparse: Curve) -> Pair | Missing:
        """Return a sparse curve beside the dense one, or why there is no pair."""
        return self.analysis.pair(sparse) or Missing(NO_DENSE)


def read_run(source: str | Path, draws: int = 0, tell: Callable[[str], None] | None = None) -> Run:
    """Read a run folder, or a CSV file of logs.

    Its analysis is that of verdicts.json, where `python -m verification.report RUN --save` has written it. One that is
    missing or stale is computed at the first use, and nothing is written.

    Args:
        source: A folder or a file.
        draws: Bootstrap draws a curve where the analysis is computed; figures show no p-value and need none.
        tell: Called with one line for a reader where the analysis is not that of verdicts.json.

    Returns:
        The run.

    Raises:
        ValueError: If there is no such folder or file, or it cannot be read.
    """
    path = Path(source)
    if not path.exists():
        raise ValueError(f"{path}: no such run folder or CSV file")
    records = read_records(path)
    found = "" if path.is_file() else kept(path, records)
    if isinstance(found, Analysis):
        return Run.of(found)
    return Run(records, lambda: _computed(records, draws, found, tell))


def _computed(records: Records, draws: int, note: str, tell: Callable[[str], None] | None) -> Analysis:
    """Return the analysis of records, and tell why a kept one could not be used."""
    if note and tell is not None:
        tell(note)
    return analyse(records, draws)


def figures_folder(source: Path) -> Path:
    """Return where the figures of a run or of a file go: into the run, or beside the file.

    Args:
        source: A run folder or a CSV file.

    Example:
        >>> str(figures_folder(Path("runs/digits")))
        'runs/digits/figures'
    """
    return source.with_name(f"{source.stem}-figures") if source.is_file() else source / "figures"
