"""Tasks that misbehave, in a module that worker processes can import."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError


@dataclass(frozen=True)
class Echo:
    """Reports two steps and returns its label and the number of weights."""

    label: str

    def run(self, laboratory, report):
        report(1)
        report(2)
        return [self.label, laboratory.network.size]


@dataclass(frozen=True)
class Refuse:
    label: str

    def run(self, _laboratory, _report):
        raise InputError("--option 7: must be less")


@dataclass(frozen=True)
class Break:
    label: str

    def run(self, _laboratory, _report):
        raise ZeroDivisionError("a bug in the task")


@dataclass(frozen=True)
class Die:
    """Ends its process like the system does when memory runs out."""

    label: str

    def run(self, _laboratory, _report):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Sleep:
    """Reports once and then says nothing for a minute, like a step on a very large batch."""

    label: str

    def run(self, _laboratory, report):
        report(0)
        time.sleep(60)


@dataclass(frozen=True)
class Hold:
    """Leaves a file for each time it is begun and ends when there is a file `go`; needs one file system."""

    label: str
    folder: Path

    def run(self, laboratory, report):
        report(1)
        (self.folder / f"{self.label}-{os.getpid()}").write_text(laboratory.specification.device)
        while not (self.folder / "go").exists():
            time.sleep(0.05)
        return [self.label, os.getpid()]


@dataclass(frozen=True)
class FullDisk:
    """Fails like a task whose checkpoint finds no room."""

    label: str

    def run(self, _laboratory, _report):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoint")
