"""The gradient of a batch from W shares, by one process in turn or by W at once, with the same bits.

Rank r of W takes the examples from r B/W to (r + 1) B/W, both rounded down. The mean over the batch is the sum of the
shares' parts, added in the order of ranks. This module fixes that order, not a library. So W processes, and one that
takes the shares in turn, give the same weights to the last bit, and a single process can repeat their run.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, distributed

from empirics.networks.device_memory import is_out_of_memory
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.network import Network

Gather = Callable[[Tensor], Sequence[Tensor]]
# A process that is not killed but stopped is told to the others by nobody; a step takes less than this.
_PATIENCE = datetime.timedelta(minutes=10)


def share(rank: int, ranks: int, examples: int) -> slice:
    """Return which rows of a batch a rank takes.

    Args:
        rank: Which one, in [0, ranks).
        ranks: How many there are, >= 1.
        examples: Rows of the batch, >= 0; where there are fewer than ranks, some take none.

    Returns:
        Rows next to one another, as many as any other rank's or one more or less.

    Example:
        >>> [share(rank, 3, 8) for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
    """
    return slice(rank * examples // ranks, (rank + 1) * examples // ranks)


def _part(
    rank: int, ranks: int, network: Network, weights: Tensor, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what a rank's share adds to the mean loss, shape (T,), and to its gradient, shape (T, P)."""
    rows = share(rank, ranks, len(labels))
    return loss_and_gradient(network, weights, images[rows], labels[rows], len(labels))


@dataclass(frozen=True)
class SharesInTurn:
    """Takes all shares of a batch in this process; called like `loss_and_gradient`.

    Args:
        ranks: How many there are.
    """

    ranks: int

    def __call__(self, network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses, shape (T,), and gradients, shape (T, P)."""
        loss, gradient = _part(0, self.ranks, network, weights, images, labels)
        for rank in range(1, self.ranks):
            more = _part(rank, self.ranks, network, weights, images, labels)
            loss += more[0]
            gradient += more[1]
        return loss, gradient


class SharesAtOnce:
    """Takes one share of a batch and adds those that other processes take; called like `loss_and_gradient`.

    Every process gets the same sums, so what it decides by them is what all decide.

    Args:
        rank: Which share is this process's.
        ranks: How many there are.
        gather: Gives a tensor to all processes and returns theirs, in the order of ranks.
    """

    def __init__(self, rank: int, ranks: int, gather: Gather) -> None:
        self._rank = rank
        self._ranks = ranks
        self._gather = gather

    def __call__(self, network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return losses, shape (T,), and gradients, shape (T, P).

        Raises:
            torch.OutOfMemoryError: In every process, if the memory of one does not suffice.
        """
        sent = torch.zeros(len(weights) * (weights.shape[1] + 1) + 1, dtype=weights.dtype, device=weights.device)
        try:
            loss, gradient = _part(self._rank, self._ranks, network, weights, images, labels)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            sent[-1] = 1.0  # told with the sums, since the others wait for those
        else:
            torch.cat([loss, gradient.flatten()], out=sent[:-1])
        total, *others = self._gather(sent)
        for other in others:
            total += other
        if total[-1] > 0:
            raise torch.OutOfMemoryError(f"the share of {int(total[-1])} of {self._ranks} processes is too large")
        return total[: len(weights)], total[len(weights) : -1].view_as(weights)


@contextlib.contextmanager
def joined(rank: int, ranks: int, meeting: Path, device: torch.device) -> Iterator[SharesAtOnce]:
    """Join the processes that train one study together.

    Where the work ends in an error the group is left standing: the process ends with it, and the others learn of the
    error from whoever started them instead of from a lost connection.

    Args:
        rank: Which of them this one is.
        ranks: How many there are.
        meeting: A file that all of them can write, which is not there yet.
        device: Where this one trains; on a GPU nccl connects them, elsewhere gloo by way of this machine alone.

    Returns:
        How they take a gradient together.
    """
    on_gpu = device.type == "cuda"
    os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    store = distributed.FileStore(str(meeting), ranks)  # type: ignore[attr-defined]  # the stubs do not export it
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=store,
        rank=rank,
        world_size=ranks,
        timeout=_PATIENCE,
        device_id=device if on_gpu else None,  # else nccl guesses it from the rank, and hangs where it guesses wrong
    )

    def gather(values: Tensor) -> list[Tensor]:
        parts = [torch.empty_like(values) for _ in range(ranks)]
        distributed.all_gather(parts, values)
        return parts

    yield SharesAtOnce(rank, ranks, gather)
    distributed.destroy_process_group()


def _loopback() -> str:
    """Return the name of the interface that leads back to this machine: lo on Linux, lo0 on a Mac."""
    return next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
