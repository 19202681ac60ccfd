"""Every reader of files from outside, with small valid files, the errors it documents and how often it is tried."""

import gzip
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from empirics.datasets.arrays import load_dataset
from empirics.errors import InputError
from empirics.exchange.authors_runs import read_authors_runs
from empirics.exchange.import_table import read_trials
from empirics.exchange.import_tree import read_tree
from empirics.exchange.imported_runs import ImportOptions, group_runs
from empirics.reading.outside import read_json
from empirics.records import (
    BatchVariance,
    ConstantsRecord,
    MaskRecord,
    RerunRecord,
    Study,
    StudyOutcome,
    StudyRecord,
    TraceRecord,
    TrajectoryPoint,
    TrialRecord,
)
from empirics.search.space import Metaparameter, read_points
from empirics.store.store import open_store, read_store
from empirics.training.checkpoint import resume, write_checkpoint
from empirics.training.race_log import RaceLog
from paper_figures.reading import report_verdicts
from paper_figures.reading.run import read_run
from paper_figures.report.provenance import measured, steps_to_reproduce
from verification.records.constants_file import read_constants
from verification.records.provenance_file import read_provenance
from verification.records.records import read_curves, read_records
from verification.records.trials import read_stored
from verification.report.verdicts import differences, input_digests

ROOT = Path(__file__).parents[2]
OPTIONS = ImportOptions(max_steps=1000)
SPACE = (Metaparameter("learning_rate", 1e-3, 1.0, "log"), Metaparameter("momentum", 0.5, 0.999, "reverse_log"))


@dataclass(frozen=True)
class Reader:
    """One reader.

    Args:
        name: For people.
        files: Name -> content of valid files; one of them is spoilt at a time.
        read: Reads them from a folder.
        errors: What it may raise.
        tries: How many spoilt files the slow suite gives it.
    """

    name: str
    files: dict[str, bytes]
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    tries: int


def idx(packed):
    images = struct.pack(">4I", 2051, 10, 28, 28) + bytes(range(256)) * 30 + bytes(160)
    labels = struct.pack(">2I", 2049, 10) + bytes(range(10))
    names = ("MNIST/train-images-idx3-ubyte", "MNIST/train-labels-idx1-ubyte")
    contents = zip(names, (images, labels), strict=True)
    return {f"{n}.gz": gzip.compress(c, 1, mtime=0) for n, c in contents} if packed else dict(contents)


def cifar():
    record = bytes([3]) + bytes(range(256)) * 12
    return {f"cifar-10-batches-bin/data_batch_{i}.bin": record * 2 for i in range(1, 6)}


CURVES = b"""workload,goal,sparsity,replicate,batch_size,steps_to_result,lower,upper,status,stop,metaparameters
digits/a/sgd,0.08,0,0,16,70,68,70,reached,race,"{""learning_rate"": 0.5}"
digits/a/sgd,0.08,0,0,32,40,38,40,reached,race,"{""learning_rate"": 0.6}"
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
MADE_OF = {"H": {"theta": [5.0, 3.0], "weight": 0.5, "residuals": [0.1], "sigma": 0.1, "sigma_at_floor": False}}
MADE_OF["H"] |= {"max_residual": 0.2, "converged": True, "c1": 148.4, "c2": 20.1, "b_crit": 7.4}
MADE_OF["H"] |= {"intervals": {name: [1.0, None] for name in ("c1", "c2", "b_crit")}}
_CURVE = {"workload": "digits/a/sgd", "goal": "0.08", "sparsity": 0.0, "laws": MADE_OF, "reason": None, "n": 2}
_CURVE |= {"band": {"batch_size": [16, 32], "value": [70, 40], "low": [60, None], "high": [80, 50]}}
_CURVE |= {"tests": {"rate": {"rate": {"estimate": 0.5, "interval": [0.1, 0.9]}}}, "best_rates": {"reason": "few"}}
_PAIR = {
    "workload": "digits/a/sgd",
    "goal": "0.08",
    "sparsity": 90.0,
    "intervals": {"c1_ratio": [1, 2]},
    "c1_ratio": 1.5,
}
_PAIR |= {"c2_ratio": None, "b_crit_ratio": 1, "predicted_c1_ratio": 0.5, "predicted_factors": {"L": 2}, "reason": None}
_PAIR |= {"predicted_reason": None, "direction_disagrees": True}
_PAIR |= {"measured": [{"batch_size": 16, "replicate": 0, "ratio": 1.1, "low": 1, "high": None}]}
_CLAIM = {"id": "C1", "statement": "a law", "verdict": "supported", "subject": None, "estimate": 1.0, "p": 0.5}
_CLAIM |= {"interval": [0.5, 2], "p_holm": None, "detectable": 0.1, "detail": "one curve"}
VERDICTS = json.dumps({"inputs": {}, "curves": [_CURVE], "pairs": [_PAIR], "claims": [_CLAIM]}).encode()
PROVENANCE = (ROOT / "evidence/digits/provenance.json").read_bytes()
RECORDED = json.dumps({"claims": [_CLAIM], "curves": [_CURVE], "pairs": [_PAIR]}).encode()

ALONG = (TrajectoryPoint("L", 1, 2.0, 0.1), TrajectoryPoint("training_loss", 1, 2.3))
IDENTITY = {"workload": "digits/small-cnn/sgd", "goal_error": [0.08], "stop": "race"}
# What json.loads takes, or fails on in other ways than by a ValueError of one line.
IMPOSSIBLE_JSON = (
    *(b"[" * 100_000, b'{"inputs": ' * 900 + b"1" + b"}" * 900, b'{"inputs": ' + b"9" * 400 + b"}", b"NaN", b"\xff"),
    *(b'{"curves": [Infinity]}', b'{"curves": [1e999]}', b"9" * 5000, b"", b"[]", b"null", b'"text"'),
)


def tree(options):
    study = {"batch_size": 16, "dataset": "mnist", "model": "cnn_s90", "optimizer": "sgd", "train_steps": 100} | options
    trial = {"trial_id": 0, "parameters": {"learning_rate": 0.5}, "status": "COMPLETE", "steps": 30}
    if "goal_error" in options:
        trial["events"] = [{"event": "reached", "step": 20, "short": 10}]
    return {
        "16/study.json": json.dumps(study).encode(),
        "16/0/metadata.json": json.dumps(trial).encode(),
        "16/0/measurements.csv": b"step,val/classification_error\n10,0.5\n20,0.05\n30,0.04\n",
    }


def authors():
    study = {"dataset": "mnist", "model": "simple_cnn", "optimizer": "sgd", "sparsity": 0.9, "batch_size": 16}
    study |= {"goal_error": 0.02, "check_interval": 16, "nruns": 2, "mparams_kind": ["learning_rate"]}
    runs = [{"status": "complete", "steps-to-result": 320}, {"status": "infeasible", "steps-to-result": -2}]
    files = {
        f"16/run-{i}/batch-science/metadata.json": json.dumps(run | {"parameters": {"learning_rate": 0.1}}).encode()
        for i, run in enumerate(runs)
    }
    return {"16/study.json": json.dumps(study).encode()} | files


def imported(read, options=OPTIONS):
    """Read studies and group them, their traces too."""

    def all_of(folder):
        studies, _ = read(folder, options)
        return group_runs(studies), [study.traces() for study in studies], [study.says_something for study in studies]

    return all_of


def read_store_wholly(folder):
    with read_store(folder) as store:
        store.sessions(), store.masks(), store.reruns(), store.constants()
        for goal in store.goals:
            for study in store.studies(goal):
                store.traces(study)
    return read_stored(folder)


def read_page(folder):
    """Read a run folder as the report's page does, what it would compute left out."""
    found = read_json(folder / "verdicts.json")
    if isinstance(found, dict) and found.get("inputs") == {}:
        (folder / "verdicts.json").write_text(json.dumps(found | {"inputs": input_digests(folder)}))
        report_verdicts.read_verdicts(folder, read_records(folder))
        return read_run(folder)
    return found


def read_provenance_wholly(folder):
    provenance = read_provenance(folder)
    return measured(folder, provenance), steps_to_reproduce(folder, provenance)


def make_store(folder, identity=IDENTITY):
    """Return the bytes of a store with a row in every table, its sum not told so that changes reach the readers."""
    study, rate = Study(0.0, 0, 16), {"learning_rate": 0.5}
    trials = (TrialRecord(0, rate, "reached", 8), TrialRecord(1, rate, "running", 8, 6))
    constants = ConstantsRecord(study, 50, 0, rate, {"L_mean": 1.0}, ALONG, 0.5)
    with open_store(folder, identity) as store:
        store.add_session("2026", {"jobs": 1})
        store.add_masks([MaskRecord(0, 0, 0.0, bytes(8))])
        outcome = StudyRecord(study, 0.08, trials, 100, 2, None, 1.0)
        store.add_study(StudyOutcome((outcome,), (TraceRecord(study, 0, "val/loss", (2, 4), (0.5, 0.25)),)))
        store.add_rerun(RerunRecord(study, 1, 0, rate, "reached", 10))
        variance = BatchVariance(16, "epoch", 1.0, 0.1, 1.1)
        store.add_constants(ConstantsRecord(**{**vars(constants), "batch_variances": (variance,)}))
    content = bytearray((folder / "study.sqlite").read_bytes())
    content[60:64] = bytes(4)
    return bytes(content)


class Goals:
    """A goal test that remembers two numbers."""

    def state(self):
        return {"hardness": torch.arange(2.0)}

    def load(self, state):
        torch.zeros(2).copy_(state["hardness"])


RACE = {"study": [0.0, 0, 16]}


def make_checkpoint(folder):
    write_checkpoint(folder / "study.npz", RACE, (), Goals(), RaceLog([{}], {}, 4))
    return (folder / "study.npz").read_bytes()


def read_checkpoint(folder):
    return resume(folder / "study.npz", RACE, (), Goals(), RaceLog([{}]))


def readers(folder):
    """Return all of them; a folder is needed to make a store and a checkpoint in."""
    bad = (InputError,)
    said = (ValueError,)  # of which InputError is one
    curves = {"curves.csv": CURVES}
    return [
        Reader("IDX", idx(packed=False), lambda f: load_dataset("mnist", f), bad, 6000),
        Reader("IDX gzipped", idx(packed=True), lambda f: load_dataset("mnist", f), bad, 8000),
        Reader("CIFAR-10", cifar(), lambda f: load_dataset("cifar-10", f), bad, 2000),
        Reader("curves", curves, lambda f: read_curves(f / "curves.csv"), said, 15000),
        Reader("trials", {"t.csv": TRIALS}, lambda f: read_curves(f / "t.csv"), said, 15000),
        Reader("constants", {"c.csv": CONSTANTS}, lambda f: read_constants(f / "c.csv"), said, 10000),
        Reader(
            "points",
            {"p.csv": b"momentum,learning_rate\n0.9,0.5\n0.95,0.1\n"},
            lambda f: read_points(f / "p.csv", SPACE),
            bad,
            8000,
        ),
        Reader("trial table", {"t.csv": TRIALS}, lambda f: imported(read_trials)(f / "t.csv"), bad, 10000),
        Reader("provenance", {"provenance.json": PROVENANCE}, read_provenance_wholly, said, 6000),
        Reader("verdicts", {"verdicts.json": VERDICTS, **curves}, read_page, said, 6000),
        Reader(
            "recorded verdicts",
            {"r.json": RECORDED},
            lambda f: differences(read_json(f / "r.json"), json.loads(RECORDED)),
            said,
            6000,
        ),
        Reader("batch_science", tree({}), imported(read_tree, ImportOptions((0.1,))), bad, 6000),
        Reader("batch_science events", tree({"goal_error": [0.1], "stop": "race"}), imported(read_tree), bad, 4000),
        Reader("authors", authors(), imported(read_authors_runs), bad, 6000),
        Reader("store", {"study.sqlite": make_store(folder / "run")}, read_store_wholly, said, 3000),
        Reader("checkpoint", {"study.npz": make_checkpoint(folder)}, read_checkpoint, (), 3000),
    ]
