"""Studies that others ran, as they lie on disk, and what becomes of them when they are imported."""

import json

from tools.commands import code_of

from empirics.exchange.__main__ import main
from empirics.store.store import read_store

METRIC = "val/classification_error"


def run(*words):
    """Call `empirics.exchange` in this process; return its exit code."""
    return code_of(main, *words)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_trial(study, trial, metadata, rows, columns=(METRIC,)):
    """Write one trial; rows are (step, value, ...)."""
    write_json(study / str(trial) / "metadata.json", metadata)
    lines = [",".join(["step", *columns]), *(",".join(map(str, row)) for row in rows)]
    (study / str(trial) / "measurements.csv").write_text("\n".join(lines) + "\n")


def plain_study(tree, batch_size=64, **facts):
    """Write a study of three trials as Shallue et al. would have; return its folder."""
    study = tree / "mnist/simple_cnn_base/momentum" / str(batch_size)
    whole = {
        "batch_size": batch_size,
        "dataset": "mnist",
        "early_stopping": False,
        "model": "simple_cnn_base",
        "optimizer": "momentum",
        "train_steps": 100,
        "parameter_configs": {"learning_rate": {"type": "DOUBLE", "min_value": 0.1, "max_value": 1, "scale": ""}},
    }
    write_json(study / "study.json", {k: v for k, v in (whole | facts).items() if v is not ...})
    curves = [[(0, 0.9), (10, 0.5), (25, 0.2), (100, 0.05)], [(0, 0.9), (10, 0.5), (25, 0.2), (100, 0.3)], [(10, 0.9)]]
    for trial, rows in enumerate(curves, start=1):
        status = "INFEASIBLE" if trial == 3 else "COMPLETE"
        metadata = {"parameters": {"learning_rate": trial / 10}, "status": status, "steps": rows[-1][0] + trial // 3}
        write_trial(study, trial, metadata | {"trial_id": trial, "_internal_trial_id": trial + 7}, rows)
    return study


RESULTS = {
    0: ("complete", 96, {"learning_rate": 0.01, "momentum": 0.99}),
    1: ("incomplete", -1, {"learning_rate": 0.1, "momentum": 0.97}),
    2: ("infeasible", -2, {"learning_rate": 1.0, "momentum": 0.95}),
    10: ("complete", 48, {"learning_rate": 0.02, "momentum": 0.92}),
}


def write_authors_study(folder, results=RESULTS, **facts):
    """Write a study folder of the shape that the authors' program leaves in its working folder."""
    whole = {
        "sparsity": 0.9,
        "batch_size": 64,
        "goal_error": 0.02,
        "nruns": len(results),
        "check_interval": 16,
        "mparams_kind": ["learning_rate", "momentum"],
        "dataset": "mnist",
        "model": "simple-cnn",
        "optimizer": "momentum",
        "parameter_configs": {},
    }
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({k: v for k, v in (whole | facts).items() if v is not ...}))
    (folder / "metaparameters.json").write_text("{}")
    for index, (status, steps, parameters) in results.items():
        place = folder / f"run-{index}" / "batch-science"
        place.mkdir(parents=True)
        (folder / f"run-{index}/log").mkdir()
        metadata = {"parameters": parameters, "steps-to-result": steps, "status": status}
        (place / "metadata.json").write_text(json.dumps(metadata))
    return folder


def records_of(folder, goal=None):
    with read_store(folder) as store:
        return list(store.studies(goal).values())
