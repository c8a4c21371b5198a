"""Lines of jsonl that are alike but for their values, as programs write them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_COLON = rb"\s*:\s*"
_TOKEN = re.compile(rb'"([^"\\\x00-\x1f]*)"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?=[\s,}])')


@dataclass(frozen=True)
class LineTemplate:
    """The bytes before, between and after the values of a line, and the type of each value by its key."""

    parts: list[bytes]
    types: Mapping[str, Any]

    def table(self, block: bytes, names: Mapping[str, str]) -> Any:
        """The columns with these names in a block of whole lines; None if some line is another.

        Examples
        --------
        >>> template = line_template(b'{"a": "x", "b": 1}\\n', {"a": pa.string(), "b": pa.float64()})
        >>> template.table(b'{"a": "y", "b": 2}\\n{"a": "z", "b": 3.5}\\n', {"b": "rank"}).to_pydict()
        {'b': [2.0, 3.5]}
        >>> template.table(b'{"a":"y", "b": 2}\\n', {"b": "rank"}) is None
        True
        """
        from rlchf.numeric.line_cells import NUMBER, TEXT, WHOLE, joined_bytes, line_cells

        kind = {pa.string(): TEXT, pa.int64(): WHOLE, pa.float64(): NUMBER}
        starts, ends = line_cells(
            data := np.frombuffer(block, dtype=np.uint8),
            np.frombuffer(b"".join(self.parts), dtype=np.uint8),
            np.cumsum([0, *map(len, self.parts)]),
            np.array([kind[each] for each in self.types.values()]),
            block.count(b"\n"),
        )
        if starts.shape[1] == 0:
            return None
        columns = {}
        for v, (name, each) in enumerate(self.types.items()):
            if name in names:
                texts = _strings(*joined_bytes(data, starts[v], ends[v]))
                columns[name] = as_number(texts) if each == pa.float64() else texts
        return pa.table(columns)


def line_template(line: bytes, types: Mapping[str, Any]) -> LineTemplate | None:
    """What the lines of a file have in common if they are like this one; None if it has escapes, say.

    Parameters
    ----------
    types
        The type of each value by its key: text, whole numbers, or others.
    """
    parts: list[bytes] = []
    end = begin = 0
    for name, each in types.items():
        key = json.dumps(name, ensure_ascii=False).encode()
        match = re.compile(
            (rb"\s*," if parts else rb"\s*\{") + rb"\s*" + re.escape(key) + _COLON
        ).match(line, end)
        token = match and _TOKEN.match(line, match.end())
        if token is None or (token[1] is None) == (each == pa.string()):
            return None
        quote = int(each == pa.string())
        parts.append(line[begin : token.start() + quote])
        begin, end = token.end() - quote, token.end()
    rest = line[begin:].rstrip(b"\n") + b"\n"
    is_end = re.fullmatch(rb'"?\s*\}\s*', rest)
    return LineTemplate([*parts, rest], types) if is_end else None


def _strings(joined: np.ndarray, bounds: np.ndarray) -> Any:
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(joined)]
    return pa.Array.from_buffers(pa.string(), len(bounds) - 1, buffers)


def as_number(column: Any) -> Any:
    """A column as floats, minus 0 as 0."""
    return pc.add(column.cast(pa.float64()), 0.0)
