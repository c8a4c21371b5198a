"""Where quoted cells of separated text begin and end, found without parsing the cells.

A quote opens a cell if it is the first character of it, and the next quote that is not doubled closes it;
any other quote is a character like others. That is how pyarrow reads them.
"""

from typing import NamedTuple

import numpy as np

QUOTE, NEWLINE, RETURN = b'"\n\r'
BLOCK = 2**18
"""Bytes looked at together, so that they stay in the cache."""
NO_CELLS = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
"""The opening and closing quotes of text without quotes."""


class Quotes(NamedTuple):
    """What the quotes of a text are like.

    Attributes
    ----------
    is_open
        Whether a quoted cell is open in the end.
    has_breaks
        Whether a quoted cell has a line break.
    is_loose
        Whether a cell goes on after its closing quote.
    is_literal
        Whether quotes stand in cells that are not quoted.
    """

    is_open: bool = False
    has_breaks: bool = False
    is_loose: bool = False
    is_literal: bool = False


def check_quotes(data: bytes, source: str, delimiter: str, before: int = 0) -> Quotes:
    """Check that every quoted cell is closed; return what the quotes are like.

    ``before`` is the number of rows before the text in its file.

    Raises
    ------
    ValueError
        If one is not, or a cell with a line break goes on after its closing quote; the message names the
        row where it opens.

    Examples
    --------
    >>> check_quotes(b'a,b\\n1,"x\\ny"\\n', "file.csv", ",").has_breaks
    True
    """
    if b'"' not in data:
        return Quotes()
    quotes = _scan(data, delimiter)
    if quotes.is_open or (quotes.has_breaks and quotes.is_loose):
        opens, closes = quoted_cells(data, delimiter)
        _refuse_open(data, source, delimiter, opens, closes, before)
    return quotes


def _scan(data: bytes, delimiter: str) -> Quotes:
    """What the quotes are like, if they are only doubled within quoted cells: then every other one opens."""
    array = np.frombuffer(data, np.uint8)
    neighbours = _neighbours(delimiter)
    is_open = has_breaks = is_loose = False
    start = 0
    while start < len(data):
        end = _end_of_block(data, start)
        block = array[start:end]
        marks = block == QUOTE
        marks |= block == NEWLINE
        marks |= block == RETURN
        positions = np.flatnonzero(marks)
        is_quote = block[positions] == QUOTE
        quotes = positions[is_quote] + start
        opens, closes = quotes[is_open::2], quotes[not is_open :: 2]
        if not _all_in(neighbours, array, opens - 1):
            return _scan_with_literal_quotes(data, delimiter)
        is_loose = is_loose or not _all_in(neighbours, array, closes + 1)
        if not has_breaks:
            parity = np.cumsum(is_quote, dtype=np.int32) + is_open
            has_breaks = bool((parity[~is_quote] & 1).any())
        is_open ^= bool(len(quotes) & 1)
        start = end
    return Quotes(is_open, has_breaks, is_loose)


def _scan_with_literal_quotes(data: bytes, delimiter: str) -> Quotes:
    """The same where quotes stand within cells that are not quoted."""
    opens, closes = quoted_cells(data, delimiter)
    array = np.frombuffer(data, np.uint8)
    is_open = bool(len(closes)) and int(closes[-1]) == len(data)
    breaks = np.flatnonzero((array == NEWLINE) | (array == RETURN))
    has_breaks = bool((np.searchsorted(breaks, opens) < np.searchsorted(breaks, closes)).any())
    is_loose = not _all_in(_neighbours(delimiter), array, closes + 1)
    return Quotes(is_open, has_breaks, is_loose, is_literal=True)


def _neighbours(delimiter: str) -> np.ndarray:
    """(256,) which bytes stand before an opening and after a closing quote; a doubled quote is both."""
    neighbours = np.zeros(256, dtype=bool)
    neighbours[[ord(delimiter), NEWLINE, RETURN, QUOTE]] = True
    return neighbours


def _all_in(allowed: np.ndarray, array: np.ndarray, positions: np.ndarray) -> bool:
    """Whether all bytes at the positions are allowed; what is outside the data is."""
    if len(positions) and positions[0] < 0:
        positions = positions[1:]
    if len(positions) and positions[-1] >= len(array):
        positions = positions[: np.searchsorted(positions, len(array))]
    return bool(allowed[array[positions]].all())


def _end_of_block(data: bytes, start: int) -> int:
    """The end of a block that does not split a row of quotes."""
    end = min(start + BLOCK, len(data))
    while end < len(data) and data[end - 1] == data[end] == QUOTE:
        end += 1
    return end


def quoted_cells(data: bytes, delimiter: str) -> tuple[np.ndarray, np.ndarray]:
    """The positions of each opening quote and of the quote that closes it, the end of the data if none does.

    Examples
    --------
    >>> [positions.tolist() for positions in quoted_cells(b'a,"x ""y"" z",5" b\\n"z', ",")]
    [[2, 19], [12, 21]]
    """
    array = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(array == QUOTE)
    if len(quotes) == 0:
        return NO_CELLS
    is_first = np.ones(len(quotes), dtype=bool)
    is_first[1:] = np.diff(quotes) > 1
    first = np.flatnonzero(is_first)
    lengths = np.diff(np.append(first, len(quotes)))
    starts = quotes[first]
    ends = starts + lengths - 1  # of each run of quotes
    begins_cell = _neighbours(delimiter)[array[starts - 1]] | (starts == 0)
    # An even run leaves the state; an odd one closes, or opens if it may, or is a character like others.
    odd = lengths % 2 == 1
    toggles = np.cumsum(odd & begins_cell)
    settled = np.maximum.accumulate(np.where(odd & ~begins_cell, toggles, 0))
    is_open = (toggles - settled) % 2 == 1
    was_open = np.append(False, is_open[:-1])
    whole = ~was_open & ~is_open & begins_cell & ~odd  # opened and closed by one run, as "" is
    opens = starts[(is_open & ~was_open) | whole]
    closes = ends[(was_open & ~is_open) | whole]
    return opens, np.append(closes, len(data)) if len(closes) < len(opens) else closes


def has_strict_quotes(data: bytes, delimiter: str) -> bool:
    """Whether there are quoted cells, each ends with its closing quote, and none may have taken in rows.

    One that has both line breaks and separators may have.
    """
    if b'"' not in data:
        return False
    quotes = _scan(data, delimiter)
    if quotes.is_open or quotes.is_loose or not quotes.has_breaks:
        return not (quotes.is_open or quotes.is_loose)
    opens, closes = quoted_cells(data, delimiter)
    array = np.frombuffer(data, np.uint8)
    breaks, separators = (
        np.searchsorted(positions, closes) > np.searchsorted(positions, opens)
        for positions in (np.flatnonzero(array == mark) for mark in (NEWLINE, ord(delimiter)))
    )
    return not (breaks & separators).any()


def _refuse_open(
    data: bytes, source: str, delimiter: str, opens: np.ndarray, closes: np.ndarray, before: int
) -> None:
    ends = line_ends(data, opens, closes)
    if closes[-1] == len(data):
        row = before + row_of(ends, int(opens[-1]))
        raise ValueError(
            f"{source}, row {row}: a quote is opened and never closed; close it, or double the quotes "
            "inside a cell"
        )
    goes_on = ~_neighbours(delimiter)[np.frombuffer(data + b"\n", np.uint8)[closes + 1]]
    for start, end in zip(opens[goes_on].tolist(), closes[goes_on].tolist(), strict=True):
        if b"\n" in data[start:end] or b"\r" in data[start:end]:
            raise ValueError(
                f"{source}, row {before + row_of(ends, start)}: a quote is opened and closes rows later, "
                "within a cell; close it in its row, or double the quotes inside a cell"
            )


def line_ends(data: bytes, opens: np.ndarray, closes: np.ndarray) -> np.ndarray:
    """The positions where lines end, but for line breaks in quoted cells; CR and LF together end one.

    Examples
    --------
    >>> line_ends(b'a\\r\\n"b\\n"\\n', np.array([3]), np.array([6])).tolist()
    [2, 7]
    """
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero((array == NEWLINE) | (array == RETURN))
    following = np.append(array, 0)[ends + 1]
    ends = ends[~((array[ends] == RETURN) & (following == NEWLINE))]
    quoted = np.searchsorted(opens, ends) > np.searchsorted(closes, ends)
    return np.asarray(ends[~quoted])


def newlines(data: bytes, delimiter: str) -> np.ndarray:
    """The positions of line feeds that are not in a quoted cell; without a delimiter no cell is quoted.

    Examples
    --------
    >>> newlines(b'5" ,"x\\ny"\\n', ",").tolist(), newlines(b'"x\\ny"\\n', "").tolist()
    ([9], [2, 5])
    """
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == NEWLINE)
    if not delimiter or b'"' not in data:
        return ends
    quotes = _scan(data, delimiter)
    if quotes.is_literal:
        opens, closes = quoted_cells(data, delimiter)
        return np.asarray(ends[np.searchsorted(opens, ends) <= np.searchsorted(closes, ends)])
    if not (quotes.has_breaks or quotes.is_open):
        return ends
    inside = (
        np.cumsum(array == QUOTE, dtype=np.uint8) & 1
    )  # wraps around, which keeps it odd or even
    return np.asarray(ends[inside[ends] == 0])


def row_of(ends: np.ndarray, position: int) -> int:
    """The row that a position is in, counted from 1 as a spreadsheet does."""
    return int(np.searchsorted(ends, position)) + 1
