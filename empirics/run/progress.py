"""Progress on stderr while a run measures: bars, the curve so far and the time left on a terminal, else plain lines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from empirics.records import StudyRecord, duration_text
from empirics.run.curve_plot import HEIGHT, Point, curve_plot
from empirics.run.time_left import TimeLeft
from empirics.training.tasks import Task

# Where nothing else was said for so long, in s, a line tells where the run is.
HEARTBEAT = 60.0
# A terminal without room for the plot and what stands beside it shows none.
_NARROWEST_PLOT, _WIDEST_PLOT = 20, 60
_COLUMNS_BESIDE_PLOT, _LINES_BESIDE_PLOT = 24, 12


class _Bars(Progress):
    """Bars with something above them."""

    def __init__(self, *columns: TextColumn, above: Callable[[], str], console: Console) -> None:
        self._above = above
        super().__init__(*columns, console=console, transient=True)

    def get_renderables(self) -> Iterator[RenderableType]:
        """Return what is drawn."""
        if text := self._above():
            yield Text(text, no_wrap=True, overflow="crop")
        yield self.make_tasks_table(self.tasks)


class Display:
    """Shows stages of work: how many units are done, where the running ones are, and how long it will still take."""

    def __init__(self, *, show: bool = True, clock: Callable[[], float] = time.perf_counter) -> None:
        self.console = Console(stderr=True, highlight=False, quiet=not show)
        self.shows = show
        self._stage: TaskID | None = None
        self._running: dict[str, str] = {}
        self._done, self._total = 0, 0
        self._clock = clock
        self._start = self._spoke = clock()
        self._time = TimeLeft({})
        self._points: list[Point] = []
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self._bars = _Bars(*columns, above=self._above, console=self.console)  # type: ignore[arg-type]

    def __enter__(self) -> Display:
        """Begin to draw."""
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        if self.console.is_terminal:
            self._bars.stop()

    @contextlib.contextmanager
    def stage(self, name: str, total: int, left: TimeLeft | None = None) -> Iterator[None]:
        """Show a stage of `total` units.

        Args:
            name: What the units are.
            total: How many.
            left: The clock that tells how long the run will still take, by the labels of units; None for no clock.
        """
        self._done, self._total, self._running = 0, total, {}
        self._time = left or TimeLeft({})
        self._time.latest = self._clock()
        if not total:
            yield
            return
        self._stage = self._bars.add_task(name, total=total, note="")
        if not self.console.is_terminal:
            self.say(f"{name}: {total}")
        yield
        self._bars.remove_task(self._stage)

    def watch(self, task: Task, step: int) -> None:
        """Show where a running unit is; away from a terminal only now and then."""
        self._running[task.label] = f"{task.label} at {step}"
        self._time.watch(task.label, self._clock())
        self._draw()
        if not self.console.is_terminal and self._clock() - self._spoke >= HEARTBEAT:
            self._print(f"{'  '.join(sorted(self._running.values()))}{self._left()}")

    def studied(self, records: Sequence[StudyRecord]) -> None:
        """Add a study to the curve so far, by its last goal."""
        for record in records[-1:]:
            if record.steps_to_result:
                self._points.append((record.study.sparsity, record.study.batch_size, record.steps_to_result))

    def done(self, task: Task, line: str) -> None:
        """Count a unit and print what came out of it, if anything is worth a line."""
        self._done += 1
        self._running.pop(task.label, None)
        self._time.finish(task.label, self._clock())
        self._draw()
        if line:
            self._print(line)

    def say(self, text: str) -> None:
        """Print a text above the bars."""
        self._spoke = self._clock()
        self.console.print(text, markup=False, soft_wrap=True)

    def _print(self, line: str) -> None:
        """Print a line with the time that is over and how many units are done."""
        self.say(f"{self._clock() - self._start:7.1f} s  [{self._done}/{self._total}]  {line}")

    def _draw(self) -> None:
        """Bring the bar up to date."""
        if self._stage is not None:
            self._bars.update(self._stage, completed=self._done, note="  ".join(sorted(self._running.values())))

    def _above(self) -> str:
        """Return the curve so far, where there is room for it, and the time left."""
        width = min(_WIDEST_PLOT, self.console.width - _COLUMNS_BESIDE_PLOT)
        room = width >= _NARROWEST_PLOT and self.console.height >= HEIGHT + _LINES_BESIDE_PLOT
        plot = curve_plot(self._points, width) if room else ""
        return "\n".join(filter(None, [plot, self._left().removeprefix("; ")]))

    def _left(self) -> str:
        """Return how long the whole run will still take, where that is known."""
        left = self._time.left(self._clock())
        return "" if left is None else f"; about {duration_text(float(f'{left:.2g}'))} left for the whole run"
