"""`kstar evaluate`, and the options of `python -m theory.derive` that evaluate and draw a model."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kstar.command_line import OneLineParser
from kstar.ending import command, one_line, say
from theory.command_line import count_up_to, number, positive
from theory.evaluation.evaluate import BOUNDS, MODELS, Evaluation, evaluate
from theory.evaluation.trajectory import FROM_A_RUN, account, path_constants, read_trajectory
from theory.numbers.doubles import SMALLEST

_PROG = "python -m theory.derive"
_REQUIRED = {"L": "--L", "Delta": "--Delta", "beta": "--beta", "epsilon": "--epsilon", "batch_sizes": "--batch-sizes"}
_OPTIONAL = {
    "mu": "--mu",
    "M_G": "--M-G",
    "eta": "--eta",
    "bound": "--bound",
    "without_replacement": "--without-replacement",
    "H": "--H",
    "plot": "--plot",
}
_OF_A_RUN = {"trajectory": "--trajectory", "f_inf": "--f-inf"}
_TAKES = {"path": {"trajectory", "f_inf"}, "account": {"trajectory", "eta"}}
_HELP = (
    "paper: Eq. (3); fixed, tuned: the bound at a rate, at its best rate; decaying: Eq. (10); path: c1 and c2 of a "
    "bound along a measured path; account: what a measured run kept of its descent"
)


@command
def main(arguments: Sequence[str] | None = None, prog: str = "kstar evaluate") -> int:
    r"""Evaluate a model that is named first.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.
        prog: How the program was called.

    Returns:
        The exit code, 0, or 2 after one line on stderr.

    Reference:
        `evaluate_main`.

    Example:
        >>> main("tuned --L 1 --Delta 2 --beta 1 --epsilon 0.01 --batch-sizes 100".split())
        Steps by the sharp bound at its best rate (result 8)
        c1 = 20000, c2 = 200, critical batch size c1/c2 = 100
        ...
        0
    """
    parser = OneLineParser(prog=prog, description="Steps to result by the paper's equations and the bounds below them.")
    parser.add_argument(
        "evaluate",
        choices=(*MODELS, *FROM_A_RUN),
        help=_HELP,
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    _add_numbers(parser)
    return evaluate_main(parser.parse_args(arguments), prog)


def add_evaluation_arguments(parser: argparse.ArgumentParser) -> None:
    r"""Add the options of an evaluation to a parser that has --format.

    Args:
        parser: The parser.

    Reference:
        `theory.evaluation.evaluate.evaluate` for what the options mean.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_evaluation_arguments(parser)
        >>> parser.parse_args(["--L", "2", "--batch-sizes", "1", "2"]).batch_sizes
        [1.0, 2.0]
    """
    group = parser.add_argument_group("evaluation", "numbers instead of a derivation; --format is text or json")
    group.add_argument(
        "--evaluate",
        choices=(*MODELS, *FROM_A_RUN),
        help=_HELP,
    )
    _add_numbers(group)


def _add_numbers(group: argparse._ActionsContainer) -> None:
    """Add what a model is evaluated on, and where it is drawn."""
    group.add_argument("--L", type=positive, metavar="x", help="smoothness")
    group.add_argument("--Delta", type=positive, metavar="x", help="twice the initial excess loss")
    group.add_argument("--beta", type=positive, metavar="x", help="gradient variance of one example")
    group.add_argument(
        "--epsilon", type=positive, metavar="x", help="goal: mean of E|grad f|^2 (decaying: of eta_k times it)"
    )
    group.add_argument("--mu", type=positive, metavar="x", help="first-moment constant (default: 1)")
    group.add_argument("--M-G", type=positive, metavar="x", help="second-moment constant, >= mu^2 (default: 1)")
    group.add_argument("--eta", type=positive, metavar="x", help="learning rate, for paper, fixed and account")
    group.add_argument("--bound", choices=BOUNDS, help="for fixed and tuned (default: sharp)")
    examples = count_up_to(2**53)  # a whole number as a double
    group.add_argument("--without-replacement", type=examples, metavar="N", help="each batch is a subset of N examples")
    group.add_argument("--H", type=positive, metavar="x", help="sum of the squared rates, for decaying")
    group.add_argument("--batch-sizes", type=positive, nargs="+", metavar="B", help="one or more")
    group.add_argument("--plot", type=Path, metavar="FILE", help="also draw it: .png, .svg, .pdf")
    columns = "; ".join(f"{name}: {', '.join(wanted)}" for name, wanted in FROM_A_RUN.items())
    group.add_argument("--trajectory", type=Path, metavar="FILE", help=f"a measured run, CSV with columns ({columns})")
    group.add_argument("--f-inf", type=number, metavar="x", help="least loss, for path (default: 0)")


def wants_evaluation(options: argparse.Namespace) -> bool:
    r"""Return whether any option of an evaluation was given.

    Args:
        options: What a parser with `add_evaluation_arguments` returned.

    Returns:
        True if so; then call `evaluate_main`, which says what is missing.

    Reference:
        `evaluate_main`.

    Example:
        >>> wants_evaluation(argparse.Namespace(case="all"))
        False
    """
    names = ("evaluate", *_REQUIRED, *_OPTIONAL, *_OF_A_RUN)
    return any(getattr(options, name, None) is not None for name in names)


def evaluate_main(options: argparse.Namespace, prog: str = _PROG) -> int:
    r"""Print an evaluation, and draw it if asked to.

    Args:
        options: What a parser with --format and `add_evaluation_arguments` returned.
        prog: How the program was called.

    Returns:
        The exit code, 0, or 2 after one line on stderr that says what is wrong.

    Reference:
        `theory.evaluation.evaluate.evaluate`.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> _ = parser.add_argument("--format", default="json")
        >>> add_evaluation_arguments(parser)
        >>> words = "--evaluate tuned --L 1 --Delta 2 --beta 1 --epsilon 0.01 --batch-sizes 100"
        >>> evaluate_main(parser.parse_args(words.split()))
        [{"batch_size": 100, "steps": 400.0, "c1": 20000.0, "c2": 200.0, "critical_batch_size": 100.0, "eta": 0.5}]
        0
    """
    record: object
    try:
        if options.evaluate in FROM_A_RUN:
            record, told = _of_a_run(options)
        else:
            found = _evaluate(options)
            record, told = found.rows(), _table(found, options)
            if options.plot is not None:
                _draw(found, options)
    except (ValueError, OSError) as error:
        print(f"error: {one_line(str(error))} (see {prog} --help)", file=sys.stderr)
        return 2
    say(json.dumps(record) if options.format == "json" else told)
    if options.plot is not None:
        told = f"picture: {options.plot}"
        print(told, file=sys.stderr) if options.format == "json" else say(told)
    return 0


def _of_a_run(options: argparse.Namespace) -> tuple[dict[str, object], str]:
    """Return what follows from a measured run, as a record and in words."""
    name, takes = options.evaluate, _TAKES[options.evaluate]
    _require_output(options)
    known = {**_REQUIRED, **_OPTIONAL, **_OF_A_RUN}
    unused = [option for key, option in known.items() if getattr(options, key) is not None and key not in takes]
    if unused:
        raise ValueError(f"{', '.join(unused)}: not for {name}")
    if options.trajectory is None or (name == "account" and options.eta is None):
        raise ValueError(f"{name} needs --trajectory" + (" and --eta" if name == "account" else ""))
    columns = read_trajectory(options.trajectory, FROM_A_RUN[name])
    if name == "path":
        path = path_constants(**columns, f_inf=options.f_inf or 0.0)
        return dataclasses.asdict(path), (
            f"The bound along the path from an excess loss of {path.start:g} to {path.goal:g} (result 22)\n"
            f"c1 = {path.c1:.6g}, c2 = {path.c2:.6g}, critical batch size c1/c2 = {path.critical_batch_size:.6g}"
        )
    found = account(**columns, eta=options.eta)
    error = "too few points to tell" if found.relative_error is None else f"{found.relative_error:.1%}"
    return dataclasses.asdict(found), (
        f"K = {found.K} steps = N/e (result 20)\n"
        f"N = {found.N:.6g} steps of a descent without loss, e = {found.e:.6g} of it kept, s = {found.s:.6g}\n"
        f"relative error of the mean gradient between the measured steps: {error}"
    )


def _require_output(options: argparse.Namespace) -> None:
    """Refuse a format without numbers, and a case."""
    if options.format not in {"text", "json"}:
        raise ValueError(f"--evaluate prints text or json, not {options.format}")
    if getattr(options, "case", None) is not None:
        raise ValueError("--case is for derivations: leave it out with --evaluate")


def _evaluate(options: argparse.Namespace) -> Evaluation:
    if options.evaluate is None:
        raise ValueError("--evaluate is missing: one of " + ", ".join((*MODELS, *FROM_A_RUN)))
    of_a_run = [option for name, option in _OF_A_RUN.items() if getattr(options, name) is not None]
    if of_a_run:
        raise ValueError(f"{', '.join(of_a_run)}: not for {options.evaluate}")
    missing = [option for name, option in _REQUIRED.items() if getattr(options, name) is None]
    if missing:
        raise ValueError(f"{options.evaluate} needs {', '.join(missing)}")
    _require_output(options)
    return evaluate(
        options.evaluate,
        options.batch_sizes,
        L=options.L,
        Delta=options.Delta,
        beta=options.beta,
        epsilon=options.epsilon,
        mu=1.0 if options.mu is None else options.mu,
        M_G=1.0 if options.M_G is None else options.M_G,
        eta=options.eta,
        bound=options.bound,
        without_replacement=options.without_replacement,
        H=options.H,
    )


def _title(options: argparse.Namespace) -> str:
    """Return what was evaluated in one line."""
    bound = options.bound or "sharp"
    fixed = f"the {bound} bound, solved for K at η = {options.eta or 0:g}"
    title = {
        "paper": f"Eq. (3) at η = {options.eta or 0:g}",
        "fixed": fixed,
        "tuned": f"the {bound} bound at its best rate (result {8 if bound == 'sharp' else 9})",
        "decaying": f"Eq. (10) with H = {options.H or 0:g}",
    }[options.evaluate]
    subset = f", subsets of {options.without_replacement} examples" if options.without_replacement else ""
    return f"Steps by {title}{subset}"


def _constants(found: Evaluation) -> str:
    critical = "none" if found.critical_batch_size is None else f"{found.critical_batch_size:.6g}"
    return f"c1 = {found.c1:.6g}, c2 = {found.c2:.6g}, critical batch size c1/c2 = {critical}"


def _table(found: Evaluation, options: argparse.Namespace) -> str:
    lines = [_title(options), _constants(found), "", f"{'batch size':>12} {'steps':>14} {'rate':>12}"]
    rates = np.full(found.steps.shape, np.nan) if found.eta is None else found.eta
    for size, steps, rate in zip(found.batch_size, found.steps, rates, strict=True):
        written = "-" if np.isinf(steps) else f"{steps:.6g}"
        lines.append(f"{size:>12g} {written:>14} {'-' if np.isnan(rate) else f'{rate:.6g}':>12}")
    if found.reason:
        lines += ["", f"-: {found.reason}"]
    if found.note:
        lines += ["", found.note]
    return "\n".join(lines)


@np.errstate(all="ignore")  # axes and terms may end beyond the doubles; the curve does not
def _draw(found: Evaluation, options: argparse.Namespace) -> None:
    """Draw steps against batch size with both terms of the law."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (only pictures need matplotlib)
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    order = np.argsort(found.batch_size)
    sizes, steps = found.batch_size[order], found.steps[order]
    noise = found.c1 / sizes
    drawn = (noise >= SMALLEST) & np.isfinite(noise)
    axes.plot(sizes[drawn], noise[drawn], ":", color="0.45", label="$c_1/B$")
    if found.c2 > 0.0:
        axes.axhline(found.c2, ls="--", color="0.45", label="$c_2$")
        axes.axvline(found.c1 / found.c2, lw=0.8, color="#d55e00", label="$B = c_1/c_2$")
    said = np.isfinite(steps)
    axes.plot(sizes[said], steps[said], "o-", ms=4, color="#0072b2", label="$K(B)$")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set(xlabel="batch size B (examples)", ylabel="steps K", title=_title(options))
    if found.reason:
        axes.text(0.02, 0.02, found.reason, transform=axes.transAxes, fontsize="small")
    axes.legend(frameon=False)
    try:
        figure.savefig(options.plot)
    except OSError as error:
        raise ValueError(f"cannot write the picture {options.plot}: {error.strerror or error}") from error
