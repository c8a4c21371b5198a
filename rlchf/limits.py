"""Limits on what an input may ask for, so that no file takes all memory; environment variables set them."""

import os
import sys
from pathlib import Path

LIMITS: dict[str, int | str] = {
    "RLCHF_MAX_MEMORY": "the memory that is free",
    "RLCHF_MAX_EXPANSION": 200,
    "RLCHF_MAX_LINE": 2**31 - 1,
    "RLCHF_MAX_COLUMNS": 100_000,
    "RLCHF_MAX_NESTING": 100,
    "RLCHF_MAX_RESPONSES": 2**15 - 2,
    "RLCHF_MAX_WAIT": 60,
}
"""Each limit and its default.

Bytes of a file, or of one table that a rule needs; how many times its own size a compressed file may have
when it is decompressed; bytes of a row or line; columns of a table; levels of lists and objects in JSON and
TOML; responses of a prompt; seconds to wait until another program opens a named pipe.
"""
HIGHEST = {"RLCHF_MAX_LINE": 2**31 - 1, "RLCHF_MAX_RESPONSES": 2**15 - 2}
"""What pyarrow's blocks and ranks of 16 bits can hold."""
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
SMALL = 2**28
"""Bytes below which nothing is checked against the memory that is free."""


def limit(name: str) -> int:
    """The value of a limit: what the environment says, else its default.

    Raises
    ------
    ValueError
        If the environment says something else than a whole number, or more than is possible.

    Examples
    --------
    >>> limit("RLCHF_MAX_NESTING")
    100
    """
    text = os.environ.get(name, "").strip()
    if not text:
        default = LIMITS[name]
        return free_memory() if isinstance(default, str) else default
    number, unit = text[:-1], text[-1].upper()
    digits = number if unit in UNITS else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 15):
        raise ValueError(
            f"{name} is {text[:40]!r}; give a whole number, such as 1000 or 8G, or leave it out"
        )
    value = int(digits) * UNITS.get(unit, 1)
    if value > HIGHEST.get(name, value):
        raise ValueError(f"{name} is {value}; it must be {HIGHEST[name]} at most")
    return value


def check_memory(needed: float, what: str, hint: str = "") -> None:
    """Refuse what needs more memory than may be taken, before it is taken.

    Parameters
    ----------
    needed
        Bytes.
    what
        What needs them: the beginning of the message.
    hint
        What would work, besides setting the limit.

    Raises
    ------
    ValueError
        If ``RLCHF_MAX_MEMORY`` bytes, or the memory that is free, are less.

    Examples
    --------
    >>> check_memory(2**60, "a table", "choose another rule")
    Traceback (most recent call last):
    ...
    ValueError: a table needs 1,073,741,824.0 GiB of memory, and ... GiB ...; choose another rule, or ...
    """
    if needed <= SMALL and "RLCHF_MAX_MEMORY" not in os.environ:
        return
    allowed = limit("RLCHF_MAX_MEMORY")
    if needed > allowed:
        given = "may be taken" if os.environ.get("RLCHF_MAX_MEMORY") else "are free"
        raise ValueError(
            f"{what} needs {gib(needed)} of memory, and {gib(allowed)} {given}; "
            f"{hint}{', or ' if hint else ''}set RLCHF_MAX_MEMORY to allow more"
        )


def gib(number: float) -> str:
    """Bytes in words.

    Examples
    --------
    >>> gib(3 * 2**30), gib(2**20), gib(2000)
    ('3.0 GiB', '1.0 MiB', '2.0 KiB')
    """
    if number < 2**20:
        return f"{number / 2**10:,.1f} KiB"
    if number < 2**30:
        return f"{number / 2**20:,.1f} MiB"
    return f"{number / 2**30:,.1f} GiB"


def free_memory() -> int:
    """Bytes that this process can still take, by the machine, its container and its own limit."""
    free = [sys.maxsize]
    available = _field("/proc/meminfo", "MemAvailable:")
    if available:
        free.append(available * 1024)
    most = _field("/sys/fs/cgroup/memory.max")
    if most:
        cache = _field("/sys/fs/cgroup/memory.stat", "inactive_file") or 0
        free.append(most - (_field("/sys/fs/cgroup/memory.current") or 0) + cache)
    try:
        import resource

        own = resource.getrlimit(resource.RLIMIT_AS)[0]
        if own != resource.RLIM_INFINITY:
            free.append(own - (_field("/proc/self/statm") or 0) * resource.getpagesize())
    except ImportError:  # not on this system
        pass
    return max(min(free), 0)


def _field(path: str, name: str = "") -> int | None:
    """The number behind a name in a file of the system; the first number without a name."""
    try:
        words = Path(path).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    at = words.index(name) + 1 if name in words else 0
    return int(words[at]) if words[at : at + 1] and words[at].isdecimal() else None
