"""Texts of columns as codes: distinct texts in order of appearance, and the code of each cell."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlchf.ids import clean_id

RUN = 3
"""Where texts stand in that many rows on end, on average, only the first of these is looked up."""
BEGINNING, BLOCK = 2**16, 2**20
"""Number of rows in which the order of appearance is looked for first, and then at a time."""


def coded(columns: Sequence[Any]) -> tuple[list[str], np.ndarray]:
    """Distinct cleaned texts of pyarrow columns, laid end to end, and each cell's int32 code.

    A text is an id without blanks at its ends (`rlchf.ids.clean_id`), so that several may become one.

    Examples
    --------
    >>> texts, codes = coded([pa.chunked_array([["b", "b", "a"], [" b", "c"]])])
    >>> texts, codes.tolist()
    (['b', 'a', 'c'], [0, 0, 1, 0, 2])
    """
    codes = Codes()
    for column in columns:
        codes.add(column)
    return list(codes.index), codes.numbers()


class Codes:
    """The codes of texts that come in pieces: columns end to end, or one column batch by batch.

    Attributes
    ----------
    index
        The code of each distinct cleaned text, in order of appearance.

    Examples
    --------
    >>> codes = Codes()
    >>> codes.add(pa.chunked_array([["b", "a"]]))
    >>> codes.add(pa.chunked_array([["a", "c"]]))
    >>> codes.column().to_pylist()
    ['b', 'a', 'a', 'c']
    """

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self._parts: list[np.ndarray] = []

    def add(self, column: Any) -> None:
        """Add the texts of a pyarrow column of texts, or of codes of texts."""
        self._parts += [self._part(chunk) for chunk in column.chunks]

    def numbers(self) -> np.ndarray:
        """(E,) int32 the code of each text."""
        if len(self._parts) != 1:
            self._parts = [np.concatenate([np.empty(0, dtype=np.int32), *self._parts])]
        return self._parts[0]

    def column(self) -> Any:
        """The cleaned texts as a pyarrow column of codes."""
        numbers = self.numbers()
        indices = pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)])
        return pa.chunked_array(
            [pa.DictionaryArray.from_arrays(indices, text_array(list(self.index)), safe=False)]
        )

    def _part(self, chunk: Any) -> np.ndarray:
        """The codes of one array of texts."""
        lengths = None
        if not pa.types.is_dictionary(chunk.type):
            chunk, lengths = _heads(chunk)
            chunk = chunk.dictionary_encode()
        local = np.from_dlpack(chunk.indices)
        order = _by_appearance(local, len(chunk.dictionary))
        names = chunk.dictionary.to_pylist()
        if not _is_plain(chunk.dictionary):
            names = list(map(clean_id, names))
        index = self.index
        codes = np.full(len(names), -1, dtype=np.int32)
        codes[order] = [index.setdefault(names[i], len(index)) for i in order.tolist()]
        is_same = local.dtype == codes.dtype and bool((codes == np.arange(len(codes))).all())
        whole = local if is_same else codes[local]
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
        first = np.full(n, len(codes), dtype=np.int64)
        for start in reversed(range(0, min(rows, len(codes)), BLOCK)):  # the first is written last
            block = codes[start : min(start + BLOCK, rows)]
            first[block[::-1]] = np.arange(start + len(block) - 1, start - 1, -1)
        if (first < len(codes)).all():
            break
    order = np.argsort(first, kind="stable")
    return order[: int(np.count_nonzero(first < len(codes)))]


def _is_plain(texts: Any) -> bool:
    """Whether texts are ASCII without blanks at their ends, so that they are clean as they are."""
    is_plain = pc.and_(pc.string_is_ascii(texts), pc.equal(pc.ascii_trim_whitespace(texts), texts))
    return bool(pc.all(is_plain).as_py())


def text_array(texts: Sequence[str]) -> Any:
    """Make a pyarrow array of text; its own array() imports pandas, which takes longer than most files.

    Examples
    --------
    >>> text_array(["a", "", "é"]).to_pylist()
    ['a', '', 'é']
    """
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers).cast(pa.string())


def arrow_column(cells: Any) -> Any:
    """A column of texts or numbers as a pyarrow array, without pandas where it need not be imported.

    Examples
    --------
    >>> arrow_column(["a", "b"]).type, arrow_column(np.array([1.5, 2.0])).to_pylist()
    (DataType(string), [1.5, 2.0])
    """
    if isinstance(cells, np.ndarray) and cells.dtype in (np.int64, np.float64):
        flat = np.ascontiguousarray(cells)
        buffers = [None, pa.py_buffer(flat)]
        return pa.Array.from_buffers(pa.from_numpy_dtype(flat.dtype), len(flat), buffers)
    if isinstance(cells, list) and all(type(cell) is str for cell in cells):
        with suppress(pa.ArrowInvalid):  # texts of 2 GiB together need several arrays
            return text_array(cells)
    return pa.array(cells)
