"""Values of lines that are alike but for them, found by one compiled pass over the bytes."""

import numpy as np
from numba import njit

TEXT, WHOLE, NUMBER = 0, 1, 2
"""Kinds of values: a text up to the next double quote, a whole number, a number with decimals perhaps."""


@njit(cache=True, nogil=True)
def line_cells(
    data: np.ndarray, parts: np.ndarray, bounds: np.ndarray, kinds: np.ndarray, n_lines: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where the values of each line begin and end; nothing at all if some line is not like the others.

    Parameters
    ----------
    data
        (N,) uint8 bytes of whole lines.
    parts, bounds
        The bytes before, between and after the V values, and (V + 2,) where each part begins in them.
    kinds
        (V,) the kinds of the values. A text has neither a backslash nor a control character; a number is
        written as in JSON, without an exponent.
    n_lines
        The number of lines.

    Returns
    -------
    (V, L) int32 starts and ends; (V, 0) if a line differs.

    Examples
    --------
    >>> data = np.frombuffer(b'{"a":"x"}\\n{"a":"yz"}\\n', dtype=np.uint8)
    >>> parts = np.frombuffer(b'{"a":""}\\n', dtype=np.uint8)
    >>> starts, ends = line_cells(data, parts, np.array([0, 6, 9]), np.array([TEXT]), 2)
    >>> starts.tolist(), ends.tolist()
    ([[6, 16]], [[7, 18]])
    """
    V = len(kinds)
    starts = np.empty((V, n_lines), dtype=np.int32)
    ends = np.empty((V, n_lines), dtype=np.int32)
    x = 0
    for line in range(n_lines):
        for v in range(V):
            x = _after_part(data, x, parts, bounds[v], bounds[v + 1])
            starts[v, line] = x
            if x >= 0:
                x = _after_text(data, x) if kinds[v] == TEXT else _after_number(data, x, kinds[v])
            ends[v, line] = x
            if x < 0:
                return starts[:, :0], ends[:, :0]
        x = _after_part(data, x, parts, bounds[V], bounds[V + 1])
        if x < 0:
            return starts[:, :0], ends[:, :0]
    n = n_lines if x == len(data) else 0
    return starts[:, :n], ends[:, :n]


@njit(cache=True, nogil=True)
def _after_part(data: np.ndarray, x: int, parts: np.ndarray, begin: int, end: int) -> int:
    """The place behind a part that begins at ``x``; -1 if it does not."""
    if x + end - begin > len(data):
        return -1
    for y in range(end - begin):
        if data[x + y] != parts[begin + y]:
            return -1
    return x + end - begin


@njit(cache=True, nogil=True)
def _after_text(data: np.ndarray, x: int) -> int:
    """The place of the next double quote; -1 if a backslash or a control character comes before it."""
    while x < len(data) and data[x] != ord('"'):
        if data[x] < ord(" ") or data[x] == ord("\\"):
            return -1
        x += 1
    return x


@njit(cache=True, nogil=True)
def _after_number(data: np.ndarray, x: int, kind: int) -> int:
    """The place behind a number; -1 if it is none, or is not of the kind."""
    begin = x
    if x < len(data) and data[x] == ord("-"):
        x += 1
    first = x
    x = _after_digits(data, x)
    if x == first or (data[first] == ord("0") and x > first + 1):
        return -1
    if kind == WHOLE and data[first] == ord("0") and first > begin:
        return -1  # minus 0, which is written as 0
    if kind == NUMBER and x < len(data) and data[x] == ord("."):
        point = x
        x = _after_digits(data, x + 1)
        if x == point + 1:
            return -1
    return x


@njit(cache=True, nogil=True)
def _after_digits(data: np.ndarray, x: int) -> int:
    while x < len(data) and ord("0") <= data[x] <= ord("9"):
        x += 1
    return x


@njit(cache=True, nogil=True)
def joined_bytes(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Stretches of bytes laid end to end, and (L + 1,) int32 where each begins.

    Examples
    --------
    >>> data = np.frombuffer(b"abcdef", dtype=np.uint8)
    >>> joined, bounds = joined_bytes(data, np.array([0, 4]), np.array([2, 5]))
    >>> joined.tobytes(), bounds.tolist()
    (b'abe', [0, 2, 3])
    """
    bounds = np.zeros(len(starts) + 1, dtype=np.int32)
    for i in range(len(starts)):
        bounds[i + 1] = bounds[i] + ends[i] - starts[i]
    joined = np.empty(bounds[-1], dtype=np.uint8)
    for i in range(len(starts)):
        for y in range(ends[i] - starts[i]):
            joined[bounds[i] + y] = data[starts[i] + y]
    return joined, bounds
