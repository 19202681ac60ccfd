"""Tables as people have them: one reading, or a refusal that names what was found."""

import os
from dataclasses import dataclass

import pytest

from empirics.errors import InputError
from empirics.exchange.import_table import read_trials
from empirics.exchange.imported_runs import ImportOptions
from empirics.reading.table import read_table
from verification.records.curve_tables import read_curves
from verification.records.records import read_records, too_few_batch_sizes


def written(tmp_path, content, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def studies(table):
    """Return (workload, sparsity, replicate, batch size, steps, lower) of every row."""
    names = ("workload", "sparsity", "replicate", "batch_size", "steps_to_result", "lower")
    return [tuple(row.text(name) for name in names) for row in table.rows]


@dataclass(frozen=True)
class Same:
    """A table that says: 5210 steps at batch size 16, 2688 at 1024."""

    name: str
    content: str | bytes
    notes: tuple[str, ...] = ()


PLAIN = "batch_size,steps\n16,5210\n1024,2688\n"
SAME = [
    Same("plain", PLAIN),
    Same("semicolon", PLAIN.replace(",", ";")),
    Same("tab", PLAIN.replace(",", "\t")),
    Same("bar", PLAIN.replace(",", "|")),
    Same("numpy.savetxt", "# batch_size steps\n1.6e+01 5.21e+03\n1.024e+03 2.688e+03\n"),
    Same("sep=;", "\ufeffsep=;\n" + PLAIN.replace(",", ";")),
    Same("sep=tab", "sep=\t\r\n" + PLAIN.replace(",", "\t")),
    Same("carriage returns", PLAIN.replace("\n", "\r")),
    Same("UTF-16", PLAIN.replace(",", "\t").encode("utf-16")),
    Same("comments", "# my sweep, 2026\n#\n" + PLAIN),
    Same("comments below", PLAIN + "# done\n", ("left out as comment or repeated header: row 4",)),
    Same("appended with its header", PLAIN.replace("1024", "batch_size,steps\n1024"), ("left out as", "row 3")),
    Same("capitals and blanks", PLAIN.replace("batch_size,steps", "Batch Size , Steps")),
    Same("camel case", PLAIN.replace("batch_size,steps", "BatchSize,Steps to Result")),
    Same("units", PLAIN.replace("batch_size,steps", "Batch-Size (examples),Steps [iterations]")),
    Same("blanks nobody sees", PLAIN.replace("batch_size,steps", "Batch\u00a0Size,\ufeffSteps")),
    Same("marks nobody sees", "batch_size,steps\n16\u200b,\ufeff5210\n1024,\u202a2688\u202c\n"),
    Same("a mark before quotes", 'batch_size,steps\n16,\u200b"5210\u2060"\n\u200e1024,2688\u00a0\n'),
    Same("a mark above names", "# mine\n\u200bbatch_size,\u2060steps\n16,5210\n1024,2688\n"),
    Same("thousands by thin blanks", "batch_size;steps\n16;5\u2009210\n1024;2\u2007688\n", ("as 5210",)),
    Same("optuna", PLAIN.replace("batch_size,steps", "params_batch_size,num_steps"), ("read column num_steps",)),
    Same("prefixes", PLAIN.replace("batch_size,steps", "params.batch_size,summary/steps")),
    Same("bs", PLAIN.replace("batch_size,steps", "bs,num_steps"), ("bs as batch_size, num_steps as steps_to_result",)),
    Same("MLPerf", PLAIN.replace("batch_size,steps", "global_batch_size,iterations"), ("global_batch_size",)),
    Same("one moment", PLAIN.replace("steps", "step"), ("read column step as steps_to_result",)),
    Same("the paper's letters", PLAIN.replace("batch_size,steps", "B,K"), ("read column B",)),
    Same("pandas", ",batch_size,steps\n0,16,5210\n1,1024,2688\n"),
    Same("pandas again", "Unnamed: 0,batch_size,steps\n7,16,5210\n8,1024,2688\n"),
    Same("index named #", "#,batch_size,steps\n1,16,5210\n2,1024,2688\n"),
    Same("trailing separators", "batch_size,steps,\n16,5210,\n1024,2688,\n"),
    Same("trailing in rows alone", "batch_size,steps\n16,5210,,\n1024,2688,,\n"),
    Same("thousands", 'batch_size,steps\n16,"5,210"\n"1,024","2,688"\n', ("read 5,210 as 5210",)),
    Same("thousands in French", "batch_size;steps\n16;5\u202f210\n1\u00a0024;2 688\n", ("as 5210",)),
    Same("thousands in Swiss", "batch_size;steps\n16;5'210\n1'024;2'688\n", ("read 5'210 as 5210",)),
    Same("decimal commas", "batch_size;steps\n16,0;5210,0\n1024;2.688,0\n", ("read 16,0 as 16.0",)),
    Same("floats", "batch_size,steps\n16.0,5.21e3\n1024,2688.\n"),
    Same("a name of each row", "name,batch_size,steps\nx,16,5210\ny,1024,2688\n"),
    Same("a constant", "gpu,batch_size,steps\nT4,16,5210\nT4,1024,2688\n"),
    Same("nothing but ties", PLAIN + "16,5210\n", ("equal rows taken as one: row 4",)),
    Same("finished", "batch_size,steps,State\n16,5210,finished\n1024,2688,finished\n", ("State as status",)),
]


@pytest.mark.parametrize("same", SAME, ids=lambda same: same.name)
def test_one_table_in_many_shapes(same, tmp_path):
    table = read_table(written(tmp_path, same.content))
    assert [(float(row.text("batch_size")), float(row.text("steps_to_result"))) for row in table.rows] == [
        (16.0, 5210.0),
        (1024.0, 2688.0),
    ]
    assert all(note in " ".join(table.notes) for note in same.notes)
    assert bool(same.notes) == bool(table.notes)


@pytest.mark.parametrize(
    ("cells", "lower"),
    [
        (">5000,", "5000"),
        ("> 5000,9000", "5000"),
        (">=5000,", "4999"),
        ("\u22655000,", "4999"),
        ("5000+,", "4999"),
        ('">5,000",', "5000"),
        (">5e3,", "5000"),
        (",5000", "5000"),
        ("NaN,5000", "5000"),
        ("inf,5000", "5000"),
        ("DNF,5000", "5000"),
        ("did not finish,5000", "5000"),
        ('N/A,"5,000"', "5000"),
    ],
)
def test_a_goal_that_was_not_reached(cells, lower, tmp_path):
    path = written(tmp_path, f"batch_size,steps,max_steps\n16,{cells}\n32,40,9000\n64,30,9000\n")
    (curve,), _ = read_curves(path)
    assert [(point.lower, point.upper) for point in curve.points] == [(float(lower), None), (40.0, 40.0), (30.0, 30.0)]
    found, _ = read_trials(path, ImportOptions((0.1,)))
    assert found[0].records[0].lower == int(lower)
    assert found[0].records[0].winner is None


def test_a_flag_says_what_the_steps_are_of(tmp_path):
    for flags in (("converged", "False", "True"), ("censored", "1", "0"), ("Reached", "no", "yes")):
        name, missed, met = flags
        (curve,), notes = read_curves(written(tmp_path, f"batch_size,steps,{name}\n16,800,{missed}\n32,40,{met}\n"))
        assert [(point.lower, point.upper) for point in curve.points] == [(800.0, None), (40.0, 40.0)]
        assert notes == (f"mine.csv: read column {name} as status",)


@pytest.mark.parametrize("blank", ["", "nan", "NaN", "NA", "N/A", "-", "None"])
@pytest.mark.parametrize("name", ["status", "converged"])
def test_how_a_run_ended_may_be_left_blank_where_its_steps_say_it(name, blank, tmp_path):
    met = {"status": "reached", "converged": "True"}[name]
    text = f"batch_size,steps,max_steps,{name}\n16,,800,{blank}\n32,40,800,{met}\n64,>700,,{blank}\n"
    path = written(tmp_path, text)
    (curve,), _ = read_curves(path)
    assert [(point.lower, point.upper) for point in curve.points] == [(800.0, None), (40.0, 40.0), (700.0, None)]
    found, _ = read_trials(path, ImportOptions((0.1,), 800))
    assert [study.records[0].steps_to_result for study in found] == [None, 40, None]


def test_a_blank_status_says_nothing_of_steps(tmp_path):
    (curve,), _ = read_curves(written(tmp_path, "batch_size,steps,status\n16,9,nan\n32,8,NA\n"))
    assert [point.upper for point in curve.points] == [9.0, 8.0]


def test_a_trial_that_was_cut_short_has_not_spent_its_budget(tmp_path):
    rows = "16,0,40,900,\n16,1,,900,\n16,2,,900,diverged\n16,3,30,900,finished\n"
    (curve,), _ = read_curves(written(tmp_path, "batch_size,trial,steps,max_steps,status\n" + rows))
    assert [(t.status, t.lower, t.upper) for t in curve.trials] == [
        ("complete", 40.0, 40.0),
        ("incomplete", 900.0, None),
        ("infeasible", 0.0, None),
        ("complete", 30.0, 30.0),
    ]


@dataclass(frozen=True)
class Bad:
    name: str
    content: str | bytes
    message: str


BS = "batch_size,steps\n"
BAD = [
    Bad(
        "two readings of a point",
        "batch_size;steps\n16;5.210\n",
        "row 2, column steps_to_result: '5.210' may be 5210 or",
    ),
    Bad("two readings of a comma", "batch_size;steps\n16;5,210\n", "'5,210' may be 5210 or 5.21: write the one"),
    Bad("a rate tells nothing of counts", "batch_size;steps;lr\n16;5.210;0.1\n", "'5.210' may be 5210 or 5.21"),
    Bad("two decimal signs", "batch_size;steps\n16;5210,5\n32;2688.5\n", "row 2 has '5210,5', row 3 '2688.5'"),
    Bad("thousands without quotes", BS + "16,5,210\n", "3 fields for 2 columns; a number with a comma needs quotes"),
    Bad("a suffix", BS + "16k,9\n", "row 2, column batch_size: '16k' may be 16000 or 16384"),
    Bad("tokens", BS + "0.5M,9\n", "'0.5M' may be 500000 or 524288: write the one that is meant; `kstar import`"),
    Bad("tokens by name", "batch_tokens,steps\n16,9\n", "batch_tokens counts tokens: call it batch_size (tokens)"),
    Bad("epochs", "batch_size,epochs\n16,9\n", "among: batch_size, epochs; epochs counts epochs"),
    Bad("a part of a batch", "micro_batch_size,steps\n16,9\n", "micro_batch_size is a part of a batch"),
    Bad("a budget", "batch_size,total_steps\n16,9\n", "total_steps may be a budget"),
    Bad("no header", "16,5210\n32,2688\n", "row 1: holds numbers and no header"),
    Bad("a title", "My sweep\n" + BS + "16,9\n", "row 2: looks like the header; put # before the lines above it"),
    Bad(
        "two batch sizes",
        "batch_size,global_batch_size,steps\n16,128,9\n",
        "columns batch_size and global_batch_size co",
    ),
    Bad("two steps", "bs,num_steps,steps_to_target\n16,80,9\n", "columns num_steps and steps_to_target could both be"),
    Bad("a history", '"Step","bs16 - val/loss"\n"0","2.3"\n', "row 1: a history, step by step (column batch_size"),
    Bad(
        "a long history", "bs,step,loss\n16,10,2\n16,20,1\n", "row 3, column batch_size: repeats row 2: a history, step"
    ),
    Bad("JSON lines", '{"batch_size":16}\n{"batch_size":32}\n', "holds JSON lines: `kstar import FILE --goal X`"),
    Bad("JSON", '[{"batch_size": 16}]', "holds JSON, which is not read"),
    Bad("Latin-1", "batch_size,steps\n16,9\n# \u00e9\n".encode("latin-1"), "row 3: not a readable CSV file (byte 0xe9"),
    Bad("UTF-16 unmarked", BS.encode("utf-16-le"), "it holds NUL bytes"),
    Bad("a workbook", b"PK\x03\x04", "is an Excel workbook or another archive: save the sheet as CSV"),
    Bad("nothing", b"\xef\xbb\xbf", "the file is empty"),
    Bad("comments alone", "# a\n# b\n", "the file is empty"),
    Bad("a comment like a run", "run,batch_size,steps\n#1,16,9\n", "row 2: begins with # and reads like a run"),
    Bad("a share", "batch_size,steps,sparsity\n16,9,0.9\n", "row 2, column sparsity: 0.9 is 0.9%: write 90"),
    Bad(
        "under one percent",
        "batch_size;steps;sparsity\n16;9;0,9 %\n",
        "row 2, column sparsity: '0,9 %' is under 1%, and no such sparsity is read: write 0 for dense, or 90% if 0.9",
    ),
    Bad("a share by name", "batch_size,steps,density\n16,9,0.1\n", "column density is not read: give sparsity"),
    Bad("not reached by when", BS + "16,DNF\n", "or write its steps as >5000"),
    Bad(
        "a crash", "bs,trial,steps,status,max_steps\n16,1,,crashed,80\n", "row 2, column status: 'crashed' says nothing"
    ),
    Bad("bounds apart", "batch_size,steps,lower\n16,>50,40\n", "'>50' contradicts lower or upper"),
    Bad("an upper bound", BS + "16,<50\n", "need a finite number >= 0, got '<50'"),
    Bad("a bound of words", BS + "16,>soon\n", "need a whole number beside the sign, got '>soon'"),
    Bad("a bound of a part", BS + "16,>9.5\n", "need a whole number beside the sign, got '>9.5'"),
    Bad("a bound that was met", "bs,steps,status\n16,>50,reached\n", "column status: reached, yet the steps are '>50'"),
    Bad("a flag in words", "bs,steps,reached\n16,9,maybe\n32,8,yes\n", "column reached: need true or false, got 'ma"),
    Bad(
        "a flag of two kinds", "bs,steps,reached\n16,9,0.93\n32,8,yes\n", "column reached: need true or false, got '0.9"
    ),
    Bad("a blank flag beside steps", "bs,steps,converged\n16,9,\n32,8,yes\n", "row 2, column converged: is blank, yet"),
    Bad("nan beside steps", "bs,steps,diverged\n16,9,NaN\n32,8,False\n", "row 2, column diverged: is blank, yet"),
    Bad("a model left blank", "bs,steps,model\n16,9,a\n32,8,\n", "row 3, column model: is blank here"),
    Bad(
        "names with commas",
        "Batch Size, examples;Steps\n16;9\n",
        "row 1: column steps_to_result (or steps) is missing among: Batch",
    ),
    Bad("a page", "<table><tr><td>batch_size</td></tr></table>", "holds HTML or XML, which is not read"),
    Bad("a met goal without steps", "bs,steps,converged\n16,,True\n", "column converged: True, yet there are no steps"),
    Bad("pooled", "bs,steps,gpu\n16,9,a\n32,5,a\n64,3,b\n128,2,b\n", "column gpu ('a', 'b') tells rows of one curve"),
    Bad(
        "gathered batches", "bs,grad_accum,steps\n16,1,9\n64,1,5\n64,2,3\n", "rows of one batch size differ in grad_acc"
    ),
    Bad(
        "pooled runs",
        "bs,steps,run\n16,9,a\n32,5,a\n64,3,b\n128,2,b\n",
        "column run ('a', 'b') tells rows of one curve",
    ),
    Bad(
        "a search",
        "bs,steps,lr\n16,9,0.1\n16,8,0.2\n",
        "row 3, column batch_size: repeats row 2, apart by learning_rate",
    ),
    Bad(
        "equal but for",
        "bs,steps,hours\n16,9,1\n16,9,2\n",
        "repeats row 2, apart by hours: name such a column workload",
    ),
    Bad("unnumbered", BS + "16,9\n16,8\n", "repeats row 2 with another result: number the replicates"),
    Bad("a name that acts", "bs,steps,\x1b[31m\n16,9,1\n", "has a name that cannot be printed"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_what_has_no_or_two_readings_is_refused_in_one_line(bad, tmp_path):
    with pytest.raises(InputError) as caught:
        read_curves(written(tmp_path, bad.content))
    assert bad.message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "mine.csv"))
    assert str(caught.value).isprintable()


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "mine.csv")
    for path in (tmp_path / "mine.csv", tmp_path):
        with pytest.raises(InputError, match="is no regular file"):
            read_table(path)


ROWS = [("a", 16, 5210), ("a", 32, 2688), ("a", 64, 1452), ("b", 128, 810), ("b", 256, 501), ("b", 512, 352)]


@pytest.mark.parametrize("name", ["model", "Network", "optimizer", "dataset", "task", "Target Accuracy", "width"])
def test_models_are_curves_of_their_own(name, tmp_path):
    lines = "".join(f"{batch_size},{steps},{model}\n" for model, batch_size, steps in ROWS)
    curves, notes = read_curves(written(tmp_path, f"batch_size,steps,{name}\n{lines}"))
    assert {curve.workload: [(p.batch_size, p.upper) for p in curve.points] for curve in curves} == {
        f"{name} {model}": [(b, float(k)) for one, b, k in ROWS if one == model] for model in "ab"
    }
    assert notes == (f"mine.csv: one curve for each {name}",)


NUMBERED = (
    *("model_id", "Model Size", "model/index", "network_no", "dataset-id", "optimiser_id", "task number", "base_model"),
    *("workload_id", "num_params", "target_acc", "Target Loss", "target_val_acc", "goal_acc", "threshold"),
    *("threshold_value", "accuracy_threshold", "val_loss_target", "Target Error (%)", "target_top1_accuracy"),
)


@pytest.mark.parametrize("name", NUMBERED)
def test_models_and_goals_of_numbers_are_curves_of_their_own(name, tmp_path):
    numbers = {"a": ("0.7", "0.70", ".7"), "b": ("0.8", "0.8", "0.80")}
    lines = "".join(
        f"{batch_size},{steps},{numbers[one][at % 3]}\n" for at, (one, batch_size, steps) in enumerate(ROWS)
    )
    curves, notes = read_curves(written(tmp_path, f"batch_size,steps,{name}\n{lines}"))
    assert {curve.workload: [(p.batch_size, p.upper) for p in curve.points] for curve in curves} == {
        f"{name} {number}": [(b, float(k)) for one, b, k in ROWS if one == model]
        for model, number in (("a", "0.7"), ("b", "0.8"))
    }
    assert notes == (f"mine.csv: one curve for each {name}",)


@pytest.mark.parametrize("name", ["model_loss", "task_error", "final_acc", "hours", "data_seconds", "epochs_to_target"])
def test_what_was_measured_of_a_run_tells_no_curves_apart(name, tmp_path):
    lines = "".join(f"{batch_size},{steps},{steps / 9000}\n" for _, batch_size, steps in ROWS)
    (curve,), notes = read_curves(written(tmp_path, f"batch_size,steps,{name}\n{lines}"))
    assert (curve.workload, len(curve.points)) == ("", 6)
    assert notes == (f"mine.csv: columns not read: {name}",)


def test_a_model_of_every_row_is_named_where_no_curve_is_left(tmp_path):
    path = written(tmp_path, "batch_size,steps,model\n16,9,a\n32,8,b\n64,7,c\n")
    records = read_records(path)
    assert str(too_few_batch_sizes(records)).startswith("No curve has more than 1 distinct batch size;")
    assert "mine.csv: one curve for each model" in records.notes


def test_a_constant_model_and_one_that_goes_with_the_sparsity_change_nothing(tmp_path):
    text = "batch_size,steps,sparsity,label,model\n16,9,0,dense,a\n32,8,0,dense,a\n16,9,90,pruned,a\n"
    curves, notes = read_curves(written(tmp_path, text))
    assert [(curve.workload, curve.sparsity) for curve in curves] == [("", 0.0), ("", 90.0)]
    assert notes == ("mine.csv: columns not read: label, model",)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("seed", ("1", "2", "1", "2")),
        ("Seed", ("17", "1234567", "17", "1234567")),
        ("run", ("a", "b", "a", "b")),
        ("run", ("x1", "x2", "x3", "x4")),
        ("name", ("x1", "x2", "x3", "x4")),
        ("repeat", ("1.0", "2.0", "1.0", "2.0")),
    ],
)
def test_repeats_are_numbered_by_the_column_that_tells_them_apart(name, labels, tmp_path):
    studies = [(16, 5210), (16, 5100), (32, 2688), (32, 2700)]
    lines = [f"{batch_size},{steps},{label}\n" for (batch_size, steps), label in zip(studies, labels, strict=True)]
    for order in (lines, lines[::-1]):
        (curve,), notes = read_curves(written(tmp_path, f"batch_size,steps,{name}\n" + "".join(order)))
        found = [(point.batch_size, point.replicate, point.upper) for point in curve.points]
        assert found == [(16, 0, 5210.0), (16, 1, 5100.0), (32, 0, 2688.0), (32, 1, 2700.0)]
        assert notes == (f"mine.csv: read column {name} as replicate",)


@pytest.mark.parametrize("name", ["name", "run", "Run ID", "id", "experiment"])
@pytest.mark.parametrize("searched", ["lr", "learning_rate", "weight_decay", "momentum"])
def test_a_search_whose_runs_have_names_is_not_taken_for_repeats(name, searched, tmp_path):
    """The least of a search counts, not the mean: rates of 0.1 and 0.2 need 1100 and 11000 steps."""
    rows = "swept-1,16,1100,0.1\nswept-2,16,11000,0.2\nswept-3,32,600,0.1\nswept-4,32,6000,0.2\n"
    path = written(tmp_path, f"{name},batch_size,steps,{searched}\n{rows}")
    with pytest.raises(InputError, match=r"row 3.*trial"):
        read_curves(path)
    (tmp_path / "trials.csv").write_text(f"trial,batch_size,steps,{searched}\n" + rows.replace("swept-", ""))
    (curve,), _ = read_curves(tmp_path / "trials.csv")
    assert [(point.batch_size, point.upper) for point in curve.points] == [(16, 1100.0), (32, 600.0)]


def test_a_rate_of_each_seed_is_a_repeat(tmp_path):
    path = written(tmp_path, "seed,batch_size,steps,lr\n1,16,1100,0.1\n2,16,1200,0.2\n1,32,600,0.1\n2,32,700,0.1\n")
    (curve,), _ = read_curves(path)
    assert [(point.batch_size, point.replicate) for point in curve.points] == [(16, 0), (16, 1), (32, 0), (32, 1)]


def test_seeds_number_nothing_where_nothing_repeats(tmp_path):
    (curve,), notes = read_curves(written(tmp_path, "batch_size,steps,seed\n16,9,3\n32,8,4\n"))
    assert [point.replicate for point in curve.points] == [0, 0]
    assert notes == ("mine.csv: columns not read: seed",)


def test_an_import_reads_what_a_report_reads(tmp_path):
    text = "Batch Size;Steps;model;seed;lr;max_steps\n16;>5.000;a;1;0,1;9.000\n16;4.100,0;a;2;0,1;9.000\n"
    text += "32;2.688,0;a;1;0,2;9.000\n16;810;b;1;0,3;9.000\n"
    path = written(tmp_path, text)
    curves, _ = read_curves(path)
    assert [(c.workload, p.batch_size, p.replicate, p.lower, p.upper) for c in curves for p in c.points] == [
        ("model a", 16, 0, 5000.0, None),
        ("model a", 16, 1, 4100.0, 4100.0),
        ("model a", 32, 0, 2688.0, 2688.0),
        ("model b", 16, 0, 810.0, 810.0),
    ]
    found, notices = read_trials(path, ImportOptions((0.1,)))
    assert [(s.workload, s.records[0].study.batch_size, s.records[0].study.replicate) for s in found] == [
        ("model a", 16, 0),
        ("model a", 16, 1),
        ("model a", 32, 0),
        ("model b", 16, 0),
    ]
    assert [s.records[0].steps_to_result for s in found] == [None, 4100, 2688, 810]
    assert found[0].records[0].lower == 5000
    assert found[2].records[0].trials[0].metaparameters == {"learning_rate": 0.2}
    assert [notice.split(": ", 2)[2] for notice in notices] == [
        "read column lr as learning_rate",
        "read >5.000 as >5000",
        "one curve for each model",
        "read column seed as replicate",
    ]


def test_names_of_an_own_table_stand_for_themselves(tmp_path):
    head = "workload,goal,sparsity,replicate,trial,batch_size,steps_to_result,lower,upper,status,stop,max_steps,"
    path = written(tmp_path, head + "eval_interval,lr,model\nw,0.1,0,0,0,16,9,8,9,complete,race,20,1,0.5,7\n")
    (study,), _ = read_trials(path, ImportOptions())
    assert study.workload == "w"
    assert study.records[0].trials[0].metaparameters == {"lr": 0.5, "model": 7.0}


def test_reading_does_not_take_long_where_a_file_is_made_to(tmp_path):
    rows = "".join(f"16,{n},r{n}\n" for n in range(5_000))
    assert len(read_table(written(tmp_path, "batch_size,steps,run\n" + rows)).rows) == 5_000
    blanks = "a" + " " * 100_000 + "b"
    for text in (f"batch_size,steps\n16,{blanks}\n", f"{blanks},steps\n16,9\n"):
        with pytest.raises(InputError):
            read_curves(written(tmp_path, text))
