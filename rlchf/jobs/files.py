"""JSON files in a job's folder."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rlchf.io.atomic import atomic_write


def write_json(path: str | Path, value: Any) -> None:
    """Write one value as indented JSON."""
    with atomic_write(path) as file:
        file.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: str | Path) -> Any:
    """Read what `write_json` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_lines(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON line per row."""
    with atomic_write(path) as file:
        for row in rows:
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def read_lines(path: str | Path) -> list[dict[str, Any]]:
    """Read what `write_lines` wrote; no rows where there is no such file."""
    path = Path(path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n") if line]  # texts may hold other breaks
