"""`kstar derive | measure | report | figures`: the commands of the packages under one name.

Each loads only what it needs: `kstar derive` loads no torch, and this module nothing but the standard library.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

COMMANDS = {
    "derive": ("theory.derive", "print the derivation of the law, each step checked, or evaluate it"),
    "measure": ("empirics.measure", "measure K*(B) per sparsity, then L, Delta and beta"),
    "report": ("verification.report", "fits, intervals and verdicts of a run or a CSV file"),
    "figures": ("paper_figures.__main__", "draw the paper's figures for measured runs"),
}
_HELP = """usage: kstar COMMAND ...

Steps-to-result curves of sparse networks: theory first, then measured, then tested.

commands:
{commands}

`kstar COMMAND --help` tells more; `kstar --version` prints the version."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of one of the packages.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.

    Returns:
        The command's own exit code; 2, with one line on stderr, if there is no such command.

    Raises:
        SystemExit: As the command's own argument parser does.

    Example:
        >>> main(["--help"])
        usage: kstar COMMAND ...
        ...
        0
    """
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in {"-h", "--help"}:
        print(_HELP.format(commands="\n".join(f"  {one:<9}{told}" for one, (_, told) in COMMANDS.items())))
        return 0
    if name == "--version":
        print(f"kstar {version('kstar')}")
        return 0
    if name not in COMMANDS:
        print(f"kstar: no command {name!r}; use one of {', '.join(COMMANDS)}; see kstar --help", file=sys.stderr)
        return 2
    code: int = import_module(COMMANDS[name][0]).main(rest, prog=f"kstar {name}")
    return code


if __name__ == "__main__":
    sys.exit(main())
