"""The messages on the page of troubleshooting are those that the code has, and some are produced here."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.cli import rlchf
from tests.support.pages import ROOT

PAGE = (ROOT / "docs/reference/troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^`(.+)`\n: ", PAGE, flags=re.M)

LONG = "prompt_id,annotator_id,response_id,rank\n"
VOTES = LONG + "".join(
    f"{prompt},{who},{response},{rank}\n"
    for prompt in ("p1", "p2")
    for who in ("ann", "bob")
    for rank, response in enumerate("xyz", 1)
)
PEOPLE = "annotator_id,sex\na,f\nb,f\nc,m\n"
PROMPTS = '{"prompt_id": "p1", "prompt": "Hello"}\n'
POPULATION = "column,category,share\nsex,f,0.5\nsex,m,0.5\n"
RESULT = '{"prompt_id": "p1", "scores": {"x": 3, "y": 2, "z": 1}}\n'
TINY = "ppo --policy tiny --prompts p.jsonl --reward math:sin --out new"

PRODUCED: list[tuple[str, dict[str, str | bytes], str]] = [
    ("there is no such file", {}, "aggregate absent.csv"),
    ("not UTF-8", {"r.csv": (VOTES + "p3,\xe9,x,1\n").encode("latin-1")}, "aggregate r.csv"),
    ("looks like UTF-16", {"r.csv": VOTES.encode("utf-16-le")}, "aggregate r.csv"),
    ("but the header has", {"r.csv": LONG + "p1,ann,x, y,1\n"}, "aggregate r.csv"),
    ("there is only one column", {"r.csv": VOTES.replace(",", "|")}, "aggregate r.csv"),
    ("opened and never closed", {"r.csv": LONG + 'p1,ann,"x,1\np1,ann,y,2\n'}, "aggregate r.csv"),
    ("there is no column <name>", {"r.csv": VOTES.replace("annotator_id", "rater")}, "aggregate r.csv"),
    ("both a column 'rank'", {"r.csv": LONG.replace("rank", "rank,score") + "p,a,x,1,3\n"},
     "aggregate r.csv"),
    ("the rank is <n>", {"r.csv": LONG + "p1,ann,x,0\np1,ann,y,1\n"}, "aggregate r.csv"),
    ("repeated rows", {"r.csv": VOTES + "p1,ann,x,2\np1,ann,y,3\n"}, "aggregate r.csv"),
    ("mend <them>", {"r.csv": VOTES + "p2,eve,x,\np2,eve,y,1\n"}, "aggregate r.csv"),
    ("may be a tie or not", {"r.csv": "prompt_id,annotator_id,ranking\np,a,x >= y\n"}, "aggregate r.csv"),
    ("numbered list", {"r.csv": "prompt_id,annotator_id,ranking\np,a,1. x 2. y\n"}, "aggregate r.csv"),
    ("names none of the annotators", {"r.csv": VOTES, "a.csv": PEOPLE}, "aggregate r.csv --annotators a.csv"),
    ("unknown rule", {"r.csv": VOTES}, "aggregate r.csv --rule bordaa"),
    ("has no option", {"r.csv": VOTES}, "aggregate r.csv --rule borda -o k=2"),
    ("write --<name>", {"r.csv": VOTES}, "aggregate r.csv -o ties=keep"),
    ("breaks ties itself", {"r.csv": VOTES}, "aggregate r.csv --rule cpb --ties random"),
    ("reads approvals, and", {"r.csv": VOTES}, "aggregate r.csv --rule approval"),
    ("but no prompt of", {"r.csv": VOTES}, "aggregate r.csv --rule k_approval -o k=7"),
    ("which names no function", {"r.csv": VOTES}, "aggregate r.csv --rule nowhere:rule"),
    ("needs an annotators file", {"r.csv": VOTES, "k.jsonl": RESULT}, "audit r.csv k.jsonl --group sex"),
    ("there is no <what>", {"r.csv": VOTES, "k.jsonl": RESULT}, "audit r.csv k.jsonl"),
    ("nobody in <file> has", {"a.csv": PEOPLE.replace("c,m", "c,f"), "p.csv": POPULATION},
     "weigh a.csv --to p.csv --out new.csv"),
    ("one rule to compare", {"r.csv": VOTES}, "compare r.csv --rules borda"),
    ("fit no source", {"v.json": '[{"a": 1, "b": 2}]'}, "convert v.json --out new/"),
    ("tables of several kinds", {"d/r.csv": VOTES, "d/r.jsonl": "{}"}, "aggregate d"),
    ("is not in <file>", {"a.csv": PEOPLE.replace("m", "x"), "p.csv": "column,category,share\nsex,f,1\n"},
     "weigh a.csv --to p.csv --out new.csv"),
    ("the smallest bound that works", {"a.csv": PEOPLE + "d,f\ne,f\n",
     "p.csv": POPULATION},
     "weigh a.csv --to p.csv --trim 1.2 --out new.csv"),
    ("the smallest change that works", {"a.csv": PEOPLE, "q.toml": "[sex]\nf = [1, 1]\nm = [2, 2]\n"},
     "panel a.csv --quotas q.toml --size 3 --out new.csv"),
    ("has no quota", {"a.csv": PEOPLE, "q.toml": "[sex]\nf = [1, 2]\n"},
     "panel a.csv --quotas q.toml --size 2 --out new.csv"),
    ("choose by --combine", {"p.jsonl": PROMPTS}, f"{TINY} --reward math:cos"),
    ("--responses-per-prompt", {"p.jsonl": PROMPTS}, f"{TINY} --combine vote --rule borda"),
    ("which does nothing", {"p.jsonl": PROMPTS}, f"{TINY} --save-last 2"),
    ("not a multiple of minibatch_size", {"p.jsonl": PROMPTS}, f"{TINY} --minibatch-size 5"),
    ("unknown model", {"p.jsonl": PROMPTS}, TINY.replace("tiny", "no-such-model")),
    ("<out> is there already", {"p.jsonl": PROMPTS, "new/x": ""}, TINY),
    ("<path> holds no run", {}, "ppo --resume nothing"),
]  # fmt: skip
"""A part of the message on the page, the files, and the command that prints it."""


def pattern(message: str) -> str:
    """A regular expression for a message of the page, in which ``<n>`` stands for anything.

    >>> pattern("<n> of <n> rows")
    'of.*rows'
    """
    parts = [part.strip() for part in re.split(r"<[^>]+>", message)]
    return ".*".join(re.escape(part) for part in parts if part)


@cache
def source() -> str:
    """The code with a text that goes over several lines on one."""
    files = [
        path for folder in ("rlchf", "rules") for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r"""["']\n\s*f?["']""", "", text)


def test_every_message_of_the_page_is_one_of_the_code() -> None:
    """Those that are not printed below; without the place in front, which another part writes."""
    printed = {message for message in MESSAGES for part, *_ in PRODUCED if part in message}
    absent = [
        message
        for message in sorted({*MESSAGES} - printed)
        if not re.search(pattern(message), source())
        and not re.search(pattern(re.sub(r"^[^:]*<\w+>[^:]*: |^\w+ <n>: ", "", message)), source())
    ]
    assert absent == []
    assert len(MESSAGES) > 80


def test_messages_are_printed_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    for number, (part, files, command) in enumerate(PRODUCED):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.chdir(folder)
        (message,) = (one for one in MESSAGES if part in one)
        printed = " ".join(rlchf(*command.split()).stderr.split())
        assert re.search(pattern(message), printed), (message, printed)
