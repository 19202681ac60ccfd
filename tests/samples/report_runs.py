"""Run folders for the report: an ordinary one, and one whose every string tries to become markup."""

import csv
import json
from pathlib import Path

from samples.verification_runs import DIGITS_TRUTHS, write_run

from verification.report.__main__ import main as judge

ATTACK = "</script></style></title><img src=x onerror=\"window.attacked='{}'\"><svg onload='window.attacked=1'>"
LONG = "w" * 300
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="300" onload="window.attacked=1">'
    '<script>window.attacked = 1</script><rect width="900" height="300" fill="#eee"/></svg>'
)
PROVENANCE = {
    "identity": {
        "workload": "digits/small-cnn/sgd",
        "goal_error": [0.08],
        "max_steps": 1000,
        "eval_interval": 2,
        "seed": 0,
        "device": "cpu",
        "pruning": "snip",
        "pruning_examples": 1618,
        "biases": "prune",
        "stop": "factor 2",
        "dataset_digest": "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        "search_space": [["learning_rate", 0.01, 2.0, "log"]],
    },
    "asked_for": {
        "batch_sizes": [1, 2, 4],
        "sparsities": [0.0, 90.0],
        "replicates": 2,
        "trials": 16,
        "rerun_winner": 0,
        "constants": True,
        "probe": {"examples": 1618, "every": 5, "steps": None, "hessian_points": 4, "repeats": 0},
    },
    "study_seconds": 414.088,
    "sessions": [
        {"started": "2026-11-23T06:25:58+00:00", "commit": "a23eab6749bd", "jobs": 2, "notices": ["notice: pieces"]}
    ],
}


def write_judged(folder, **options):
    """Write a run with verdicts and provenance; return the folder."""
    write_run(folder, **options)
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE), encoding="utf-8")
    assert judge([str(folder), "--draws", "0", "--save"]) == 0
    return folder


def write_drawn(folder, **options):
    """Write a run with verdicts, provenance and a figure; return the folder."""
    write_judged(folder, **options)
    (folder / "figures").mkdir()
    (folder / "figures" / "figure_01.svg").write_text(SVG, encoding="utf-8")
    return folder


def attack(place: str) -> str:
    """A string that would run a script if a page took it for markup."""
    return ATTACK.format(place)


def write_hostile(parent: Path) -> Path:
    """Write a run whose names, values, verdicts, provenance and figures attack the page; return its folder."""
    folder = parent / 'x"><b onclick=1>'
    write_run(folder, truths=DIGITS_TRUTHS[::3], replicates=2)
    for name in ("curves.csv", "constants.csv"):
        _spoil(folder / name)
    assert judge([str(folder), "--draws", "0", "--save"]) == 0
    verdicts = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    for i, claim in enumerate(verdicts["claims"]):
        claim |= {key: f"{attack(key)} {LONG if i < 2 else ''}" for key in ("id", "statement", "subject", "detail")}
    (folder / "verdicts.json").write_text(json.dumps(verdicts), encoding="utf-8")
    provenance = {
        "identity": {**PROVENANCE["identity"], attack("key"): attack("value"), "workload": attack("identity")},
        "asked_for": PROVENANCE["asked_for"],
        LONG: LONG,
        "sessions": [{attack("session"): [attack("list"), "a\u202eb\ud800"], "notices": [attack("notice")]}],
    }
    (folder / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    (folder / "figures").mkdir()
    for name in ("figure_01", "extra_<script>", '"onerror="window.attacked=1'):
        (folder / "figures" / f"{name}.svg").write_text(SVG, encoding="utf-8")
    return folder


def _spoil(path: Path):
    """Put attacks into the text columns of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    spoiled = {"workload": attack("workload") + LONG, "goal": attack("goal")}
    metaparameters = json.dumps({attack("metaparameter"): 0.21})
    for row in rows:
        for i, column in enumerate(header):
            if column in spoiled:
                row[i] = spoiled[column]
            elif column == "metaparameters" and row[i]:
                row[i] = metaparameters
            elif column == "quantity":
                row[i] = row[i] if row[i] != "L_max" else attack("quantity")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
