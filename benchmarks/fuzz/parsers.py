"""Mutated files of every format, read by the commands that read them: each must end with 0 or 2.

Run with ``python benchmarks/fuzz/parsers.py --minutes 10``; ``--seed`` makes other files. It prints how many
files it tried and how they ended; a file that ends otherwise, or in more than one sentence, is kept in
``--out``.
"""

# ruff: noqa: E501 (a line of a table of files is one file)

import argparse
import contextlib
import hashlib
import io
import json
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rlchf.cli.main import main

MEMORY = 3 * 2**30
SECONDS = 20
"""Time for one file: more is a finding."""

LONG = "prompt_id,annotator_id,response_id,rank,weight\n"
ROWS = "".join(
    f"p{p},u{u},{r},{1 + (p + u + n) % 3},1\n"
    for p in range(2)
    for u in range(2)
    for n, r in enumerate("abc")
)
VOTES = LONG + ROWS
AGGREGATED = "".join(
    json.dumps(
        {
            "prompt_id": f"p{p}",
            "rule": "borda",
            "ranking": [["a"], ["b", "c"]],
            "scores": {"a": 2.0, "b": 1, "c": 1},
            "ballots": 2,
            "options": {"variant": "ties"},
            "names": {"a": "A"},
            "probabilities": {"a": {"b": 0.5, "c": 1}, "b": {"c": 0.5}},
        }
    )
    + "\n"
    for p in range(2)
)
BALLOTS = "".join(
    json.dumps(
        {
            "prompt_id": f"p{n % 2}",
            "annotator_id": f"u{n}",
            "ranking": [["a"], ["b", "c"]],
            "weight": n,
        }
    )
    + "\n"
    for n in range(1, 5)
)
TOML = 'name = "x"\n[[principles]]\nname = "a"\ntext = "Be kind."\nweight = 2.0\n[meta]\nlist = [1, "b", {c = 1.5}]\n'
PREFLIB = (
    "# FILE NAME: a.toc\n# NUMBER ALTERNATIVES: 3\n# NUMBER VOTERS: 6\n# ALTERNATIVE NAME 1: Tea\n3: 1,{2,3}\n"
    "2: 2,1,3\n1: {1,2,3}\n"
)
AGGREGATE = ["aggregate", "{file}", "--rule", "borda"]
Seed = tuple[str, bytes, list[list[str]]]
"""A suffix, a valid file, and the commands that read it."""


def _parquet() -> bytes:
    file = io.BytesIO()
    cells = {
        "prompt_id": ["p", "p"],
        "annotator_id": ["u", "u"],
        "response_id": ["a", "b"],
        "rank": [1, 2],
    }
    pq.write_table(pa.table(cells), file)
    return file.getvalue()


def _arrow() -> bytes:
    table = pq.read_table(io.BytesIO(_parquet()))
    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def _workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for line in VOTES.splitlines():
        book.active.append(line.split(","))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def seeds() -> list[Seed]:
    """A valid file of every format."""
    wide = ["aggregate", "{file}", "--rule", "borda", "--format"]
    comparisons = (
        "prompt_id,annotator_id,chosen,rejected,tie,weight\np,u,a,b,false,1\np,v,b,c,true,0.5\n"
    )
    chat = '[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "x"}]'
    pairs = (
        f'{{"prompt": "hi", "chosen": {chat}, "rejected": {chat.replace("x", "y")}, "weight": 1}}\n'
    )
    texts = '{"prompt_id": "p0", "prompt": [{"role": "user", "content": "x"}], "prompt": "hi"}\n'
    people = "annotator_id,weight,group\nu0,1,x\nu1,2.5,y\n"
    return [
        ("csv", VOTES.encode(), [AGGREGATE, [*AGGREGATE, "--unranked", "last"], ["audit", "{file}", "{agg}"]]),
        ("csv", VOTES.replace(",", ";").encode(), [AGGREGATE]),
        ("tsv", VOTES.replace(",", "\t").encode(), [AGGREGATE]),
        ("jsonl", BALLOTS.encode(), [AGGREGATE, [*AGGREGATE, "--skip", "bad"]]),
        ("json", ("[" + ",".join(BALLOTS.split("\n")[:-1]) + "]").encode(), [AGGREGATE]),
        ("csv", comparisons.encode(), [AGGREGATE]),
        ("csv", b"prompt_id,annotator_id,response_id,approval\np,u,a,1\np,u,b,-1\np,v,b,1\n", [AGGREGATE]),
        ("csv", b'prompt_id,annotator_id,ranking\np,u,"a > b = c"\np,v,c -> b ~ a\np,w,"[[""a""],[""b""]]"\n', [AGGREGATE]),
        ("csv", b"prompt_id,annotator_id,a,b,c,count\np,u,1,2,3,4\np,v,3,2,,1\n", [[*wide, "wide_ranks"], [*wide, "wide_scores"], [*wide, "places"]]),
        ("jsonl", pairs.encode() * 2, [AGGREGATE, ["convert", "{file}", "--out", "{out}.csv"]]),
        ("jsonl", b'{"question_id": 1, "model_a": "a", "model_b": "b", "winner": "tie (bothbad)", "judge": "u"}\n', [AGGREGATE, ["convert", "{file}", "--from", "arena", "--out", "{out}"]]),
        ("jsonl", AGGREGATED.encode(), [["audit", "{votes}", "{file}"], ["audit", "{votes}", "{file}", "--json"]]),
        ("csv", b"prompt_id,response_id,score\np0,a,1\np0,b,2\np0,c,0\np1,a,1\np1,b,2\np1,c,3\n", [["audit", "{votes}", "{file}"]]),
        ("csv", people.encode(), [["aggregate", "{votes}", "--annotators", "{file}", "--rule", "borda"], ["audit", "{votes}", "{agg}", "--annotators", "{file}", "--group", "group"]]),
        ("jsonl", b'{"annotator_id": "u0", "group": "x", "weight": 1}\n{"annotator_id": "u1", "group": 7}\n', [["audit", "{votes}", "{agg}", "--annotators", "{file}", "--group", "group"]]),
        ("jsonl", texts.encode() + texts.replace("p0", "p1").encode(), [["pairs", "{agg}", "--prompts", "{file}", "--responses", "{texts}", "--to", "trl", "--out", "{out}.jsonl"]]),
        ("soc", PREFLIB.encode(), [AGGREGATE, ["convert", "{file}", "--out", "{out}.csv"]]),
        ("blt", b'3 1\n-2\n4 1 2=3 0\n2.5 3 - 1 0\n0\n"a"\n"b"\n"c"\n"Tea"\n', [AGGREGATE, ["convert", "{file}", "--out", "{out}.csv"]]),
        ("abif", b'{title: "Tea"}\n=c:[Mint # x]\n4: a/5 > b/3 = c/3 # y\n2: c/1, a/0\n1: "d e" > [f g]\n', [AGGREGATE]),
        ("toml", TOML.encode(), [["constitution", "show", "{file}"], ["constitution", "convert", "{file}", "--out", "{out}.toml"]]),
        ("json", b'{"name": "x", "principles": [{"text": "Be kind."}, "Be brief."]}', [["constitution", "convert", "{file}", "--out", "{out}.toml"]]),
        ("jsonl", b'{"prompt_id": "p", "type": "contrast_x", "label": "unsafe"}\n', [["aggregate", "{votes}", "--rule", "borda", "--candidates", "{file}"]]),
        ("parquet", _parquet(), [AGGREGATE]),
        ("arrow", _arrow(), [AGGREGATE]),
        ("xlsx", _workbook(), [AGGREGATE]),
        ("csv.gz", pa.compress(VOTES.encode(), codec="gzip", asbytes=True), [AGGREGATE]),
        ("csv.zst", pa.compress(VOTES.encode(), codec="zstd", asbytes=True), [AGGREGATE]),
    ]  # fmt: skip


WORDS = [
    b"", b" ", b"\n", b"\r", b"\x00", b'"', b"'", b",", b";", b"\t", b":", b"=", b">", b"<", b"{", b"}", b"[",
    b"]", b"#", b"/", b"-", b"-1", b"0", b"1e400", b"-inf", b"nan", b"null", b"true", b"9" * 25, b"9" * 400,
    b"0.5", b"[[[[", b'{"a":{}}', b"\xff", b"\xc3", b"\xed\xa0\x80", b'"\\ud800"', b"\xe2\x80\xae", b"\x1b[31m",
    "é".encode(), b"a > b", b"prompt_id", b"rank", b"ranking", b"score", b"weight", b"p0", b"[/b]", b"$x$",
    b"x" * 3000, b"\n\n\n", b"{}", b"[]", b'""', b"1,5", b"_", b"1_0", b"2" * 18,
]  # fmt: skip


def mutated(data: bytes, draw: random.Random) -> bytes:
    """A file with a few changes."""
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        at, length = draw.randrange(len(data) + 1), draw.choice((0, 1, 1, 2, 5, 20))
        kind = draw.randrange(7)
        if kind == 0:
            data = data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[at + length :]
        elif kind in (2, 3):
            data = data[:at] + draw.choice(WORDS) + data[at + length :]
        elif kind == 4:  # a token becomes another
            data = _token(data, at, lambda _: draw.choice(WORDS))
        elif kind == 5:
            lines = data.split(b"\n")
            lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))
            data = b"\n".join(lines)
        else:
            other = draw.randrange(len(data) + 1)
            data = data[:at] + data[other : other + length * 3] + data[at:]
    return data


def _token(data: bytes, at: int, change: Callable[[bytes], bytes]) -> bytes:
    marks = b',;\t\n"[]{}: '
    start = max((data.rfind(bytes([mark]), 0, at) for mark in marks), default=-1) + 1
    ends = [end for end in (data.find(bytes([mark]), at) for mark in marks) if end >= 0]
    return (
        data[:start]
        + change(data[start : min(ends, default=len(data))])
        + data[min(ends, default=len(data)) :]
    )


def ended(arguments: list[str]) -> tuple[object, str]:
    """How a command ended, and what it said on standard error."""
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogateescape")
        for name in ("stdout", "stderr")
    }
    before = {name: getattr(sys, name) for name in (*streams, "argv", "stdin")}
    sys.argv = ["rlchf", *arguments]
    sys.stdout, sys.stderr, sys.stdin = (
        streams["stdout"],
        streams["stderr"],
        io.TextIOWrapper(io.BytesIO()),
    )
    code: object = 0
    try:
        with warnings.catch_warnings():
            signal.alarm(SECONDS)
            main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException as error:
        code = f"{type(error).__name__}: {error} at {_place(error)}"
    finally:
        signal.alarm(0)
        for name, value in before.items():
            setattr(sys, name, value)
    streams["stderr"].flush()
    return code, streams["stderr"].buffer.getvalue().decode(errors="replace")


def _place(error: BaseException) -> str:
    trace, place = error.__traceback__, ""
    while trace:
        path = trace.tb_frame.f_code.co_filename
        if "rlchf" in path or "rules" in path:
            place = f"{Path(path).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _too_long(number: int, frame: object) -> None:
    raise TooLong


class TooLong(BaseException):
    """A command did not end."""


def fuzz(minutes: float, seed: int, out: Path) -> Counter[str]:
    """Try files for some minutes of this process; the number of each end."""
    draw, ends, out = random.Random(seed), Counter[str](), out.resolve()
    given = seeds()
    # With results on standard output --skip lists what it leaves out in the current folder.
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name)
        (folder / "votes.csv").write_text(VOTES)
        (folder / "agg.jsonl").write_text(AGGREGATED)
        rows = (
            {"prompt_id": p, "response_id": r, "text": r * 3} for p in ("p0", "p1") for r in "abc"
        )
        (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        places = {
            "votes": folder / "votes.csv",
            "agg": folder / "agg.jsonl",
            "texts": folder / "texts.jsonl",
        }
        while time.process_time() < minutes * 60:
            suffix, data, commands = draw.choice(given)
            changed = mutated(data, draw)
            file = folder / f"in.{suffix}"
            file.write_bytes(changed)
            command = draw.choice(commands)
            paths = {**places, "file": file, "out": folder / "out"}
            code, said = ended([part.format(**paths) for part in command])
            sentences = [line for line in said.splitlines() if "warning" not in line]
            bad = code not in (0, 2) or (code == 2 and len(sentences) != 1) or "\x1b" in said
            ends["refused" if code == 2 else "read" if code == 0 else "other"] += 1
            if bad:
                key = str(code) if code not in (0, 2) else f"{code}: {said}"
                ends[key[:160]] += 1
                out.mkdir(parents=True, exist_ok=True)
                kept = out / f"{hashlib.sha256(changed).hexdigest()[:8]}.{suffix}"
                kept.write_bytes(changed)
                with contextlib.suppress(OSError):
                    kept.with_name(kept.name + ".txt").write_text(f"{' '.join(command)}\n{key}\n")
            for left in folder.glob("out*"):
                __import__("shutil").rmtree(left) if left.is_dir() else left.unlink()
            if hidden := list(folder.glob(".*")):
                ends["left behind: " + hidden[0].suffix] += 1
                hidden[0].unlink()
    return ends


def run() -> None:
    """Read the options, fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="minutes of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGALRM, _too_long)
    ends = fuzz(options.minutes, options.seed, options.out)
    total = ends["read"] + ends["refused"] + ends["other"]
    print(f"{total:,} files in {options.minutes:g} minutes of processor time")
    for end, number in ends.most_common():
        print(f"{number:8,}  {end}")


if __name__ == "__main__":
    run()
