"""`python -m guarded_module TREE MODULE WORDS...`: run a module in a process that may change nothing below a folder."""

import os
import runpy
import sys
from pathlib import Path

CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def guard(tree):
    """Let every change below the tree fail as on read-only media."""

    def audit(event, arguments):
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if opened or event in CHANGES:
            for path in arguments[:2] if event == "os.rename" else arguments[:1]:
                named = isinstance(path, str | bytes | os.PathLike)
                if named and Path(os.fsdecode(path)).absolute().is_relative_to(tree):
                    raise OSError(30, "Read-only file system", os.fsdecode(path))

    sys.addaudithook(audit)


if __name__ == "__main__":
    tree, module = Path(sys.argv[1]).absolute(), sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    guard(tree)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
