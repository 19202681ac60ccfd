"""What takes long to make and is only looked at: made by one worker of the suite, for all of them."""

import fcntl
import shutil
import traceback


def once(tmp_path_factory, name, make):
    """Return the folder of a name that `make(folder)` filled, whichever worker came first; the others wait for it.

    Where it failed it is not tried again: the others fail at once, with what was said then.
    """
    root = tmp_path_factory.getbasetemp()
    root = root.parent if root.name.startswith("popen-") else root  # a worker has a folder of its own within all's
    folder, ended = root / name, root / f"{name}.ended"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ended.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that was killed, or skipped
            folder.mkdir()
            try:
                make(folder)
            except Exception:
                ended.write_text(traceback.format_exc(), encoding="utf-8")
                raise
            ended.touch()
        if said := ended.read_text(encoding="utf-8"):
            raise RuntimeError(f"{name} failed before:\n{said}")
    return folder
