"""From a request to a run folder: check it, open the store, carry out stages, write the tables."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import math
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from empirics.datasets.arrays import Dataset, digest_notice
from empirics.errors import InputError
from empirics.executors.checked_gpu import CHECK
from empirics.executors.data_parallel import check_ranks
from empirics.executors.memory import check_weights, jobs_within, peak_bytes
from empirics.executors.processes import OpenExecutor
from empirics.executors.resources import Resources, this_machine
from empirics.reading.outside import MOST_BYTES, read_bytes
from empirics.run.event_log import check_log, event_log
from empirics.run.progress import Display
from empirics.run.stages import Measurement
from empirics.specification.engine import choose_engine
from empirics.specification.request import BaseRequest, EngineName, Request
from empirics.specification.specification import Specification, resolve
from empirics.store.provenance import hardware, provenance
from empirics.store.rows import Store
from empirics.store.schema import FILE_NAME
from empirics.store.store import open_run, read_store, store_in
from empirics.store.tables import write_tables

if TYPE_CHECKING:
    from empirics.networks.network import Network

_MOST_JOBS = 10_000


@dataclass(frozen=True)
class Prepared:
    """A measurement that may begin.

    Attributes:
        specification: What is measured.
        dataset: On what.
        network: The workload's.
        jobs: Tasks at once.
        unused_gpu: Whether there is a GPU that `--device auto` leaves alone.
    """

    specification: Specification
    dataset: Dataset
    network: Network
    jobs: int
    unused_gpu: bool = False


def prepare(
    request: Request, jobs: int | None, memory_limit: float | None, resources: Resources, out: Path | None = None
) -> Prepared:
    """Check the request and find out how many tasks run at once.

    Args:
        request: What to measure.
        jobs: Processes at once; None for as many as there is room for.
        memory_limit: Gigabytes that they may take together; None for no limit.
        resources: Where they run.
        out: The run folder; None for the specification's own under `runs/`.

    Raises:
        InputError: If something in the request cannot be used.
    """
    if jobs is not None and not 1 <= jobs <= _MOST_JOBS:
        raise InputError(f"--jobs {jobs}: must be an integer in 1..{_MOST_JOBS}")
    unused_gpu = request.device == "auto" and resources.gpus > 0 and not resources.gpu_checked
    if unused_gpu:
        request = dataclasses.replace(request, device="cpu")
    specification, dataset = resolve(request, cuda_available=resources.gpus > 0)
    if request.engine == "auto":
        specification = _with_engine_of_folder(specification, dataset, out)
    from empirics.training.laboratory import check_network  # noqa: PLC0415 - loads torch

    network, together = specification.workload.build_network(dataset), specification.data_parallel
    check_network(specification, dataset, network)
    memory = resources.memory if specification.device == "cpu" else resources.gpu_memory
    if memory is not None:
        check_weights(memory, specification, network)
    check_ranks(specification, jobs)
    wanted = together if together > 1 else jobs or resources.slots(specification.device)
    fitting = jobs_within(memory_limit, wanted, specification, dataset, network)
    if fitting < together:
        raise InputError(f"--memory-limit {memory_limit:g}: holds {fitting} of --data-parallel {together}'s processes")
    return Prepared(specification, dataset, network, fitting, unused_gpu)


def _with_engine_of_folder(specification: Specification, dataset: Dataset, out: Path | None) -> Specification:
    """Return a specification whose engine is the one that a folder was begun with, where it was another.

    Raises:
        InputError: If that engine cannot train the run here.
    """
    engine: EngineName = "torch" if specification.engine == "sparse" else "sparse"
    other = dataclasses.replace(specification, engine=engine, notice=None)
    folder = folder_of(other, out)
    if not (folder / FILE_NAME).is_file() or (out is None and folder_of(specification, None).exists()):
        return specification
    try:
        with read_store(folder) as store:
            begun_with = store.identity.get("engine", "torch")
    except InputError:  # who opens it says why
        return specification
    if begun_with != engine:
        return specification
    shape = dataset.images.shape[1:]
    choose_engine(engine, other.workload, shape, other.device, other.data_parallel, other.sparsities)
    return other


def inputs_of(request: BaseRequest, protocol: Path | None = None) -> dict[str, object]:
    """Return what provenance tells of the files and folders that options name.

    Args:
        request: What to measure.
        protocol: The rules that were written down before; None for none.

    Returns:
        Option to path; of the protocol its name and the SHA-256 of its bytes.

    Raises:
        InputError: If the protocol cannot be read.
    """
    told: dict[str, object] = {
        name: str(path.resolve()) for name in ("data_dir", "points") if (path := getattr(request, name)) is not None
    }
    if protocol is not None:
        try:
            content = read_bytes(protocol, MOST_BYTES)
        except InputError as error:
            raise InputError(f"--protocol {protocol}: {error}") from None
        told["protocol"] = {"file": protocol.name, "sha256": hashlib.sha256(content).hexdigest()}
    return told


def run_stages(
    prepared: Prepared,
    out: Path | None,
    stages: Callable[[Measurement], None],
    open_executor: OpenExecutor,
    inputs: Mapping[str, object] = MappingProxyType({}),
    *,
    show: bool = True,
    log: Path | None = None,
) -> Path:
    """Open the run folder, carry out stages of a measurement in it, write its tables and return it.

    Args:
        prepared: What to measure, on what, in how many processes.
        out: The run folder; None for the specification's own under `runs/`.
        stages: What to do.
        open_executor: What opens the executor.
        inputs: What provenance tells of files and folders that options named, for who measures more of the run.
        show: Whether to show on stderr how far it is.
        log: Where to append a line for each study; None for nowhere.

    Raises:
        InputError: If the folder belongs to another run or is in use; or was renamed, removed or replaced meanwhile; or
            the log cannot be appended to.
    """
    specification, dataset, jobs = prepared.specification, prepared.dataset, prepared.jobs
    notices = _notices(prepared)
    for notice in notices if show else ():
        print(notice, file=sys.stderr)
    folder = folder_of(specification, out)
    check_log(log, folder)
    with (
        open_run(folder) as held,
        store_in(held, specification.identity()) as store,
        event_log(log, folder, specification.workload.name) as events,
    ):
        refuse_what_cannot_be_added(store, specification, dataset, folder)
        specification = _with_points_of_folder(specification, store)
        started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        execution_facts = {
            "device": specification.device,
            "engine": specification.engine,
            **hardware(specification.device),
            "jobs": jobs,
            "threads": 1,
            "notices": notices,
            "training_examples": dataset.training_examples,
            "validation_examples": dataset.validation_examples,
            **inputs,
        }
        if specification.data_parallel > 1:
            execution_facts["data_parallel"] = specification.data_parallel
        store.add_session(started, {**provenance(), **execution_facts})
        facts: dict[str, object] = {}
        try:
            with Display(show=show) as display, open_executor(specification, dataset, jobs) as executor:
                try:
                    stages(Measurement(specification, dataset, jobs, store, executor, display, held, events))
                finally:
                    facts = executor.facts()
        finally:
            store.amend_session({"peak_memory_bytes": peak_bytes(), **facts})
            if held.has_store():
                write_tables(
                    folder,
                    store,
                    identity=specification.identity(),
                    asked_for=specification.additions(),
                    within=held.descriptor,
                )
    return folder


def _notices(prepared: Prepared) -> list[str]:
    """Return what a user should know of the data and network before they are used."""
    specification = prepared.specification
    notices = [digest_notice(prepared.dataset), specification.notice]
    if prepared.unused_gpu:
        notices.append(
            f"notice: trains on the CPU; --device auto takes a GPU once `{CHECK}` has passed on its machine, and "
            "--device cuda at once"
        )
    if not prepared.network.batched:
        notices.append("notice: torch cannot batch this network or loss over trials; they train one after another")
    cores = this_machine().cores
    if specification.device == "cpu" and specification.data_parallel > cores:
        notices.append(
            f"notice: --data-parallel {specification.data_parallel}: more processes than the {cores} cores here; "
            "they take turns, and a step is no faster for them"
        )
    return [notice for notice in notices if notice is not None]


def folder_of(specification: Specification, out: Path | None) -> Path:
    """Return the run folder: the one asked for, or the specification's own under `runs/`."""
    return out or Path("runs") / specification.folder_name()


def refuse_what_cannot_be_added(store: Store, specification: Specification, dataset: Dataset, folder: Path) -> None:
    """Refuse to go on with a run of the same identity whose studies are not those asked for.

    Args:
        store: Of the run.
        specification: What is asked for.
        dataset: On what.
        folder: The run folder, for messages.

    Raises:
        InputError: If it holds more trials, other points, or goals met at more errors.
    """
    _refuse_fewer_trials(store, specification, folder)
    _refuse_other_points(store, specification, folder)
    _refuse_more_errors(store, specification, dataset, folder)


def _refuse_fewer_trials(store: Store, specification: Specification, folder: Path) -> None:
    """Trials and draws may be added to a run, never taken away."""
    wanted = set(specification.studies())
    records = [record for study, record in store.studies().items() if study in wanted]
    for name, counts, asked in (
        ("trials", [len(record.trials) for record in records], specification.trials),
        ("draws", [record.draws for record in records], specification.draws),
    ):
        known = max(counts, default=0)
        if known > asked:
            raise InputError(
                f"{folder} holds studies of {known} {name}, this asks for {asked}; {name} can be added but not taken "
                f"away: use --{name} {known} or another --out"
            )


def _refuse_other_points(store: Store, specification: Specification, folder: Path) -> None:
    """Points may be added at the end; those that were tried must stay."""
    wrong = (
        "than --points holds; points can be added below those that were tried: correct the table or use another --out"
        if specification.from_table
        else "than its search has; an earlier version of this program did that when it was disturbed: use another --out"
    )
    same = operator.eq if specification.from_table else _rounded_alike
    for study, record in store.studies().items():
        if specification.own_points and (study.sparsity, study.batch_size) not in specification.own_points:
            continue  # this time the table says nothing of it
        for trial, point in zip(record.trials, specification.points_of(study), strict=False):
            if not same(trial.metaparameters, point):
                raise InputError(f"{folder} was measured with another point {trial.trial + 1} {wrong}")


def _rounded_alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two points differ by no more than rounding does."""
    return one.keys() == other.keys() and all(math.isclose(one[name], other[name]) for name in one)


def _with_points_of_folder(specification: Specification, store: Store) -> Specification:
    """Return a specification that goes on with the points that a folder's studies were tried at.

    Earlier versions took them from the machine's mathematics library, and their last digits may be others than now.
    """
    if specification.from_table:
        return specification
    tried = max((record.trials for record in store.studies().values()), key=len, default=())
    points = [trial.metaparameters for trial in tried[: specification.trials]]
    return dataclasses.replace(specification, points=(*points, *specification.points[len(points) :]))


def _refuse_more_errors(store: Store, specification: Specification, dataset: Dataset, folder: Path) -> None:
    """What an earlier version took for a goal met, at more errors than meet it now, is not gone on with."""
    for known in specification.workload.goal_counts:
        if known.goal not in specification.goals or known.examples != dataset.validation_examples:
            continue
        for study, record in store.studies(known.goal).items():
            met = {trial.trial: trial.step for trial in record.trials if trial.ending == "complete"}
            for trace in store.traces(study):
                values = dict(zip(trace.steps, trace.values, strict=True))
                errors = round(known.examples * values.get(met.get(trace.trial, -1), 0.0))
                if errors > known.most_errors:
                    raise InputError(
                        f"{folder} was measured by an earlier version, for which {errors} errors met the goal "
                        f"{known.goal:g}; now {known.most_errors} do: use another --out"
                    )
