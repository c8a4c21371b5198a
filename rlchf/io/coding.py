"""Texts of columns as codes: distinct texts in order of appearance, and the code of each cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlchf.ids import clean_id

RUN = 3
"""Where texts stand in that many rows on end, on average, only the first of these is looked up."""
BEGINNING = 2**16
"""Number of rows in which the order of appearance is looked for first."""


def coded(columns: Sequence[Any]) -> tuple[list[str], np.ndarray]:
    """Distinct cleaned texts of pyarrow columns, laid end to end, and each cell's int32 code.

    A text is an id without blanks at its ends (`rlchf.ids.clean_id`), so that several may become one.

    Examples
    --------
    >>> texts, codes = coded([pa.chunked_array([["b", "b", "a"], [" b", "c"]])])
    >>> texts, codes.tolist()
    (['b', 'a', 'c'], [0, 0, 1, 0, 2])
    """
    index: dict[str, int] = {}
    parts = [_part(chunk, index) for column in columns for chunk in column.chunks]
    return list(index), np.concatenate([np.empty(0, dtype=np.int32), *parts])


def _part(chunk: Any, index: dict[str, int]) -> np.ndarray:
    """The codes of one array of texts, of which new ones are added to the index."""
    lengths = None
    if not pa.types.is_dictionary(chunk.type):
        chunk, lengths = _heads(chunk)
        chunk = chunk.dictionary_encode()
    local = np.from_dlpack(chunk.indices)
    texts = chunk.dictionary
    order = _by_appearance(local, len(texts))
    cleaned = texts.to_pylist() if _is_plain(texts) else map(clean_id, texts.to_pylist())
    names = list(cleaned)
    codes = np.full(len(texts), -1, dtype=np.int32)
    codes[order] = [index.setdefault(names[i], len(index)) for i in order.tolist()]
    whole = codes[local]
    return whole if lengths is None else np.repeat(whole, lengths)


def _heads(texts: Any) -> tuple[Any, np.ndarray | None]:
    """The first of equal texts that follow each other, and how many there are; or all texts, and None.

    Examples
    --------
    >>> heads, lengths = _heads(pa.array(["a", "a", "a", "b", "b", "b", "b", "a"]))
    >>> heads.to_pylist(), lengths.tolist()
    (['a', 'b', 'a'], [3, 4, 1])
    """
    n = len(texts)
    if n < 2:
        return texts, None
    differs = pc.not_equal(texts.slice(1), texts.slice(0, n - 1))
    if pc.sum(differs).as_py() * RUN >= n:
        return texts, None
    inner = np.flatnonzero(np.from_dlpack(pc.cast(differs, pa.uint8()))) + 1
    starts = np.concatenate([[0], inner]).astype(np.int64)
    rows = pa.Array.from_buffers(pa.int64(), len(starts), [None, pa.py_buffer(starts)])
    return texts.take(rows), np.diff(np.append(starts, n))


def _by_appearance(codes: np.ndarray, n: int) -> np.ndarray:
    """Those of the numbers below ``n`` that are among the codes, in the order in which they come.

    Examples
    --------
    >>> _by_appearance(np.array([3, 1, 3, 0]), 4).tolist()
    [3, 1, 0]
    """
    for rows in (BEGINNING, len(codes)):
        beginning = codes[:rows]
        first = np.full(n, len(codes), dtype=np.int64)
        first[beginning[::-1]] = np.arange(len(beginning) - 1, -1, -1)  # the first is written last
        if (first < len(codes)).all():
            break
    order = np.argsort(first, kind="stable")
    return order[: int(np.count_nonzero(first < len(codes)))]


def _is_plain(texts: Any) -> bool:
    """Whether texts are ASCII without blanks at their ends, so that they are clean as they are."""
    is_plain = pc.and_(pc.string_is_ascii(texts), pc.equal(pc.ascii_trim_whitespace(texts), texts))
    return bool(pc.all(is_plain).as_py())
