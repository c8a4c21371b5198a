"""What is written is read again as it was, whatever the ids are."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlchf.aggregation import Aggregation, aggregate
from rlchf.ids import clean_id
from rlchf.io import (
    read_aggregation,
    read_annotators,
    read_prompts,
    read_rankings,
    read_responses,
    read_table,
    write_rankings,
    write_table,
)
from rlchf.io.elections import write_elections
from rlchf.io.formats.long import reads_as_ranking
from rlchf.io.json import write_jsonl
from rlchf.io.preflib import PREFLIB_KIND
from rlchf.rankings import Rankings
from tests.support.files import content

UNUSUAL = (
    "a\rb", "a\nb", "a\r\nb", '"', '"a"', 'a"b', '""', 'a"', '"a', "'a'", "a,b", "a\tb", "a;b", "a|b",
    "a\x00b", "\x01", "a\x1bb", "a\x1fb", "\x7f", "a\x85b", "a\x9bb", "a\u2028b", "a\u202eb", "\ufffd",
    "=1+1", "@SUM(A1)", "-1+1", "+1", "nan", "NaN", "null", "None", "N/A", "1e5", "007", "1.0", "1,5", "true",
    "a  b", "#x", "é", "\U0001f600", "a>b", "a=b", "{a}", "[a]", '{"a": 1}', '[["a"]]', "a/b", "../x",
    "a\\b", "\\n", "\\", "$x$", "<b>", "&gt;", "a -> b", "a ~ b", "1. a 2. b", "prompt_id", "x" * 5_000,
)  # fmt: skip
KINDS = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.zst")
IDS = (
    (st.sampled_from(UNUSUAL) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=8))
    .map(clean_id)
    .filter(lambda one: one and not reads_as_ranking(one))
)
EXAMPLES = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ballots(ids: list[str]) -> Rankings:
    """Two prompts, two annotators and three responses with these names, of which there are seven."""
    p, q, ann, bob, *responses = ids
    a, b, c = responses
    rows = [(p, ann, [[a], [b, c]]), (p, bob, [[c], [a]]), (q, ann, [[b], [a]])]
    return Rankings.from_ballots(rows)


def check(rankings: Rankings, path: Path) -> None:
    """That the ballots and their collective rankings come back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_rankings(path, rankings)
        assert content(read_rankings(path)) == content(rankings)
        result = aggregate(rankings, "borda")
        result.write(path)
        again = read_aggregation(path, rankings)
        for name in ("prompt_ids", "response_ids", "rule"):
            assert getattr(again, name) == getattr(result, name)
        for name in ("response_scores", "response_ranks", "ballots"):
            assert np.array_equal(getattr(again, name), getattr(result, name))


@EXAMPLES
@given(ids=st.lists(IDS, min_size=7, max_size=7, unique=True), kind=st.sampled_from(KINDS))
def test_ballots_and_collective_rankings_come_back(
    ids: list[str], kind: str, tmp_path: Path
) -> None:
    check(ballots(ids), tmp_path / f"v.{kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_unusual_ids_come_back(kind: str, tmp_path: Path) -> None:
    ids = [one for one in UNUSUAL if one == clean_id(one)]
    for start in range(0, len(ids), 7):
        check(ballots([*ids[start:], *ids][:7]), tmp_path / f"v.{kind}")


@EXAMPLES
@given(ids=st.lists(IDS, min_size=2, max_size=4, unique=True), text=st.text(max_size=5))
def test_texts_and_people_come_back(ids: list[str], text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_jsonl(path, ({"prompt_id": one, "prompt": one} for one in ids))
        assert read_prompts(path) == {one: one for one in ids}
        rows = (
            {"prompt_id": p, "response_id": r, "text": text} for p, r in itertools.product(ids, ids)
        )
        write_jsonl(path, rows)
        assert read_responses(path) == {p: dict.fromkeys(ids, text) for p in ids}
        for kind in ("csv", "tsv", "parquet"):
            people = tmp_path / f"people.{kind}"
            write_table(people, {"annotator_id": ids, "group": ids[::-1]})
            assert read_annotators(people).group("group") == dict(zip(ids, ids[::-1], strict=True))
            assert read_table(people).texts("annotator_id") == ids


def test_an_id_that_reads_as_a_ranking_is_not_written(tmp_path: Path) -> None:
    rankings = Rankings.from_ballots([("p", "ann", [["a > b"], ["c"]])])
    with pytest.raises(ValueError, match="'a > b' reads as a ranking, and could not be read again"):
        write_rankings(tmp_path / "v.csv", rankings)
    assert not any(tmp_path.iterdir())


def test_prompts_of_elections_in_a_folder_keep_their_ids(tmp_path: Path) -> None:
    ids = ["a/b", "50 %", "../x", "a:b", "é", "_x", ".x"]
    rankings = Rankings.from_ballots([(one, "ann", [["1"], ["2"]]) for one in ids])
    write_elections(tmp_path, rankings, PREFLIB_KIND, folder=True)
    assert set(read_rankings(tmp_path).prompt_ids) == set(ids)


def test_collective_rankings_keep_their_options(tmp_path: Path) -> None:
    rankings = ballots([f"id {n}" for n in range(7)])
    for kind in KINDS:
        path = tmp_path / f"a.{kind}"
        aggregate(rankings, "positional", vector=[3, 1, 0]).write(path)
        again = read_aggregation(path)
        assert isinstance(again, Aggregation)
        assert again.options == {"vector": [3, 1, 0]}


def test_features_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    names = [f"feature {n}" for n in range(30)]
    write_jsonl(tmp_path / "people.jsonl", [{"annotator_id": "ann", **dict.fromkeys(names, "x")}])
    assert list(read_annotators(tmp_path / "people.jsonl").features) == names


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_row_of_quotes_alone_is_a_row(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"people.{kind}"
    for quotes in ('"', '""', '"""'):
        write_table(path, {"annotator_id": ["a", quotes], "group": ["b", quotes]})
        assert read_annotators(path).group("group") == {"a": "b", quotes: quotes}
