"""Quotes, rows and headers in the wrong place: no row of a file is lost without a word."""

import csv
import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlchf.io import atomic_write, read_annotators, read_rankings
from rlchf.io.quotes import BLOCK, check_quotes, quoted_cells
from rlchf.io.tables import parse_table
from tests.support.files import LONG, Write, ranks, set_stdin

NOTED = "prompt_id,annotator_id,response_id,rank,note\n"
UNCLOSED = "a quote is opened and never closed; close it, or double the quotes inside a cell"
FILES = {
    "last column": (NOTED + 'p,u,a,1,fine\np,u,b,2,"cut off\np,v,a,1,x\np,v,b,2,y\n', 3),
    "first column": (LONG + '"p,u,a,1\np,u,b,2\n', 2),
    "ballots": ('prompt_id,annotator_id,ranking\np,u,a > b\np,v,"a > b\np,w,b > a\n', 3),
    "comparisons": ('prompt_id,annotator_id,chosen,rejected\np,u,a,b\np,u,a,"b\np,v,b,a\n', 3),
    "a text with line breaks before": (NOTED + 'p,u,a,1,"one\ntwo"\np,u,b,2,"x\np,v,a,1,y\n', 3),
    "cut off inside a cell": (NOTED + 'p,u,a,1,"one"\np,u,b,2,"it was the b', 3),
    "cut off after a doubled quote": (NOTED + 'p,u,a,1,"one"\np,u,b,2,"it was ""the', 3),
    "a single quote": (NOTED + 'p,u,a,1,"one"\np,u,b,2,"', 3),
}


@pytest.mark.parametrize(("text", "row"), FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_quote_that_is_never_closed_is_refused_with_its_row(
    tmp_path: Path, text: str, row: int, suffix: str
) -> None:
    path = tmp_path / f"votes.csv{suffix}"
    with atomic_write(path) as file:
        file.write(text.encode())
    with pytest.raises(ValueError, match=rf"votes\.csv.*, row {row}: {UNCLOSED}"):
        read_rankings(path)


def test_it_is_refused_on_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    set_stdin(monkeypatch, FILES["last column"][0].encode())
    with pytest.raises(ValueError, match=f"standard input, row 3: {UNCLOSED}"):
        read_rankings("-")


def test_it_is_refused_among_annotators(write: Write) -> None:
    path = write("people.csv", 'annotator_id,weight,note\nann,1,"x\nbob,9,y\n')
    with pytest.raises(ValueError, match=rf"people\.csv, row 2: {UNCLOSED}"):
        read_annotators(path)


def test_quotes_within_cells_are_characters(write: Write) -> None:
    path = write("v.csv", NOTED + 'p,u,5" disk,1,"a ""b"""\np,u,a "quoted" word,2,\'"\n')
    assert read_rankings(path).responses("p") == ['5" disk', 'a "quoted" word']


def test_a_quote_that_closes_rows_later_within_a_cell_is_refused(write: Write) -> None:
    text = NOTED + 'p,u,a,1,x\np,u,b,2,"no end\np,v,a,1,"no end\np,v,b,2,y\n'
    with pytest.raises(ValueError, match="row 3: a quote is opened and closes rows later, within"):
        read_rankings(write("v.csv", text))


def test_an_id_that_took_in_a_row_brings_a_warning(write: Write) -> None:
    text = LONG + 'p,u,b,2\np,u,"a,1\np,v,a",1\np,v,b,2\n'
    with pytest.warns(UserWarning, match=r"row 3: the response_id 'a,1\\np,v,a' has line breaks"):
        read_rankings(write("v.csv", text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = LONG + 'p,u,"two\nlines",1\np,u,"and, so, on",2\n'
        assert read_rankings(write("w.csv", lines)).responses("p") == ["and, so, on", "two\nlines"]


# Tab-separated text


def test_quotes_in_the_texts_of_tsv_take_in_no_row(write: Write) -> None:
    rows = ['p,u,a,1,"this', "p,u,b,2,x", 'p,v,a,2,that"', "p,v,b,1,y"]
    path = write("v.tsv", (NOTED + "\n".join(rows)).replace(",", "\t"))
    assert ranks(read_rankings(path)) == [[1, 2], [2, 1]]


def test_quoted_ids_of_tsv_are_read_as_excel_writes_them(write: Write) -> None:
    rows = ['p,u,"a ""b""",1', 'p,u,"x" and "y",2', 'p,u,5",3', 'p,u,"""c"" d",4']
    path = write("v.tsv", (LONG + "\n".join(rows)).replace(",", "\t"))
    assert read_rankings(path).responses("p") == ['"c" d', '"x" and "y"', '5"', 'a "b"']


@pytest.mark.parametrize("cell", ['"a', '"a" b', '"', ' "a'])
def test_a_half_quoted_id_of_tsv_is_refused(write: Write, cell: str) -> None:
    path = write("v.tsv", (LONG + f"p,u,b,1\n\np,u,{cell},2\n").replace(",", "\t"))
    with pytest.raises(ValueError, match=r"row 4: the response_id .* opens a quote that its cell"):
        read_rankings(path)


def test_tabs_and_line_breaks_in_cells_of_tsv_are_read_where_rows_fit_only_so(
    write: Write,
) -> None:
    rows = ['p;u;a;1;"two\nlines\n"', 'p;u;"b;c";2;x', 'p;v;a;2;"say ""no"""', 'p;v;"b;c";1;y']
    path = write("v.tsv", (NOTED.replace(",", ";") + "\n".join(rows)).replace(";", "\t"))
    rankings = read_rankings(path)
    assert rankings.responses("p") == ["a", "b\tc"]
    assert ranks(rankings) == [[1, 2], [2, 1]]


@pytest.mark.parametrize(
    "rows",
    [
        ['p,u,a,1,"two', 'lines" more', "p,u,b,2,x"],  # the cell goes on after its quote
        ['p,u,a,1,"two', "lines", "p,u,b,2,x"],  # no end
        ['p,u,a,1,"two', "p,u,b", 'p,u,b,2,end"'],  # rows of another length, or one long cell
        [
            'p,u,a,1,"this',
            "p,u,b,2,x",
            'p,v,a,2,that"',
            "p,v,b,1",
        ],  # one row is too short either way
    ],
)
def test_a_short_row_of_tsv_is_refused_if_quotes_do_not_explain_it(
    write: Write, rows: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"row \d: \d cells?, but the header has 5; put a cell"):
        read_rankings(write("v.tsv", (NOTED + "\n".join(rows)).replace(",", "\t")))


# Blanks before quotes


def test_a_blank_before_a_quote_does_not_make_it_part_of_an_id(write: Write) -> None:
    path = write(
        "v.csv",
        'prompt_id, "annotator_id", response_id, rank\np, "u", "a ""b""", "1"\np, u, "c" , 2\n',
    )
    rankings = read_rankings(path)
    assert rankings.annotator_ids == ["u"]
    assert rankings.responses("p") == ['a "b"', "c"]
    ballots = write("b.csv", 'prompt_id, annotator_id, ranking\np, u, "a > b"\n')
    assert read_rankings(ballots).responses("p") == ["a", "b"]
    with pytest.raises(ValueError, match=r"row 2: 5 cells, .*; remove the blank before the double"):
        read_rankings(write("w.csv", LONG + 'p,u, "a,b",1\n'))


# Long rows


@pytest.mark.parametrize("size", [2_200_000, 20_000_000])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_long_row_is_read(write: Write, size: int, quote: str) -> None:
    row = f"p,u,b,2,{quote}{'x ' * (size // 2)}{quote}\n"
    rankings = read_rankings(write("v.csv", NOTED + "p,u,a,1,\n" + row + "p,v,b,1,\np,v,a,2,\n"))
    assert ranks(rankings) == [[1, 2], [2, 1]]


def test_a_row_after_a_long_one_is_named_rightly(write: Write) -> None:
    long = f'p,u,a,1,"{"x" * 200_000}\ny"\n'
    with pytest.raises(ValueError, match="row 4: the rank is 'z'"):
        read_rankings(write("v.csv", NOTED + long + "\np,u,b,z,\n"))
    with pytest.raises(ValueError, match="row 4: 4 cells, but the header has 5"):
        read_rankings(write("v.csv", NOTED + long + "\np,u,b,1\n"))


# Headers among the rows


HEADERS = {
    "long": LONG + "p,u,a,1\np,u,b,2\n",
    "comparisons": "prompt_id,annotator_id,chosen,rejected\np,u,a,b\np,v,b,a\n",
    "ballots": "prompt_id,annotator_id,ranking\np,u,a > b\np,v,b > a\n",
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS.keys())
@pytest.mark.parametrize("between", ["", "\n", "\N{BOM}"])
def test_two_files_laid_end_to_end_are_refused(write: Write, text: str, between: str) -> None:
    message = r"row {}: the row repeats the header; if two files are laid end to end"
    row = 5 if between == "\n" else 4
    with pytest.raises(ValueError, match=message.format(row)):
        read_rankings(write("v.csv", text + between + text))
    parts = (text, between + text)
    path = write("v.csv.gz", b"".join(gzip.compress(part.encode()) for part in parts))
    with pytest.raises(ValueError, match=message.format(row)):
        read_rankings(path)
    tabs = (text + between + text).replace(",", "\t")
    with pytest.raises(ValueError, match=message.format(row)):
        read_rankings(write("v.tsv", tabs))


def test_a_second_header_in_another_order_or_among_annotators_is_refused(write: Write) -> None:
    other = "annotator_id,prompt_id,response_id,rank\nu,q,a,1\nu,q,b,2\n"
    with pytest.raises(ValueError, match="row 4: the row repeats the header"):
        read_rankings(write("v.csv", HEADERS["long"] + other))
    with pytest.raises(ValueError, match="row 3: the row repeats the header"):
        read_annotators(write("p.csv", "annotator_id,weight\nu,1\nannotator_id,weight\nv,1\n"))


def test_a_prompt_may_be_named_as_a_column(write: Write) -> None:
    path = write("v.csv", LONG + "prompt_id,rank,a,1\nprompt_id,rank,b,2\n")
    assert read_rankings(path).prompt_ids == ["prompt_id"]


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS.keys())
def test_a_row_of_totals_is_refused(write: Write, text: str) -> None:
    totals = "Total" + "," * text.splitlines()[0].count(",") + "\n"
    with pytest.raises(ValueError, match=r"row 4: the (annotator_id|rank) is empty"):
        read_rankings(write("v.csv", text + totals))


@pytest.mark.parametrize("blank", [",,,,", ", ,,,", ",", " ,, ", '"",,,,'])
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_rows_of_separators_are_left_out(write: Write, blank: str, kind: str) -> None:
    rows = [NOTED.strip(), "p,u,a,1,x", blank, "p,u,b,2,y", blank, blank]
    text, bad = "\n".join(rows), "\n".join([*rows, "p,v,a,z,"])
    if kind == "tsv":
        text, bad = text.replace(",", "\t"), bad.replace(",", "\t")
    assert ranks(read_rankings(write(f"v.{kind}", text))) == [[1, 2]]
    with pytest.raises(ValueError, match="row 7: the rank is 'z'"):
        read_rankings(write(f"w.{kind}", bad))
    with pytest.raises(ValueError, match="row 4: the annotator_id is empty"):
        read_annotators(write("p.csv", "annotator_id,weight,note\nu,1,\n,,\n,,x\n"))


# A download that was cut off


def test_json_lines_that_are_cut_off_are_refused(write: Write) -> None:
    line = '{"prompt_id": "p", "annotator_id": "u", "ranking": [["a"], ["b"]]}\n'
    for cut in range(len(line) + 1, 2 * len(line) - 1):
        with pytest.raises(ValueError, match=r"line 2: (not JSON|found)"):
            read_rankings(write("v.jsonl", (line + line)[:cut]))


# The same cells as another parser finds


cells = st.text('a" ,\n\r', max_size=5).filter(
    lambda cell: not cell.strip().startswith('"') or cell.startswith('"')
)
rows = st.lists(st.tuples(cells, cells, st.just("z")).map(list), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(rows=rows, end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_a_csv_writer_quotes_is_read_back(rows: list[list[str]], end: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["x", "y", "z"], *rows])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cells with line breaks
        table = parse_table(text.getvalue().encode(), "t.csv", "csv")
    columns = [table.texts(name) for name in "xyz"]
    assert list(map(list, zip(*columns, strict=True))) == rows


@settings(max_examples=500, deadline=None)
@given(text=st.text('a",\n', max_size=30))
def test_quoted_cells_are_those_that_pyarrow_finds(text: str) -> None:
    """Rows that pyarrow sees: line ends that are not in quoted cells."""
    data = ("x\n" + text).encode()
    opens, closes = quoted_cells(data, ",")
    inside = np.zeros(len(data) + 1, dtype=bool)
    for start, end in zip(opens.tolist(), closes.tolist(), strict=True):
        inside[start:end] = True
    state, previous = False, ord("\n")  # byte by byte, as the definition says
    expected, i = np.zeros(len(data) + 1, dtype=bool), 0
    while i < len(data):
        if data[i] == ord('"'):
            if state and data[i + 1 : i + 2] == b'"':
                expected[i : i + 2] = True
                previous, i = ord('"'), i + 2
                continue
            if state:
                state = False
            elif chr(previous) in ",\n":
                state = True
        expected[i] = state
        previous, i = data[i], i + 1
    assert inside[: len(data)].tolist() == expected[: len(data)].tolist()
    if not state:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
        try:
            has_breaks = check_quotes(data, "t", ",").has_breaks
        except ValueError:
            return  # closed rows later within a cell
        assert has_breaks == any(inside[i] for i, byte in enumerate(data) if byte == ord("\n"))
    else:
        with pytest.raises(ValueError, match="never closed"):
            check_quotes(data, "t", ",")


@pytest.mark.parametrize("shift", range(-3, 4))
def test_quotes_are_followed_across_blocks(shift: int) -> None:
    start = b"x,y\n" + b"a,b\n" * (BLOCK // 4)
    text = start[: BLOCK + shift].rsplit(b"\n", 1)[0] + b"\n"
    padded = text + b"a" * (BLOCK + shift - len(text) - 2) + b","
    for cell, breaks in ((b'"""q"""', False), (b'"\n"', True), (b'""', False), (b'"q', None)):
        data = padded + cell + b"\n"
        if breaks is None:
            with pytest.raises(ValueError, match="never closed"):
                check_quotes(data, "t", ",")
        else:
            assert check_quotes(data, "t", ",").has_breaks == breaks
            literal = data + b'5",x\n' + data  # quotes within cells, which are counted otherwise
            assert check_quotes(literal, "t", ",").has_breaks == breaks
