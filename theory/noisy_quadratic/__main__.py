"""`python -m theory.noisy_quadratic`: print steps to result and best rate on a noisy quadratic."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from theory.command_line import count_up_to, number, plain, positive
from theory.noisy_quadratic.problem import NoisyQuadratic
from theory.noisy_quadratic.steps import TunedSteps, steps_to_result


def _momentum(text: str) -> float:
    value = number(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"must be in [0, 1), got {text}")
    return value


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="python -m theory.noisy_quadratic",
        description="Steps to result at the best rate on a noisy quadratic: h_i = 1/i, noise h_i/B, s_i(0) = 1.",
        allow_abbrev=False,
    )
    parser.add_argument("--goal", type=positive, required=True, help="expected loss to reach")
    modes = count_up_to(1_000_000)
    parser.add_argument("--dimension", type=modes, default=10000, help="number of modes (default: %(default)s)")
    parser.add_argument("--batch-sizes", type=positive, nargs="+", required=True, metavar="B", help="one or more")
    parser.add_argument("--momentum", type=_momentum, default=0.0, metavar="m", help="in [0, 0.9999] (default: 0, SGD)")
    parser.add_argument("--nesterov", action="store_true", help="Nesterov's momentum instead of the heavy ball")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return parser


@command
def main(arguments: Sequence[str] | None = None) -> int:
    r"""Print steps to result and best rate for each batch size.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.

    Returns:
        Exit code 0.

    Raises:
        SystemExit: With code 2 and one line on stderr if an option is wrong.

    Reference:
        Zhang et al. 2019, Sec. 3; the recursion of `theory.noisy_quadratic.modes`.

    Example:
        >>> main(["--goal", "0.2", "--dimension", "1", "--batch-sizes", "4", "--format", "json"])
        [{"batch_size": 4, "steps": 1, "eta": ...}]
        0
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.nesterov and not options.momentum:
        parser.error("--nesterov needs --momentum m with m > 0")
    try:
        problem = NoisyQuadratic.harmonic(options.dimension)
        tuned = steps_to_result(problem, options.goal, options.batch_sizes, options.momentum, nesterov=options.nesterov)
    except ValueError as error:
        parser.error(str(error))
    if options.format == "json":
        rows = zip(tuned.batch_size.tolist(), tuned.steps.tolist(), tuned.eta.tolist(), strict=True)
        say(json.dumps([{"batch_size": plain(b), "steps": steps, "eta": eta} for b, steps, eta in rows]))
    else:
        say(_table(problem, tuned, options))
    return 0


def _table(problem: NoisyQuadratic, tuned: TunedSteps, options: argparse.Namespace) -> str:
    method = (
        f"{'Nesterov' if options.nesterov else 'heavy ball'}, m = {options.momentum:g}" if options.momentum else "SGD"
    )
    lines = [
        f"Noisy quadratic, {options.dimension} modes h_i = 1/i; {method}; goal: loss <= {options.goal:g}",
        f"L = {problem.L:g}, Δ = {problem.Delta:.6g}, β = {problem.beta:.6g}",
        "",
        f"{'batch size':>12} {'steps':>14} {'best rate':>12}",
    ]
    lines += [f"{b:>12g} {steps:>14d} {eta:>12.5g}" for b, steps, eta in zip(*tuned, strict=True)]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
