"""A run folder held open, so that writes go into that folder even if its name changes.

A folder can be renamed, removed or replaced while a run writes into it. Then its old name leads nowhere, or to another
run; only the open descriptor still leads to the folder itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError
from empirics.store.schema import FILE_NAME

_Which = tuple[int, int]
_FOLLOWED = "/proc/self/fd"  # where Linux tells the present name of what is open
_LOGS = (f"{FILE_NAME}-wal", f"{FILE_NAME}-shm")


class HeldFolder:
    """A run folder and its store's file, by what they are and not by what they are called.

    Args:
        path: The folder's name, as it is told to people.
        opened: Closes at its end what is opened here.
    """

    def __init__(self, path: Path, opened: contextlib.ExitStack) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)
        opened.callback(os.close, self.descriptor)
        self._opened = opened
        self._name = path.absolute()  # SQLite keeps that of its file too
        self._folder = _which(os.fstat(self.descriptor))
        self._store: _HeldStore | None = None
        self._logs: dict[str, _Which | None] = {}

    def hold_store(self, place: slice) -> None:
        """Remember which file the store is in, and its log; call it once they are open.

        Args:
            place: Where in the file are bytes that never change and are this run's alone.
        """
        descriptor = os.open(FILE_NAME, os.O_RDONLY, dir_fd=self.descriptor)
        self._opened.callback(os.close, descriptor)  # not before: to close one takes SQLite's locks away
        store = _HeldStore(descriptor, _which(os.fstat(descriptor)), place)
        self._store = dataclasses.replace(store, begun_with=store.content())
        self._logs = {name: _at(name, self.descriptor) for name in _LOGS}

    def has_store(self) -> bool:
        """Whether the file of that name in the folder held is the store that was opened, and not overwritten."""
        return self._store is not None and self._store.which == _at(FILE_NAME, self.descriptor) and not self.overwritten

    @property
    def overwritten(self) -> bool:
        """Whether another program has put something else into the store's file."""
        return self._store is not None and self._store.content() != self._store.begun_with

    def is_there(self) -> bool:
        """Whether the folder's name still leads to it, and that of its store to the store."""
        return _at(self._name) == self._folder and self.has_store()

    def check(self) -> None:
        """Refuse to go on where the folder or its store is no longer under its name.

        Raises:
            InputError: If so; says where the results are.
        """
        if not self.is_there():
            raise InputError(self._renamed() if self.has_store() else self._without_store())

    def check_store(self) -> None:
        """Refuse to write into a file that is another's now.

        Raises:
            InputError: If so.
        """
        if self.overwritten:
            raise InputError(self._without_store())

    def present_name(self) -> Path | None:
        """Return the name that the folder has now, None where it has none or the system does not tell."""
        return _name_of(self.descriptor, self._folder)

    def empty_log(self) -> None:
        """Let nothing of the log get into a file that is another's now; SQLite would copy it at the end."""
        for name, which in self._logs.items():
            if name.endswith("-wal") and which is not None and which == _at(name, self.descriptor):
                os.close(os.open(name, os.O_WRONLY | os.O_TRUNC, dir_fd=self.descriptor))

    def remove_logs(self) -> None:
        """Remove the store's log from a folder that no longer has the store: it would spoil any other there."""
        for name, which in self._logs.items():
            if which is not None and which == _at(name, self.descriptor):
                os.unlink(name, dir_fd=self.descriptor)

    def _renamed(self) -> str:
        """Return what to say of a folder whose name leads elsewhere."""
        found = self.present_name()
        if found is not None:
            return (
                f"{self.path} was renamed while this run wrote it; the results are in {found}: run the same command "
                f"with --out {shlex.quote(str(found))} to resume"
            )
        device, inode = self._folder
        return (
            f"{self.path} was renamed while this run wrote it, and this system does not tell its new name; the results "
            f"are in the folder with inode {inode} on device {device} (find / -inum {inode})"
        )

    def _without_store(self) -> str:
        """Return what to say where the folder no longer holds the file that was opened."""
        store = self.path / FILE_NAME
        found = _name_of(self._store.descriptor, self._store.which) if self._store is not None else None
        if found is not None and not self.overwritten:
            return f"{store} was renamed while this run wrote it; {found} holds the results: move it back to resume"
        gone = self.path if _at(self._name) is None else store
        return (
            f"{gone} was removed or replaced while this run wrote it, and what this run had stored is lost with it; "
            "run the same command again to measure anew, with another --out where the folder is another run's now"
        )


@dataclass(frozen=True)
class _HeldStore:
    """The file a store is in: descriptor, which it is, and where and what its bytes are that never change."""

    descriptor: int
    which: _Which
    place: slice
    begun_with: bytes = b""

    def content(self) -> bytes:
        """Return what is there now."""
        return os.pread(self.descriptor, self.place.stop - self.place.start, self.place.start)


@contextlib.contextmanager
def held_folder(path: Path) -> Iterator[HeldFolder]:
    """Hold a run folder as its only writer; the system lets go of it when the process ends, however it ends.

    Args:
        path: The folder, which is there. Where its store is a link to a file elsewhere, that is locked too.

    Raises:
        InputError: If another run holds it, or its store has several names.
    """
    with contextlib.ExitStack() as opened:
        held, store = HeldFolder(path, opened), path / FILE_NAME
        _lock(held.descriptor, fcntl.LOCK_EX, path)
        if store.is_symlink():
            _lock_elsewhere(store.resolve(), held, opened)
        names = store.stat().st_nlink if store.exists() else 1
        if names > 1:
            raise InputError(
                f"{store} is one file under {names} names, and a run would change it under all of them; "
                "put a copy in its place, or use another --out"
            )
        yield held


def _lock_elsewhere(store: Path, held: HeldFolder, opened: contextlib.ExitStack) -> None:
    """Lock a store outside its run folder against runs that come to it by another link, and by its own folder."""
    if store.parent.samefile(held.path):
        return
    for place, how in ((store, fcntl.LOCK_EX), (store.parent, fcntl.LOCK_SH)):
        descriptor = os.open(place, os.O_RDONLY)
        opened.callback(os.close, descriptor)
        _lock(descriptor, how, held.path)


def _lock(descriptor: int, how: int, told: Path) -> None:
    """Lock what is open."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{told} is being written by another run; wait for it or use another --out") from None


def _name_of(descriptor: int, which: _Which) -> Path | None:
    """Return the present name of what is open, None where it has none or the system does not tell."""
    with contextlib.suppress(OSError):
        name = Path(f"{_FOLLOWED}/{descriptor}").readlink()
        if _at(name) == which:
            return name
    return None


def _at(name: Path | str, folder: int | None = None) -> _Which | None:
    """Return which file a name leads to, None where there is none."""
    try:
        return _which(os.stat(name, dir_fd=folder))
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return None
        raise


def _which(found: os.stat_result) -> _Which:
    """Return what tells a file from all others for as long as it is there: device and inode."""
    return found.st_dev, found.st_ino
