"""A block of trials that advances together."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.errors import InputError
from empirics.networks.device_memory import is_out_of_memory
from empirics.networks.gradient import Gradient, loss_and_gradient
from empirics.networks.network import Network
from empirics.training.captured import StepGraph, captured_steps, copied
from empirics.training.engine import Advance, Split
from empirics.workloads.optimizers import Points, schedule_rule, update_rule
from empirics.workloads.workload import Workload

# A step that leaves more bytes of activations in memory takes longer than the launches of its kernels: they are moved
# some four times at 3 TB/s, which is over the millisecond of launches. See `benchmarks/RESULTS.md`.
_HIDES_LAUNCHES = 1e9
_WORTH_COMPACTING = 0.25  # of a block's trials have left: a smaller block needs a graph of its own


class TrialBlock:
    """Trials of one study that train as one batched computation.

    On a CPU a trial that leaves is gone at once. On a GPU steps are launched many at a time without a word from the
    host, so a diverged trial is noted on the device, and goes on beside the others until its place is worth having.

    Args:
        network: The network.
        workload: Whose optimiser and schedule to train by.
        trials: Indices of the trials, length T.
        weights: Initial weights, already masked, shape (T, P); overwritten by training.
        masks: 1 where a weight is kept, 0 where it is pruned, shape (T, P).
        metaparameters: One mapping a trial.
        gradient: How the loss of a batch and its gradient are taken, with the arguments of `loss_and_gradient`.
        captures: Whether steps may be launched as graphs, where there are graphs.

    Attributes:
        trials: Those still at work.
        members: Those whose steps are computed.
    """

    def __init__(
        self,
        network: Network,
        workload: Workload,
        trials: Sequence[int],
        weights: Tensor,
        masks: Tensor,
        metaparameters: Points,
        gradient: Gradient = loss_and_gradient,
        *,
        captures: bool = True,
    ) -> None:
        self.network = network
        self.trials, self.members = list(trials), list(trials)
        self._weights = weights
        self._masks = masks
        self._gradient = gradient
        self._optimizer = update_rule(workload.optimizer)(metaparameters, weights)
        self._schedule = schedule_rule(workload.schedule)(metaparameters, weights)
        self._own_rule = ":" in f"{workload.optimizer}{workload.schedule}"
        self._steps = torch.zeros((), dtype=torch.int64, device=weights.device)
        self._finite = torch.zeros(len(trials), dtype=torch.int64, device=weights.device)  # steps before the first not
        # A rule of the user's own may count in Python, where a graph of kernels does not see it.
        self._captures = captures and weights.is_cuda and not self._own_rule
        self._graph: StepGraph | None = None
        self._at_work: Tensor | None = None

    @property
    def weights(self) -> Tensor:
        """Those of the trials still at work, shape (T, P); 0 where pruned."""
        return self._weights if self._at_work is None else self._weights[self._at_work]

    @property
    def captured(self) -> bool:
        """Whether steps like the last are launched as a graph."""
        return self._graph is not None

    def advance(self, data: Split, rows: NDArray[np.int64]) -> Advance:
        """Take steps one after another; a block that memory does not hold goes on as two.

        Args:
            data: Whose training set.
            rows: Of the examples of each step, shape (steps, B).

        Returns:
            What became of the trials.

        Raises:
            InputError: If the device's memory does not hold one trial.
        """
        diverged: dict[int, int] = {}
        places = torch.from_numpy(rows).to(self._weights.device)
        at_once = len(rows) if self._weights.is_cuda else 1
        for first in range(0, len(rows), at_once):
            part = places[first : first + at_once]
            behind = self._take(data, part)
            if isinstance(behind, str):
                halves = [half.advance(data, rows[first:]) for half in self._halves(rows.shape[1], behind)]
                diverged |= {trial: first + step for half in halves for trial, step in half.diverged.items()}
                blocks = [block for half in halves for block in half.blocks]
                return Advance(blocks, diverged, 1 + sum(half.halvings for half in halves))
            late = zip(self.members, behind, strict=True)
            ended = {trial: first + len(part) - by + 1 for trial, by in late if by and trial in self.trials}
            if ended:
                diverged |= ended
                self.keep([trial for trial in self.trials if trial not in ended])
            if not self.trials:
                return Advance([], diverged)
        return Advance([self], diverged)

    def _take(self, data: Split, rows: Tensor) -> list[int] | str:
        """Take steps; return for each member how many it took since it was last finite.

        Where memory does not hold them return what was said; then all is as before them.
        """
        before: dict[str, Tensor] = {}
        try:
            if self._weights.is_cuda:  # elsewhere memory ends in a gradient, before anything has changed, or for good
                before = copied(self.state())
            self._launch(data, rows)
            behind: list[int] = (self._steps - self._finite).tolist()
            return behind
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            told = str(error)
        # Out here nothing holds the failed pass any more.
        self._graph = None
        if before:
            self.load(before)
        return told

    def _launch(self, data: Split, rows: Tensor) -> None:
        """Take steps, on a GPU as a graph where that is faster."""
        if self._graph is not None and self._graph.fits(data, rows):
            self._graph.launch(rows)
            return
        self._graph = None
        activations = 4.0 * self.network.activations * len(self.members) * rows.shape[1]
        if self._captures and activations < _HIDES_LAUNCHES:
            self._graph = captured_steps(self, data, rows)
            self._captures = self._graph is not None
        else:
            self.plain_steps(data, rows)

    def _halves(self, batch_size: int, told: str) -> list[TrialBlock]:
        """Return two blocks of half the trials."""
        if len(self.members) == 1:
            raise InputError(f"the device's memory does not hold one trial at B = {batch_size}: {told}")
        half = len(self.trials) // 2
        return [self.part(trials) for trials in (self.trials[:half], self.trials[half:]) if trials]

    def plain_steps(self, data: Split, rows: Tensor) -> None:
        """Take steps on batches of the training set, given by their examples, shape (steps, B), kernel by kernel."""
        for batch in rows:
            self.step(data.training_images[batch], data.training_labels[batch])

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step of the optimiser on the kept weights.

        Args:
            images: The batch, shape (B, channels, height, width).
            labels: Shape (B,).

        Returns:
            Whether the batch loss and every weight of each member are finite, shape (T,), bool.
        """
        loss, gradient = self._gradient(self.network, self._weights, images, labels)
        self._optimizer.update(self._weights, gradient.mul_(self._masks), self._schedule.rates(self._steps))
        if self._own_rule:  # those here leave a pruned weight at zero by themselves
            self._weights.mul_(self._masks)
        finite = torch.isfinite(loss) & torch.isfinite(self._weights).all(dim=1)
        self._finite += finite & (self._finite == self._steps)
        self._steps += 1
        return finite

    def state(self) -> dict[str, Tensor]:
        """Return all that changes with the steps, for `load`; of a rule and a schedule their tensors and numbers."""
        rules = {
            f"{part}.{name}": torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
            for part, rule in self._rules().items()
            for name, value in _attributes(rule).items()
            if isinstance(value, Tensor | int | float)
        }
        return {"weights": self._weights, "steps": self._steps, "finite": self._finite, **rules}

    @property
    def resumable(self) -> bool:
        """Whether `state` is all of it: rule and schedule hold tensors and numbers alone, or None."""
        held = [value for rule in self._rules().values() for value in _attributes(rule).values()]
        return all(value is None or isinstance(value, Tensor | int | float) for value in held)

    def _rules(self) -> dict[str, object]:
        """Return what changes with the steps beside the weights."""
        return {"rule": self._optimizer, "schedule": self._schedule}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on, in the same memory, from where a block of the same members stood."""
        self._weights.copy_(state["weights"])
        self._steps.copy_(state["steps"])
        self._finite.copy_(state["finite"])
        for part, rule in self._rules().items():
            for name, value in _attributes(rule).items():
                if isinstance(value, Tensor):
                    value.copy_(state[f"{part}.{name}"])
                elif isinstance(value, int | float):
                    setattr(rule, name, type(value)(state[f"{part}.{name}"].item()))

    def keep(self, trials: Collection[int]) -> None:
        """Go on with some of the trials only."""
        self.trials = [trial for trial in self.trials if trial in trials]
        gone = len(self.members) - len(self.trials)
        if not self._weights.is_cuda or gone >= _WORTH_COMPACTING * len(self.members):
            self._compact()
        elif gone:
            places = [place for place, trial in enumerate(self.members) if trial in self.trials]
            self._at_work = torch.tensor(places, device=self._weights.device)

    def _compact(self) -> None:
        """Compute the steps of the trials at work alone."""
        wanted = torch.tensor([trial in self.trials for trial in self.members], device=self._weights.device)
        self.members = list(self.trials)
        self._weights, self._masks, self._finite = self._weights[wanted], self._masks[wanted], self._finite[wanted]
        self._optimizer.keep(wanted)
        self._schedule.keep(wanted)
        self._graph = self._at_work = None

    def part(self, trials: Sequence[int]) -> TrialBlock:
        """Return some of the trials as a block of their own that stands where this one does."""
        part = copy.copy(self)  # whose state is a copy too: rules and counters change in place
        part._optimizer, part._schedule = copy.deepcopy((self._optimizer, self._schedule))  # noqa: SLF001 - its own
        part._steps = self._steps.clone()  # noqa: SLF001
        part.trials = [trial for trial in self.trials if trial in trials]
        part._compact()  # noqa: SLF001
        return part


def _attributes(rule: object) -> dict[str, object]:
    """Return a rule's attributes; the rule itself where its class has slots, so that none passes for known."""
    return dict(vars(rule)) if hasattr(rule, "__dict__") else {"itself": rule}
