"""Runs made in memory: trials of known laws, with momentum or without, and trajectories along the winners' runs."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from paper_figures.run import Run
from verification.claims.analysis import analyse
from verification.records.constants_file import Constant, without_seeds
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records
from verification.records.trials import SmoothnessRun, Trial
from verification.report.verdicts import dump, from_json, to_json

SIZES = (4, 16, 64, 256)
_ENDED = ("trial", "status", "lower", "upper", "metaparameters")


def searched_curve(workload, sparsity, *, stop="never", goal="0.08", sizes=SIZES, count=9, budget=3000.0, seed=1):
    """A curve whose trials follow K(r eta*) = K*/(r (2 - r)), with one infeasible trial; a race censors its losers."""
    rng = np.random.default_rng([seed, int(sparsity), len(workload)])
    c1, c2, peak = 1000.0 * (1.0 + sparsity / 50.0), 20.0 * (1.0 + sparsity / 40.0), 0.5
    rates = np.geomspace(0.01, 0.9, count)
    trials, points = [], []
    for size in sizes:
        best, rate = c1 / size + c2, peak / (1.0 + c1 / c2 / size)
        study = []
        for i, eta in enumerate(rates):
            momentum = {"momentum": float(1.0 - 0.5 ** (1 + i % 4))} if "/sgd" not in workload else {}
            r = eta / rate
            steps = best / (r * (2.0 - r)) * math.exp(0.03 * rng.standard_normal()) if r < 2.0 else math.inf
            upper = 2.0 * math.ceil(steps / 2.0) if steps < budget else None
            status = "complete" if upper else "incomplete"
            study.append(
                [i, status, upper - 2.0 if upper else budget, upper, {"learning_rate": float(eta), **momentum}]
            )
        study[-1][1:4] = "infeasible", 7.0, None
        won = min((one for one in study if one[3]), key=lambda one: one[3])
        if stop == "race":
            for one in study:
                if one[3] != won[3]:
                    one[1:4] = "censored", won[2], None
        trials += [Trial(batch_size=size, replicate=0, **dict(zip(_ENDED, one, strict=True))) for one in study]
        points.append(CurvePoint(size, 0, won[2], won[3], won[4]))
    return Curve(workload=workload, goal=goal, sparsity=sparsity, points=tuple(points), trials=tuple(trials), stop=stop)


def followed(sparsity, replicate=0, hessian=True, metaparameters=None):
    """L, loss and the top eigenvalue along one run: L = 2 + sparsity/10 + step/100, loss = 2/step.

    The mean of L falls by 2 from replicate to replicate, the rate grows by 4.
    """
    steps = range(1, 42, 10)
    along = {
        "L": {k: 2.0 + sparsity / 10.0 + k / 100.0 for k in steps},
        "training_loss": {k: 2.0 / k for k in steps},
    }
    if hessian:
        along["hessian_top"] = dict.fromkeys((1, 21), 3.0 + sparsity / 20.0)
    values = {"L_mean": (2.0 + sparsity / 10.0) / 2.0**replicate}
    rate = {"learning_rate": 0.1 * 4.0**replicate} if metaparameters is None else metaparameters
    losses = tuple(along["training_loss"].values())
    return SmoothnessRun(
        sparsity=sparsity,
        replicate=replicate,
        values=values,
        smoothness=tuple(along["L"].values()),
        loss=losses,
        along=along,
        batch_size=64,
        goal_step=41,
        metaparameters=rate,
    )


def searched_records(workloads=("digits/small-cnn/sgd",), sparsities=(0.0, 90.0), *, hessian=True, seeds=1, **options):
    """Records of one or more workloads, all in one folder."""
    curves = tuple(searched_curve(name, s, **options) for name in workloads for s in sparsities)
    constants = tuple(
        Constant(workload=workloads[0], sparsity=s, quantity=name, value=value, low=0.9 * value, high=1.1 * value, n=3)
        for s in sparsities
        for name, value in (("L_mean", 2.0 + s / 10.0), ("Delta", 4.0), ("beta", 20.0))
    )
    runs = tuple(followed(s, seed, hessian=hessian) for s in sparsities for seed in range(seeds))
    return Records(
        source=Path("run"),
        curves=curves,
        constants=constants,
        notes=(),
        smoothness=runs,
        measured=without_seeds(constants),
    )


def judged_run(records, folder="run"):
    """A run with its analysis as it comes back from its file."""
    records = replace(records, source=Path(folder))
    return Run.of(from_json(json.loads(dump(to_json(analyse(records)))), records))
