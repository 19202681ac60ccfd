"""One table of the readers of files from outside: a spoilt file is read, or refused as documented, and not for long."""

import contextlib
import gzip
import json
import random
import shutil
import signal
import sqlite3
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
import torch
from samples.foreign_studies import plain_study
from samples.stored_studies import opened, study
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tools.checkout import ROOT

from empirics.datasets.arrays import load_dataset
from empirics.errors import InputError
from empirics.exchange.authors_runs import read_authors_runs
from empirics.exchange.import_table import read_trials
from empirics.exchange.import_tree import read_tree
from empirics.exchange.imported_runs import ImportOptions, group_runs
from empirics.followed import ConstantsRecord, TrajectoryPoint
from empirics.logs.steps import import_steps
from empirics.logs.wanted import Wanted
from empirics.records import MaskRecord, RepeatRecord, StudyOutcome, TraceRecord
from empirics.search.point_table import read_points
from empirics.search.space import Metaparameter
from empirics.store.store import read_store
from empirics.training.checkpoint import resume, write_checkpoint
from empirics.training.race_log import RaceLog
from paper_figures.run import read_run
from verification.claims.analysis import analyse
from verification.records.constants_file import read_constants
from verification.records.curve_tables import read_curves
from verification.records.provenance_file import read_provenance
from verification.records.records import read_records
from verification.report.verdicts import dump, to_json

SEED, FEW, MANY = 20210504, 40, 300
MOST_SECONDS = 20  # of one input, on a busy machine
SPACE = (Metaparameter("learning_rate", 1e-3, 1.0, "log"), Metaparameter("momentum", 0.5, 0.999, "reverse_log"))
TOKENS = (
    *(b"\0", b"\xff", b'"', b",", b"\n", b"\r", b";", b"{", b"}", b"[", b"]", b":", b"-", b"-1", b"0", b"1e999"),
    *(b"nan", b"-inf", b"NaN", b"Infinity", b"null", b"true", b"1e308", b"1e-320", b"9" * 400, b"9" * 5000),
    *(b"[" * 2000, b'{"a":' * 60, b"../../x", b"/etc/passwd", "\u202e".encode(), b"\xed\xa0\x80", b"%s", b"0.5"),
    *(b"4294967296", b"reached", b"censored", b"infeasible", b'""', b" ", b"\t", b"_"),
)
CURVES = b"""workload,goal,sparsity,replicate,batch_size,steps_to_result,lower,upper,status,stop,metaparameters
digits/a/sgd,0.08,0,0,16,70,68,70,reached,race,"{""learning_rate"": 0.5}"
digits/a/sgd,0.08,0,0,32,40,38,40,reached,race,"{""learning_rate"": 0.6}"
digits/a/sgd,0.08,0,0,64,30,28,30,reached,race,"{""learning_rate"": 0.6}"
digits/a/sgd,0.08,90,1,64,,200,,not_reached,race,
"""
TRIALS = b"""batch_size,trial,steps,lower,status,learning_rate,goal_error,sparsity
16,0,70,68,complete,0.5,0.1,0
16,1,,80,incomplete,0.01,0.1,0
16,2,,,infeasible,9,0.1,0
32,0,30,28,complete,0.5,0.1,90
"""
CONSTANTS = b"""workload,sparsity,quantity,value,low,high,n,standard_error
digits/a/sgd,0,L_mean,1.5,1.2,1.8,3,0.1
digits/a/sgd,90,beta,107,,,1,
"""
AUTHORS = {"dataset": "mnist", "model": "simple_cnn", "optimizer": "sgd", "sparsity": 0.9, "batch_size": 16}
AUTHORS |= {"goal_error": 0.02, "check_interval": 16, "nruns": 2, "mparams_kind": ["learning_rate"]}
RUN = {"status": "complete", "steps-to-result": 320, "parameters": {"learning_rate": 0.1}}


class Goals:
    """A goal test that remembers two numbers."""

    def state(self):
        return {"hardness": torch.arange(2.0)}

    def load(self, state):
        torch.zeros(2).copy_(state["hardness"])


@dataclass(frozen=True)
class Reader:
    """A reader, the valid files of which one is spoilt at a time, and what it may raise."""

    name: str
    write: Callable[[Path], object]
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...] = (ValueError,)  # of which InputError is one


def writes(**files):
    """Return what writes files into a folder; `__` stands for `/`, `_` before the ending for the dot."""

    def write(folder):
        for name, content in files.items():
            path = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return write


def write_idx(folder, pack=lambda content: content, ending=""):
    (folder / "MNIST").mkdir()
    images = struct.pack(">4I", 2051, 10, 28, 28) + bytes(range(256)) * 30 + bytes(160)
    (folder / f"MNIST/train-images-idx3-ubyte{ending}").write_bytes(pack(images))
    (folder / f"MNIST/train-labels-idx1-ubyte{ending}").write_bytes(
        pack(struct.pack(">2I", 2049, 10) + bytes(range(10)))
    )


def write_cifar(folder):
    (folder / "cifar-10-batches-bin").mkdir()
    for number in range(1, 6):
        (folder / f"cifar-10-batches-bin/data_batch_{number}.bin").write_bytes(
            (bytes([3]) + bytes(range(256)) * 12) * 2
        )


def write_verdicts(folder):
    (folder / "curves.csv").write_bytes(CURVES)
    (folder / "verdicts.json").write_text(dump(to_json(analyse(read_records(folder), draws=0))))


def write_store(folder):
    record, rate = study(), {"learning_rate": 0.5}
    along = (TrajectoryPoint("L", 1, 2.0, 0.1), TrajectoryPoint("training_loss", 1, 2.3))
    with opened(folder) as store:
        store.add_session("2026", {"jobs": 1})
        store.add_masks([MaskRecord(0, 0, 0.0, bytes(8))])
        store.add_study(StudyOutcome((record,), (TraceRecord(record.study, 0, "val/loss", (2, 4), (0.5, 0.25)),)))
        store.add_repeats([RepeatRecord(record.study, record.goal, "draw", 1, record.trials[0])])
        store.add_constants(ConstantsRecord(record.study, 50, 0, rate, {"L_mean": 1.0}, along, 0.5))


def read_whole_store(folder):
    with read_store(folder) as store:
        store.sessions(), store.masks(), store.constants()
        return [store.traces(record.study) for record in store.outcomes()], read_records(folder)


def imported(read, **options):
    """Return what reads studies and groups them, their traces too."""

    def all_of(folder):
        studies, _ = read(folder, ImportOptions(**options))
        return group_runs(studies), [study.traces() for study in studies]

    return all_of


def trials_in(folder):
    return imported(read_trials, max_steps=1000)(folder / "t.csv")


CHART = b"""Step,bs16 - val/loss,bs16 - val/loss__MIN,bs32 - val/loss
10,0.9,0.9,0.8
20,0.4,0.4,
30,,,0.3
"""
LINES = b"""{"run": "a", "config": {"batch_size": 16, "lr": 0.1}}
{"run": "a", "step": 10, "val_loss": 0.9}
{"run": "a", "step": 20, "val_loss": 0.4}
"""
METRICS = b"epoch,lr,step,train_loss,val_loss\n0,0.1,10,0.9,\n0,,10,,0.9\n1,,20,,0.4\n"
STATE = {"train_batch_size": 16, "log_history": [{"step": at, "loss": 4.0 / at} for at in (4, 8, 12)]}


def logs_in(name=".", **wanted):
    """Return what reads logs that lie in a folder."""
    return lambda folder: import_steps([folder / name], Wanted(goal=0.5, direction="below", **wanted))


def write_event_file(folder):
    told = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="loss", simple_value=0.4)])
    (folder / "bs16").mkdir()
    writer = EventFileWriter(str(folder / "bs16"))
    for step in (10, 20):
        writer.add_event(event_pb2.Event(step=step, summary=told))
    writer.close()


def write_mlflow(folder):
    shutil.copytree(next((ROOT / "tests" / "data" / "logs" / "mlruns").glob("*/*/params")).parent, folder / "run")


def write_database(folder):
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.executescript(f"BEGIN; {(ROOT / 'tests' / 'data' / 'logs' / 'mlflow.sql').read_text()} COMMIT;")


def write_optuna(folder):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{folder}/studies.db")
    size = optuna.distributions.IntDistribution(1, 64)
    study.add_trial(
        optuna.create_trial(
            value=0.4, params={"batch_size": 16}, distributions={"batch_size": size}, intermediate_values={10: 0.4}
        )
    )


BAD = (InputError,)
READERS = (
    Reader("chart", writes(c_csv=CHART), logs_in(), BAD),
    Reader("JSON lines", writes(log_jsonl=LINES), logs_in(), BAD),
    Reader("MLflow's folder", write_mlflow, logs_in(), BAD),
    Reader("MLflow's database", write_database, logs_in("mlflow.db"), BAD),
    Reader("Optuna's database", write_optuna, logs_in("studies.db"), BAD),
    Reader("event file", write_event_file, logs_in(), BAD),
    Reader(
        "Lightning",
        writes(v__metrics_csv=METRICS, v__hparams_yaml=b"data:\n  batch_size: 16\nlr: 0.1\n"),
        logs_in(metric="val_loss"),
        BAD,
    ),
    Reader("Hugging Face", writes(r__trainer_state_json=json.dumps(STATE).encode()), logs_in(), BAD),
    Reader("IDX", write_idx, lambda f: load_dataset("mnist", f), BAD),
    Reader("gzip", lambda f: write_idx(f, gzip.compress, ".gz"), lambda f: load_dataset("mnist", f), BAD),
    Reader("CIFAR-10", write_cifar, lambda f: load_dataset("cifar-10", f), BAD),
    Reader("curves", writes(curves_csv=CURVES), lambda f: read_curves(f / "curves.csv")),
    Reader("trials", writes(t_csv=TRIALS), lambda f: read_curves(f / "t.csv")),
    Reader("trial table", writes(t_csv=TRIALS), trials_in, BAD),
    Reader("constants", writes(c_csv=CONSTANTS), lambda f: read_constants(f / "c.csv")),
    Reader(
        "points",
        writes(p_csv=b"momentum,batch_size,learning_rate\n0.9,8,0.5\n0.95,8,0.1\n"),
        lambda f: read_points(f / "p.csv", SPACE).points(0.0, 8),
        BAD,
    ),
    Reader("provenance", writes(provenance_json=b'{"identity": {"workload": "a"}, "sessions": []}'), read_provenance),
    Reader("verdicts", write_verdicts, read_run),
    Reader("batch_science", lambda f: plain_study(f, goal_error=0.3), imported(read_tree), BAD),
    Reader(
        "authors",
        writes(
            study_json=json.dumps(AUTHORS).encode(), **{"run-0__batch-science__metadata_json": json.dumps(RUN).encode()}
        ),
        imported(read_authors_runs),
        BAD,
    ),
    Reader("store", write_store, read_whole_store),
    Reader(
        "checkpoint",
        lambda f: write_checkpoint(f / "study.npz", {"study": 0}, (), Goals(), RaceLog([{}], {}, 4)),
        lambda f: resume(f / "study.npz", {"study": 0}, (), Goals(), RaceLog([{}])),
        (),
    ),
)


def mutated(content, draw):
    """Return a file's bytes after one to four changes: bits, pieces and words, in, out and moved about."""
    spoilt = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(spoilt) + 1)
        end = min(len(spoilt), at + draw.choice((1, 1, 2, 4, 16, 64)))
        kind = draw.randrange(6)
        if kind == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del spoilt[at : draw.choice((end, end, len(spoilt)))]
        elif kind == 2:
            spoilt[at : draw.choice((at, end))] = draw.choice(TOKENS)
        elif kind == 3:
            spoilt[at:at] = spoilt[(start := draw.randrange(len(spoilt) + 1)) : start + draw.choice((4, 40, 400))]
        elif kind == 4:
            spoilt[at:end] = draw.randbytes(end - at)
        else:  # a word between separators gives way to another
            left = max(spoilt.rfind(mark, 0, at) for mark in (b",", b":", b"\n", b"["))
            right = min((i for mark in (b",", b"}", b"\n", b"]") if (i := spoilt.find(mark, at)) >= 0), default=at)
            spoilt[left + 1 : right] = draw.choice(TOKENS)
    return bytes(spoilt)


def too_long(*_):
    raise TimeoutError("an input took too long")


@pytest.mark.parametrize(
    "numbers",
    [range(FEW), pytest.param(range(FEW, FEW + MANY), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_spoilt_files(reader, numbers, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    reader.write(folder)
    valid = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    reader.read(folder)
    previous, refused = signal.signal(signal.SIGALRM, too_long), 0
    try:
        for number in numbers:
            draw = random.Random(f"{SEED}/{reader.name}/{number}")
            path = draw.choice(sorted(valid))
            path.write_bytes(mutated(valid[path], draw))
            signal.alarm(MOST_SECONDS)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    reader.read(folder)
            except reader.errors:
                refused += 1
            except Exception as error:
                error.add_note(f"input {number}: {path.read_bytes()[:2000]!r}")
                raise
            finally:
                signal.alarm(0)
                path.write_bytes(valid[path])
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert refused > 0 or not reader.errors
    assert [path.name for path in tmp_path.iterdir()] == ["in"], "something was written elsewhere"
