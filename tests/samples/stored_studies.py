"""A run to be stored, and records as the tests of the store write them."""

from empirics.records import Study, StudyRecord, TrialRecord
from empirics.store.store import open_store

IDENTITY = {
    "workload": "digits/small-cnn/sgd",
    "goal_error": [0.08],
    "seed": 0,
    "stop": "race",
    "search_space": [["learning_rate", 1.0]],
}
GOAL = 0.08


def opened(folder, **changes):
    return open_store(folder, IDENTITY | changes)


def study(*, trials=2, sparsity=0.0, batch_size=16, step=8):
    records = tuple(TrialRecord(i, {"learning_rate": 0.1 + i}, "complete", step) for i in range(trials))
    return StudyRecord(Study(sparsity, 0, batch_size), GOAL, records, 100, 2, None, 0.5)
