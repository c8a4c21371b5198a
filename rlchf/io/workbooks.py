"""Sheets of Excel workbooks."""

import datetime
import io
import zipfile
from collections.abc import Container, Iterator
from typing import Any

import pyarrow as pa

from rlchf.display import shortened
from rlchf.installing import pip_install
from rlchf.io.columns import Table, cell_text, text_array
from rlchf.io.files import empty_file
from rlchf.limits import gib, limit

SHEET_MARK = "#"
"""What stands between a workbook's path and the name of a sheet."""

ROWS, COLUMNS = 2**20, 2**14
"""Rows and columns of a sheet at most, as Excel has them."""
UNCHECKED = 2**24
"""Bytes that every workbook may have when it is decompressed."""

Rows = list[tuple[int, list[Any]]]
"""Rows that are not blank, with their numbers as the spreadsheet shows them."""


def parse_workbook(
    data: bytes, source: str, wanted: Container[str] | None, sheet: str = ""
) -> Table:
    """Parse a sheet of an xlsx workbook: by default the only one that is not empty.

    The first row that is not blank holds the names of the columns. Whole numbers become text without a
    fraction, dates their ISO form.

    Raises
    ------
    ValueError
        If openpyxl is not installed, the file is no workbook, several sheets have cells and none is named,
        or a cell holds an error such as #N/A.
    """
    sheets = _sheets(data, source)
    if sheet and sheet not in sheets:
        raise ValueError(f"{source}: there is no sheet {sheet!r}; choose from {', '.join(sheets)}")
    filled = {name: rows for name, rows in sheets.items() if rows and sheet in ("", name)}
    if not filled:
        raise empty_file(source)
    if len(filled) > 1:
        path = source.partition(SHEET_MARK)[0]
        raise ValueError(
            f"{source}: several sheets have cells, {', '.join(filled)}; name one of them, "
            f"{path}{SHEET_MARK}{next(iter(filled))}"
        )
    (rows,) = filled.values()
    return _table(rows, source, wanted)


def _sheets(data: bytes, source: str) -> dict[str, Rows]:
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise ValueError(
            f"{source}: an Excel workbook needs openpyxl; run {pip_install('excel')}, "
            "or save the sheet as csv"
        ) from None
    try:
        _refuse_expansion(data, source)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = {}
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write wrong ones, which would cut rows off
            sheets[sheet.title] = list(_filled_rows(sheet, source))
    except (CellError, MemoryError):
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble over
        problem = shortened(error, 200) or type(error).__name__
        raise ValueError(f"{source}: cannot be read as an Excel workbook: {problem}") from None
    return sheets


class CellError(ValueError):
    """A cell cannot be read, or there are too many."""


def _refuse_expansion(data: bytes, source: str) -> None:
    """Refuse a workbook whose parts are far larger than the file."""
    times = limit("RLCHF_MAX_EXPANSION")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > max(UNCHECKED, times * len(data)):
        raise CellError(
            f"{source}: {gib(len(data))} become {gib(size)} when they are decompressed, as a file made for "
            f"an attack does; if it is sound, set RLCHF_MAX_EXPANSION to more than {times}"
        )


def _filled_rows(sheet: Any, source: str) -> Iterator[tuple[int, list[Any]]]:
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number > ROWS or len(row) > COLUMNS:
            raise CellError(
                f"{source}: the sheet {sheet.title!r} has more than {ROWS:,} rows or {COLUMNS:,} "
                "columns, the most that a sheet can have; save it as csv"
            )
        for cell in row:
            if cell.data_type == "e":
                raise CellError(
                    f"{source}, row {number}: the cell {cell.coordinate} of the sheet {sheet.title!r} has "
                    f"the error {cell.value}; correct the formula, or empty the cell"
                )
        values = [_plain(cell.value) for cell in row]
        if any(values):
            yield number, values


def _plain(value: Any) -> str:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return cell_text(value).strip()


def _table(rows: Rows, source: str, wanted: Container[str] | None) -> Table:
    names: list[str] = rows[0][1]
    width = max(len(row) for _, row in rows)
    names = names + [""] * (width - len(names))
    cells = [[row[i] if i < len(row) else "" for _, row in rows[1:]] for i in range(width)]
    if not cells[0]:
        raise ValueError(f"{source}: there is no row below the header")
    for i, name in enumerate(names[1:], start=1):  # the first is often the number of a row
        if not name and any(cells[i]):
            number = next(n for (n, _), cell in zip(rows[1:], cells[i], strict=True) if cell)
            raise ValueError(
                f"{source}, row {number}: the cell in column {_letters(i)} has no name above it; name "
                "every column in the first row"
            )
    kept = [i for i, name in enumerate(names) if name and (wanted is None or name in wanted)]
    for i in kept:
        if names.count(names[i]) > 1:
            raise ValueError(f"{source}: two columns are named {names[i]!r}; keep one of them")
    columns = {names[i]: pa.chunked_array([text_array(cells[i])]) for i in kept}
    numbers = [number for number, _ in rows[1:]]
    return Table(source, columns, names, lambda i: f"row {numbers[i]}")


def _letters(i: int) -> str:
    """A column as a spreadsheet names it.

    Examples
    --------
    >>> _letters(0), _letters(27)
    ('A', 'AB')
    """
    letters = ""
    i += 1
    while i:
        i, rest = divmod(i - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
