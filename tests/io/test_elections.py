"""Elections in and out: PrefLib, BLT and ABIF, each the inverse of its reader."""

import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlchf.io import read_rankings
from rlchf.io.abif import ABIF, abif_text, parse_abif
from rlchf.io.blt import BLT, blt_text, parse_blt
from rlchf.io.elections import Kind, Orders, orders_of, write_elections
from rlchf.io.preflib import PREFLIB_KIND, election_entries, parse_election, preflib_text
from rlchf.rankings import Rankings
from tests.support.files import Write, ranks

KINDS = (PREFLIB_KIND, BLT, ABIF)

NAMES = st.text(
    st.characters(
        codec="utf-8",
        exclude_characters='[]"',
        exclude_categories=("C", "Z"),
        include_characters=" ",
    ),
    min_size=1,
    max_size=6,
).filter(lambda name: len(name.splitlines()) == 1 and name.strip() == name)


@st.composite
def elections(draw: st.DrawFn) -> Orders:
    """Distinct orders of some of 2 to 5 responses, each of some weight; every response has a name."""
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    keys = draw(
        st.lists(
            st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names)),
            min_size=1,
            max_size=4,
        )
    )
    weights: Counter[Any] = Counter()
    for ranking in keys:  # 0: not ranked
        levels = tuple(
            tuple(m for m, rank in enumerate(ranking) if rank == level)
            for level in sorted(set(ranking) - {0})
        )
        if levels:
            weights[levels] += draw(st.integers(1, 3))
    if not weights:
        weights[((1,), (0,))] = 1
    rows = sorted(weights.items(), key=lambda row: (-row[1], row[0]))
    return Orders("Tea", names, [one for one, _ in rows], [float(n) for _, n in rows])


@settings(deadline=None)
@given(elections())
def test_what_is_written_is_read_again(orders: Orders) -> None:
    for text, parse in ((blt_text, parse_blt), (abif_text, parse_abif)):
        data = text(orders).encode()
        again = parse(data, "x.blt")
        assert (again.title, again.names) == (orders.title, orders.names)
        assert (again.weights, again.scores) == (orders.weights, None)
        assert [[set(level) for level in levels] for levels in again.levels] == [
            [set(level) for level in levels] for levels in orders.levels
        ]
        assert text(again).encode() == data  # reading, then writing, changes nothing
    election = parse_election(preflib_text(orders).encode(), "x.toi")
    assert election.alternatives == orders.names
    assert election.counts == orders.weights
    assert [tuple(tuple(m - 1 for m in level) for level in one) for one in election.orders] == (
        orders.levels
    )


@settings(deadline=None)
@given(elections())
def test_rankings_of_an_election_are_written_as_it_was(orders: Orders) -> None:
    """Through `Rankings`, which know nothing of elections."""
    data = blt_text(orders).encode()
    rankings = Rankings.from_entries(parse_blt(data, "x.blt").entries("x.blt"))
    assert blt_text(orders_of(rankings, 0)).encode() == data
    assert rankings.ballot_counts.sum() == sum(orders.weights)
    numbered = Orders(
        "x", [str(n + 1) for n in range(len(orders.names))], orders.levels, orders.weights
    )
    text = preflib_text(numbered).encode()
    again = Rankings.from_entries(election_entries([parse_election(text, "x.toi")], "x"))
    assert preflib_text(orders_of(again, 0)).encode() == text


@settings(deadline=None)
@given(elections(), st.lists(st.integers(0, 9), min_size=20, max_size=20))
def test_scores_come_back_from_abif(orders: Orders, amounts: list[int]) -> None:
    scores = [dict(enumerate(amounts[n * 5 : n * 5 + 5])) for n in range(4)]
    ballots = [
        (n, m, scores[n][m]) for n in range(len(orders.levels)) for m in range(len(orders.names))
    ]
    rows = [
        {"prompt_id": "p", "annotator_id": n, "response_id": f"r{m}", "score": score}
        for n, m, score in ballots
    ]
    rankings = Rankings.from_frame(rows)
    text = abif_text(orders_of(rankings, 0))
    again = Rankings.from_entries(parse_abif(text.encode(), "p.abif").entries("p.abif"))
    assert again.entry_scores is not None
    assert abif_text(orders_of(again, 0)) == text


BLT_TEXT = """\
4 2  # four candidates, two seats
-2
3 1 3 4 0
4 1 3 2 0
2 4 1=3 0
1 2 0
2 2=4=3 1 0
1 0
0.5 1 - 4 0
0
"Adam"
"Basil"
"Charlotte #2"
Donald
"Title"
"a source"
"""


def test_a_blt_file_with_all_that_is_documented(write: Write) -> None:
    with pytest.warns(UserWarning, match="tea.blt: 2 ballots name nobody and are left out"):
        rankings = read_rankings(write("tea.blt", BLT_TEXT))
    assert rankings.prompt_ids == ["Title"]
    assert rankings.responses("Title") == ["Adam", "Charlotte #2", "Donald"]  # Basil withdrew
    assert ranks(rankings) == [[1, 2, 3], [1, 2, 0], [2, 2, 1], [2, 1, 1], [1, 0, 2]]
    assert rankings.ballot_weights.tolist() == [3, 4, 2, 2, 0.5]
    assert rankings.annotator_ids[0] == "Title/order 1"


def test_a_blt_file_without_names_or_on_one_line_has_numbers() -> None:
    orders = parse_blt(b"2 1 3 1 2 0 1 2 0 0", "votes.blt")
    assert (orders.title, orders.names) == ("votes", ["1", "2"])
    assert orders.weights == [3, 1]
    same = parse_blt(b'2 1\n1 1\n2 2 1\n0\n"Ann"\n"Ann"\n', "votes.blt")  # ballots end in lines
    assert same.names == ["1", "2"]
    assert same.levels == [((0,),), ((1,), (0,))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("2\n", "no first line with the numbers of candidates and seats"),
        ("2 1\n1 1 2 0\n", "no 0 ends the ballots; fetch the file again"),
        ("2 1\n1 1 3 0\n0\n", "line 2: '3' is no candidate; give numbers from 1 to 2"),
        ("2 1\n1 1=1 0\n0\n", "line 2: the ballot names candidate 1 twice"),
        ("2 1\nx 1 2 0\n0\n", "line 2: the weight is 'x'; give a number that is 0 or more"),
        ("2 1\n1 1 2\n1 1 0\n0\n", "line 3: some ballots end in 0 and others do not"),
        ('2 1\n1 1 2 0\n0\n"Ann\n', "line 4: a quotation mark is not closed"),
        ('2 1\n1 1 2 0\n0\n"Ann"\n', "there are 1 names for 2 candidates"),
        ("2 1\n-3\n1 1 2 0\n0\n", "candidate -3 has withdrawn, and does not exist"),
        ("2 1\n0\n", "there is no ballot in it"),
    ],
)
def test_a_broken_blt_file_is_refused(text: str, message: str, write: Write) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_rankings(write("x.blt", text))
    assert "x.blt" in str(caught.value)


ABIF_TEXT = """\
# Case: all that is documented
{version: "0.1"}
{title: "Hot drinks"}
=GT:[Green tea (緑茶)]
=[Black #1]:[Black tea]  # behind
=C:[Coffee]
27: GT > [Black #1] = C   # a comment
26:C
5:
3:"Black #1">GT
"""


def test_an_abif_file_with_all_that_is_documented(write: Write) -> None:
    with pytest.warns(UserWarning, match="5 ballots name nobody and are left out"):
        rankings = read_rankings(write("drinks.abif", ABIF_TEXT))
    assert rankings.prompt_ids == ["Hot drinks"]
    assert rankings.responses("Hot drinks") == ["GT", "Black #1", "C"]
    assert ranks(rankings) == [[1, 2, 2], [0, 0, 1], [2, 1, 0]]
    assert rankings.ballot_counts.tolist() == [27, 26, 3]
    assert rankings.entry_scores is None


def test_scores_in_abif_with_commas_or_in_order(write: Write) -> None:
    rankings = read_rankings(write("x.abif", "2: a/5, b/0, c/5\n1: c/3 > a/2 > b/2.5\n".replace(
        "a/2 > b/2.5", "a/2.5 > b/2")))  # fmt: skip
    assert ranks(rankings) == [[1, 2, 1], [2, 3, 1]]
    assert rankings.entry_scores is not None
    assert sorted(rankings.entry_scores.tolist()) == [0, 2, 2.5, 3, 5, 5]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1: a/5 > b/5\n", "the orders say more"),
        ("1: a/5 > b/4\n1: b > a\n", "not every candidate on a ballot has one"),
    ],
)
def test_scores_that_say_less_than_the_orders_are_left_out_with_a_warning(
    text: str, reason: str, write: Write
) -> None:
    with pytest.warns(UserWarning, match=f"2 scores are left out, since {reason}"):
        rankings = read_rankings(write("x.abif", text))
    assert rankings.entry_scores is None
    assert ranks(rankings)[0] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1: a/1 > b/2\n", "line 1: the order and the scores contradict each other"),
        ("1: a/1 = b/2\n", "line 1: the order and the scores contradict each other"),
        ("1: a, b\n", "line 1: cannot parse 'a, b'; between commas there should be scores"),
        ("1: a > a\n", "line 1: the ballot names 'a' twice"),
        ("1: a > b c\n", "line 1: cannot parse ' b c'; write a ballot such as 'a > b = c'"),
        ("1: a >\n", "line 1: cannot parse ''"),
        ("a > b\n", "line 1: cannot parse 'a > b'; write a ballot such as '5: a > b = c'"),
        ("# nothing\n", "there is no ballot in it"),
    ],
)
def test_a_broken_abif_file_is_refused(text: str, message: str, write: Write) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_rankings(write("x.abif", text))
    assert "x.abif" in str(caught.value)


def test_an_election_file_is_no_table(write: Write) -> None:
    with pytest.raises(ValueError, match="a blt file; the format 'long' needs a table"):
        read_rankings(write("x.blt", BLT_TEXT), "long")
    path = write("votes.txt", "2: a > b\n1: b\n")
    assert ranks(read_rankings(path, "abif")) == [[1, 2], [0, 1]]


BALLOTS = [("p/1", "ann", "a > b = c"), ("p/1", "bob", "c > a"), ("p/1", "eve", "a > b = c"),
           ("q", "ann", "x > y"), ("q", "bob", "y > x")]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_several_prompts_go_into_a_folder_one_file_each(kind: Kind, tmp_path: Path) -> None:
    rankings = Rankings.from_ballots(BALLOTS)
    files, lost = write_elections(tmp_path / "out", rankings, kind, folder=True)
    suffixes = {"preflib": ("toi", "soc")}.get(kind.name, (kind.name, kind.name))
    assert files == [
        str(tmp_path / "out" / f"p%2F1.{suffixes[0]}"), str(tmp_path / "out" / f"q.{suffixes[1]}")
    ]  # fmt: skip
    assert lost == {"annotators by name": 3}
    first = read_rankings(files[0])
    assert first.ballot_counts.tolist() == [2, 1]
    assert ranks(first) == [[1, 2, 2], [2, 0, 1]]
    with pytest.raises(ValueError, match=r"holds one prompt, and there are 2; give a folder with"):
        write_elections(tmp_path / "x", rankings, kind, folder=False)


def test_what_elections_do_not_hold_is_counted(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": "p", "annotator_id": who, "response_id": one, "score": score, "approval": app,
         "strength": 2, "weight": weight}
        for who, weight, of_person in (("ann", 1, [(0.5, 1), (0, -1)]), ("bob", 0, [(1, 0), (2, 1)]))
        for one, (score, app) in zip("ab", of_person, strict=True)
    ]  # fmt: skip
    rankings = Rankings.from_frame(rows)
    _, lost = write_elections(tmp_path / "p.abif", rankings, ABIF, folder=False)
    assert lost == {
        "annotators by name": 2,
        "approvals and disapprovals": 3,
        "strengths of preference": 2,
        "ballots of weight 0": 1,
        "scores, but for their order": 2,
    }
    assert "a > b" in (tmp_path / "p.abif").read_text()


def test_weights_that_are_no_whole_numbers_go_into_blt_only(tmp_path: Path) -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")], [0.1, 1.5])
    write_elections(tmp_path / "p.blt", rankings, BLT, folder=False)
    again = read_rankings(tmp_path / "p.blt")
    assert sorted(again.ballot_weights.tolist()) == [0.1, 1.5]
    for kind in (ABIF, PREFLIB_KIND):
        path = tmp_path / f"p.{kind.suffixes[0]}"
        with pytest.raises(ValueError, match=r"a ballot weighs 1\.5, and .* holds whole numbers"):
            write_elections(path, rankings, kind, folder=False)
        assert not path.exists()


@pytest.mark.parametrize(("kind", "name"), [(BLT, 'a"b'), (ABIF, "a]b"), (PREFLIB_KIND, "a\nb")])
def test_a_name_that_a_format_cannot_hold_is_refused(kind: Kind, name: str, tmp_path: Path) -> None:
    rankings = Rankings.from_ballots([("p", "ann", [[name], ["c"]])])
    path = tmp_path / f"p.{kind.suffixes[0]}"
    with pytest.raises(ValueError, match=r"prompt 'p': .* cannot hold the name 'a"):
        write_elections(path, rankings, kind, folder=False)
    assert not path.exists()


def test_a_preflib_file_is_named_by_what_it_holds(tmp_path: Path) -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a = b > c")])
    with pytest.raises(ValueError, match=r"p\.soc: these ballots make a \.toc file; name it so"):
        write_elections(tmp_path / "p.soc", rankings, PREFLIB_KIND, folder=False)


def test_responses_that_no_ballot_names_stay_in_elections() -> None:
    orders = Orders("p", ["a", "b", "c"], [((0,), (1,))], [2.0])
    for text, parse in ((blt_text, parse_blt), (abif_text, parse_abif)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rankings = Rankings.from_entries(parse(text(orders).encode(), "p").entries("p"))
        assert rankings.responses("p") == ["a", "b", "c"]
        assert np.diff(rankings.response_starts).tolist() == [3]
