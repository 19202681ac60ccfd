"""Curves whose trials follow the sharp bound, at rates from far below the best to above all that work."""

import math

import numpy as np

from verification.records.curves import Curve, CurvePoint
from verification.records.trials import Trial

SIZES = tuple(2**i for i in range(8))
RATES = np.geomspace(0.001, 1.0, 36)


def searched(sparsity=0.0, c1=2000.0, c2=30.0, peak=0.5, budget=8000.0, sigma=0.0, power=1.0, stop="never", seed=0):
    """A curve whose trials follow the sharp bound: K(r eta*) = K*/(r (2 - r))^power, eta* = peak/(1 + B_crit/B)."""
    rng = np.random.default_rng(seed)
    trials, points = [], []
    for size in SIZES:
        best, rate = c1 / size + c2, peak / (1.0 + c1 / c2 / size)
        study = []
        for i, eta in enumerate(RATES):
            r = eta / rate
            steps = best * (r * (2.0 - r)) ** -power * math.exp(sigma * rng.standard_normal()) if r < 2.0 else math.inf
            ends = ("complete", steps, steps) if steps <= budget else ("incomplete", budget, None)
            study.append(
                Trial(
                    batch_size=size,
                    replicate=0,
                    trial=i,
                    status=ends[0],
                    lower=ends[1],
                    upper=ends[2],
                    metaparameters={"learning_rate": float(eta)},
                )
            )
        trials += study
        hits = [one for one in study if one.upper]
        won = min(hits, key=lambda one: one.upper)
        points.append(CurvePoint(size, 0, won.lower, won.upper, won.metaparameters))
    return Curve(workload="w", goal="g", sparsity=sparsity, points=tuple(points), trials=tuple(trials), stop=stop)
