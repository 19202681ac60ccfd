"""`python -m theory.noisy_quadratic`: print steps to result and best rate on a noisy quadratic."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from theory.command_line import count_up_to, number, plain, positive
from theory.noisy_quadratic.decays import CostOfDecay, cost_of_decay
from theory.noisy_quadratic.problem import NoisyQuadratic
from theory.noisy_quadratic.steps import TunedSteps, steps_to_result


def _momentum(text: str) -> float:
    value = number(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"must be in [0, 1), got {text}")
    return value


def _share(text: str) -> float:
    value = number(text)
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 1, got {text}")
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
    parser.add_argument(
        "--decay-to",
        type=_share,
        metavar="SHARE",
        help="also the steps with a rate that falls to this share of its first over the steps of a constant one; SGD",
    )
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
    if options.momentum and options.decay_to:
        parser.error("--decay-to is of SGD: leave out --momentum")
    try:
        problem = NoisyQuadratic.harmonic(options.dimension)
        if options.decay_to:
            cost = cost_of_decay(problem, options.goal, options.batch_sizes, options.decay_to)
            say(_cost(problem, cost, options))
            return 0
        tuned = steps_to_result(problem, options.goal, options.batch_sizes, options.momentum, nesterov=options.nesterov)
    except ValueError as error:
        parser.error(str(error))
    say(json.dumps(_rows(tuned)) if options.format == "json" else _table(problem, tuned, options))
    return 0


def _rows(tuned: TunedSteps) -> list[dict[str, float]]:
    """Return a dict a batch size."""
    rows = zip(tuned.batch_size.tolist(), tuned.steps.tolist(), tuned.eta.tolist(), strict=True)
    return [{"batch_size": plain(b), "steps": steps, "eta": eta} for b, steps, eta in rows]


def _table(problem: NoisyQuadratic, tuned: TunedSteps, options: argparse.Namespace) -> str:
    method = (
        f"{'Nesterov' if options.nesterov else 'heavy ball'}, m = {options.momentum:g}" if options.momentum else "SGD"
    )
    lines = _header(problem, method, options)
    lines.append(f"{'batch size':>12} {'steps':>14} {'best rate':>12}")
    lines += [f"{b:>12g} {steps:>14d} {eta:>12.5g}" for b, steps, eta in zip(*tuned, strict=True)]
    return "\n".join(lines)


def _header(problem: NoisyQuadratic, method: str, options: argparse.Namespace) -> list[str]:
    return [
        f"Noisy quadratic, {options.dimension} modes h_i = 1/i; {method}; goal: loss <= {options.goal:g}",
        f"L = {problem.L:g}, Δ = {problem.Delta:.6g}, β = {problem.beta:.6g}",
        "",
    ]


def _cost(problem: NoisyQuadratic, cost: CostOfDecay, options: argparse.Namespace) -> str:
    """Return both kinds of rate beside each other."""
    pairs = zip(_rows(cost.constant), _rows(cost.decaying), strict=True)
    if options.format == "json":
        return json.dumps([row | {"steps_with_decay": d["steps"], "first_eta": d["eta"]} for row, d in pairs])
    lines = _header(problem, f"SGD, and with a rate that falls to {options.decay_to:g} of its first", options)
    lines.append(f"{'batch size':>12} {'steps':>14} {'with decay':>14} {'ratio':>7} {'first rate, ratio':>18}")
    for (row, decaying), steps, rate in zip(pairs, cost.steps_ratio, cost.rate_ratio, strict=True):
        numbers = f"{row['batch_size']:>12g} {row['steps']:>14d} {decaying['steps']:>14d}"
        lines.append(f"{numbers} {steps:>7.3f} {rate:>18.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
