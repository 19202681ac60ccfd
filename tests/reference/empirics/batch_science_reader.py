"""A reader of `batch_science` trees, written from the layout's definition with pandas, and their steps to result."""

import json
from pathlib import Path

import pandas as pd


def load_study(folder: Path, statuses=("COMPLETE",)):
    """Return what study.json holds, and a frame indexed by (trial_id, step) of the trials of some statuses."""
    facts = json.loads((folder / "study.json").read_text())
    frames = {}
    for trial in sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: int(path.name)):
        metadata = json.loads((trial / "metadata.json").read_text())
        if metadata["status"] in statuses:
            frames[metadata["trial_id"]] = pd.read_csv(trial / "measurements.csv", index_col="step").astype(float)
    measured = {trial: frame for trial, frame in frames.items() if len(frame)}
    if not measured:
        return facts, None
    return facts, pd.concat(measured.values(), keys=measured.keys(), names=["trial_id", "step"])


def steps_to_result(frame, metric, threshold):
    """Return (steps, trial) of the first row with a value strictly below, the lowest trial first; None without one."""
    if frame is None:
        return None
    good = frame[frame[metric] < threshold].reset_index()
    rows = sorted(zip(good["step"], good["trial_id"], strict=True))
    return (int(rows[0][0]), int(rows[0][1])) if rows else None
