"""The paper's Appendix C as a table for every sparsity of a run: predictions for sparse over dense."""

from collections.abc import Sequence
from pathlib import Path
from statistics import geometric_mean

from empirics.errors import InputError
from empirics.records import StudyRecord
from empirics.store.store import read_store
from verification.missing import Missing
from verification.prediction import paper
from verification.prediction.inputs import Inputs, shares
from verification.prediction.prediction import Predicted, Prediction, predict
from verification.prediction.rate_times_steps import RateTimesSteps, rate_times_steps
from verification.records.measured_constants import WAYS, MeasuredConstants, measured_by_sparsity

_TITLES = {"product": "product", "epsilon": "with epsilon", "averages": "averages"}


def read_measured(folder: Path) -> tuple[dict[float, list[MeasuredConstants]], list[StudyRecord]]:
    """Read the constants of a run folder, with their trajectories, and its studies, from its store.

    Args:
        folder: The run folder.

    Returns:
        Sparsity to replicates, ascending, and the studies of the first goal.

    Raises:
        ValueError: If there is no store that can be read.
    """
    with read_store(folder) as store:
        records, studies = store.constants(), list(store.studies().values())
    return measured_by_sparsity(records), studies


def describe(folder: Path) -> str:
    """Return the predicted ratios of a run as plain text, beside the paper's own.

    Args:
        folder: A run folder.

    Returns:
        Lines that fit 100 columns; one line that says why where nothing can be predicted.
    """
    try:
        levels, studies = read_measured(folder)
    except InputError as error:
        return f"No prediction: {error}"
    dense = levels.get(0.0)
    if dense is None or len(levels) < 2:
        return "No prediction: it needs the constants of the dense network (sparsity 0) and of a sparse one."
    lines = [
        "",
        "Sparse over dense, predicted from the constants: ratio [95% over seeds] {95% within one seed}",
        "Not invariant: product and averages change with the units of one network's weights or loss.",
        f"{'':>4} {'way':<13}{'Delta':>7}{'L':>8}{'noise':>8}{'eps^-2':>8}  c1, c2, critical batch size",
    ]
    predictions: list[Prediction] = []
    for sparsity, level in levels.items():
        for way in WAYS if sparsity else ():
            made = predict(sparsity, level, dense, way)
            if isinstance(made, Missing):
                lines.append(f"{sparsity:>3g}% {_TITLES[way]:<13}no prediction ({made})")
                continue
            predictions.append(made)
            lines += _rows(made)
    lines.append(_paper_row())
    return "\n".join([*lines, *_notes(predictions), *_rate_lines(levels, studies)])


def _rows(made: Prediction) -> list[str]:
    """Return the lines of one prediction: its factors and c1, then c2 and the critical batch size below."""
    first, *rest = (f"{name:<6} {_number(found.ratio)} {_ends(found)}".rstrip() for name, found in made.ratios.items())
    head = f"{made.sparsity:>3g}% {_TITLES[made.way]:<13}{_factor_cells(made.sparse, made.dense)}"
    return [f"{head}  {first}", *(f"{'':>{len(head)}}  {line}" for line in rest)]


def _factor_cells(sparse: Inputs, dense: Inputs) -> str:
    """Return the four factors of the ratio of c1."""
    cells = [_number(part.ratio) for part in shares(sparse, dense)]
    if sparse.epsilon == dense.epsilon == 1.0:
        cells[-1] = "1"
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, (7, 8, 8, 8), strict=True))


def _paper_row() -> str:
    """Return the ratios of the paper, from its own inputs."""
    sparse, dense = paper.SPARSE, paper.DENSE
    ratios = (sparse.c1 / dense.c1, sparse.c2 / dense.c2, sparse.b_crit / dense.b_crit)
    found = f"c1 {ratios[0]:.3f}, c2 {ratios[1]:.2f}, b_crit {ratios[2]:.2f}"
    return (
        f" 90% {'paper, MNIST':<13}{_factor_cells(sparse, dense)}  {found} ({paper.C1_RATIO} from its rounded factors)"
    )


def _notes(predictions: Sequence[Prediction]) -> list[str]:
    """Return what each prediction says of the curve, and what its intervals leave out."""
    lines = [""]
    for made in predictions:
        parts = [
            f"{part.factor} {100 * part.share:.0f}%"
            for part in shares(made.sparse, made.dense)
            if part.share is not None and (part.factor != "epsilon" or made.way == "epsilon")
        ]
        direction = "falls" if made.falls_with_batch_size else "rises"
        limits = f"{_number(made.ratios['c1'].ratio)} to {_number(made.ratios['c2'].ratio)}"
        lines.append(
            f"{made.sparsity:g}% {_TITLES[made.way]}: K ratio {direction} with B from {limits}; "
            f"shares of log c1 ratio: {', '.join(parts)}"
        )
    if predictions and max(made.seeds for made in predictions) == 1:
        lines.append("One seed: the intervals hold the scatter along the run, not that between seeds.")
    return lines


def _rate_lines(levels: dict[float, list[MeasuredConstants]], studies: Sequence[StudyRecord]) -> list[str]:
    """Return best rate times K* at each batch size beside Delta/epsilon, geometric means over replicates."""
    found: dict[float, list[RateTimesSteps]] = {}
    reasons = set()
    for record in studies:
        values = [
            one.values for one in levels.get(record.study.sparsity, ()) if one.replicate == record.study.replicate
        ]
        if record.winner is None or not values or not values[0].get("epsilon", 0.0) > 0.0:
            continue
        inputs = Inputs(values[0]["Delta"], 1.0, 1.0, values[0]["epsilon"])
        made = rate_times_steps(
            record.study.sparsity, record.study.batch_size, record.winner.metaparameters, record.winner.step, inputs
        )
        if isinstance(made, Missing):
            reasons.add(made.reason)
        else:
            found.setdefault(record.study.sparsity, []).append(made)
    lines = [f"Rate times K*: not compared ({reason})" for reason in sorted(reasons)]
    if found:
        lines += ["", "Best rate times K* at each B, which the theory holds to be Delta/epsilon at every B"]
    if any(len({one.batch_size for one in row}) < len(row) for row in found.values()):
        lines[-1] += "; means over replicates"
    for sparsity, row in found.items():
        sizes = dict.fromkeys(one.batch_size for one in row)
        products = [(size, geometric_mean(one.measured for one in row if one.batch_size == size)) for size in sizes]
        told = ", ".join(f"{size}: {_number(product)}" for size, product in products)
        lines.append(f"{sparsity:>3g}%  Delta/epsilon {_number(geometric_mean(one.predicted for one in row))};  {told}")
    return lines


def _number(value: float) -> str:
    """Return a number to three digits."""
    return f"{value:.3g}"


def _ends(found: Predicted) -> str:
    """Return the interval of a ratio: over seeds in square brackets, within the only one in curly ones."""
    for interval, (left, right) in ((found.interval, "[]"), (found.interval_within_seed, "{}")):
        if interval.low is not None and interval.high is not None:
            return f"{left}{_number(interval.low)}, {_number(interval.high)}{right}"
    return ""
