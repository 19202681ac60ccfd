"""The gradient flow from a run's own start and mask, without its noise."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empirics.followed import FlowRecord, TrajectoryPoint
from empirics.probes.flow import Flow
from empirics.specification.probe import PlannedFlow
from empirics.training.checkpoint import read_state, seconds_told, write_state
from empirics.training.laboratory import Laboratory
from empirics.training.race import Report

CHECKPOINT_SECONDS = 60.0
_KEPT_POINTS = 100


def measure_flow(
    laboratory: Laboratory, plan: PlannedFlow, mask: NDArray[np.bool_], report: Report, checkpoint: Path | None = None
) -> FlowRecord:
    """Follow the flow dw/dt = -grad f of the kept weights, f the loss on the laboratory's sample of examples.

    Args:
        laboratory: The data, network and settings at hand.
        plan: From which start, how far and by which steps.
        mask: The kept weights, shape (P,).
        report: Called with the number of gradients after each step.
        checkpoint: File from which a flow cut short goes on.

    Returns:
        The times to the losses that it came down to, and its path at a hundred of its steps.

    Reference:
        Elkabetz and Cohen 2021: gradient descent follows this flow in the time that its steps sum up to.
    """
    start = time.perf_counter()
    weights = laboratory.initial_weights(plan.study.replicate, plan.trial).astype(np.float64) * mask
    flow = Flow(laboratory.field(plan.study.replicate, mask), weights, plan.longest)
    which: dict[str, object] = {"run": laboratory.specification.identity(), "flow": dataclasses.asdict(plan)}
    before = _resume(flow, checkpoint, which, plan) if checkpoint is not None else 0.0
    written = time.monotonic()
    while flow.loss > min(plan.losses.values()) and flow.gradients < plan.gradients and not flow.stuck:
        flow.advance()
        report(flow.gradients)
        if checkpoint is not None and time.monotonic() - written > CHECKPOINT_SECONDS:
            write_state(checkpoint, which, flow.state(), seconds=before + time.perf_counter() - start)
            written = time.monotonic()
    times = {quantity: flow.time_at(loss) for quantity, loss in plan.losses.items()}
    values = {quantity: found for quantity, found in times.items() if found is not None}
    return FlowRecord(plan.study, values, _trajectory(flow.path), before + time.perf_counter() - start)


def _resume(flow: Flow, checkpoint: Path, which: dict[str, object], plan: PlannedFlow) -> float:
    """Take a flow up where a file says that it was, and return the seconds before; say so where that cannot be."""
    found = read_state(checkpoint, which)
    if found is None:
        return 0.0
    reason = found if isinstance(found, str) else None
    if not isinstance(found, str):
        try:
            seconds = seconds_told(found[1])
            flow.load(found[0])
        except (KeyError, ValueError, TypeError) as error:
            reason = str(error)
        else:
            return seconds
    told = f"notice: {checkpoint} is not taken up ({reason}); the flow of {plan.study} begins anew"
    print(told, file=sys.stderr)
    return 0.0


def _trajectory(path: NDArray[np.float64]) -> tuple[TrajectoryPoint, ...]:
    """Return a path at some of its steps, evenly spread, its ends among them."""
    places = np.unique(np.linspace(0, len(path) - 1, _KEPT_POINTS).round().astype(int))
    quantities = ("flow_time", "flow_loss", "flow_gradient_square")
    return tuple(
        TrajectoryPoint(quantity, place, value)
        for quantity, column in zip(quantities, path.T, strict=True)
        for place, value in zip(places.tolist(), column[places].tolist(), strict=True)
    )
