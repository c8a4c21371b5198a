"""Broken and hostile inputs, each made by a few lines: what a command is given, and what it answers."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LONG = "prompt_id,annotator_id,response_id,rank\n"
GOOD = LONG + "p,ann,a,1\np,ann,b,2\n"
BALLOT = '{"prompt_id": "p", "annotator_id": "u", "ranking": [["a"], ["b"]]'
COLUMNS: dict[str, list[Any]] = {
    "prompt_id": ["p", "p"],
    "annotator_id": ["u", "u"],
    "response_id": ["a", "b"],
    "rank": [1, 2],
}
ELECTION = "# NUMBER ALTERNATIVES: 2\n1: 1,2\n"
DEEP = 100_000
ESCAPE = "\x1b[31mred\x1b]0;title\x07"
EITHER = "either"
"""What is said of an input that may be read or refused, by what has been changed."""
VOTES, SEVERAL = "{folder}/good.csv", ("aggregate", "{file}", "--rule", "borda")


@dataclass(frozen=True)
class Case:
    """An input.

    Attributes
    ----------
    name
        The name of its file.
    content
        The bytes of the file.
    said
        A part of the answer, a regular expression; empty if the input is read, EITHER if it may be.
    command
        The command; ``{file}`` is the file, ``{folder}`` the folder, in which good.csv is sound.
    """

    name: str
    content: bytes
    said: str = ""
    command: tuple[str, ...] = SEVERAL


def text(name: str, content: str, said: str = "", command: tuple[str, ...] = SEVERAL) -> Case:
    return Case(name, content.encode(), said, command)


def audited(content: str, said: str = "") -> Case:
    """A file of collective rankings."""
    return text("agg.jsonl", content, said, ("audit", VOTES, "{file}"))


def weighted(content: str, said: str = "") -> Case:
    """A file of annotators."""
    command = ("aggregate", VOTES, "--annotators", "{file}", "--rule", "borda")
    return text("people.jsonl", content, said, command)


def nested() -> Iterator[tuple[str, Case]]:
    deep = "[" * DEEP + "]" * DEEP
    said = "nested more than 100 deep; set RLCHF_MAX_NESTING"
    yield "a nested key of jsonl", text("n.jsonl", BALLOT + f', "x": {deep}}}\n', said)
    yield "101 levels", text("n.jsonl", BALLOT + f', "x": {"[" * 101 + "]" * 101}}}\n', said)
    yield "99 levels", text("n.jsonl", BALLOT + f', "x": {"[" * 99 + "]" * 99}}}\n')
    yield (
        "many lists beside one another",
        text("n.jsonl", BALLOT + f', "x": [{"[],[1]," * 200}1]}}\n'),
    )
    yield "a nested array", text("n.json", f'[{{"prompt_id": {deep}}}]', said)
    yield "an array never closed", text("n.json", "[" * DEEP, said)
    yield "objects", text("n.jsonl", '{"a":' * DEEP, said)
    option = (*SEVERAL, "-o", "k=" + "[" * DEEP)
    yield "a nested option", text("v.csv", GOOD, said, option)
    yield "an option never closed", text("v.csv", GOOD, "no option 'k'", (*SEVERAL, "-o", "k=[[["))
    show = ("constitution", "show", "{file}")
    yield "nested toml", text("c.toml", f"a = {deep}", said, show)
    yield "dotted keys", text("c.toml", ".".join("a" * 500) + " = 1", said, show)
    convert = ("constitution", "convert", "{file}", "--out", "{folder}/o.toml")
    yield "a constitution in json", text("c.json", "[" * DEEP, said, convert)


def parquet(columns: list[Any], names: list[str]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns, names=names), file)
    return file.getvalue()


def columns() -> Iterator[tuple[str, Case]]:
    names, cells = list(COLUMNS), list(COLUMNS.values())
    for name in ("rank", "prompt_id"):
        doubled = pa.table([*cells, COLUMNS[name]], names=[*names, name])
        said = f"two columns are named '{name}'; keep one of them"
        yield (
            f"{name} twice",
            Case("v.parquet", parquet([*cells, COLUMNS[name]], [*names, name]), said),
        )
        stream = io.BytesIO()
        with pa.ipc.new_file(stream, doubled.schema) as writer:
            writer.write_table(doubled)
        yield f"{name} twice in arrow", Case("v.arrow", stream.getvalue(), said)
    for name in names:
        others = COLUMNS | {name: [[1], [2]]}
        data = parquet(list(others.values()), names)
        yield f"{name} of lists", Case("v.parquet", data, f"column '{name}' has (lists|type list)")
    structs = COLUMNS | {"rank": [{"a": 1}, {"a": 2}]}
    yield "structs", Case("v.parquet", parquet(list(structs.values()), names), "has type struct")
    binary = COLUMNS | {"response_id": [b"\xff", b"b"]}
    yield "bytes", Case("v.parquet", parquet(list(binary.values()), names), "has type binary")
    for column in ("tie", "weight"):
        pairs = {**COLUMNS, "chosen": ["a", "b"], "rejected": ["b", "a"], column: [[1], [2]]}
        for name in ("response_id", "rank"):
            del pairs[name]
        data = parquet(list(pairs.values()), list(pairs))
        yield f"{column} of lists", Case("v.parquet", data, f"column '{column}' has lists")
    approvals = {**COLUMNS, "approved": [[True], [False]]}
    del approvals["rank"]
    data = parquet(list(approvals.values()), list(approvals))
    yield "approvals of lists", Case("v.parquet", data, "column 'approved' has lists")
    whole = parquet(cells, names)
    yield (
        "a cut parquet file",
        Case("v.parquet", whole[: len(whole) // 2], "cannot be read as Parquet"),
    )
    for n in range(whole.count(b"prompt_id")):  # the footer names a column several times
        parts = whole.split(b"prompt_id")
        data = b"prompt_id".join(parts[: n + 1]) + b"prompt_ix" + b"prompt_id".join(parts[n + 1 :])
        yield (
            f"a changed name {n}",
            Case("v.parquet", data, EITHER),
        )
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xffb")]
    )
    for name in ("prompt_id", "rank"):
        data = parquet(list((COLUMNS | {name: texts}).values()), names)
        yield (
            f"{name} in another encoding",
            Case("v.parquet", data, "v.parquet: a text in it is not UTF-8"),
        )
    stream = io.BytesIO()
    table = pa.table(cells, names=names)
    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)
    offsets = np.array([0, 1, 2], np.int32).tobytes()
    wrong = stream.getvalue().replace(offsets, offsets[:8] + b"\xff\xff\xff\x7f")
    yield (
        "an arrow file that points outside itself",
        Case("v.arrow", wrong, "cannot be read as Arrow"),
    )
    spoilt = whole[:60] + bytes(40) + whole[100:]
    yield (
        "a spoilt parquet file",
        Case("v.parquet", spoilt, EITHER),
    )


def wide_and_long() -> Iterator[tuple[str, Case]]:
    head = "prompt_id,annotator_id,ranking,note\np,u,a > b,x\n"
    yield "a row of 3 MB", text("v.csv", head + f"p,v,a > b,{'x' * 3_000_000}\n")
    lines = "x\n" * 700_000
    yield "a cell of many lines", text("v.csv", head + f'p,v,a > b,"{lines}"\np,w,a > b,x\n')
    wide = f"prompt_id,annotator_id,ranking,{'n' * 200_000}\np,u,a > b,x\n"
    yield "a long header", text("v.csv", wide)
    many = ",".join(f"c{i}" for i in range(120_000))
    said = "120,000 columns, and there may be 100,000; set RLCHF_MAX_COLUMNS"
    yield "120,000 columns", text("v.csv", many + "\n1\n", said)
    keys = "{" + ",".join(f'"c{i}": 1' for i in range(120_000)) + "}\n"
    yield "120,000 keys", text("v.jsonl", keys, said)
    some = ",".join(f"c{i}" for i in range(3_000))
    yield "3,000 columns", text("v.csv", some + "\n" + "," * 2_999 + "\n", "and 2,960 more")
    yield "an id of 1 MB", text("v.csv", GOOD + f"p,u,{'a' * 1_000_000},x\n", "the rank is 'x'")


def numbers() -> Iterator[tuple[str, Case]]:
    nines = "9" * 400
    for name, count in {"2^63": 2**63, "10^30": 10**30, "5,000 digits": "9" * 5_000}.items():
        election = f"# NUMBER ALTERNATIVES: 2\n# NUMBER VOTERS: {count}\n{count}: 1,2\n"
        yield f"a count of {name}", text("e.soc", election, "too large; give one below 10")
    election = "# NUMBER ALTERNATIVES: 2\n" + f"{10**17}: 1,2\n" * 2
    yield (
        "counts that add up too far",
        text("e.soc", election, r"add up to more than 2\^53 ballots"),
    )
    yield (
        "a blt weight",
        text("e.blt", f'2 1\n{10**17} 1 2 0\n0\n"a"\n"b"\n"t"\n', r"more than 2\^53"),
    )
    yield (
        "a blt header",
        text("e.blt", "9" * 5_000 + " 1\n1 1 2 0\n0\n", "alternatives, and there may be"),
    )
    yield "a blt candidate", text("e.blt", f"2 1\n1 {'9' * 5_000} 0\n0\n", "is no candidate")
    yield "an abif count", text("e.abif", nines + ": a > b\n", "too large")
    yield "abif counts", text("e.abif", f"{10**17}: a > b\n", r"more than 2\^53")
    for name, content in {
        "e.soc": ELECTION.replace(" 2\n", f" {10**9}\n"),
        "e.blt": f"{10**9} 1\n0\n",
    }.items():
        yield f"a billion alternatives of {name}", text(name, content, "1,000,000,000 alternatives")
    row = '{"prompt_id": "p", "annotator_id": "u", "response_id": "a", "rank": '
    yield "a rank of 400 digits", text("v.jsonl", row + nines + "}\n", "the rank is inf")
    yield (
        "a rank of 5,000 digits",
        text("v.jsonl", row + "9" * 5_000 + "}\n", "more than 4,300 digits"),
    )
    yield "a rank of 1e400", text("v.csv", GOOD + "p,u,a,1e400\n", "the rank is inf")
    yield (
        "a seed of 66 bits",
        text("v.csv", GOOD, "4294967295 at most", (*SEVERAL, "--seed", "9" * 20)),
    )
    yield "a seed below 0", text("v.csv", GOOD, "seed is -1", (*SEVERAL, "--seed", "-1"))


def aggregated() -> Iterator[tuple[str, Case]]:
    record = {
        "prompt_id": "p",
        "rule": "borda",
        "ranking": [["a"], ["b"]],
        "scores": {"a": 1, "b": 0},
    }
    for value in ('{"a": 1}', "[1]", '"many"', "-1", "1e400", "NaN", "true", "9" * 30, "0.5"):
        line = json.dumps(record)[:-1] + f', "ballots": {value}}}\n'
        yield f"ballots {value}", audited(line, "ballots is .*; give a whole number")
    for value in ("{}", "null", "3"):
        yield f"ballots {value}", audited(json.dumps(record)[:-1] + f', "ballots": {value}}}\n')
    wrong: dict[str, tuple[Any, ...]] = {
        "scores": ([1], {"a": {"b": 1}, "b": 1}, {"a": 10**400, "b": 1}, {"a": None, "b": 1}),
        "ranking": ({}, [[{}]], "a > b", 7, [[]]),
        "prompt_id": ({}, [1], None),
        "probabilities": (3, {"a": 1}, {"a": {"b": 2}}),
    }
    for key, values in wrong.items():
        for other in values:
            line = json.dumps(record | {key: other}) + "\n"
            yield f"{key} {str(other)[:20]}", audited(line, "agg.jsonl")


def people() -> Iterator[tuple[str, Case]]:
    for key in ("ranking", "chosen", "prompt", "weight"):
        line = f'{{"annotator_id": "ann", "{key}": [["x"]]}}\n'
        yield (
            f"annotators with {key}",
            weighted(line, "people.jsonl.*(lists|give text or a number)"),
        )


def slow_patterns() -> Iterator[tuple[str, Case]]:
    blanks = " " * 200_000
    yield "a comment of blanks", text("e.soc", f"#{blanks}\n{ELECTION}")
    yield "a name of blanks", text("e.soc", f"# A{blanks}b:\n{ELECTION}")
    yield "a level of blanks", text("e.soc", ELECTION + f"1: {{{blanks}\n", "cannot parse")
    blanks = " " * 20_000
    for n, line in enumerate(
        ("{" + blanks + "x" + blanks, "{title:" + blanks, "=" + blanks + "x" + blanks)
    ):
        yield f"abif blanks {n}", text("e.abif", line + "\n1: a > b\n", "cannot parse")
    yield "a ballot of blanks", text("e.abif", f"1: a{blanks}!{blanks}\n", "cannot parse")
    yield "many quotes", text("e.abif", '"a#' * 20_000 + "\n1: a > b\n", "cannot parse")
    yield (
        "a quote of blt",
        text("e.blt", "2 1\n" + '"' * 20_001 + "\n1 1 2 0\n0\n", "quotation mark"),
    )


def workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (list(COLUMNS), ["p", "u", "a", 1], ["p", "u", "b", 2]):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def changed(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """A workbook with changed parts."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as before,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for part in before.namelist():
            content = change(part, before.read(part))
            if content is not None:
                after.writestr(part, content)
    return file.getvalue()


def workbooks() -> Iterator[tuple[str, Case]]:
    data = workbook()
    said = "cannot be read as an Excel workbook"

    def within(part: str, change: Callable[[bytes], bytes | None]) -> bytes:
        return changed(data, lambda name, content: change(content) if part in name else content)

    rows = b"<row><c t='inlineStr'><is><t>x</t></is></c></row>" * 1_000_000
    entity = b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(10)
    )
    laughs = b"<!DOCTYPE l [" + entity + b"]><worksheet><sheetData>&l9;</sheetData></worksheet>"
    yield "a sound workbook", Case("v.xlsx", data)
    yield "a cut workbook", Case("v.xlsx", data[: len(data) // 2], said)
    for part in ("sheet1.xml", "workbook.xml", "[Content_Types]", "workbook.xml.rels"):
        yield f"a cut {part}", Case("v.xlsx", within(part, lambda c: c[: len(c) // 2]), said)
        yield (
            f"no {part}",
            Case("v.xlsx", within(part, lambda c: None), f"({said}|the file is empty)"),
        )
    bomb = within("sheet1", lambda c: c.replace(b"<sheetData>", b"<sheetData>" + rows))
    yield "a bomb of rows", Case("v.xlsx", bomb, "as a file made for an attack does")
    yield "a bomb of entities", Case("v.xlsx", within("sheet1", lambda c: laughs), said)
    yield "no zip", Case("v.xlsx", b"PK\x03\x04" + bytes(100), said)
    yield "text", text("v.xlsx", GOOD, said)


def compressed() -> Iterator[tuple[str, Case]]:
    said = "become more than 256.0 MiB when they are decompressed"
    zeros = gzip.compress(b"p,u,a,1\n" * 2**17, mtime=0)
    yield "a gzip bomb", Case("v.csv.gz", zeros * 300, said)
    block = pa.compress(bytes(2**20), codec="zstd", asbytes=True)
    yield "a zstd bomb", Case("v.csv.zst", block * 300, said)
    yield "cut gzip", Case("v.csv.gz", zeros[:50], "cannot be (decompressed|read)")
    yield "spoilt gzip", Case("v.csv.gz", zeros[:30] + b"x" * 30, "cannot be (decompressed|read)")


def names() -> Iterator[tuple[str, Case]]:
    said = r"\\x1b\[31mred\\x1b\]0;title\\x07"
    yield "a file's name", text(f"{ESCAPE}.csv", LONG, said + ".csv: there is no row")
    column = f"prompt_id,annotator_id,{ESCAPE},rank\np,u,a,1\n"
    yield "a column's name", text("v.csv", column, said + ", rank")
    key = f'{{"prompt_id": "p", {json.dumps(ESCAPE)}: 1}}\n'
    yield "a key", text("v.jsonl", key, r"\\x1b\[31mred")
    yield "a line break", text("a\nb.csv", LONG, r"a\\nb.csv: there is no row")
    yield "marks of direction", text("\u202ea.csv", LONG, r"\\u202ea.csv: there is no row")


KINDS = (
    nested, columns, wide_and_long, numbers, aggregated, people, slow_patterns, workbooks, compressed, names,
)  # fmt: skip
CASES: dict[str, Case] = {
    f"{kind.__name__}: {name}": case for kind in KINDS for name, case in kind()
}
