"""Every command that a page tells a reader to type is typed, page by page, in a copy of the project."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools import pages
from tools.checkout import ROOT, copy_checkout

# Fewer and shorter trainings, where a command as it stands takes minutes: added to what the page says.
TINY = "--batch-sizes 64 256 --trials 2 --max-steps 40 --goal-error 0.5 --examples 64 --hessian-points 0"
SMALLER = {
    "python -m empirics.measure --sparsity 0 50 70 90": TINY,
    "python -m empirics.constants --sparsity 0 90": "--batch-size 64 --trials 4 --goal-error 0.5 --examples 64 "
    "--hessian-points 0",
    "python -m empirics.constants --out DIR": "--examples 64 --hessian-points 0 --every 20",
    "python -m empirics.constants --batch-size 64": "--sparsity 0 90 --goal-error 0.3",
    "python -m empirics.measure --workload mnist/simple-cnn/sgd --data-dir DATA": "--trials 1 --max-steps 16 "
    "--pruning-examples 500 --examples 64 --hessian-points 0",
    "python -m empirics.measure --workload examples.own_model:make_workload --sparsity 0 50": "--batch-sizes 16 64 "
    "--trials 2 --max-steps 100 --examples 64",
    "python -m empirics.measure --workload my_wine:make_workload": "--batch-sizes 16 64 --trials 4",
    "python -m empirics.measure --workload my_pruned:make_workload": "--batch-sizes 16 64 --trials 4 --no-constants",
    "python -m empirics.measure --workload my_model:make_workload": "--batch-sizes 16 64 --trials 4",
    "python -m empirics.measure --sparsity 0 90 --batch-sizes 64 256 --draws 5": "--batch-sizes 64 --trials 2 "
    "--draws 3 --jitter 1 --goal-error 0.5",
    "python -m empirics.measure --sparsity 0 90 --batch-sizes 4 16 64 256": "--max-steps 40 --goal-error 0.6 "
    "--examples 64 --hessian-points 0 --trials 2",
    "kstar measure --sparsity 0 90 --batch-sizes 4 16 64 256": "--max-steps 40 --goal-error 0.6 --examples 64 "
    "--hessian-points 0 --trials 2",
    "python -m empirics.measure --sparsity 0 90 --batch-sizes 4 8 16 32": "--max-steps 40 --goal-error 0.6 "
    "--examples 64 --hessian-points 0 --trials 2",
    "python -m empirics.measure --sparsity 0 90 --batch-sizes 16 64 --trials 2 --pause-after": "--max-steps 40 "
    "--goal-error 0.5 --examples 64 --hessian-points 0",
    "python -m empirics.measure --sparsity 0 --batch-sizes 16 64 256": "--max-steps 60 --goal-error 0.5",
    "python -m empirics.measure --sparsity 90 --batch-sizes 16 64 256": "--max-steps 60 --goal-error 0.5",
    "pytest verification/ --study runs/tutorial": "-k tutorial",
    "python -m empirics.measure --executor ray": f"{TINY} --no-constants",
    "python -m empirics.measure --data-parallel 2": f"{TINY} --no-constants",
    "python -m paper_figures DIR": "--figure 1 4 12 ratio",
    "python -m benchmarks.coverage": "--curves 3 --replicates 2",
    "python -m benchmarks.verdicts": "--draws 2 --claims C13",
}
# What no test can type, and why.
NOT_RUN = {
    "pip install": "installs an environment, as make does",
    "python -m empirics.datasets fetch": "downloads",
}
# What a command is there to renew in the checkout itself.
WRITES = {"python -m theory.document": {"docs/images/laws.png", "docs/theory.md"}}
LONGEST_S = 900
READ = {page: pages.steps(page) for page in pages.pages()}


def reason_not_run(step):
    """Return why a command is not run, None where it is."""
    if step.kind == "not run":
        return step.content
    return next((reason for start, reason in NOT_RUN.items() if step.text.startswith(start)), None)


def typed(command):
    """Return what is typed for a command: itself, a smaller one, or for make what it would do."""
    if command.startswith("make"):
        return command.replace("make", "make -n", 1)
    return " ".join([command, *(more for start, more in SMALLER.items() if command.startswith(start))][:2])


def of(kinds):
    return [
        pytest.param(page, step, id=f"{page.name}:{step.line}") for page in READ for step in READ[page] if kinds(step)
    ]


@pytest.fixture
def copy(tmp_path):
    """A copy of the project as a reader has it, with a measured run DIR, their logs and, where there is one, DATA."""
    folder = copy_checkout(tmp_path / "kstar")
    shutil.copytree(folder / "evidence" / "digits", folder / "DIR")
    for kernel in (ROOT / "empirics" / "kernels").glob("*.so"):  # an installation has it, and DIR goes on with it
        shutil.copy(kernel, folder / "empirics" / "kernels")
    logs = next(step for step in READ[ROOT / "docs" / "own_logs.md"] if step.kind == "file")
    (folder / logs.text).write_text(logs.content)
    if os.environ.get("KSTAR_DATA_DIR"):
        (folder / "DATA").symlink_to(Path(os.environ["KSTAR_DATA_DIR"]).resolve())
    check(["git", "init", "-q"], folder, "git")
    (folder / ".git" / "info" / "exclude").write_text("/DIR\n/DATA\n/PATH\n")  # a reader's own, kept elsewhere
    commit(folder)
    return folder


def commit(folder):
    """Take everything that is there for what the reader wants to be there."""
    check(["git", "add", "-A"], folder, "git add")
    who = ("-c", "user.name=reader", "-c", "user.email=reader@localhost")
    check(["git", *who, "commit", "-q", "--allow-empty", "-m", "what a page shows"], folder, "git commit")


def changed(folder):
    """Return the files that a clean checkout would not have, or not so."""
    status = check(["git", "status", "--porcelain", "--untracked-files=all"], folder, "git status")
    return [line[3:] for line in status.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in READ if READ[page]], ids=lambda page: page.name)
def test_what_a_page_says_can_be_done(page, copy):
    for step in READ[page]:
        if step.kind == "file":
            (copy / step.text).write_text(step.content)
            commit(copy)
        elif step.kind == "diff":
            check(["git", "apply", "--whitespace=error", "-"], copy, f"the diff at line {step.line}", step.text)
            commit(copy)
        elif reason_not_run(step) is None and not ("DATA" in shlex.split(step.text) and not (copy / "DATA").exists()):
            check(["bash", "-c", typed(step.text)], copy, f"line {step.line}: {step.text}")
            assert set(changed(copy)) <= WRITES.get(step.text, set()), f"line {step.line}: {step.text}"


def check(command, folder, what, text=None):
    """Run a command in the copy, with the copy's own packages; return its output, show what it says if it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder, env=environment, input=text, capture_output=True, text=True, check=False, timeout=LONGEST_S
    )
    assert done.returncode == 0, f"{what}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.parametrize(("page", "step"), of(lambda step: reason_not_run(step) is not None))
def test_a_command_that_is_not_run_has_a_reason(page, step):
    pytest.skip(f"{step.text}: {reason_not_run(step)}")


@pytest.mark.skipif(bool(os.environ.get("KSTAR_DATA_DIR")), reason="they are run")
@pytest.mark.parametrize(("page", "step"), of(lambda step: "DATA" in step.text.split()))
def test_a_command_that_needs_data_waits_for_them(page, step):
    pytest.skip(f"{step.text}: KSTAR_DATA_DIR names no folder")


def test_few_commands_are_not_run():
    commands = [step for listed in READ.values() for step in listed if step.kind in {"run", "not run"}]
    assert len(commands) > 40
    assert sum(reason_not_run(step) is not None for step in commands) <= len(commands) / 5


def test_the_table_of_smaller_commands_is_current():
    commands = [step.text for listed in READ.values() for step in listed]
    for start in (*SMALLER, *NOT_RUN):
        assert any(command.startswith(start) for command in commands), start


def test_pages_are_read_as_markdown_is():
    text = """Prose `make all` and `python -m theory.derive`.

    python -m a --b 1 \\
        --c    # said
    pytest x

<!-- not run: 30 hours -->
```sh
python -m b
```

<!-- file: logs.csv -->
    batch_size,steps

    1,2

- a list

      no command here
"""
    found = pages.blocks(text)
    assert [(block.language, block.mark) for block in found] == [
        ("", None),
        ("sh", ("not run", "30 hours")),
        ("", ("file", "logs.csv")),
        ("", None),
    ]
    assert pages.commands_of(found[0].lines) == ["python -m a --b 1 --c", "pytest x"]
    assert pages.commands_of(found[2].lines) == []
    assert pages.inline_commands(text) == [(1, "make all")]
