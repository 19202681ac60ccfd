"""`python -m empirics.measure`: measure K*(B) per sparsity, then L, Delta and beta."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

from empirics.command_line import parse
from empirics.cost import longest_first
from empirics.data_parallel import check_ranks
from empirics.datasets import Dataset, digest_notice
from empirics.errors import InputError
from empirics.executor import Executor, OpenExecutor, WorkerError, local_executor
from empirics.files import remove_partial
from empirics.memory import jobs_within, peak_bytes
from empirics.progress import Display
from empirics.provenance import provenance
from empirics.records import ConstantsRecord, RerunRecord, StudyOutcome, StudyRecord
from empirics.resources import Resources, this_machine
from empirics.runs_to_follow import runs_to_follow
from empirics.specification import Request, Specification, Study, resolve
from empirics.store import Store, open_store
from empirics.summary import describe_ending, describe_run, describe_study
from empirics.tables import write_tables
from empirics.tasks import ConstantsTask, PruneTask, RerunTask, StudyTask
from empirics.workloads import describe_workloads

_PROGRAM = "python -m empirics.measure"
_PURPOSE = "Measure steps to result K*(B) per sparsity, then the constants L, Delta and beta behind it."
_GO_ON = "what was finished is kept, run the same command again to go on"


@dataclass(frozen=True)
class Execution:
    """How a measurement is carried out; none of it changes a result."""

    out: Annotated[Path | None, "run folder; default runs/<workload>-<digest>"] = None
    jobs: Annotated[int | None, "processes at once; default all cores, on GPUs all of them"] = None
    executor: Annotated[Literal["local", "ray"], "where: processes of this machine, or a Ray cluster"] = "local"
    address: Annotated[str | None, "of a running Ray cluster, host:port or auto; default one started here"] = None
    memory_limit: Annotated[float | None, "gigabytes that all processes may take: fewer at once, or a refusal"] = None
    plan: Annotated[bool, "print what would be done, with an estimate of time and memory, and stop"] = False
    list: Annotated[bool, "print all workloads with their defaults, and stop"] = False


def measure(request: Request, execution: Execution) -> Path:
    """Measure what the request asks for and return the run folder.

    What the folder already holds is not measured again, so an interrupted run goes on where it stopped.

    Args:
        request: What to measure.
        execution: Where to and with how many processes.

    Returns:
        The run folder, with `study.sqlite`, `curves.csv`, `provenance.json` and, unless declined, `constants.csv`.

    Raises:
        InputError: If something in the request cannot be used.
    """
    with _place(request, execution) as (resources, open_executor):
        specification, dataset, jobs = prepare(request, execution.jobs, execution.memory_limit, resources)
        return run_stages(specification, dataset, jobs, execution.out, _everything, open_executor)


@contextlib.contextmanager
def _place(request: Request, execution: Execution) -> Iterator[tuple[Resources, OpenExecutor]]:
    """Provide what there is to run on, and what opens an executor there."""
    if execution.executor == "ray":
        if request.data_parallel > 1:
            raise InputError(f"--data-parallel {request.data_parallel}: goes with --executor local")
        from empirics.ray_cluster import ray_cluster  # noqa: PLC0415 - Ray is optional

        with ray_cluster(execution.address) as place:
            yield place
        return
    if execution.address is not None:
        raise InputError(f"--address {execution.address}: goes with --executor ray")
    yield this_machine(), local_executor


def _everything(run: Measurement) -> None:
    """Measure curves and constants."""
    run.measure_masks()
    run.measure_studies()
    run.measure_reruns()
    if run.specification.constants:
        run.measure_constants()


def run_stages(
    specification: Specification,
    dataset: Dataset,
    jobs: int,
    out: Path | None,
    stages: Callable[[Measurement], None],
    open_executor: OpenExecutor | None = None,
) -> Path:
    """Open the run folder, carry out stages of a measurement in it, write its tables and return it.

    Args:
        specification: What to measure.
        dataset: On what.
        jobs: Processes at once.
        out: The run folder; None for the specification's own under `runs/`.
        stages: What to do.
        open_executor: What opens the executor; None for processes of this machine.

    Raises:
        InputError: If the folder belongs to another run or is in use.
    """
    open_executor = open_executor or local_executor
    notices = _notices(specification, dataset)
    for notice in notices:
        print(notice, file=sys.stderr)
    folder = out or Path("runs") / specification.folder_name()
    with open_store(folder, specification.identity()) as store:
        _refuse_fewer_trials(store, specification, folder)
        _refuse_other_points(store, specification, folder)
        started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        execution_facts = {"device": specification.device, "jobs": jobs, "threads": 1, "notices": notices}
        if specification.data_parallel > 1:
            execution_facts["data_parallel"] = specification.data_parallel
        store.add_session(started, {**provenance(), **execution_facts})
        facts: dict[str, object] = {}
        try:
            with Display() as display, open_executor(specification, dataset, jobs) as executor:
                try:
                    stages(Measurement(specification, dataset, jobs, store, executor, display, folder / "checkpoints"))
                finally:
                    facts = executor.facts()
        finally:
            store.amend_session({"peak_memory_bytes": peak_bytes(), **facts})
            write_tables(folder, store, specification)
    return folder


@dataclass(frozen=True)
class Measurement:
    """A measurement under way: each stage finds what the store lacks, has it done and keeps it."""

    specification: Specification
    dataset: Dataset
    jobs: int
    store: Store
    executor: Executor
    display: Display
    checkpoints: Path

    def measure_masks(self) -> None:
        """Prune: the masks of every trial that a missing study needs."""
        replicates = sorted({study.replicate for study in self._missing_studies()})
        self._prune([(replicate, trial) for replicate in replicates for trial in range(self.specification.trials)])

    def _prune(self, trials: Iterable[tuple[int, int]]) -> None:
        """Make the masks of some replicates' trials that are not there yet."""
        have = self.store.masks()
        tasks = []
        for replicate, trial in trials:
            lacking = tuple(s for s in self.specification.sparsities if (replicate, trial, s) not in have)
            if lacking:
                tasks.append(PruneTask(replicate, trial, lacking))
        with self.display.stage("masks", len(tasks)):
            for task, result in self.executor.run(tasks, self.display.watch):
                assert isinstance(result, list)
                self.store.add_masks(result)
                self.display.done(task, "")

    def measure_studies(self) -> None:
        """Run the studies, those expected to take longest first."""
        masks, trials = self.store.masks(), range(self.specification.trials)
        tasks = [
            StudyTask(
                study,
                tuple(masks[study.replicate, trial, study.sparsity] for trial in trials),
                self._checkpoint(study),
            )
            for study in longest_first(self.specification, self._missing_studies())
        ]
        with self.display.stage("studies", len(tasks)), self._checkpoints_emptied():
            for task, result in self.executor.run(tasks, self.display.watch):
                assert isinstance(task, StudyTask)
                assert isinstance(result, StudyOutcome)
                self.store.add_study(result)
                if task.checkpoint:
                    task.checkpoint.unlink(missing_ok=True)
                self.display.done(task, describe_study(result.records))
                if result.halvings:
                    self.store.amend_session({f"halvings of {task.study}": result.halvings})

    @contextlib.contextmanager
    def _checkpoints_emptied(self) -> Iterator[None]:
        """Remove what a finished study, or a killed process, has left in the folder of checkpoints; then the folder."""
        yield
        remove_partial(self.checkpoints)
        for study in self.store.studies():
            self._checkpoint(study).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not there, or a study not asked for now may go on from it later
            self.checkpoints.rmdir()

    def _checkpoint(self, study: Study) -> Path:
        """Return the file a study goes on from."""
        return self.checkpoints / f"S{study.sparsity:g}-r{study.replicate}-B{study.batch_size}.npz"

    def measure_reruns(self) -> None:
        """Train winners again with new seeds."""
        done = {(record.study, record.rerun) for record in self.store.reruns()}
        tasks = [
            RerunTask(record.study, record.winner, rerun)
            for record in self._records()
            for rerun in range(1, self.specification.rerun_winner + 1)
            if record.winner is not None and (record.study, rerun) not in done
        ]
        with self.display.stage("reruns", len(tasks)):
            for task, result in self.executor.run(tasks, self.display.watch):
                assert isinstance(result, RerunRecord)
                self.store.add_rerun(result)
                self.display.done(task, "")

    def measure_constants(self) -> None:
        """Measure L, Delta and beta of every sparsity and replicate."""
        done = [
            (known.study.sparsity, known.study.replicate, known.study.batch_size, known.trial, known.settings)
            for known in self.store.constants()
        ]
        settings = self.specification.probe.settings()
        runs = [
            run
            for run in runs_to_follow(self.specification, self.store.studies())
            if (run.sparsity, run.replicate, run.batch_size, run.trial, settings) not in done
        ]
        self._prune(dict.fromkeys((run.replicate, run.trial) for run in runs))
        masks = self.store.masks()
        tasks = [ConstantsTask(run, masks[run.replicate, run.trial, run.sparsity]) for run in runs]
        if runs and self.specification.device == "cpu":
            from empirics.constants_cost import describe_cost  # noqa: PLC0415 - loads torch

            self.display.say(describe_cost(self.specification, self.dataset, runs, self.jobs))
        with self.display.stage("constants", len(tasks)):
            for task, result in self.executor.run(tasks, self.display.watch):
                assert isinstance(result, ConstantsRecord)
                self.store.add_constants(result)
                self.display.done(task, describe_ending(result))

    def _records(self) -> Iterable[StudyRecord]:
        """Return the finished studies that the specification asks for."""
        wanted = set(self.specification.studies())
        return [record for study, record in self.store.studies().items() if study in wanted]

    def _missing_studies(self) -> list[Study]:
        """Return the studies not yet measured with all trials."""
        done = {s for s, record in self.store.studies().items() if len(record.trials) == self.specification.trials}
        return [study for study in self.specification.studies() if study not in done]


def prepare(
    request: Request, jobs: int | None, memory_limit: float | None = None, resources: Resources | None = None
) -> tuple[Specification, Dataset, int]:
    """Check the request and find out how many tasks run at once.

    Args:
        request: What to measure.
        jobs: Processes at once; None for as many as there is room for.
        memory_limit: Gigabytes that they may take together; None for no limit.
        resources: Where they run; None for this machine.

    Raises:
        InputError: If something in the request cannot be used.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: must be an integer >= 1")
    resources = resources or this_machine()
    specification, dataset = resolve(request, cuda_available=resources.gpus > 0)
    from empirics.laboratory import check_network, network_of  # noqa: PLC0415 - loads torch

    check_network(specification, dataset)
    network, together = network_of(specification.workload, dataset), specification.data_parallel
    check_ranks(specification, jobs)
    wanted = together if together > 1 else jobs or resources.slots(specification.device)
    fitting = jobs_within(memory_limit, wanted, specification, dataset, network)
    if fitting < together:
        raise InputError(f"--memory-limit {memory_limit:g}: holds {fitting} of --data-parallel {together}'s processes")
    return specification, dataset, fitting


def _notices(specification: Specification, dataset: Dataset) -> list[str]:
    """Return what a user should know of the data and network before they are used."""
    from empirics.laboratory import network_of  # noqa: PLC0415 - loads torch

    notices = [digest_notice(dataset)]
    if not network_of(specification.workload, dataset).batched:
        notices.append("notice: torch cannot batch this network or loss over trials; they train one after another")
    cores = this_machine().cores
    if specification.device == "cpu" and specification.data_parallel > cores:
        notices.append(
            f"notice: --data-parallel {specification.data_parallel}: more processes than the {cores} cores here; "
            "they take turns, and a step is no faster for them"
        )
    return [notice for notice in notices if notice is not None]


def _refuse_fewer_trials(store: Store, specification: Specification, folder: Path) -> None:
    """Trials may be added to a run, never taken away."""
    wanted = set(specification.studies())
    known = max((len(record.trials) for study, record in store.studies().items() if study in wanted), default=0)
    if known > specification.trials:
        raise InputError(
            f"{folder} holds studies of {known} trials, this asks for {specification.trials}; trials can be added but "
            f"not taken away: use --trials {known} or another --out"
        )


def _refuse_other_points(store: Store, specification: Specification, folder: Path) -> None:
    """A table of points may grow at its end; those that were tried must stay."""
    for record in store.studies().values():
        for trial, point in zip(record.trials, specification.points, strict=False):
            if trial.metaparameters != point:
                raise InputError(
                    f"{folder} was measured with another point {trial.trial + 1} than --points holds; points can be "
                    "added below those that were tried: correct the table or use another --out"
                )


def main(arguments: Sequence[str] | None = None, prog: str = _PROGRAM) -> int:
    """Run the command, called by the name `prog`; return its exit code."""
    request, execution = parse(arguments, prog, _PURPOSE, Request, Execution)
    return run_command(lambda: _carry_out(request, execution))


def run_command(carry_out: Callable[[], None]) -> int:
    """Carry out a command and return its exit code; what the user can mend or stop ends in one line on stderr."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        carry_out()
    except InputError as error:
        return _fail(str(error), 2)
    except WorkerError as error:
        return _fail(str(error), 1)
    except (OSError, sqlite3.OperationalError) as error:
        return _fail(f"{error}; {_GO_ON}", 2)
    except KeyboardInterrupt:
        return _fail(f"interrupted; {_GO_ON}", 130)
    return 0


def _carry_out(request: Request, execution: Execution) -> None:
    """List, plan or measure, as asked."""
    if execution.list:
        _say(describe_workloads())
    elif execution.plan:
        from empirics.plan import describe_plan  # noqa: PLC0415 - loads torch

        with _place(request, execution) as (resources, _):
            _say(describe_plan(*prepare(request, execution.jobs, execution.memory_limit, resources)))
    else:
        _show(measure(request, execution))


def _show(folder: Path) -> None:
    """Print the run, what the law says about it, and what to do next."""
    import verification  # noqa: PLC0415 - the command alone looks beyond the store, once that is closed

    _say(describe_run(folder))
    _say(verification.summary(folder))
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    _say(f"\nResults: {folder}/  ({', '.join(files)})")
    _say(f"Next:    python -m verification.report {folder} && python -m paper_figures {folder}")


def _say(text: str) -> None:
    """Print to whoever still reads; what was measured is stored all the same."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"error: {message}", file=sys.stderr)
    return code


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Treat a request to end like Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
