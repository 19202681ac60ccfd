"""Make `logs/` beside this file by MLflow itself: `python tests/data/make_logs.py`, with `pip install mlflow`."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import mlflow

HERE = Path(__file__).parent / "logs"
# What a run needs; who ran it, where and with what is left out.
KEPT = ("meta.yaml", "val/loss", "batch_size", "lr", "mlflow.runName")
TABLES = ("experiments", "runs", "params", "metrics")


def log_runs(uri):
    """Log one run a batch size whose loss falls to 0.5 at step 5120/B + 20."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("batch sizes")
    for batch_size in (16, 32, 64, 128):
        with mlflow.start_run(run_name=f"run of {batch_size}"):
            mlflow.log_params({"batch_size": batch_size, "lr": 0.1})
            for step in range(0, 401, 10):
                mlflow.log_metric("val/loss", 1 - 0.5 * step / (5120 / batch_size + 20), step=step)


def main():
    """Write `mlruns/` and `mlflow.sql`."""
    shutil.rmtree(HERE, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        log_runs(f"file://{folder}/mlruns")
        for path in Path("mlruns").rglob("*"):
            if path.is_file() and path.parent.name != "0" and path.as_posix().endswith(KEPT):
                (HERE / path).parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text().replace(folder, "/home/user").replace("user_id: root", "user_id: user")
                (HERE / path).write_text(text)
        log_runs(f"sqlite:///{folder}/mlflow.db")
        with contextlib.closing(sqlite3.connect("mlflow.db")) as database:
            wanted = [line for line in database.iterdump() if any(f'"{name}"' in line.split("(")[0] for name in TABLES)]
        text = "\n".join(wanted).replace(folder, "/home/user").replace("'root'", "'user'")
        (HERE / "mlflow.sql").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
