r"""What the measured constants predict for sparse over dense: c1, c2 and the critical batch size, with intervals.

With mu = M_G = 1, :math:`c_1 = \Delta L b/\varepsilon^2`, :math:`c_2 = \Delta L/\varepsilon` and
:math:`B_{crit} = b/\varepsilon`, where b is the noise of one example's gradient. A prediction is made in three ways:

- `product`: the paper's; epsilon taken as equal, b = beta at w_1.
- `epsilon`: the same with the epsilon that was measured, the average of :math:`|\nabla f|^2` up to K*.
- `averages`: the paper's with L and b averaged up to K*.

Reference:
    Lee et al. 2021, Section 4 and Appendix C; docs/theory.md, results 7, 8 and 12.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from theory import HYPERBOLA
from verification.fit import Interval

Array = NDArray[np.float64]
Way = Literal["product", "epsilon", "averages"]
WAYS: tuple[Way, ...] = ("product", "epsilon", "averages")
_CONFIDENCE = 0.95
_DRAWS = 2000
# Exponents of (Delta, L, b, epsilon) in each constant.
EXPONENTS: Mapping[str, tuple[float, float, float, float]] = {
    "c1": (1.0, 1.0, 1.0, -2.0),
    "c2": (1.0, 1.0, 0.0, -1.0),
    "b_crit": (0.0, 0.0, 1.0, -1.0),
}


@dataclass(frozen=True)
class Inputs:
    r"""What the theory makes c1 and c2 of, at one sparsity.

    Attributes:
        Delta: Loss, > 0.
        L: Loss per squared weight, > 0.
        noise: Trace of the covariance of one example's gradient, b = beta + beta_V epsilon, > 0.
        epsilon: Average of the squared gradient norm, > 0; 1 where it is taken as equal.

    Reference:
        Lee et al. 2021, Proposition 4.1.

    Example:
        >>> one = Inputs(Delta=2.0, L=3.0, noise=8.0, epsilon=0.5)
        >>> one.c1, one.c2, one.b_crit
        (192.0, 12.0, 16.0)
    """

    Delta: float
    L: float
    noise: float
    epsilon: float = 1.0

    def __post_init__(self) -> None:
        for name, value in zip(("Delta", "L", "noise", "epsilon"), self.factors, strict=True):
            if not 0.0 < value < np.inf:
                raise ValueError(f"{name} must be finite and > 0, got {value}")

    @property
    def factors(self) -> tuple[float, float, float, float]:
        """Delta, L, noise, epsilon."""
        return self.Delta, self.L, self.noise, self.epsilon

    @property
    def c1(self) -> float:
        """Noise term, steps x examples."""
        return self.Delta * self.L * self.noise / self.epsilon**2

    @property
    def c2(self) -> float:
        """Serial floor, steps."""
        return self.Delta * self.L / self.epsilon

    @property
    def b_crit(self) -> float:
        """Critical batch size c1/c2, examples."""
        return self.noise / self.epsilon


# Simple-CNN on MNIST, Lee et al. 2021, Appendix C and Section 5: Delta, mean L over training, beta at w_1.
PAPER_DENSE = Inputs(Delta=4.66, L=0.57, noise=197.06)
PAPER_SPARSE = Inputs(Delta=4.68, L=1.76, noise=107.39)


@dataclass(frozen=True)
class Share:
    """One factor of a ratio.

    Attributes:
        factor: Delta, L, noise or epsilon.
        ratio: Sparse over dense, with its exponent.
        share: Its part of the ratio's logarithm; None where that is 0. Shares add up to 1 and may be negative.
    """

    factor: str
    ratio: float
    share: float | None


def shares(sparse: Inputs, dense: Inputs, constant: str = "c1") -> tuple[Share, ...]:
    r"""Split a ratio of constants into its factors.

    :math:`\log \frac{c_{1,s}}{c_{1,d}} = \log \frac{\Delta_s}{\Delta_d} + \log \frac{L_s}{L_d} + \ldots`

    Args:
        sparse: Inputs of the sparse network.
        dense: Of the dense.
        constant: c1, c2 or b_crit.

    Returns:
        One share a factor that the constant has.

    Reference:
        Lee et al. 2021, Appendix C; docs/theory.md, result 7.

    Example:
        >>> [(part.factor, round(part.ratio, 2)) for part in shares(PAPER_SPARSE, PAPER_DENSE)][:3]
        [('Delta', 1.0), ('L', 3.09), ('noise', 0.54)]
    """
    names, exponents = ("Delta", "L", "noise", "epsilon"), EXPONENTS[constant]
    logs = [e * float(np.log(s / d)) for e, s, d in zip(exponents, sparse.factors, dense.factors, strict=True)]
    total = sum(logs)
    return tuple(
        Share(name, float(np.exp(log)), log / total if total else None)
        for name, log, exponent in zip(names, logs, exponents, strict=True)
        if exponent
    )


def steps_ratio(sparse: Inputs, dense: Inputs, batch_size: ArrayLike) -> Array:
    r"""Return the predicted ratio of steps at some batch sizes.

    :math:`R(B) = \frac{c_{1,s}/B + c_{2,s}}{c_{1,d}/B + c_{2,d}}`, monotone from :math:`c_{1,s}/c_{1,d}` for small B to
    :math:`c_{2,s}/c_{2,d}` for large; it falls with B just where the sparse critical batch size is the larger.

    Args:
        sparse: Inputs of the sparse network; its epsilon may be another.
        dense: Of the dense.
        batch_size: Examples per step, any shape, > 0.

    Returns:
        Ratios, the shape of batch_size.

    Reference:
        docs/theory.md, result 12.

    Example:
        >>> same = Inputs(Delta=2.0, L=3.0, noise=8.0)
        >>> steps_ratio(same, same, [1, 64]).tolist()
        [1.0, 1.0]
    """
    above, below = (HYPERBOLA.steps(batch_size, c1=inputs.c1, c2=inputs.c2) for inputs in (sparse, dense))
    return above / below


@dataclass(frozen=True)
class Measured:
    """The constants of one sparsity in one replicate, as they were measured.

    Attributes:
        replicate: Which independent repetition.
        values: Quantity to value, quantities as in constants.csv.
        errors: Quantity to standard error, where a part of the training set was seen.
        along: Quantity to values at the regular points up to K* (`L_budget`: of the whole run), in order.
    """

    replicate: int
    values: Mapping[str, float]
    errors: Mapping[str, float] = field(default_factory=dict)
    along: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def quantities(self, way: Way) -> tuple[str, str, str, str | None]:
        """Return which measured quantities stand for Delta, L, noise and epsilon; None for 1."""
        smoothness = "L_mean_budget" if "L_mean_budget" in self.values and way != "averages" else "L_mean"
        noise = "beta_mean" if way == "averages" else "beta"
        return "Delta", smoothness, noise, "epsilon" if way == "epsilon" else None


@dataclass(frozen=True)
class Predicted:
    """The predicted ratio of one constant, sparse over dense.

    Attributes:
        constant: c1, c2 or b_crit.
        ratio: > 0.
        delta: 95% interval by the delta method; None where nothing says how sure the inputs are.
        bootstrap: 95% interval by resampling seeds and blocks of the trajectories; None likewise.
    """

    constant: str
    ratio: float
    delta: Interval | None
    bootstrap: Interval | None


@dataclass(frozen=True)
class Prediction:
    """Sparse over dense, predicted in one way.

    Attributes:
        sparsity: Percent of weights pruned.
        way: How.
        sparse: Inputs, means over the seeds.
        dense: Likewise.
        ratios: Constant to its predicted ratio.
        seeds: Replicates that both have.
    """

    sparsity: float
    way: Way
    sparse: Inputs
    dense: Inputs
    ratios: Mapping[str, Predicted]
    seeds: int

    @property
    def falls_with_batch_size(self) -> bool:
        """Whether the ratio of steps falls with B: whether the sparse critical batch size is the larger."""
        return self.ratios["b_crit"].ratio > 1.0


def predict(sparsity: float, sparse: Sequence[Measured], dense: Sequence[Measured], way: Way) -> Prediction | str:
    """Predict the ratios of a sparse network's constants over the dense one's.

    Seeds that only one of them has are left out: the others are compared in pairs, which share data and order.

    Args:
        sparsity: Percent, of the sparse network.
        sparse: Its replicates.
        dense: The dense network's.
        way: How.

    Returns:
        The prediction, or the reason why there is none, one clause.

    Reference:
        Lee et al. 2021, Section 4 and Appendix C.

    Example:
        >>> def one(*values):
        ...     return [Measured(0, dict(zip(("Delta", "L_mean", "beta"), values)))]
        >>> made = predict(90.0, one(4.68, 1.76, 107.39), one(4.66, 0.57, 197.06), "product")
        >>> [round(ratio.ratio, 3) for ratio in made.ratios.values()]
        [1.69, 3.101, 0.545]
    """
    left, right = ({one.replicate: one for one in level} for level in (sparse, dense))
    seeds = sorted(set(left) & set(right))
    pairs = ([left[seed] for seed in seeds], [right[seed] for seed in seeds])
    lacking = _lacking(pairs[0], way, sparsity) or _lacking(pairs[1], way, 0.0)
    if not seeds or lacking:
        return lacking or "no measured constants of both networks"
    tables = [np.array([_factors(one, way) for one in level]) for level in pairs]
    inputs = [Inputs(*map(float, table.mean(axis=0))) for table in tables]
    draws = _bootstrap(pairs, way)
    ratios = {}
    for constant, exponents in EXPONENTS.items():
        power = np.array(exponents)
        ratio = float(np.prod((tables[0].mean(axis=0) / tables[1].mean(axis=0)) ** power))
        error = _log_error(pairs, tables, way, power)
        delta = None if error is None else _around(ratio, *error)
        ratios[constant] = Predicted(constant, ratio, delta, _percentiles(draws, power))
    return Prediction(sparsity, way, inputs[0], inputs[1], ratios, len(seeds))


def _lacking(level: Sequence[Measured], way: Way, sparsity: float) -> str | None:
    """Return what a prediction lacks at one sparsity, None where it lacks nothing."""
    for one in level:
        for quantity in one.quantities(way):
            value = 1.0 if quantity is None else one.values.get(quantity)
            if value is None:
                return f"no {quantity} at sparsity {sparsity:g}%"
            if not 0.0 < value < np.inf:
                return f"{quantity} at sparsity {sparsity:g}% is {value:g}, not positive"
    return None


def _factors(one: Measured, way: Way) -> list[float]:
    """Return Delta, L, noise and epsilon of one replicate."""
    return [1.0 if name is None else one.values[name] for name in one.quantities(way)]


def _trajectory(one: Measured, quantity: str | None) -> Sequence[float]:
    """Return the values whose mean a quantity is; empty for one that belongs to w_1 alone."""
    of = {"L_mean": "L", "L_mean_budget": "L_budget", "beta_mean": "variance", "epsilon": "gradient_square"}
    return one.along.get(of.get(quantity or "", ""), ())


def _log_error(
    pairs: tuple[list[Measured], ...], tables: list[Array], way: Way, power: Array
) -> tuple[float, float] | None:
    """Return the standard error of a log ratio and how many of them make a 95% interval; None where nothing is known.

    With two seeds or more: of the mean over seeds, all factors and both networks of a seed together. With one: of the
    examples left out, and of the mean along the trajectory, as if they were independent.
    """
    seeds = len(tables[0])
    if seeds > 1:
        relative = [table / table.mean(axis=0) - 1.0 for table in tables]
        scatter = (relative[0] - relative[1]) @ power
        return float(scatter.std(ddof=1) / np.sqrt(seeds)), float(stats.t.ppf(0.5 + _CONFIDENCE / 2, seeds - 1))
    variance = 0.0
    for (one,), table in zip(pairs, tables, strict=True):
        for quantity, value, exponent in zip(one.quantities(way), table[0], power, strict=True):
            if quantity is not None:
                of_examples = one.errors.get(quantity, 0.0)
                of_trajectory = _error_of_mean(_trajectory(one, quantity))
                variance += float((exponent / value) ** 2 * (of_examples**2 + of_trajectory**2))
    return (float(np.sqrt(variance)), float(stats.norm.ppf(0.5 + _CONFIDENCE / 2))) if variance > 0.0 else None


def _block_length(points: int) -> int:
    """Return how many neighbours along a trajectory are resampled together: its cube root, at least 1."""
    return max(round(float(np.cbrt(points))), 1)


def _error_of_mean(values: Sequence[float]) -> float:
    """Return the standard error of a trajectory's mean from overlapping circular blocks; 0 for one point."""
    series = np.asarray(values, dtype=np.float64)
    if len(series) < 2:
        return 0.0
    length = _block_length(len(series))
    blocks = np.array([np.take(series, range(i, i + length), mode="wrap").mean() for i in range(len(series))])
    return float(np.sqrt(np.square(blocks - series.mean()).mean() * length / len(series)))


def _bootstrap(pairs: tuple[list[Measured], ...], way: Way) -> Array:
    """Return resampled log factors, sparse over dense, shape (draws, 4); no rows where nothing can be resampled.

    Seeds are drawn in pairs. Within each, blocks of the trajectory are drawn, the same for L, noise and epsilon, which
    were measured at the same points; what belongs to w_1 alone moves by the error of the examples it was measured on.
    """
    random = np.random.default_rng(0)
    seeds = len(pairs[0])
    if seeds == 1 and not any(one.errors or any(len(t) > 1 for t in one.along.values()) for (one,) in pairs):
        return np.empty((0, 4))
    draws = np.empty((_DRAWS, 4))
    for row in draws:
        chosen = random.integers(seeds, size=seeds)
        means = [np.mean([_resampled(level[seed], way, random) for seed in chosen], axis=0) for level in pairs]
        row[:] = np.log(means[0] / means[1])
    return draws


def _resampled(one: Measured, way: Way, random: np.random.Generator) -> list[float]:
    """Return one replicate's factors with its trajectory and its examples resampled."""
    longest = max((len(series) for series in one.along.values()), default=0)
    uniform = random.random(longest + 1)
    factors = []
    for quantity in one.quantities(way):
        if quantity is None:
            factors.append(1.0)
            continue
        value, series = one.values[quantity], np.asarray(_trajectory(one, quantity), dtype=np.float64)
        if len(series) > 1:
            length = _block_length(len(series))
            starts = (uniform[: -(-len(series) // length)] * len(series)).astype(int)
            rows = (starts[:, None] + np.arange(length)).ravel()[: len(series)] % len(series)
            value *= float(series[rows].mean() / series.mean())
        factors.append(abs(value) * float(np.exp(random.normal() * one.errors.get(quantity, 0.0) / value)))
    return factors


def _around(ratio: float, error: float, quantile: float) -> Interval:
    """Return the interval of a ratio whose logarithm has an error."""
    return Interval(ratio * float(np.exp(-quantile * error)), ratio * float(np.exp(quantile * error)))


def _percentiles(draws: Array, power: Array) -> Interval | None:
    """Return the percentile interval of a ratio."""
    logs = draws @ power
    if not len(logs) or float(np.ptp(logs)) < 1e-12:  # nothing that could be resampled is in this constant
        return None
    low, high = np.exp(np.quantile(logs, [0.5 - _CONFIDENCE / 2, 0.5 + _CONFIDENCE / 2]))
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class RateTimesSteps:
    r"""The product of best rate and steps to result, which the theory says is the same at every batch size.

    Attributes:
        sparsity: Percent of weights pruned.
        batch_size: Examples per step.
        measured: Best rate times K*; with momentum m the rate counts as rate/(1 - m).
        predicted: :math:`\Delta/(\mu \varepsilon)` with the measured epsilon, mu = 1.

    Reference:
        docs/theory.md, result 8.
    """

    sparsity: float
    batch_size: int
    measured: float
    predicted: float


def rate_times_steps(
    sparsity: float, batch_size: int, metaparameters: Mapping[str, float], steps: int, inputs: Inputs
) -> RateTimesSteps | str:
    """Return rate times steps of a study's winner beside what the theory predicts.

    Args:
        sparsity: Percent of weights pruned.
        batch_size: Of the study, examples per step.
        metaparameters: The winner's.
        steps: K*.
        inputs: Measured constants with their epsilon.

    Returns:
        Both, or why there is nothing to compare, one clause.

    Reference:
        docs/theory.md, results 8 and 14.

    Example:
        >>> inputs = Inputs(Delta=4.0, L=1.0, noise=1.0, epsilon=0.5)
        >>> rate_times_steps(0.0, 16, {"learning_rate": 0.1, "momentum": 0.5}, 50, inputs).measured
        10.0
    """
    rate = metaparameters.get("learning_rate")
    if rate is None or "decay_steps" in metaparameters:
        return "the rate is not constant" if rate is not None else "no learning rate"
    effective = rate / (1.0 - metaparameters.get("momentum", 0.0))
    return RateTimesSteps(sparsity, batch_size, effective * steps, inputs.Delta / inputs.epsilon)
