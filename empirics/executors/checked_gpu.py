"""Whether the GPUs of this machine have passed the checks of `python -m benchmarks.gpu`, by a record in the cache."""

from __future__ import annotations

import json
from pathlib import Path

from empirics.datasets.arrays import cache_folder
from empirics.store.provenance import provenance
from kstar.files import write_bytes_atomically

CHECK = "python -m benchmarks.gpu"


def passed() -> bool:
    """Return whether the checks passed on these GPUs, with these libraries and this version of the program."""
    try:
        known = json.loads(_record().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(known == _what_counts())


def remember() -> Path:
    """Note that the checks passed; return the record.

    Raises:
        OSError: If the cache cannot be written to.
    """
    record = _record()
    record.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(record, (json.dumps(_what_counts(), indent=1) + "\n").encode())
    return record


def forget() -> None:
    """Remove the record, if there is one."""
    _record().unlink(missing_ok=True)


def _record() -> Path:
    """Return the file of the record."""
    return cache_folder() / "checked_gpu.json"


def _what_counts() -> dict[str, object]:
    """Return all that the answers of a GPU may depend on."""
    import torch  # noqa: PLC0415 - whoever asks has looked for GPUs with it

    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return {
        "gpus": [torch.cuda.get_device_name(gpu) for gpu in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "cudnn": cudnn,
        "versions": provenance()["versions"],
    }
