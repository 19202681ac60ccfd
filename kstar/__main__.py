"""`kstar COMMAND`: the commands of the packages under one name.

After a measurement it shows what the law says of it. Each command loads only what it needs: `kstar derive` loads no
torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from kstar.ending import command, say
from kstar.shadows import look_here_last, what_is_shadowed
from kstar.version import __version__

COMMANDS = {
    "derive": ("theory.derive", "print the derivation of the law, each step checked"),
    "evaluate": ("theory.evaluation.command", "steps to result by the paper's equations, at given batch sizes"),
    "measure": ("empirics.measure", "measure K*(B) per sparsity, then L, Delta and beta"),
    "constants": ("empirics.constants", "measure L, Delta and beta alone, and what they predict"),
    "account": ("verification.account.__main__", "what the K* of pruned networks is made of, in factors without units"),
    "report": ("verification.report.__main__", "fits, intervals and verdicts of a run or a CSV file"),
    "fit": ("verification.report.__main__", "the same as report"),
    "batch-size": ("kstar.batch_size", "which batch size to use, what it costs, and what would change that"),
    "page": ("paper_figures.report.__main__", "one HTML page of measured runs, or of a CSV file"),
    "figures": ("paper_figures.__main__", "draw the paper's figures for measured runs, or for a CSV file"),
    "import": ("empirics.logs.__main__", "steps to a goal from logs: W&B, TensorBoard, MLflow, Optuna, JSON lines"),
    "exchange": ("empirics.exchange.__main__", "run folders to and from other formats"),
    "datasets": ("empirics.datasets.__main__", "fetch data sets into your cache"),
}
_HELP = """usage: kstar COMMAND ...

Steps-to-result curves of sparse networks: theory first, then measured, then tested.

commands:
{commands}

`kstar COMMAND --help` tells more; `kstar --version` prints the version."""


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of one of the packages.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.

    Returns:
        The command's own exit code; 2, with one line on stderr, if there is no such command or it cannot find its own
        packages.

    Raises:
        SystemExit: As the command's own argument parser does.

    Example:
        >>> main(["--help"])
        usage: kstar COMMAND ...
        ...
        0
    """
    if arguments is None:
        look_here_last()
        if shadowed := what_is_shadowed():
            print(f"kstar: {shadowed}", file=sys.stderr)
            return 2
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in {"-h", "--help"}:
        say(_HELP.format(commands="\n".join(f"  {one:<12}{told}" for one, (_, told) in COMMANDS.items())))
        return 0
    if name == "--version":
        say(f"kstar {__version__}")
        return 0
    if name not in COMMANDS:
        print(f"error: no command {name!r}; use one of {', '.join(COMMANDS)} (see kstar --help)", file=sys.stderr)
        return 2
    options = {"then": _FOLLOWS[name]} if name in _FOLLOWS else {}
    code: int = import_module(COMMANDS[name][0]).main(rest, prog=f"kstar {name}", **options)
    return code


def _fits(folder: Path) -> str:
    """Return what the law says of a run that was measured."""
    import verification  # noqa: PLC0415 - only after a measurement

    return verification.summary(folder)


def _predictions(folder: Path) -> str:
    """Return what the constants of a run account for and predict."""
    from verification.account.text import read_account  # noqa: PLC0415 - only after a measurement
    from verification.prediction.table import describe  # noqa: PLC0415

    return f"{read_account(folder)}\n{describe(folder)}"


_FOLLOWS: Mapping[str, Callable[[Path], str]] = {"measure": _fits, "constants": _predictions}


if __name__ == "__main__":
    sys.exit(main())
