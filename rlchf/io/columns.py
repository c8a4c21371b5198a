"""A table as it was read: columns of text or numbers, and the position of each row in the file."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlchf.display import listing
from rlchf.ids import cell_text as cell_text
from rlchf.io.coding import coded
from rlchf.io.coding import text_array as text_array
from rlchf.io.files import shown
from rlchf.limits import limit
from rlchf.options import renaming
from rlchf.profiles import UNSTATED

IDS = ("prompt_id", "annotator_id", "response_id", "chosen", "rejected")
"""Columns of csv files that are read into codes, because their texts repeat."""
LISTS = ("ranking", "prompt", "chosen", "rejected")
"""Columns that may hold lists: a ranking's levels, or chat messages."""

_FLAGS = {"true": 1, "1": 1, "yes": 1, "false": 0, "0": 0, "no": 0}
_FLAG_HINT = "give true or false (or 1 or 0, yes or no)"
_APPROVALS = {
    "approval": {
        "1": 1, "+1": 1, "1.0": 1, "approve": 1, "agree": 1,
        "0": 0, "0.0": 0, "-0.0": 0, "neutral": 0, "pass": 0,
        "-1": -1, "-1.0": -1, "disapprove": -1, "disagree": -1,
    },
    "approved": _FLAGS,
}  # fmt: skip
_APPROVAL_HINTS = {
    "approval": "give 1 (approve), 0 (neutral) or -1 (disapprove), or nothing; a column 'approved' takes "
    "true and false",
    "approved": _FLAG_HINT,
}
_DECIMAL_COMMA = r"^[+-]?\d+,\d+$"
_WHOLE = re.compile(r"[+-]?\d+")
EXACT = 2.0**53
"""Up to here float64 holds all whole numbers."""
_EMPTY = -(2.0**1000)
"""What stands for an empty cell among numbers that are 0 or more."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of a file or of a table in memory.

    Attributes
    ----------
    source
        The file's name for messages.
    columns
        Each column that was asked for, as a pyarrow chunked array: text, or numbers where the source has
        numbers. A column of lists is a plain list.
    names
        All columns of the source.
    row
        A function that names the position of row ``i``, counted from 0, in the source.
    decimal_comma
        Whether numbers may be written with a comma, as in 1,5.
    """

    source: str
    columns: dict[str, Any]
    names: list[str]
    row: Callable[[int], str]
    decimal_comma: bool = False

    def __post_init__(self) -> None:
        check_width(self.names, self.source)

    def error(self, i: int | np.integer, problem: str) -> ValueError:
        """Make an error about row ``i``."""
        return ValueError(f"{self.source}, {self.row(int(i))}: {problem}")

    def require(self, *names: str) -> None:
        """Check that the columns exist.

        Raises
        ------
        ValueError
            If one does not; the message names those found and the closest of them.
        """
        for name in names:
            if name not in self.names:
                found = listing(self.names) + renaming(name, self.names)
                raise ValueError(f"{self.source}: there is no column {name!r}; found {found}")

    def ids(self, *names: str) -> tuple[list[str], np.ndarray]:
        """Distinct ids of columns in order of appearance, and the code of each cell.

        Ids are cleaned (`rlchf.ids.clean_id`). Several columns share one set of codes and are laid end to
        end.

        Raises
        ------
        ValueError
            If a cell is empty.
        """
        ids, codes = self.coded(*names)
        if "" in ids:
            entry = int(np.argmax(codes == ids.index("")))
            column, i = divmod(entry, len(codes) // len(names))
            raise self.error(i, f"the {names[column]} is empty")
        return ids, codes

    def coded(self, *names: str) -> tuple[list[str], np.ndarray]:
        """As `ids`, but a cell may be empty."""
        texts, codes = self.small_codes(*names)
        return texts, codes.astype(np.int64)

    def small_codes(self, *names: str) -> tuple[list[str], np.ndarray]:
        """As `coded`, with codes as int32, which are half as large and must not be multiplied."""
        return coded([self._text(name) for name in names])

    def texts(self, name: str) -> list[str]:
        """A column as text."""
        return list(self._text(name).to_pylist())

    def filled(self, name: str) -> list[str]:
        """A column of cleaned ids, one for each row; empty cells are refused."""
        ids, codes = self.ids(name)
        return [ids[code] for code in codes.tolist()]

    def groups(self, name: str) -> list[str]:
        """A column of cleaned names, one for each row; a cell may be empty."""
        names, codes = self.coded(name)
        return [names[code] for code in codes.tolist()]

    def _text(self, name: str) -> Any:
        """A column as a pyarrow array of text, or of codes as it was read from csv."""
        self.require(name)
        column = self.columns[name]
        if isinstance(column, list):
            raise ValueError(f"{self.source}: the column {name!r} has lists; give text or numbers")
        return column if pa.types.is_dictionary(column.type) else as_text(column)

    def values(self, name: str) -> list[Any]:
        """A column as text, or as lists where the source has lists."""
        self.require(name)
        column = self.columns[name]
        return column if isinstance(column, list) else self.texts(name)

    def numbers(self, name: str, hint: str, empty: float | None = None) -> np.ndarray:
        """A column as finite numbers; ``empty`` stands for empty cells, which are else refused."""
        self.require(name)
        column = self.columns[name]
        if isinstance(column, list):
            raise ValueError(f"{self.source}: the column {name!r} has lists; {hint}")
        text = pa.types.is_string(column.type)
        column = written = pc.utf8_trim_whitespace(column) if text else column
        column = column if text else column.cast(pa.float64(), safe=False)
        if text and self.decimal_comma:
            column = self._with_points(name, column)
        blank = _blank(column)
        if blank.any():
            if empty is None:
                raise self.error(np.argmax(blank), f"the {name} is empty; {hint}")
            column = pc.if_else(pa.array(blank), str(empty) if text else empty, column)
        numbers = self._parsed(name, column, hint) if text else to_numpy(column)
        bad = ~(np.isfinite(numbers) | blank)
        if bad.any():
            i = int(np.argmax(bad))
            raise self.error(i, f"the {name} is {numbers[i]}; {hint}")
        self._refuse_inexact(name, written, numbers)
        return np.asarray(numbers)

    def _refuse_inexact(self, name: str, column: Any, numbers: np.ndarray) -> None:
        """Refuse whole numbers that float64 does not hold, since it makes several of them one."""
        if pa.types.is_floating(column.type):
            return
        for i in np.flatnonzero(np.abs(numbers) >= EXACT).tolist():
            text = str(column[i].as_py())
            if _WHOLE.fullmatch(text) and int(text) != int(numbers[i]):
                raise self.error(
                    i,
                    f"the {name} is {shown(text)}, which is no float64 and would be read as "
                    f"{int(numbers[i])}; give whole numbers up to {EXACT:.0f}",
                )

    def _with_points(self, name: str, column: Any) -> Any:
        """Numbers with a comma, as in 1,5, with a point; a column with both is refused."""
        comma = pc.match_substring_regex(column, _DECIMAL_COMMA)
        if not pc.any(comma).as_py():
            return column
        point = pc.match_substring(column, ".")
        if pc.any(point).as_py():
            i, other = pc.index(point, True).as_py(), pc.index(comma, True).as_py()
            raise self.error(
                i,
                f"the {name} is {shown(column[i])}, but {shown(column[other])} in {self.row(other)}; "
                "write all decimals with a comma, or all with a point",
            )
        return pc.if_else(comma, pc.replace_substring(column, ",", "."), column)

    def _parsed(self, name: str, column: Any, hint: str) -> np.ndarray:
        try:
            return to_numpy(column.cast(pa.float64()))
        except pa.ArrowInvalid:  # find the first that is no number
            for i, text in enumerate(column.to_pylist()):
                if math.isnan(_number(text)) and text.lower() != "nan":
                    raise self.error(i, f"the {name} is {shown(text)}; {hint}") from None
            return np.array([_number(text) for text in column.to_pylist()])

    def weights(self) -> np.ndarray | None:
        """The optional column ``weight``, at least 0; an empty cell weighs 1."""
        return self._amounts("weight", "give a number that is 0 or more", lambda x: x >= 0)

    def counts(self) -> np.ndarray | None:
        """The optional column ``count``, whole numbers from 1; an empty cell counts 1."""
        hint = "give a whole number that is 1 or more"
        return self._amounts("count", hint, lambda x: (x >= 1) & (x == np.floor(x)))

    def _amounts(
        self, name: str, hint: str, allowed: Callable[[np.ndarray], np.ndarray], empty: float = 1.0
    ) -> np.ndarray | None:
        """An optional column of numbers, each of which is allowed; ``empty`` stands for an empty cell."""
        if name not in self.names:
            return None
        amounts = self.numbers(name, hint, empty=empty)
        bad = ~allowed(amounts)
        if bad.any():
            i = int(np.argmax(bad))
            raise self.error(i, f"the {name} is {amounts[i]:g}; {hint}")
        return amounts

    def strengths(self) -> np.ndarray | None:
        """The optional column ``strength``, at least 0; NaN where a cell is empty."""
        hint = "give a number that is 0 or more, or nothing"
        allowed = self._amounts("strength", hint, lambda x: (x >= 0) | (x == _EMPTY), empty=_EMPTY)
        return None if allowed is None else np.where(allowed == _EMPTY, np.nan, allowed)

    def probabilities(self) -> np.ndarray | None:
        """The optional column ``probability``, from 0.5 to 1, that the annotator prefers what is chosen."""
        hint = (
            "give the probability that what is chosen is preferred, from 0.5 (a tie) to 1 (certain); if the "
            "column says something else, leave it out with --columns probability="
        )
        if "probability" not in self.names:
            return None
        probabilities = self.numbers("probability", hint)
        bad = (probabilities < 0.5) | (probabilities > 1)
        if bad.any():
            i = int(np.argmax(bad))
            raise self.error(i, f"the probability is {probabilities[i]:g}; {hint}")
        return probabilities

    def approvals(self) -> np.ndarray | None:
        """The optional column ``approval``, or ``approved``, as 1, 0 and -1; `UNSTATED` where it is empty."""
        names = [name for name in _APPROVALS if name in self.names]
        if not names:
            return None
        if len(names) > 1:
            raise ValueError(
                f"{self.source}: has both a column 'approval' and a column 'approved'; keep one of them"
            )
        return self._meanings(names[0], _APPROVALS[names[0]], UNSTATED, _APPROVAL_HINTS[names[0]])

    def flags(self, name: str, empty: int | None = None) -> np.ndarray:
        """A column of true and false; ``empty`` stands for empty cells, which are else refused."""
        return self._meanings(name, _FLAGS, empty, _FLAG_HINT).astype(bool)

    def _meanings(
        self, name: str, meaning: Mapping[str, int], empty: int | None, hint: str
    ) -> np.ndarray:
        """A column of words as what they mean; ``empty`` stands for empty cells, which are else refused."""
        self.require(name)
        texts, codes = self.coded(name)
        values = [meaning.get(text.lower(), None if text else empty) for text in texts]
        for code, value in enumerate(values):
            if value is None:
                i = int(np.argmax(codes == code))
                raise self.error(i, f"{name} is {shown(texts[code])}; {hint}")
        return np.asarray(np.array(values, dtype=np.int64)[codes])


def check_width(names: Collection[str], source: str) -> None:
    """Refuse a table with too many columns.

    Raises
    ------
    ValueError
        If there are more than ``RLCHF_MAX_COLUMNS``.
    """
    most = limit("RLCHF_MAX_COLUMNS")
    if len(names) > most:
        raise ValueError(
            f"{source}: there are {len(names):,} columns, and there may be {most:,}; set RLCHF_MAX_COLUMNS "
            "to allow more"
        )


def as_text(column: Any) -> Any:
    """Turn a pyarrow column of any plain type into text, nulls into empty text."""
    if pa.types.is_string(column.type):
        return column.fill_null("") if column.null_count else column
    if pa.types.is_dictionary(column.type):
        chunks = [
            as_text(pa.chunked_array([chunk.dictionary])).combine_chunks().take(chunk.indices)
            for chunk in column.chunks
        ]
        column = pa.chunked_array(chunks, pa.string())
    if pa.types.is_floating(column.type):
        encoded = pc.dictionary_encode(column).unify_dictionaries()
        chunks = [
            text_array([cell_text(v) for v in chunk.dictionary.to_pylist()]).take(chunk.indices)
            for chunk in encoded.chunks
        ]
        column = pa.chunked_array(chunks, pa.string())
    column = column.cast(pa.string())
    return column.fill_null("") if column.null_count else column


def to_numpy(column: Any) -> np.ndarray:
    """Turn a pyarrow array or column of numbers without nulls into numpy.

    Its own to_numpy() imports pandas, which takes longer than most files.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return np.from_dlpack(column)


def _blank(column: Any) -> np.ndarray:
    if pa.types.is_string(column.type):
        return np.asarray(to_numpy(pc.binary_length(column)) == 0)
    if column.null_count:
        return np.asarray(pc.is_null(column).to_numpy())
    return np.zeros(len(column), dtype=bool)


def _number(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
