"""What takes long to make and is only looked at: made by one worker of the suite, for all of them."""

import fcntl
import shutil


def once(tmp_path_factory, name, make):
    """Return the folder of a name that `make(folder)` filled, whichever worker came first; the others wait for it."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if root.name.startswith("popen-") else root  # a worker has a folder of its own within all's
    folder, made = root / name, root / f"{name}.made"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
