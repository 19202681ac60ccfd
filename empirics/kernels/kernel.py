"""The compiled sparse kernel: found, checked, and called."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.machinery
import platform
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from empirics.errors import InputError
from empirics.kernels.build import FOLDER, builds, is_whole, source_hash

_NEEDS = {  # processor flags as Linux names them, from the x86-64 psABI
    "v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"},
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
OPTIMIZERS = ("sgd", "momentum", "nesterov")  # in the order of the kernel's numbers
_SCHEDULES = ("constant", "linear")
_NO_MEMORY = 2
_ANSWER = "de56074b994cfe80"  # of `_known_answer`: what every sound build gives


@dataclass(frozen=True)
class Unavailable:
    """Why there is no kernel, in one line."""

    reason: str


class _Data(ctypes.Structure):
    _fields_ = (("images", ctypes.c_void_p), ("labels", ctypes.c_void_p), ("examples", ctypes.c_int64))


class _Rule(ctypes.Structure):
    _fields_ = (
        ("optimizer", ctypes.c_int32),
        ("decays", ctypes.c_int32),
        ("learning_rate", ctypes.c_double),
        ("momentum", ctypes.c_double),
        ("decay_steps", ctypes.c_double),
        ("end_factor", ctypes.c_double),
    )


class _Outcome(ctypes.Structure):
    _fields_ = (("steps", ctypes.c_int64), ("loss", ctypes.c_double), ("finite", ctypes.c_int32))


class Kernel:
    """One loaded object file.

    Args:
        path: The file; of its soundness `load` is sure before it makes this.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.library = ctypes.CDLL(str(path))  # its calls release the interpreter lock
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        signatures = {
            "kernel": (ctypes.c_char_p, ()),
            "register_bytes": (ctypes.c_int, ()),
            "size": (whole, (ctypes.c_char_p, whole, whole)),
            "open": (pointer, (ctypes.c_char_p, whole, whole, ctypes.c_int, whole, pointer, ctypes.c_int)),
            "close": (None, (pointer,)),
            "kept": (whole, (pointer, whole)),
            "work": (whole, (pointer,)),
            "put": (None, (pointer, whole, pointer, pointer)),
            "get": (None, (pointer, whole, pointer, pointer)),
            "train": (ctypes.c_int, (pointer, whole, pointer, pointer, pointer, whole, whole, whole, pointer)),
            "errors": (ctypes.c_int, (pointer, whole, pointer, pointer, whole, pointer)),
            "gradient": (ctypes.c_int, (pointer, whole, pointer, pointer, whole, pointer, pointer)),
            "moments": (ctypes.c_int, (pointer, whole, pointer, pointer, whole, pointer, pointer, pointer)),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(self.library, f"kstar_{name}")
            function.restype, function.argtypes = result, arguments
        self.description = self.library.kstar_kernel().decode()
        self.register_bytes: int = self.library.kstar_register_bytes()

    def size_of(self, network: str, image_shape: tuple[int, ...]) -> int | None:
        """Return the number of weights and biases of a network for such images, None where the kernel has none."""
        if len(image_shape) != 3 or image_shape[1] != image_shape[2]:
            return None
        return int(self.library.kstar_size(network.encode(), *image_shape[:2])) or None


def processor_builds() -> list[str]:
    """Return the builds that this processor can run, best first."""
    names = [*builds()]
    cpuinfo = Path("/proc/cpuinfo")
    if not set(names) & set(_NEEDS):
        return names
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    able = [name for name in ("v3", "v4") if _NEEDS[name] <= flags]  # v4 counts only on top of v3
    return [name for name in names if name in able and "v3" in able]


def load(folder: Path = FOLDER, only: str | None = None) -> Kernel | Unavailable:
    """Return the best kernel for this processor among the compiled ones.

    Args:
        folder: Where they are.
        only: The build to take, where not the best.

    Returns:
        The kernel, or why there is none. Perhaps none was compiled, the processor lacks what they need, or the file is
        damaged, foreign or of another source.
    """
    able = [name for name in processor_builds() if only in {None, name}]
    if not able:
        return Unavailable(f"the sparse kernel needs AVX2 with FMA, or 64-bit ARM; this is {platform.machine()}")
    for name in able:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = folder / f"_sparse_{name}{suffix}"
            if path.is_file():
                return _checked(path)
    return Unavailable(
        "the sparse kernel is not compiled; install g++ (11 or newer) or clang (12 or newer), then this package again"
    )


def _checked(path: Path) -> Kernel | Unavailable:
    """Return the kernel of a file that is sound."""
    again = "; install this package again"
    if not is_whole(path):
        return Unavailable(f"{path} is damaged or no kernel of ours{again}")
    try:
        kernel = Kernel(path)
    except (OSError, AttributeError) as error:
        return Unavailable(f"{path} cannot be loaded ({error}){again}")
    expected = f"kstar sparse kernel 1 {source_hash()}"
    if kernel.description != expected:
        return Unavailable(f"{path} is {kernel.description!r} where this version needs {expected!r}{again}")
    if _known_answer(kernel) != _ANSWER:
        return Unavailable(f"{path} computes other numbers than it should{again}, with another compiler if need be")
    return kernel


def _known_answer(kernel: Kernel) -> str:
    """Return a hash of the weights after three steps that every sound build takes alike."""
    size = kernel.size_of("small-cnn", (1, 8, 8))
    places = np.arange(size or 0, dtype=np.uint64)
    noise = (((places * np.uint64(2654435761)) >> np.uint64(8)) % np.uint64(2**16)).astype(np.float32) / 2**16 - 0.5
    mask = places % np.uint64(3) > 0
    trials = Trials(kernel, "small-cnn", (1, 8, 8), mask[None])
    trials.put(0, noise)
    examples = Examples(noise[: 20 * 64].reshape(20, 1, 8, 8), np.arange(20) % 10)
    rule = Rule(
        "nesterov", "linear", {"learning_rate": 0.1, "momentum": 0.9, "decay_steps": 2, "end_learning_rate_factor": 0.1}
    )
    trials.train(0, rule, examples, np.arange(60).reshape(3, 20) % 20)
    return hashlib.sha256(trials.get(0)[0].tobytes()).hexdigest()[:16]


class Examples:
    """Images and labels as the kernel reads them.

    Args:
        images: Shape (n, channels, height, width); kept as they are where they are contiguous float32.
        labels: Classes, shape (n,).
    """

    def __init__(self, images: NDArray[np.floating], labels: NDArray[np.integer]) -> None:
        if images.ndim != 4 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"need images (n, channels, height, width) and labels (n,), got {images.shape}, {labels.shape}"
            )
        self.images = np.ascontiguousarray(images, dtype=np.float32)
        self.labels = np.ascontiguousarray(labels, dtype=np.int64)
        self.data = _Data(self.images.ctypes.data, self.labels.ctypes.data, len(self.labels))

    def __len__(self) -> int:
        return len(self.labels)


class Rule:
    """An update rule and its schedule, of one trial.

    Args:
        optimizer: One of sgd, momentum, nesterov.
        schedule: constant or linear.
        metaparameters: learning_rate; momentum, decay_steps, end_learning_rate_factor where they are used.

    Raises:
        InputError: If the kernel has no such rule.
    """

    def __init__(self, optimizer: str, schedule: str, metaparameters: Mapping[str, float]) -> None:
        if optimizer not in OPTIMIZERS or schedule not in _SCHEDULES:
            raise InputError(f"the sparse kernel has no {optimizer} with a {schedule} schedule; use --engine torch")
        decays = schedule == "linear"
        self.rule = _Rule(
            OPTIMIZERS.index(optimizer),
            decays,
            metaparameters["learning_rate"],
            0.0 if optimizer == "sgd" else metaparameters["momentum"],
            metaparameters["decay_steps"] if decays else 1.0,
            metaparameters["end_learning_rate_factor"] if decays else 1.0,
        )


@dataclass(frozen=True)
class Progress:
    """What a trial's steps came to.

    Args:
        steps: Taken, the one that was not finite included.
        loss: Mean over the batch of the last.
        finite: Whether that loss and every weight are finite; if not, it is the first step at which they are not.
    """

    steps: int
    loss: float
    finite: bool


class Trials:
    """Trials of one network, each with its own mask, stepped on their kept weights alone.

    Not to be used by two threads at once; two of these may be.

    Args:
        kernel: As loaded.
        network: Its name, one that the kernel has for such images.
        image_shape: (channels, side, side).
        masks: Which weights are kept, shape (T, P), bool.
        dtype: float32 or float64, of weights and all arithmetic.
        lanes: At most so many examples in a register, 0 for as many as fit; the bits are the same.
    """

    def __init__(
        self,
        kernel: Kernel,
        network: str,
        image_shape: tuple[int, int, int],
        masks: NDArray[np.bool_],
        dtype: DTypeLike = np.float32,
        lanes: int = 0,
    ) -> None:
        size = kernel.size_of(network, image_shape)
        if size is None:
            raise ValueError(f"the sparse kernel has no network {network!r} for images of shape {image_shape}")
        self.size, self.image_shape, self.dtype = size, image_shape, np.dtype(dtype)
        if self.dtype not in {np.dtype(np.float32), np.dtype(np.float64)}:
            raise ValueError(f"need float32 or float64, got {self.dtype}")
        if masks.dtype != np.bool_ or masks.ndim != 2 or masks.shape[1] != size:
            raise ValueError(f"need masks of shape (T, {size}), bool, got {masks.shape}, {masks.dtype}")
        self._library, self._count = kernel.library, len(masks)
        rows = np.ascontiguousarray(masks)
        bits = 8 * self.dtype.itemsize
        opened = self._library.kstar_open(network.encode(), *image_shape[:2], bits, len(masks), rows.ctypes.data, lanes)
        if opened is None:
            raise MemoryError("no memory for the sparse kernel")
        self._handle: int = opened
        self._close = weakref.finalize(self, self._library.kstar_close, opened)

    def __len__(self) -> int:
        return self._count

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of convolutions and linear layers so far, of all trials and examples."""
        return int(self._library.kstar_work(self._handle))

    def kept(self, trial: int) -> int:
        """Return how many weights and biases of a trial are kept."""
        return int(self._library.kstar_kept(self._handle, self._index(trial)))

    def put(self, trial: int, weights: NDArray[np.floating], velocities: NDArray[np.floating] | None = None) -> None:
        """Set the weights of a trial, shape (P,), and its velocities, by default 0; what is pruned is not read."""
        arrays = [self._vector(values) for values in (weights, velocities) if values is not None]
        pointers = [array.ctypes.data for array in arrays]
        self._library.kstar_put(
            self._handle, self._index(trial), pointers[0], pointers[1] if len(pointers) > 1 else None
        )

    def get(self, trial: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the weights and the velocities of a trial, each of shape (P,), 0 where pruned."""
        weights, velocities = np.empty(self.size, self.dtype), np.empty(self.size, self.dtype)
        self._library.kstar_get(self._handle, self._index(trial), weights.ctypes.data, velocities.ctypes.data)
        return weights, velocities

    def train(self, trial: int, rule: Rule, examples: Examples, rows: NDArray[np.integer], first: int = 0) -> Progress:
        """Take steps, up to the first that is not finite.

        Args:
            trial: Which trial.
            rule: Its update rule.
            examples: The training set.
            rows: Of the examples of each step, shape (steps, B).
            first: Number of the first of these steps, from 0, for the schedule.

        Raises:
            IndexError: If a row or label is out of range; no step has been taken.
        """
        if rows.ndim != 2 or not rows.size:
            raise ValueError(f"need rows of shape (steps, B), each at least 1, got {rows.shape}")
        steps, batch = rows.shape
        outcome = _Outcome()
        self._call(
            "train", trial, ctypes.byref(rule.rule), examples, rows, (batch, steps, first), ctypes.byref(outcome)
        )
        return Progress(outcome.steps, outcome.loss, bool(outcome.finite))

    def errors(self, trial: int, examples: Examples, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which examples' highest output is not that of their class, or is no number, shape (len(rows),)."""
        wrong = np.empty(len(rows), dtype=np.bool_)
        self._call("errors", trial, None, examples, rows, (len(rows),), wrong.ctypes.data)
        return wrong

    def gradient(self, trial: int, examples: Examples, rows: NDArray[np.integer]) -> tuple[float, NDArray[np.floating]]:
        """Return the mean loss on some examples and its gradient with respect to the kept weights, 0 elsewhere."""
        if not len(rows):
            raise ValueError("need at least one example")
        loss, gradient = ctypes.c_double(), np.empty(self.size, self.dtype)
        self._call("gradient", trial, None, examples, rows, (len(rows),), ctypes.byref(loss), gradient.ctypes.data)
        return loss.value, gradient

    def moments(
        self, trial: int, examples: Examples, rows: NDArray[np.integer]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return sums over examples: of losses, of gradients and of their squares, the last two of shape (P,)."""
        if not len(rows):
            raise ValueError("need at least one example")
        loss, first, second = ctypes.c_double(), np.empty(self.size), np.empty(self.size)
        self._call(
            "moments",
            trial,
            None,
            examples,
            rows,
            (len(rows),),
            ctypes.byref(loss),
            first.ctypes.data,
            second.ctypes.data,
        )
        return loss.value, first, second

    def _call(
        self,
        name: str,
        trial: int,
        rule: object,
        examples: Examples,
        rows: NDArray[np.integer],
        sizes: tuple[int, ...],
        *results: object,
    ) -> None:
        """Call a function of the kernel that reads examples."""
        if examples.images.shape[1:] != self.image_shape:
            raise ValueError(f"need images of shape {self.image_shape}, got {examples.images.shape[1:]}")
        places = np.ascontiguousarray(rows, dtype=np.int64)
        rules = () if rule is None else (rule,)
        function = getattr(self._library, f"kstar_{name}")
        data = ctypes.byref(examples.data)
        status = function(self._handle, self._index(trial), *rules, data, places.ctypes.data, *sizes, *results)
        if status == _NO_MEMORY:
            raise MemoryError("no memory for the sparse kernel")
        if status:
            raise IndexError("a row is not one of the examples, or its label no class")

    def _index(self, trial: int) -> int:
        """Return the index of a trial that there is."""
        if not 0 <= trial < self._count:
            raise IndexError(f"no trial {trial} of {self._count}")
        return trial

    def _vector(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return values of all weights as the kernel reads them."""
        if values.shape != (self.size,):
            raise ValueError(f"need shape ({self.size},), got {values.shape}")
        return np.ascontiguousarray(values, dtype=self.dtype)
