"""A JSON array of objects, each of which is a row."""

import json
from collections.abc import Container, Iterable

from rlchf.io.columns import Table
from rlchf.io.files import decode, shown
from rlchf.io.jsonl import from_records
from rlchf.parsing import json_value


def parse_json_array(
    data: bytes, source: str, wanted: Container[str] | None, lists: Iterable[str] = ()
) -> Table:
    """Parse an array of objects into columns; a key that an object lacks is an empty cell there.

    Examples
    --------
    >>> table = parse_json_array(b'[{"prompt_id": 7}, {"rank": 1}]', "file.json", ["prompt_id", "rank"])
    >>> table.texts("prompt_id"), table.row(1)
    (['7', ''], 'object 2')
    """
    try:
        array = json_value(decode(data, source))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{source}, line {error.lineno}: not JSON ({error.msg}); give an array of objects, or one "
            "object per line in a jsonl file"
        ) from None
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    for number, record in enumerate(array, start=1):
        if not isinstance(record, dict):
            raise ValueError(
                f"{source}, object {number}: found {shown(json.dumps(record))}; give an array of objects"
            )
        _refuse_half_characters(record, f"{source}, object {number}")
    table = from_records(enumerate(array, start=1), source, wanted, "object", lists)
    if table is None:
        raise ValueError(f"{source}: the array is empty")
    return table


def _refuse_half_characters(record: object, position: str) -> None:
    """Refuse half of a character beyond the basic plane, which JSON can escape and UTF-8 cannot hold."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ValueError(
            f"{position}: {half} is half of a character; write both halves, or none"
        ) from None
