"""Files that a user asks to write: written whole or not at all, never over another program's file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kstar.files import write_bytes_atomically


@dataclass(frozen=True)
class Target:
    """A file that an option of a command names.

    Attributes:
        option: The option.
        path: The file. A device or a pipe is written to, never replaced; a link stays one.
        what: What the command writes there, in words.
        owns: Whether the command wrote a file that is there.
    """

    option: str
    path: Path
    what: str
    owns: Callable[[Path], bool]


def check_targets(targets: Sequence[Target]) -> None:
    """Refuse targets before anything is computed for them.

    Args:
        targets: All of one command.

    Raises:
        ValueError: If one is a folder, is in a folder that is not there, holds what the command did not write, or is
            the same file as another. An empty file may be replaced.
    """
    for target in targets:
        path, named = target.path, f"{target.option} {target.path}"
        if path.is_dir():
            raise ValueError(f"{named}: is a folder; name a file")
        if not path.parent.is_dir():
            raise ValueError(f"{named}: there is no folder {path.parent}")
        if path.is_file() and path.stat().st_size and not target.owns(path):
            raise ValueError(f"{named}: exists and holds no {target.what}; name another file, or remove this one")
    files = [target.path.resolve() for target in targets if not is_device(target.path)]
    if len(set(files)) < len(files):
        raise ValueError(f"{' and '.join(target.option for target in targets)} need different files")


def holds(mark: str) -> Callable[[Path], bool]:
    """Return whether a text stands in the first or last 4096 bytes of a file, as a function of the file.

    Args:
        mark: By which a command knows its own files.
    """

    def owns(path: Path) -> bool:
        with path.open("rb") as file:
            first = file.read(4096)
            file.seek(max(0, path.stat().st_size - 4096))
            return mark.encode() in first or mark.encode() in file.read()

    return owns


def is_device(path: Path) -> bool:
    """Return whether something is there that is no file and no folder: a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one piece: readers see the old content or the new, never a part.

    Args:
        path: The file; its folder must exist. See `Target`.
        content: What it will hold; text becomes UTF-8.

    Raises:
        OSError: If it cannot be written; it is named, and nothing is left behind.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if is_device(path):
            with path.open("wb") as device:
                device.write(data)
        else:
            write_bytes_atomically(path.resolve(), data)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
