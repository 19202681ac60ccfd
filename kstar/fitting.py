"""The law K(B) = c1/B + c2 fitted to measured steps, and advice from the fit.

The fit, its tests and its advice are those of `verification`, the drawing is that of `paper_figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kstar import given
from kstar.estimates import NOTHING, Estimate
from kstar.tables import html_table
from verification.cells import number
from verification.claims.analysis import Analysis, analyse
from verification.claims.evidence import name
from verification.fits.curves import FittedCurve, FittedLaw
from verification.inference.curve_tests import DRAWS
from verification.records.records import Records
from verification.report.advice import (
    Question,
    answer,
    check_efficiency,
    check_time,
    efficiency_question,
    step_time_question,
)
from verification.report.card import Card
from verification.report.recommend import card_of, caveats_of, line_of_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, kw_only=True)
class Advice:
    """A batch size that follows from a fit.

    Attributes:
        question: What was asked.
        batch_size: The answer, examples per step; its value is None where there is none, and a caveat says why.
        steps: Steps to the goal there; None where it was not asked or there is no answer.
        total_time: Time to the goal there, in the unit of the step times; likewise.
        caveats: What to know before trusting it, one sentence each.
    """

    question: str
    batch_size: Estimate
    steps: float | None = None
    total_time: float | None = None
    caveats: tuple[str, ...] = ()

    def _told(self) -> list[tuple[str, str]]:
        """Return the answer by its names."""
        there = [("steps", self.steps), ("total time", self.total_time)]
        return [("batch size [95%]", repr(self.batch_size)), *((k, number(v)) for k, v in there if v is not None)]

    def __repr__(self) -> str:
        answered = ", ".join(f"{key.removesuffix(' [95%]')} {text}" for key, text in self._told())
        return "\n".join([answered, *self.caveats])

    def _repr_html_(self) -> str:
        told = self._told()
        return html_table([key for key, _ in told], [[text for _, text in told]], self.caveats)


@dataclass(frozen=True, repr=False)
class Fit:
    """The law fitted to one curve.

    Attributes:
        analysis: All that was computed together with it.
        fitted: The curve with every law that was fitted and every test, as `verification` has it.
    """

    analysis: Analysis
    fitted: FittedCurve

    @property
    def title(self) -> str:
        """Workload, goal and sparsity, as far as they are known."""
        return name(self.fitted)

    @property
    def sparsity(self) -> float:
        """Percent of weights pruned."""
        return self.fitted.sparsity

    @property
    def law(self) -> FittedLaw:
        """The fitted law with its certificate.

        Raises:
            ValueError: If the curve could not be fitted; says what it lacks.
        """
        law = self.fitted.hyperbola
        if law is None:
            raise ValueError(f"there is no fit: {self.fitted.reason}")
        return law

    @property
    def c1(self) -> Estimate:
        """The noise term, steps x examples, with its 95% profile-likelihood interval."""
        return self._estimate("c1")

    @property
    def c2(self) -> Estimate:
        """The serial floor, steps, with its interval."""
        return self._estimate("c2")

    @property
    def critical_batch_size(self) -> Estimate:
        """c1/c2, examples per step, with its interval: there a run needs twice the examples of a small batch."""
        return self._estimate("b_crit")

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to know before using the numbers, one sentence each."""
        return tuple(caveat[0].upper() + caveat[1:] for caveat in caveats_of(self.fitted))

    def card(self, step_time: tuple[float, float] | None = None) -> Card:
        """Return which batch size to use: what it costs, why it is that one, and what would change the answer.

        Print it. A report, a page and `kstar batch-size` show the same card.

        Args:
            step_time: (t0, t1), where a step takes t0 + t1 B: the card then picks the shortest run. Both finite, > 0.
                None is the column `seconds_per_step` of a file, where there is one.

        Returns:
            The card, with `batch_size`, `use`, `smallest`, `largest`, `b_crit`, `interval`, `rule` and `caveats`.

        Raises:
            ValueError: If `step_time` is outside its range.

        Example:
            >>> sizes = [16, 32, 64, 128, 256, 512]
            >>> fit(sizes, [25600 / size + 100 for size in sizes]).card()  # 25600/256 + 100
            Use batch size 256.
                         batch size  steps [95%]        examples
            recommended  256         200 [200, 200]     51200
            smallest     16          1700 [1700, 1700]  27200
            largest      512         150 [150, 150]     76800
            Critical batch size B_crit = c1/c2: 256 [256, 256].
            Rule: of the powers of two and the batch sizes measured, the nearest to B_crit, where a run takes
              twice the examples of a small batch.
            Intervals are between batch sizes only, not between seeds.
        """
        time = None if step_time is None else line_of_time(*_step_time(step_time))
        return card_of(self.fitted, self.analysis.rejected, time)

    def batch_size_for(
        self, efficiency: float | None = None, *, step_time: tuple[float, float] | None = None
    ) -> Advice:
        r"""Return the batch size that answers one of two questions.

        .. math:: B = B_\mathrm{crit} (1 - e)/e \quad\text{or}\quad B = \sqrt{B_\mathrm{crit}\, t_0/t_1}

        Args:
            efficiency: e, the share of linear scaling to keep, in (0, 1); at 0.5 a run needs twice the examples of a
                small batch.
            step_time: (t0, t1), where a step takes t0 + t1 B: the batch size of the shortest run. Both finite, > 0.

        Returns:
            The batch size with its interval, and caveats. There is no number where the curve rejects the law.

        Raises:
            ValueError: If neither or both were given, or one is outside its range.

        Reference:
            docs/theory.md, result 18.

        Example:
            >>> sizes = [16, 32, 64, 128, 256, 512]
            >>> exact = fit(sizes, [25600 / size + 100 for size in sizes])
            >>> exact.batch_size_for(efficiency=0.5).batch_size
            256 [256, 256]
            >>> exact.batch_size_for(efficiency=0.8)  # 25600/64 + 100
            batch size 64 [64, 64], steps 500
            Intervals are between batch sizes only, not between seeds.
        """
        if (efficiency is None) == (step_time is None):
            raise ValueError("give one of the two: efficiency=0.5, or step_time=(t0, t1) for steps that take t0 + t1 B")
        if efficiency is not None:
            return self._asked(efficiency_question(_efficiency(efficiency)), "steps")
        return self._asked(step_time_question(*_step_time(step_time)), "total_time")

    def plot(self, ax: Axes | None = None, color: str | None = None) -> Axes:
        """Draw the measured points, the law, its 95% band and the critical batch size.

        Args:
            ax: Axes to draw on; None makes a figure with new ones. What is there stays in sight.
            color: Of the curve; None is the colour of its sparsity.

        Returns:
            The axes.

        Raises:
            ValueError: If there is no fit to draw.
        """
        from kstar.drawing import draw_fit  # noqa: PLC0415 - loads matplotlib

        _ = self.law
        return draw_fit(self.analysis, self.fitted, ax, color)

    def _asked(self, question: Question, there: str) -> Advice:
        """Return the advice on a question."""
        _ = self.law
        found = answer(question, self.fitted, self.analysis.rejected)
        size = NOTHING if found.size is None else Estimate(found.size, found.interval.low, found.interval.high)
        caveats = (*((found.sentence,) if found.remark else ()), *self.caveats)
        return Advice(question=question.title, batch_size=size, caveats=caveats, **{there: found.at_best})

    def _estimate(self, quantity: str) -> Estimate:
        """Return a constant of the law."""
        ends = self.law.intervals[quantity]
        return Estimate(self.law.estimates[quantity], ends.low, ends.high)

    def _told(self) -> list[tuple[str, str]]:
        """Return the constants by their names."""
        known = [("c1", self.c1), ("c2", self.c2), ("critical batch size", self.critical_batch_size)]
        return [*((key, repr(one)) for key, one in known), ("n", str(self.law.fit.n))]

    def __repr__(self) -> str:
        title = f"{self.title}: " if self.fitted.curve.title or self.sparsity else ""
        if self.fitted.hyperbola is None:
            return f"Fit({title}none, {self.fitted.reason})"
        return f"Fit({title}{', '.join(f'{key} {text}' for key, text in self._told())})"

    def _repr_html_(self) -> str:
        told = self._told() if self.fitted.hyperbola else []
        return html_table([self.title, *(key for key, _ in told)], [["", *(text for _, text in told)]], self.caveats)


def fit(batch_sizes: Any, steps: Any, lower: Any = None, replicate: Any = None) -> Fit:  # noqa: ANN401 - of any kind
    r"""Fit the law to the steps that training needed at several batch sizes.

    .. math:: K(B) = c_1/B + c_2

    By maximum likelihood, with 95% profile-likelihood intervals. The law is tested too, so that `batch_size_for` gives
    no number where your data reject it.

    Args:
        batch_sizes: B, examples per step: n whole numbers >= 1, at least 3 different ones. Equal ones are repetitions.
            A list, an array, or a column of a table.
        steps: K, steps to the goal: n numbers > 0. None, NaN or infinite where the goal was not met; then `lower` must
            say how many steps were trained.
        lower: Steps of the last goal test that was missed, n numbers >= 0 or one for all: K lies in (lower, steps].
            None where counts are exact.
        replicate: The seed of each run, n numbers or names: one seed may move all batch sizes together. None takes the
            first run of each batch size for one seed, the second for the next.

    Returns:
        The fit, with `c1`, `c2` and `critical_batch_size`, each with its interval, `batch_size_for` and `plot`.

    Raises:
        ValueError: If a value is outside its range, or fewer than 3 batch sizes met the goal.

    Reference:
        Lee et al. 2021, Eq. (3).

    Example:
        >>> fit([16, 32, 64, 128, 256, 512], [5210, 2688, 1452, 810, 501, 352]).critical_batch_size
        414 [375, 460]
    """
    analysis = analyse(
        Records(source=Path("steps"), curves=(given.curve(batch_sizes, steps, lower, replicate),)), DRAWS
    )
    found = Fit(analysis, analysis.curves[0])
    _ = found.law
    return found


def _efficiency(value: Any) -> float:  # noqa: ANN401 - that is what is looked at
    """Return an efficiency."""
    try:
        return check_efficiency(given.number("efficiency", value))
    except ValueError:
        raise ValueError(f"efficiency is {value!r}: give a number between 0 and 1") from None


def _step_time(values: Any) -> tuple[float, float]:  # noqa: ANN401 - likewise
    """Return both parts of the time of a step."""
    try:
        fixed, per_example = (check_time(given.number("step_time", value)) for value in values)
    except (TypeError, ValueError):
        raise ValueError(f"step_time is {values!r}: give (t0, t1), two numbers > 0") from None
    return fixed, per_example
