"""`python -m empirics.datasets fetch NAME`: fetch data sets into the user's cache."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from empirics.datasets.arrays import cache_folder
from empirics.errors import InputError
from kstar.command_line import OneLineParser, without_password
from kstar.ending import command, say


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m empirics.datasets") -> int:
    """Fetch data sets into the user's cache; return the exit code."""
    from empirics.datasets.downloads import DOWNLOADS, fetch  # noqa: PLC0415 - loads the network libraries

    parser = OneLineParser(prog=prog, description="Fetch data sets into the user's cache.")
    parser.add_argument("action", choices=("fetch",))
    parser.add_argument("names", nargs="+", choices=tuple(DOWNLOADS), metavar="NAME", help=", ".join(DOWNLOADS))
    parser.add_argument("--to", type=Path, default=None, metavar="DIR", help="another folder, then given as --data-dir")
    parser.add_argument("--from", dest="url", default=None, metavar="URL", help="a mirror of the files")
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            download = DOWNLOADS[name]
            if options.url:
                if not options.url.startswith(("http://", "https://")):
                    shown = without_password(options.url)
                    raise InputError(f"--from {shown}: must be an address that begins with http:// or https://")
                download = dataclasses.replace(download, url=options.url.rstrip("/") + "/")
            say(str(fetch(name, download, options.to or cache_folder())))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
