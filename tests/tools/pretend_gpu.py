"""A pretend GPU: the numbers are a CPU's, the discipline is a CUDA device's.

Within `PretendGpu` a tensor made with device cuda is a `DeviceTensor`. It computes on the CPU, but its `.device` is
cuda:0, and what CUDA refuses or makes slow is refused or counted:

- an operation on tensors of both devices is refused, but for host tensors without axes;
- synchronisations, copies to the device, launches of kernels and graphs are counted;
- operations without a deterministic kernel are refused where the program asked for such;
- memory ends when a test says so, with the error of PyTorch, cuBLAS or cuDNN;
- graphs are captured by CUDA's rules, see `pretend_graphs`.

It knows no times, no streams side by side, and no roundings of a GPU.
"""

import collections
import contextlib
import sys
from types import SimpleNamespace
from unittest import mock

import torch
from tools.pretend_graphs import pretended_graphs
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("cuda", 0)
SYNCHRONISATION, COPY, LAUNCH = "synchronisation", "copy to the device", "kernel launch"
# Their results have a shape, or are numbers, that the host must wait for.
_WAITED_FOR = {"_local_scalar_dense", "equal", "nonzero", "masked_select", "unique2", "_unique2", "unique_dim"}
# From the documentation of `torch.use_deterministic_algorithms`, what networks here might use.
_NOT_DETERMINISTIC = {
    *("_adaptive_avg_pool2d_backward", "adaptive_max_pool2d_backward", "reflection_pad2d_backward", "max_unpool2d"),
    *("upsample_bilinear2d_backward", "nll_loss2d_forward", "put_", "histc", "kthvalue"),
}
_INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
_MEMORY = 2**36  # bytes
_NO_KERNEL = {"empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided"}


def out_of_memory():
    """Return the error that PyTorch raises."""
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class DeviceTensor(torch.Tensor):
    """A tensor on the pretend device, which shares its memory with a plain one."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    @staticmethod
    def __new__(cls, plain):
        made = torch.Tensor._make_subclass(cls, plain, False)
        made.plain = plain
        return made

    def __deepcopy__(self, memo):
        return self.detach().clone()

    def __repr__(self, **_):
        return f"DeviceTensor(shape={tuple(self.shape)}, dtype={self.dtype})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError(f"{func}: the pretend GPU has been left")


class PretendGpu(TorchDispatchMode):
    """The device, while it is entered.

    Attributes:
        counts: How often what happened: `SYNCHRONISATION`, `COPY`, `LAUNCH`, `"capture"`, `"graph launch"`.
        rows: Of the first axis of the input of each convolution, the passes through networks in order.
        capturing: The graph that is being captured, None otherwise.
        allocations: How many pieces of memory were asked for.
    """

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()
        self.rows = []
        self.capturing = None
        self._backward = False
        self.allocations, self._memory_end = 0, None

    def __enter__(self):
        with contextlib.ExitStack() as undone:
            for name, instead in {
                "_lazy_init": lambda: None,
                "is_available": lambda: True,
                "is_initialized": lambda: True,
                "device_count": lambda: 1,
                "set_device": lambda device: None,
                "current_device": lambda: 0,
                "synchronize": lambda device=None: self.event(SYNCHRONISATION, "synchronize"),
                "empty_cache": lambda: None,
                "get_device_name": lambda device=None: "pretend GPU",
                "memory_reserved": lambda device=None: 0,
                "get_device_properties": lambda device=None: SimpleNamespace(total_memory=_MEMORY),
                "set_per_process_memory_fraction": self._have_share,
            }.items():
                undone.enter_context(mock.patch(f"torch.cuda.{name}", instead))
            undone.enter_context(mock.patch("torch.autograd.grad", self._flagged(torch.autograd.grad)))
            undone.enter_context(pretended_graphs(self))
            undone.enter_context(_Functions(self))
            super().__enter__()
            self._undone = undone.pop_all()
        return self

    def __exit__(self, *error):
        super().__exit__(*error)
        self._undone.__exit__(*error)

    @contextlib.contextmanager
    def counted(self):
        """Count within a block; yields what happened in it, by kind, once it is over."""
        before, found = self.counts.copy(), collections.Counter()
        yield found
        found.update(self.counts - before)

    @contextlib.contextmanager
    def memory_ends(self, after=0, larger=0, times=sys.maxsize, error=out_of_memory):
        """Let allocations fail within a block.

        Args:
            after: So many succeed first.
            larger: So do those of at most so many bytes.
            times: So many fail.
            error: Makes what they raise.
        """
        self._memory_end = self._end(after, larger, times, error)
        try:
            yield
        finally:
            self._memory_end = None

    def _end(self, after, larger, times, error):
        """Return what raises where memory ends, called with the size of each allocation."""
        left, first = times, self.allocations

        def check(size):
            nonlocal left
            if left and size > larger and self.allocations > first + after:
                left -= 1
                raise error()

        return check

    def _have_share(self, fraction, device=None):
        """Let memory end at a share of it, as far as single allocations go."""
        whole = fraction >= 1
        self._memory_end = None if whole else self._end(0, fraction * _MEMORY, sys.maxsize, out_of_memory)

    def event(self, kind, operation):
        """Count an event of the host's; none is allowed while a graph is captured."""
        if self.capturing is not None:
            self.capturing.invalidate()
            raise RuntimeError(f"CUDA error: {operation} at {_place()}: not permitted when stream is capturing")
        self.counts[kind] += 1

    def to_device(self, value, operation="copy"):
        """Return a host tensor's copy on the device."""
        self.event(COPY, operation)
        return DeviceTensor(value.detach().clone())

    def to_host(self, value, operation):
        """Return a device tensor's copy on the host."""
        self.event(SYNCHRONISATION, operation)
        return value.detach().plain.clone()

    def _flagged(self, grad):
        """Return `torch.autograd.grad`, in which what the engine makes up lies on the device of what is derived."""

        def flagged(outputs, *args, **kwargs):
            before = self._backward
            self._backward = any(isinstance(one, DeviceTensor) for one in tree_leaves(outputs))
            try:
                return grad(outputs, *args, **kwargs)
            finally:
                self._backward = before

        return flagged

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = func._schema.name.split("::")[1]
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        on_device = any(isinstance(one, DeviceTensor) for one in tensors)
        if is_device(kwargs.get("device")):
            on_device = True
            kwargs["device"] = torch.device("cpu")
        if not on_device:
            made = func(*args, **kwargs)
            return tree_map(_wrapped, made) if self._backward else made
        self._check_devices(name, args, tensors)
        self._check_waiting(name, args)
        if name in _NOT_DETERMINISTIC and torch.are_deterministic_algorithms_enabled():
            raise RuntimeError(f"{name} does not have a deterministic implementation")
        if name == "convolution":
            self.rows.append(len(args[0]))
        return self._compute(func, name, args, kwargs)

    def _compute(self, func, name, args, kwargs):
        """Compute an operation on plain tensors, and record it where a graph is captured."""
        in_place = any(one.alias_info is not None and one.alias_info.is_write for one in func._schema.returns)
        plain_args, plain_kwargs = tree_map(_plain, args), tree_map(_plain, kwargs)
        if func.is_view:
            return tree_map(_wrapped, func(*plain_args, **plain_kwargs))
        if name not in _NO_KERNEL:
            self.counts[LAUNCH] += 1
        if self.capturing is not None:
            result = self.capturing.record(func, plain_args, plain_kwargs)
        else:
            result = func(*plain_args, **plain_kwargs)
        if in_place:
            return kwargs["out"] if "out" in kwargs else args[0]
        self._allocate(result)
        return tree_map(_wrapped, result)

    def _allocate(self, result):
        """Note the memory of a result; it may be where memory ends."""
        for one in tree_leaves(result):
            if isinstance(one, torch.Tensor):
                self.allocations += 1
                if self._memory_end is not None:
                    self._memory_end(one.numel() * one.element_size())

    def _check_devices(self, name, args, tensors):
        """Refuse a host tensor among device tensors, and count the copies that PyTorch makes of its own accord."""
        for one in tensors:
            if isinstance(one, DeviceTensor) or one.dim() == 0:
                continue
            if name == "copy_":
                into_device = isinstance(args[0], DeviceTensor)
                self.event(COPY if into_device else SYNCHRONISATION, name)
            elif name in _INDEXING:
                self.event(COPY, f"{name} by a host tensor")
            else:
                raise RuntimeError(f"{name}: Expected all tensors to be on the same device, found cuda:0 and cpu")

    def _check_waiting(self, name, args):
        """Count operations whose result the host must wait for."""
        if name in _WAITED_FOR:
            self.event(SYNCHRONISATION, name)
        if name in _INDEXING:
            indices = [one for one in tree_leaves(args[1]) if isinstance(one, torch.Tensor)]
            if any(one.dtype == torch.bool for one in indices):
                self.event(SYNCHRONISATION, f"{name} by a mask")


class _Functions(TorchFunctionMode):
    """Calls that PyTorch settles without its dispatcher, because it believes these tensors to be the CPU's."""

    def __init__(self, gpu):
        super().__init__()
        self.gpu = gpu

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        if func in {torch.tensor, torch.as_tensor} and is_device(kwargs.get("device")):
            del kwargs["device"]
            made = func(*args, **kwargs)
            return made if isinstance(made, DeviceTensor) else self.gpu.to_device(made, name)
        if name == "to":
            return self._to(func, *args, **kwargs)
        if name == "pin_memory":
            return args[0]
        if args and isinstance(args[0], DeviceTensor):
            return self._of_device(func, name, args, kwargs)
        return self.gpu.to_device(args[0], name) if name == "cuda" else func(*args, **kwargs)

    def _of_device(self, func, name, args, kwargs):
        """Return what a function makes of a device tensor, its first argument."""
        value, *rest = args
        if name in {"numpy", "__array__"}:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        if name in {"cpu", "tolist"}:
            there = self.gpu.to_host(value, name)
            return there if name == "cpu" else there.tolist()
        if name == "new_tensor":
            return self.gpu.to_device(torch.tensor(*rest, dtype=kwargs.get("dtype", value.dtype)), name)
        return value if name == "cuda" else func(*args, **kwargs)

    def _to(self, func, value, *args, **kwargs):
        """Return a tensor on another device, in another precision, or both."""
        given = [*args, *kwargs.values()]
        dtype = next((one for one in given if isinstance(one, torch.dtype)), None)
        device = next((torch.device(one) for one in given if isinstance(one, torch.device | str)), None)
        for other in given:
            if isinstance(other, torch.Tensor):
                device, dtype = other.device, other.dtype
        if device is not None and is_device(device) != isinstance(value, DeviceTensor):
            value = self.gpu.to_device(value, "to") if is_device(device) else self.gpu.to_host(value, "to")
        return value if dtype is None or dtype == value.dtype else func(value, dtype)


def is_device(device):
    """Whether something names the pretend device."""
    return device is not None and torch.device(device).type == "cuda"


def _wrapped(value):
    return DeviceTensor(value) if isinstance(value, torch.Tensor) else value


def _plain(value):
    return value.plain if isinstance(value, DeviceTensor) else value


def _place():
    """Return the line of the program that is at work."""
    frame = sys._getframe(1)
    while frame is not None and "/empirics/" not in frame.f_code.co_filename.replace("/tests/empirics/", "/"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename.rsplit('/', 1)[1]}:{frame.f_lineno}" if frame else "?"
