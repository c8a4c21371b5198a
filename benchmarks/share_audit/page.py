"""The rows of the share audit as a page shows them in its tables, from which its picture is drawn.

python benchmarks/share_audit/page.py docs/measurements/shares.md docs/images/shares.png
"""

import re
import sys
from pathlib import Path
from typing import Any

from picture import CLOSED_FORM, draw

MODELS = {"exact": "bandit", "SmolLM2": "smollm2", "tiny": "tiny"}
"""Names in the text before a table, and those of the audit; the last that occurs counts."""
CELL = re.compile(r"([\d.]+)(?: \(([\d.]+)-([\d.]+)\))?(?: \[([\d.]+)\])?")


def rows_of_page(text: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of each model: those of its table, with the columns of its table of share targets.

    Examples
    --------
    >>> page = '''SmolLM2-135M:
    ...
    ... | population | rule | labels | KL 1 |
    ... |---|---|---|---|
    ... | 60/40 | kemeny | 0.12 (0.08-0.17) | 0.13 (0.09-0.19) [0.17] |
    ...
    ... | population | labels by | beta | runs | shares of texts |
    ... |---|---|---|---|---|
    ... | 60/40 | kemeny | 1 | 1 | 0.594 (0.56-0.62), 0.406 (0.38-0.44) |
    ... '''
    >>> ((model, (row,)),) = rows_of_page(page).items()
    >>> model, row["shares"]["KL 1"]
    ('smollm2', {'mean': 0.13, 'low': 0.09, 'high': 0.19, 'closed_form': 0.17})
    >>> row["shares"]["targets 1"]
    {'mean': 0.406, 'low': 0.38, 'high': 0.44, 'closed_form': 0.4}
    """
    models: dict[str, list[dict[str, Any]]] = {}
    model, header = "", list[str]()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if not line.startswith("|"):
            header = []
            model = next((name for word, name in MODELS.items() if word in line), model)
        elif not header:
            header = cells
        elif header[:2] == ["population", "rule"] and not cells[0].startswith("-"):
            shares = {name: number(cell) for name, cell in zip(header[2:], cells[2:], strict=True)}
            row: dict[str, Any] = {"population": cells[0], "rule": cells[1], "shares": shares}
            models.setdefault(model, []).append(row)
        elif header[:2] == ["population", "labels by"] and not cells[0].startswith("-"):
            row = next(r for r in models[model] if [r["population"], r["rule"]] == cells[:2])
            smallest = number(cells[header.index("shares of texts")].split(", ")[-1])
            target = int(cells[0].split("/")[-1]) / 100
            row["shares"][f"targets {cells[2]}"] = smallest | {"closed_form": target}
    return models


def number(cell: str) -> dict[str, float]:
    """A share with its interval, and the closed form if there is one."""
    found = CELL.fullmatch(cell)
    assert found, f"{cell!r} is no share"
    mean, low, high, closed_form = found.groups()
    shares = {"mean": mean, "low": low or mean, "high": high or mean, "closed_form": closed_form}
    return {name: float(value) for name, value in shares.items() if value is not None}


def main() -> None:
    """Read the page, draw the picture."""
    page, out = map(Path, sys.argv[1:3])
    rows = rows_of_page(page.read_text(encoding="utf-8"))
    assert all(any(row["rule"] != CLOSED_FORM for row in each) for each in rows.values())
    draw(rows, out)


if __name__ == "__main__":
    main()
