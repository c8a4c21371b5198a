"""Rows that do not count and responses on offer, in files."""

import gzip
from pathlib import Path

import pytest

import rlchf
from rlchf.io import read_rankings
from rlchf.io.rows import read_candidates, write_skipped
from tests.support.files import ELECTION, LONG, Write

BALLOTS = "prompt_id,annotator_id,ranking\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("suffix", "mark"), [("csv", ","), ("tsv", "\t")])
def test_a_row_of_separators_is_blank(write: Write, suffix: str, mark: str, end: str) -> None:
    rows = [LONG.strip(), ",,,", "p,u,a,1", " , ,,", ",,", "p,u,b,2", "p,v,b,", ",,,,,"]
    path = write(f"votes.{suffix}", end.join(rows).replace(",", mark) + end)
    with pytest.warns(UserWarning, match=r"left out 1 empty rank \(row 7\)"):
        rankings = read_rankings(path, skip="bad")
    assert rankings.n_ballots == 1
    assert rankings.responses("p") == ["a", "b"]


def test_a_row_with_a_note_only_is_not_blank(write: Write) -> None:
    text = LONG.replace("\n", ",note\n") + "p,u,a,1,x\n,,,,Total: 1\np,u,b,2,\n,,,,\n"
    with pytest.raises(ValueError, match=r"row 3: the prompt_id is empty"):
        read_rankings(write("votes.csv", text))
    assert read_rankings(write("votes.csv", text.replace("Total: 1", " "))).n_ballots == 1


def test_a_table_of_blank_rows_is_empty(write: Write) -> None:
    with pytest.raises(ValueError, match="there is no row below the header"):
        read_rankings(write("votes.csv", LONG + ",,,\n,,,\n"))


def test_rows_are_named_as_a_spreadsheet_numbers_them(write: Write) -> None:
    blanks = "".join(f"p,u{i},\n" for i in range(4))
    text = BALLOTS + '\np,ann,"a\n"\n,,\n' + blanks + "p,bob,a > b\n"
    with pytest.raises(ValueError, match=r"votes\.csv: 4 blank ballots \(rows 5, 6, 7, \.\.\.\)"):
        read_rankings(write("votes.csv", text))


def test_a_blank_order_of_an_election_is_left_out(write: Write) -> None:
    path = write("drinks.toi", ELECTION.replace("7: 1\n", "7:\n"))
    with pytest.warns(UserWarning, match=r"left out 1 blank ballot \(line 10\)"):
        rankings = read_rankings(path, skip="bad")
    assert rankings.ballot_counts.tolist() == [3_000_000, 2]


def test_skipped_rows_of_a_folder_name_their_election(write: Write, tmp_path: Path) -> None:
    write("tea.toi", ELECTION.replace("7: 1\n", "7: {}\n"))
    write("ale.toi.gz", gzip.compress(ELECTION.encode()))
    with pytest.warns(UserWarning, match=r"left out 1 blank ballot \(tea, line 10\)"):
        rankings = read_rankings(tmp_path, skip="bad")
    assert rankings.skipped == [("tea", "line 10", "tea", "tea/order 2", "", "blank ballot")]
    write_skipped(tmp_path / "skipped.csv", rankings.skipped)
    assert (tmp_path / "skipped.csv").read_text().splitlines() == [
        "file,row,prompt_id,annotator_id,response_id,reason",
        "tea,line 10,tea,tea/order 2,,blank ballot",
    ]


def test_the_order_of_the_file_decides_which_ballot_is_last(write: Write) -> None:
    rows = ["p,ann,x > y", "p,bob,y > x", "p,cyd,y > x", "p,ann,y > x"]
    for order in ([0, 1, 2, 3], [1, 0, 3, 2], [0, 3, 2, 1], [2, 0, 1, 3]):
        path = write("votes.csv", BALLOTS + "\n".join(rows[i] for i in order) + "\n")
        with pytest.warns(UserWarning, match="left out 1 repeated ballot"):
            result = rlchf.aggregate(read_rankings(path, repeats="last"), "plurality")
        assert result.scores("p") == {"x": 0.0, "y": 3.0}


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv.gz"])
def test_candidates_are_read_from_responses_and_tables(write: Write, suffix: str) -> None:
    if suffix == "jsonl":
        text = "".join(
            f'{{"prompt_id": 1, "response_id": "{r}", "text": "...", "model": [1]}}\n'
            for r in "abd"
        )
    else:
        text = "prompt_id,response_id\n1,a\n1,b\n1,d\n"
        text = text.replace(",", "\t") if suffix.startswith("tsv") else text
    data = gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode()
    path = write(f"candidates.{suffix}", data)
    assert read_candidates(path) == {"1": ["a", "b", "d"]}
    votes = write("votes.csv", BALLOTS + "1,ann,b\n1,bob,b > a\n")
    rankings = read_rankings(votes, unranked="last", candidates=path)
    assert rlchf.aggregate(rankings, "borda").ranking("1") == [["b"], ["a"], ["d"]]


def test_candidates_may_take_the_place_of_an_elections_own(write: Write) -> None:
    path = write("drinks.toi", ELECTION)
    rankings = read_rankings(path, candidates={"drinks": [1, 2, 3]})  # type: ignore[list-item]
    assert rankings.responses("drinks") == ["1", "2", "3"]
    assert rankings.response_names == ["Tea: green, with ñ", "Coffee", "Coffee"]


def test_names_of_alternatives_stand_in_results(write: Write, tmp_path: Path) -> None:
    write("drinks.toi", ELECTION)
    write("juices.soc", "# NUMBER ALTERNATIVES: 2\n# ALTERNATIVE NAME 2: Apple\n1: 2,1\n")
    rankings = read_rankings(tmp_path)
    result = rlchf.aggregate(rankings, "borda")
    assert result.names("juices") == {"1": "1", "2": "Apple"}
    assert list(result.scores("drinks")) == ["1", "2", "3", "4"]
    record = next(result.records())
    assert record["names"] == {
        "1": "Tea: green, with ñ",
        "2": "Coffee",
        "3": "Coffee",
        "4": "Water",
    }
    assert rankings.subset(rankings.ballot_prompts[-1:]).response_names == ["1", "Apple"]
    for suffix in ("jsonl", "csv", "parquet"):
        path = tmp_path / f"result.{suffix}"
        result.write(path)
        for again in (rlchf.read_aggregation(path), rlchf.read_aggregation(path, rankings)):
            assert again.names("drinks") == record["names"]
            assert again.scores("juices") == result.scores("juices")


def test_results_without_names_have_no_names(write: Write, tmp_path: Path) -> None:
    result = rlchf.aggregate(read_rankings(write("votes.csv", BALLOTS + "p,u,a > b\n")))
    assert result.names("p") == {"a": "a", "b": "b"}
    assert "names" not in next(result.records())
    assert "name" not in result.columns()
    scores = write("scores.csv", "prompt_id,response_id,score,name\np,a,1,Ann\np,b,2,Bob\n")
    assert rlchf.read_aggregation(scores).response_names is None
