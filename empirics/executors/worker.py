"""A worker of this machine: a process with a laboratory of its own that takes tasks from a pipe.

It gets specification and data through that pipe once it runs, so the driver notices a process that dies earlier. Data
given at its start would go into a pipe of the system's, where a large object waits for a reader for ever.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from typing import IO, TYPE_CHECKING, Any, cast

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError, WorkerError
from empirics.executors.resources import use_gpu
from empirics.specification.specification import Specification
from empirics.training.tasks import carry_out

if TYPE_CHECKING:
    from empirics.training.laboratory import Laboratory

Message = tuple[str, object]
GRACE_SECONDS = 5.0  # for a process to be seen to have ended
_STDERR = 2
_NAME = "kstar-worker-"
_MEASURES_AS_IMPORTED = 86  # exit code of a worker whose import of the script came to a measurement
_GUARD = 'put the call under `if __name__ == "__main__":`'
_one_at_a_time = threading.Lock()


class NotStartedError(InputError, SystemExit):
    """No worker can start for the script that runs: what its author can mend, and one line where nobody catches it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = f"error: {message}"


@dataclass(frozen=True)
class WorkerProcess:
    """A worker as its parent sees it: the process, the pipe to it, and what it says on stderr while it starts."""

    process: BaseProcess
    connection: Connection
    said: IO[bytes]

    def equip(self, specification: Specification, dataset: Dataset) -> None:
        """Wait until the worker is up, and give it what it works on.

        Raises:
            InputError: If it cannot start; the message says what to do.
            WorkerError: If it ends meanwhile.
        """
        try:
            self.connection.recv()
        except (EOFError, OSError):
            raise self._not_started() from None
        if words := self._words():  # warnings, say
            sys.stderr.write(words)
        try:
            self.connection.send((specification, dataset))
        except OSError:
            raise self.ended("while it got its data") from None

    def ended(self, when: str) -> WorkerError:
        """Return what to say of a worker that ended by itself."""
        self.process.join(GRACE_SECONDS)
        return WorkerError(
            f"a worker ended with exit code {self.process.exitcode} {when} (out of memory?); "
            "run the same command again to resume, with fewer --jobs if it repeats"
        )

    def close(self) -> None:
        """Let go of a worker that has been told to end."""
        self.process.join(GRACE_SECONDS)
        self.process.kill()
        self.process.join()
        self.connection.close()
        self.said.close()

    def _words(self) -> str:
        """Return what the worker said on stderr before it was up."""
        self.said.seek(0)
        return self.said.read().decode(errors="replace")

    def _not_started(self) -> Exception:
        """Return what to say of a worker that ended before it was up."""
        self.process.join(GRACE_SECONDS)
        code = self.process.exitcode
        if code is None or code < 0:
            return self.ended("while it started")
        if code == _MEASURES_AS_IMPORTED:
            message = (
                f"each worker process imports this script, and that must not measure again: {_GUARD}, or use jobs=1"
            )
        else:
            *_, reason = self._words().strip().splitlines() or [f"exit code {code}"]
            message = (
                f"a worker process cannot start ({reason}): it imports the script that runs, which must be a file; "
                f"{_GUARD}, or use jobs=1"
            )
        main = threading.current_thread() is threading.main_thread()  # elsewhere nobody hears of a SystemExit
        return NotStartedError(message) if main else InputError(message)


def start_worker(number: int) -> WorkerProcess:
    """Start a worker.

    Args:
        number: Of the workers of a run, >= 0; says which GPU it takes.

    Raises:
        InputError: If this process may not start any.
    """
    if multiprocessing.current_process().daemon:
        raise InputError("a worker of a pool may start no workers of its own: use --jobs 1 there")
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as undone:
        ours, theirs = context.Pipe()
        undone.callback(ours.close)
        said = undone.enter_context(tempfile.TemporaryFile())
        with theirs, _stderr_into(said) as stderr:
            process = context.Process(target=_work, args=(theirs, stderr, number), name=f"{_NAME}{number}", daemon=True)
            process.start()
        undone.pop_all()
    return WorkerProcess(process, ours, said)


def leave_where_imported_by_a_worker() -> None:
    """End a worker whose import of the user's script has come to a measurement; its parent says what to do.

    Raises:
        SystemExit: If this process is one.
    """
    process = multiprocessing.current_process()
    if getattr(process, "_inheriting", False) and process.name.startswith(_NAME):
        raise SystemExit(_MEASURES_AS_IMPORTED)


def attempt(work: Callable[[], object]) -> Message:
    """Do some work in a worker; return what to send of it, for `checked`."""
    try:
        return "result", work()
    except InputError as error:
        return "input error", str(error)
    except OSError as error:  # a full disk, say
        return "system error", str(error)
    except Exception:  # noqa: BLE001 - whatever it was, the parent shows it
        return "error", traceback.format_exc()


def checked(label: str, message: Message) -> object:
    """Return the value of a worker's message about some work, or raise what it stands for."""
    kind, value = message
    if kind == "input error":
        raise InputError(value)
    if kind == "system error":
        raise OSError(value)
    if kind == "error":
        raise WorkerError(f"{label} failed:\n{value}")
    return value


class _Descriptor:
    """An open file that a process is started with."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Callable[[Any], _Descriptor], tuple[Any]]:
        """Be handed over as the child's own descriptor."""
        return _received, (DupFd(self.number),)


def _received(duplicate: Any) -> _Descriptor:  # noqa: ANN401 - has no public type
    """Return the child's own descriptor."""
    return _Descriptor(duplicate.detach())


def _work(connection: Connection, stderr: _Descriptor | None, number: int) -> None:
    """Be a worker: take specification and data and then tasks from the pipe, and send back steps and results."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if stderr is not None:
        os.dup2(stderr.number, _STDERR)
        os.close(stderr.number)
    connection.send("up")
    kind, found = attempt(lambda: _laboratory(connection.recv(), number))
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        if kind != "result":
            connection.send((kind, found))
            continue
        laboratory = cast("Laboratory", found)
        connection.send(attempt(partial(carry_out, task, laboratory, lambda step: connection.send(("step", step)))))


def _laboratory(given: tuple[Specification, Dataset], number: int) -> Laboratory:
    """Set up a worker's laboratory, on its GPU where there are any."""
    from empirics.training.laboratory import Laboratory  # noqa: PLC0415 - loads torch

    specification, dataset = given
    use_gpu(specification.device, number)
    return Laboratory(specification, dataset)


def _leave_with_parent() -> None:
    """Wait for the parent's end, then end at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Let processes started here never see Ctrl-C: the parent alone answers it, after the block if it comes within."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    resource_tracker.ensure_running()  # as it starts it unblocks what is blocked
    came: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, previous)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _stderr_into(file: IO[bytes]) -> Iterator[_Descriptor | None]:
    """Let a process started here begin with a file for stderr: a script that fails as it is imported says much.

    Args:
        file: Where to.

    Yields:
        The real one, for the process to take up once it is up; None where there is none.
    """
    resource_tracker.ensure_running()  # with the real one, for the rest of this process's life
    with _one_at_a_time:
        try:
            kept = os.dup(_STDERR)
        except OSError:
            yield None
            return
        os.dup2(file.fileno(), _STDERR)
        try:
            yield _Descriptor(kept)
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
