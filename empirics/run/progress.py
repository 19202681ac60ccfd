"""Progress on stderr while a run measures: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from empirics.training.tasks import Task


class Display:
    """Shows stages of work: how many units are done, and where the running ones are."""

    def __init__(self, *, show: bool = True) -> None:
        self.console = Console(stderr=True, highlight=False, quiet=not show)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bars = Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True)
        self._stage: TaskID | None = None
        self._running: dict[str, str] = {}
        self._done, self._total = 0, 0
        self._start = time.perf_counter()

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
    def stage(self, name: str, total: int) -> Iterator[None]:
        """Show a stage of `total` units."""
        self._done, self._total, self._running = 0, total, {}
        if not total:
            yield
            return
        self._stage = self._bars.add_task(name, total=total, note="")
        if not self.console.is_terminal:
            self.console.print(f"{name}: {total}")
        yield
        self._bars.remove_task(self._stage)

    def watch(self, task: Task, step: int) -> None:
        """Show where a running unit is."""
        self._running[task.label] = f"{task.label} at {step}"
        self._draw()

    def done(self, task: Task, line: str) -> None:
        """Count a unit and print what came out of it, if anything is worth a line."""
        self._done += 1
        self._running.pop(task.label, None)
        self._draw()
        if line:
            elapsed = time.perf_counter() - self._start
            self.console.print(f"{elapsed:7.1f} s  [{self._done}/{self._total}]  {line}", markup=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a text above the bars."""
        self.console.print(text, markup=False, soft_wrap=True)

    def _draw(self) -> None:
        """Bring the bar up to date."""
        if self._stage is not None:
            self._bars.update(self._stage, completed=self._done, note="  ".join(sorted(self._running.values())))
