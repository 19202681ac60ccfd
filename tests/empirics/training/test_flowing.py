"""Flows from the starts of runs: closed forms, bits that do not depend on a stop, and what ends them early."""

from dataclasses import replace

import numpy as np
import pytest
from reference.empirics.flow import quadratic_time
from samples.constants_workloads import CURVATURES

from empirics.records import Study
from empirics.specification.probe import PlannedFlow
from empirics.training import flowing
from empirics.training.flowing import measure_flow

EXACT = {"workload": "samples.constants_workloads:quadratic"}


class CutError(Exception):
    """Stands for whatever ends a process."""


def plan(losses, longest=0.02, gradients=10_000):
    return PlannedFlow(Study(0.0, 0, 16), 1, losses, longest, gradients)


def flow(laboratory, mask, planned, **rest):
    return replace(measure_flow(laboratory, planned, mask, rest.pop("report", lambda _: None), **rest), seconds=0.0)


@pytest.mark.parametrize("pruned", [0, 4])
def test_its_times_are_a_quadratics(laboratory_of, pruned):
    """The loss is that of the mean example plus half the examples' variance, whatever the weights."""
    laboratory = laboratory_of(**EXACT)
    mask = np.arange(len(CURVATURES)) >= pruned
    inputs = laboratory.split(0).training_images.numpy().astype(np.float64)
    start = np.where(mask, laboratory.initial_weights(0, 1), 0.0) - inputs.mean(axis=0)
    flat = float(CURVATURES @ inputs.var(axis=0)) / 2 + float(CURVATURES @ (start**2 * ~mask)) / 2
    gap = float(CURVATURES @ (start**2 * mask)) / 2
    losses = {"T_at_40": flat + gap / 2, "T_at_goal": flat + gap / 4}
    found = flow(laboratory, mask, plan(losses, longest=0.02))
    for name, share in (("T_at_40", 2), ("T_at_goal", 4)):
        expected = quadratic_time(CURVATURES[mask], start[mask], gap / share)
        assert found.values[name] == pytest.approx(expected, rel=0.02)
    by = {name: [p.value for p in found.trajectory if p.quantity == f"flow_{name}"] for name in ("time", "loss")}
    assert by["time"][0] == 0.0
    assert by["loss"][0] == pytest.approx(flat + gap)
    assert by["loss"][-1] <= flat + gap / 4 < by["loss"][-2]


@pytest.mark.parametrize("sparsity", [0.0, 80.0])
def test_cut_anywhere_it_goes_on_with_the_same_bits(laboratory_of, sparsity, tmp_path, monkeypatch):
    monkeypatch.setattr(flowing, "CHECKPOINT_SECONDS", -1.0)
    laboratory, file = laboratory_of(examples=40), tmp_path / "checkpoints" / "flow.npz"
    mask = laboratory.masks((sparsity,), 0, 1)[0]
    planned = plan({"T_at_40": 1.0}, longest=0.1, gradients=60)
    whole, seen = flow(laboratory, mask, planned), []

    def cut(gradients):
        seen.append(gradients)
        if len(seen) == 7:
            raise CutError

    with pytest.raises(CutError):
        flow(laboratory, mask, planned, report=cut, checkpoint=file)
    again = []
    assert flow(laboratory, mask, planned, report=again.append, checkpoint=file) == whole
    assert again[0] >= seen[-1]


@pytest.mark.parametrize("how", ["cut", "other", "weights"])
def test_a_checkpoint_that_is_not_its_own_is_told_of(laboratory_of, how, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(flowing, "CHECKPOINT_SECONDS", -1.0)
    laboratory, file = laboratory_of(**EXACT), tmp_path / "flow.npz"
    mask, planned = np.ones(len(CURVATURES), dtype=bool), plan({"T_at_40": 8.0}, gradients=30)
    whole = flow(laboratory, mask, planned, checkpoint=file)
    if how == "cut":
        file.write_bytes(file.read_bytes()[:200])
    if how == "other":
        planned = replace(planned, gradients=31)
        whole = flow(laboratory, mask, planned)
    if how == "weights":
        mask = np.arange(len(CURVATURES)) > 0
        whole = flow(laboratory, mask, planned)
    assert flow(laboratory, mask, planned, checkpoint=file) == whole
    assert "is not taken up" in capsys.readouterr().err


def test_it_ends_after_its_gradients_and_keeps_the_times_it_has(laboratory_of):
    laboratory = laboratory_of(**EXACT)
    mask = np.ones(len(CURVATURES), dtype=bool)
    seen = []
    start = flow(laboratory, mask, plan({"T_at_40": 0.0}, gradients=1)).trajectory
    (first,) = [point.value for point in start if point.quantity == "flow_loss"]
    losses = {"T_at_40": 0.9 * first, "T_at_goal": 0.0}
    assert set(flow(laboratory, mask, plan(losses, gradients=50), report=seen.append).values) == {"T_at_40"}
    assert seen[-1] == 50
