"""The data on its device, the network and the masks that a training process holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.module_network import ModuleNetwork
from empirics.networks.network import Network
from empirics.probes.field import Field, loss_field
from empirics.probes.sample import Sample
from empirics.pruning.masked_start import masked_starts
from empirics.pruning.methods import UnrankedError, Untrained, kept_weights, prune
from empirics.records import MaskRecord, StartRecord
from empirics.specification.specification import Specification
from empirics.streams import ExampleOrder, Stream, generator
from empirics.training.engine import Engine, Split
from empirics.training.process import ready_to_train
from empirics.training.rehearsal import rehearse
from empirics.training.shares import SharesInTurn
from empirics.training.sparse import SparseEngine
from empirics.training.torch_engine import TorchEngine
from empirics.workloads.goal import Goals


class Laboratory:
    """The data and network of a run, on one device, with one thread.

    Args:
        specification: What is measured.
        dataset: Its data.
    """

    def __init__(self, specification: Specification, dataset: Dataset) -> None:
        ready_to_train(tf32=specification.precision == "tf32")
        self.specification = specification
        network = specification.workload.build_network(dataset)
        self.network = network.on_gpu() if specification.device == "cuda" else network
        self.device = torch.device(specification.device)
        self.engine = engine_of(specification, self.network)
        self.rank: int | None = None  # of several processes that train one study together, which this one is
        self._dataset = dataset
        self.split = lru_cache(maxsize=2)(self._split)

    def _split(self, replicate: int) -> Split:
        """Return the tensors of one replicate."""
        validation, training = self._dataset.split(self.specification.seed, replicate)
        images, labels = torch.from_numpy(self._dataset.images), torch.from_numpy(self._dataset.labels)
        return Split(*(part[rows].to(self.device) for rows in (training, validation) for part in (images, labels)))

    def order(self, replicate: int) -> ExampleOrder:
        """Return the data order of a replicate."""
        return ExampleOrder(self.specification.seed, (replicate,), len(self.split(replicate).training_labels))

    def goal_test(self, replicate: int) -> Goals:
        """Return the goal test on a replicate's validation set."""
        data, specification = self.split(replicate), self.specification
        examples = data.validation_images, data.validation_labels
        errors_of = self.engine.errors(*examples)
        return specification.workload.goal_test(self.network, *examples, specification.goals, errors_of)

    def sample(self, replicate: int) -> Sample:
        """Return the training images and labels on which L, Delta and beta are measured.

        All of them, or the specification's number drawn once without replacement.
        """
        data, wanted = self.split(replicate), self.specification.probe.examples
        population = len(data.training_labels)
        if wanted == population:
            return Sample(data.training_images, data.training_labels, population)
        rows = self.tensor(self._random(Stream.PROBE, replicate).permutation(population)[:wanted])
        return Sample(data.training_images[rows], data.training_labels[rows], population)

    def field(self, replicate: int, mask: NDArray[np.bool_]) -> Field:
        """Return the loss on that sample and its gradient on the kept weights, shape (P,), as a function of weights."""
        sample = self.sample(replicate)
        return loss_field(
            self.network, self.mask_tensor(mask), sample.images, sample.labels, self.engine.gradient_of(mask)
        )

    def initial_weights(self, replicate: int, trial: int, draw: int = 0) -> NDArray[np.float32]:
        """Draw a trial's weights before training and pruning, shape (P,)."""
        return self.network.initial_weights(self._random(Stream.INIT, *_path(replicate, trial, draw)))

    def masks(self, sparsities: Sequence[float], replicate: int, trial: int, draw: int = 0) -> NDArray[np.bool_]:
        """Return which weights of a draw of a trial are kept at each sparsity, shape (s, P).

        A trial whose scores rank nothing, one of many with dead units say, keeps none above 0%: it is told of with the
        other trials that cannot be trained, and ends no search.
        """
        data, specification = self.split(replicate), self.specification
        rows = slice(specification.pruning_examples)
        trials = Untrained(
            self.network,
            self.tensor(self.initial_weights(replicate, trial, draw)[None]),
            data.training_images[rows],
            data.training_labels[rows],
            (self._random(Stream.PRUNING, *_path(replicate, trial, draw)),),
            self.engine.gradient_of(np.ones(self.network.size, dtype=np.bool_)),
        )
        how = specification.pruning, specification.biases
        try:
            masks: NDArray[np.bool_] = prune(trials, *how, sparsities)[0]
        except UnrankedError:
            masks = np.zeros((len(sparsities), self.network.size), dtype=np.bool_)
            whole = [index for index, sparsity in enumerate(sparsities) if sparsity == 0]
            masks[whole] = prune(trials, *how, [0.0] * len(whole))[0]
        return masks

    def mask_records(self, replicate: int, trial: int, sparsities: Sequence[float], draw: int = 0) -> list[MaskRecord]:
        """Return the packed masks of one draw of a trial, one a sparsity."""
        masks = self.masks(sparsities, replicate, trial, draw)
        return [
            MaskRecord(replicate, trial, sparsity, np.packbits(mask).tobytes(), draw)
            for sparsity, mask in zip(sparsities, masks, strict=True)
        ]

    def start_records(self, replicate: int, trial: int, masks: Sequence[tuple[float, bytes]]) -> list[StartRecord]:
        """Return what is found of one trial at its start under packed masks, one a sparsity."""
        data = self.split(replicate)
        weights = self.tensor(self.initial_weights(replicate, trial)[None])
        rows = self.unpack([bits for _, bits in masks])
        starts = masked_starts(self.network, weights, rows, data.training_images, data.training_labels)
        return [
            StartRecord(replicate, trial, sparsity, start.fault, start.emptied)
            for (sparsity, _), start in zip(masks, starts, strict=True)
        ]

    def _random(self, stream: Stream, *path: int) -> np.random.Generator:
        """Return the run's generator of that name."""
        return generator(self.specification.seed, stream, *path)

    def tensor(self, values: NDArray[np.generic]) -> Tensor:
        """Return an array on the device."""
        return torch.from_numpy(values).to(self.device)

    def mask_tensor(self, masks: NDArray[np.bool_]) -> Tensor:
        """Return masks as factors 0 and 1, shape (rows, P)."""
        return self.tensor(np.atleast_2d(masks).astype(np.float32))

    def unpack(self, bits: Sequence[bytes]) -> NDArray[np.bool_]:
        """Return the masks of packed records, shape (len(bits), P)."""
        rows = [np.unpackbits(np.frombuffer(row, np.uint8), count=self.network.size) for row in bits]
        return np.stack(rows).astype(np.bool_)


def _path(replicate: int, trial: int, draw: int) -> tuple[int, ...]:
    """Return where in the run a trial's streams are; draw 0 is at the place it had before there were others."""
    return (replicate, trial, draw) if draw else (replicate, trial)


def engine_of(specification: Specification, network: Network) -> Engine:
    """Return the engine that trains a run.

    Args:
        specification: Says which one.
        network: The workload's.

    Raises:
        InputError: If it is missing on this machine.
    """
    workload, shares = specification.workload, specification.data_parallel
    if specification.engine == "sparse":
        return SparseEngine(workload, network.image_shape)
    gradient = loss_and_gradient if shares == 1 else SharesInTurn(shares)
    return TorchEngine(network, workload, torch.device(specification.device), gradient)


def check_network(specification: Specification, dataset: Dataset, network: Network) -> None:
    """Refuse a sparsity that leaves nothing to train, and what the network cannot take of pruning and constants.

    Args:
        specification: What is asked of the network.
        dataset: Its data.
        network: The workload's.

    Raises:
        InputError: If a sparsity keeps no weight of the network, SynFlow's input of ones is no input of it, or a pass
            through a user's module fails.
    """
    size = network.size - int(network.never_pruned.sum())
    for sparsity in specification.sparsities:
        if kept_weights(size, sparsity) < 1:
            raise InputError(f"--sparsity {sparsity:g}: keeps none of the network's {size} weights; use a lower one")
    if specification.pruning == "synflow" and dataset.images.dtype.kind != "f":
        raise InputError("--pruning synflow: sends an input of ones through the network, which takes no real numbers")
    if isinstance(network, ModuleNetwork):
        many = torch.from_numpy(dataset.images[: network.examples_at_once])
        try:
            rehearse(specification, network, *network.tried, many)
        except InputError as error:
            raise InputError(f"{specification.workload.name}: {error}") from error
