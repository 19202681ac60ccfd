"""What the page of results says, and the numbers of kept runs as it tells them."""

import json
import math
import re

import numpy as np
from scipy.stats import t
from tools.checkout import ROOT
from tools.commands import rows

PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
EVIDENCE = ROOT / "evidence"


def cells(start):
    """Return the cells of the row whose first cell is this, or begins so with a colon."""
    (row,) = re.findall(rf"^\| ({re.escape(start)}(?::| \|).*) \|$", PAGE, re.MULTILINE)
    return row.split(" | ")


def ratio_told(steps, size, replicates):
    """Return the geometric mean over replicates of the steps at 90% over the dense ones, with Student's interval."""
    logs = [math.log(steps[90.0, size, r] / steps[0.0, size, r]) for r in range(replicates)]
    return "{:.3g} [{:.3g}, {:.3g}]".format(*map(math.exp, with_ends(logs)))


def with_ends(values, level=0.95):
    """Return the mean of one value a replicate, and the ends of Student's interval."""
    half = t.ppf(0.5 + level / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))
    return [np.mean(values) + sign * half for sign in (0, -1, 1)]


def steps_of(records):
    """Return the steps to result by sparsity, batch size and replicate."""
    return {(c.sparsity, p.batch_size, p.replicate): p.upper for c in records.curves for p in c.points if p.reached}


def drawn_again(run, sparsities=frozenset({"0", "90"})):
    """Return medians over new draws of winners by sparsity, batch size and replicate, and the fewest draws of one."""
    studies = rows(EVIDENCE / run / "curves.csv")
    known = [row for row in studies if row["sparsity"] in sparsities and int(row["draws"]) > 1]
    known = [row for row in known if row["steps_at_best_rate"]]
    steps = {
        (float(row["sparsity"]), int(row["batch_size"]), int(row["replicate"])): float(row["steps_at_best_rate"])
        for row in known
    }
    return steps, min(int(row["draws"]) for row in known)


def rates_of(run):
    """Return what a run's verdicts tell of the rates of each curve, by sparsity."""
    kept = json.loads((EVIDENCE / run / "verdicts.json").read_text(encoding="utf-8"))
    return {curve["sparsity"]: curve["tests"]["rate"] for curve in kept["curves"]}
