"""The picture of the page "Which rule?", drawn from the list of questions on that page.

python benchmarks/rules/which_rule.py docs/guide/rules/which-rule.md docs/images/which-rule.svg
"""

import re
import sys
import textwrap
from html import escape
from pathlib import Path

WIDTH, QUESTION, ANSWER = 480, 266, 164
LINE, GAP = 21, 24
"""Heights of a line of text, and of the way from a box to the next."""

STYLE = (
    "text{font-family:-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;font-size:16px;"
    "fill:#1a1a1a}.rule{font-family:Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:15.5px}"
    ".way{fill:#808080;font-weight:bold;font-size:15px}"
    "rect{stroke:#808080}.question{fill:#e9f1f8}.answer{fill:#fff0cc}"
    "path{stroke:#808080;stroke-width:2;fill:none}"
)
"""Boxes have colours of their own, so that the picture is read on a light and on a dark page."""


def questions(page: str) -> tuple[list[tuple[str, str]], str]:
    """The questions of a page with the rule of each, and the rule that is left.

    Examples
    --------
    >>> questions("1. **Is it late?** `veto`: no more.\\n\\nOtherwise take `borda`, the default.\\n")
    ([('Is it late?', 'veto')], 'borda')
    """
    asked = re.findall(r"^\d+\. \*\*(.+?)\*\* `(\w+)`", page, flags=re.M)
    (default,) = re.findall(r"^Otherwise take `(\w+)`", page, flags=re.M)
    return asked, default


def drawn(asked: list[tuple[str, str]], default: str) -> str:
    """The questions one below the other, with an arrow to the right for yes and down for no."""
    parts, y = list[str](), 6
    for number, (question, rule) in enumerate(asked, 1):
        lines = textwrap.wrap(f"{number}. {question}", 30)
        height = LINE * len(lines) + 18
        middle = y + height // 2
        parts += [
            _box("question", 4, y, QUESTION, height),
            *(_text(18, y + 24 + LINE * n, line) for n, line in enumerate(lines)),
            _arrow(f"M{QUESTION + 4} {middle}H{WIDTH - ANSWER - 6}", "right"),
            _text(QUESTION + 7, middle - 7, "yes", "way"),
            _box("answer", WIDTH - ANSWER - 4, middle - 18, ANSWER, 36),
            _text(WIDTH - ANSWER + 4, middle + 6, rule, "rule"),
            _arrow(f"M60 {y + height}V{y + height + GAP - 2}", "down"),
            _text(70, y + height + 17, "no", "way"),
        ]
        y += height + GAP
    parts += [_box("answer", 4, y, ANSWER, 36), _text(18, y + 24, default, "rule")]
    label = "; ".join(f"{question} yes: {rule}" for question, rule in asked)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 44}" '
            f'viewBox="0 0 {WIDTH} {y + 44}" role="img" '
            f'aria-label="{escape(f"{label}; otherwise: {default}", quote=True)}">',
            f"<style>{STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _box(name: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{name}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'


def _text(x: int, y: int, text: str, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text x="{x}" y="{y}"{kind}>{escape(text)}</text>'


def _arrow(way: str, direction: str) -> str:
    head = {"right": "l-7 -5m7 5l-7 5", "down": "l-5 -7m5 7l5 -7"}[direction]
    return f'<path d="{way}{head}"/>'


def main() -> None:
    """Read the page, draw the picture."""
    page, out = map(Path, sys.argv[1:3])
    out.write_text(drawn(*questions(page.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
