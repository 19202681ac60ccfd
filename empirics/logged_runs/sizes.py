"""The batch size of a run, in examples or in tokens: from its config, else from its name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.reading.names import key_of, listed, meaning_of

Unit = Literal["examples", "tokens"]
NAME = "name"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:\s*([kKmMbBgG])(i)?)?")
_POWERS = {"k": 1, "m": 2, "b": 3, "g": 3}
_IN_NAME = re.compile(
    r"(?<![a-z0-9])(?:(?:global|total)[ _-]?)?(?:bs|gbs|batch(?:[ _-]?size)?|b)[ _=:-]?"
    r"([0-9]+(?:\.[0-9]+)?(?:[kmbg]i?)?)(?![a-z0-9]|\.[0-9])",
    re.IGNORECASE,
)
_LARGEST = 2.0**53
_PREFIXES = re.compile(r"^(configs?|params|parameters|hparams|user_attrs)[./_]", re.IGNORECASE)


def batch_size_of(run: LoggedRun, keys: str | None, unit: Unit) -> int:
    """Return the batch size of a run.

    Args:
        run: Its name and config.
        keys: Of its config, several to be multiplied with * between them; `name` for its name. None takes the one key
            that loggers call a batch size by, else what stands in the name after `bs`, `batch_size` or `b`.
        unit: What a batch counts. Tokens may be written 512k (512,000), 0.5M (500,000) or 512Ki (524,288).

    Raises:
        InputError: If there is none, more than one, or it is no whole number in 1..2^53.

    Example:
        >>> run = LoggedRun("a-b64", "log.csv", {"micro": "8", "devices": "4", "lr": "0.1"})
        >>> batch_size_of(run, None, "examples"), batch_size_of(run, "micro*devices", "examples")
        (64, 32)
    """
    if keys == NAME and NAME not in run.config:
        return _named(run, unit)
    if keys is not None:
        factors = [_from_config(run, key.strip(), unit) for key in keys.split("*")]
        return _whole(run, keys, math.prod(factors))
    known = {key: text for key, text in run.config.items() if meaning_of(key) == "batch_size"}
    if not known:
        return _named(run, unit)
    if len({_read(run, key, text, unit) for key, text in known.items()}) > 1:
        raise run.refuse(f"{' and '.join(known)} could both be its batch size: choose by --batch-size-from KEY")
    key = next(iter(known))
    return _whole(run, key, _from_config(run, key, unit))


def source_of_size(run: LoggedRun, keys: str | None) -> str:
    """Return where the batch size of a run is found, see `batch_size_of`.

    Example:
        >>> source_of_size(LoggedRun("b64", "log.csv", {"params.bs": "8"}), None)
        'params.bs'
    """
    if keys is not None and not (keys == NAME and NAME not in run.config):
        return keys
    known = [] if keys else [key for key in run.config if meaning_of(key) == "batch_size"]
    return known[0] if known else "the names of runs"


def _named(run: LoggedRun, unit: Unit) -> int:
    """Return the batch size that stands in the name of a run."""
    found = size_in_name(run.name)
    if found is None:
        holds = f" ({listed(list(run.config))})" if run.config else ""
        raise run.refuse(
            f"its batch size is not known: name what holds it by --batch-size-from KEY{holds}, "
            "or give a table of the runs by --runs FILE"
        )
    return _whole(run, "name", _read(run, "name", found, unit))


def _from_config(run: LoggedRun, key: str, unit: Unit) -> float:
    """Return a factor of the batch size; a number stands for itself."""
    if _SIZE.fullmatch(key):
        return _read(run, key, key, unit)
    if key == NAME and (named := size_in_name(run.config.get(NAME, run.name))):
        return _read(run, key, named, unit)
    text = config_value(run.config, key)
    if text is None:
        has = f"holds {listed(list(run.config))}" if run.config else "is empty"
        raise run.refuse(f"it has no {key}: its config {has}")
    return _read(run, key, text, unit)


def _read(run: LoggedRun, key: str, text: str, unit: Unit) -> float:
    """Return a size; an error names the run."""
    try:
        return read_size(text, unit)
    except InputError as error:
        raise run.refuse(f"{key}: {error}") from None


def _whole(run: LoggedRun, key: str, value: float) -> int:
    """Return a batch size."""
    if not 1.0 <= value <= _LARGEST or abs(value - round(value)) > 1e-9 * value:
        raise run.refuse(f"{key} gives a batch size of {value:.12g}: need a whole number in 1..2^53")
    return round(value)


def config_value(config: Mapping[str, str], key: str) -> str | None:
    """Return what a config says under a key, with or without a prefix such as `params.`; None where it says nothing.

    Example:
        >>> config_value({"params.batch_size": "64"}, "batch_size")
        '64'
    """
    if key in config:
        return config[key]
    return next((text for name, text in config.items() if bare(name) == key or key_of(name) == key_of(key)), None)


def bare(key: str) -> str:
    """Return a key without the prefix that a logger gives it.

    Example:
        >>> bare("params.warmup"), bare("config/lr"), bare("lr")
        ('warmup', 'lr', 'lr')
    """
    return _PREFIXES.sub("", key)


def read_size(text: str, unit: Unit) -> float:
    """Return a batch size that may be written with a power of 1000 or 1024.

    Args:
        text: A number; with tokens also 512k, 0.5M, 4Mi.
        unit: Examples are written in full, because 16k of them may be 16000 or 16384.

    Raises:
        InputError: If it is none.

    Example:
        >>> [read_size(text, "tokens") for text in ("512k", "0.5M", "512Ki", "65536")]
        [512000.0, 500000.0, 524288.0, 65536.0]
        >>> read_size("16k", "examples")
        Traceback (most recent call last):
        empirics.errors.InputError: '16k' may be 16000 or 16384: write the batch size in full, or --unit tokens
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"need a number, got {text[:40]!r}")
    value, suffix, binary = float(found[1]), found[2], found[3]
    if suffix is None:
        return value
    power = _POWERS[suffix.lower()]
    if unit == "examples":
        both = f"{value * 1000**power:.15g} or {value * 1024**power:.15g}"
        raise InputError(f"{text!r} may be {both}: write the batch size in full, or --unit tokens")
    return float(value * (1024 if binary else 1000) ** power)


def without_size(name: str) -> str:
    """Return the name of a run in small letters, without the batch size that stands in it.

    Example:
        >>> without_size("mlp-BS64-seed1")
        'mlp--seed1'
    """
    return _IN_NAME.sub("", name.lower())


def size_in_name(name: str) -> str | None:
    """Return the batch size that stands in the name of a run, None where there is none or more than one.

    Example:
        >>> [size_in_name(name) for name in ("bs64-seed1", "vit/batch_size=0.5M/run", "64", "b16-b32", "warm-sweep-1")]
        ['64', '0.5M', '64', None, None]
    """
    if _SIZE.fullmatch(name):
        return name
    found = {match.lower(): match for match in _IN_NAME.findall(name)}
    return next(iter(found.values())) if len(found) == 1 else None
