"""Errors about text that is read in blocks name the row or the line in the file."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import refused, rlchf

HEADER = "prompt_id,annotator_id,response_id,rank,note\n"
ENDINGS = ("\n", ',"two\nlines and ""quotes"""\n', ',5" tall\n', ",\r\n")
BAD = {
    "more cells": "p20,a,r,1,2,3\n",
    "fewer cells": "p20,a\n",
    "no prompt": ",a,r,1,\n",
    "not UTF-8": "p20,a,r\udcff,1,\n",
    "no number": "p20,a,r,x,\n",
    "after blank rows": "\n\n,,,,\np20,a,r,x,\n",
    "an open quote": 'p20,a,r,1,"x\n',
    "cut off": "p20,a",
}
BAD_LINES = {
    "cut off": '{"prompt_id": "p',
    "a list": "[1]\n",
    "not UTF-8": '{"prompt_id":"\udcff"}\n',
    "no number": '{"prompt_id":"p20","annotator_id":"a","response_id":"r","rank":"x"}\n',
    "an object": '{"prompt_id":"p20","annotator_id":{},"response_id":"r","rank":1}\n',
    "half a character": '{"prompt_id":"p20","annotator_id":"\\ud800"}\n',
}


def votes() -> Iterator[tuple[str, str, str, int]]:
    for p in range(30):
        for a in range(4):
            for r in (1, 2):
                yield f"p{p}", f"ann{a}", f"r{r}", r


def rows(kind: str) -> list[str]:
    if kind == "jsonl":
        names = HEADER.split(",")[:4]
        lines = (json.dumps(dict(zip(names, one, strict=True))) for one in votes())
        return [f"{line}\n" + "\n" * (i % 3 == 1) for i, line in enumerate(lines)]
    texts = [",".join(map(str, one)) for one in votes()]
    if kind == "tsv":
        return [HEADER.replace(",", "\t"), *(f"{text},x\n".replace(",", "\t") for text in texts)]
    endings = [ENDINGS[i % 4] if i % 4 else ",\n" for i in range(len(texts))]
    return [HEADER, *(text + ending for text, ending in zip(texts, endings, strict=True))]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("csv", fault) for fault in BAD),
        *(("tsv", fault) for fault in BAD if "quote" not in fault),
        *(("jsonl", fault) for fault in BAD_LINES),
    ],
)
def test_blocks_are_refused_in_the_sentence_of_the_whole_file(
    kind: str, fault: str, tmp_path: Path
) -> None:
    good, bad = rows(kind), (BAD_LINES if kind == "jsonl" else BAD)[fault]
    bad = bad.replace(",", "\t") if kind == "tsv" else bad
    text = "".join(good[:190]) + bad + "".join(good[190:] if fault != "cut off" else [])
    path = tmp_path / f"votes.{kind}"
    path.write_bytes(text.encode(errors="surrogateescape"))
    whole = refused(rlchf("aggregate", path, "--rule", "borda")).strip()
    for memory in ("1KB", "9KB"):
        parts = refused(rlchf("aggregate", path, "--rule", "borda", "--memory", memory)).strip()
        assert parts.partition("; it was found in one of")[0] == whole
