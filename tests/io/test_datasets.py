"""Several files, folders and patterns as one dataset."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from rlchf.cleaning import Repeats
from rlchf.io import read_rankings, write_rankings
from rlchf.long_table import first_ballots
from rlchf.rankings import Rankings
from tests.io.test_reading import datasets
from tests.support.files import ELECTION, LONG, Write, content, ranks

DAYS = [LONG + "p,ann,a,1\np,ann,b,2\n", LONG + "p,bob,c,1\np,bob,a,2\nq,ann,a,1\nq,ann,b,1\n"]


@pytest.fixture
def days(write: Write, tmp_path: Path) -> list[Path]:
    (tmp_path / "days").mkdir()
    return [write(f"days/day-{n}.csv", text) for n, text in enumerate(DAYS, start=1)]


def test_files_folders_and_patterns_are_one_dataset(days: list[Path]) -> None:
    folder = days[0].parent
    expected = read_rankings(days)
    assert expected.source == f"{days[0]} and {days[1]}"
    assert expected.prompt_ids == ["p", "q"]
    assert expected.annotator_ids == ["ann", "bob"]
    assert expected.responses("p") == ["a", "b", "c"]
    assert ranks(expected) == [[1, 2, 0], [2, 0, 1]]
    for path in (folder, folder / "day-*.csv", str(folder / "day-?.csv"), folder / "day-[12].csv"):
        assert content(read_rankings(path)) == content(expected)
    assert read_rankings(list(reversed(days))).annotator_ids == ["bob", "ann"]


def test_each_file_is_named_in_errors(days: list[Path], write: Write) -> None:
    write("days/day-2.csv", DAYS[1] + "q,bob,a,x\n")
    with pytest.raises(ValueError, match=r"^[^:]*day-2\.csv, row 6: the rank is 'x'"):
        read_rankings(days)
    write("days/day-2.csv", DAYS[1] + "q,ann,a,1\n")
    with pytest.raises(ValueError, match=r"1 repeated row \([^:]*day-2\.csv, row 6\)"):
        read_rankings(days)
    write("days/day-2.csv", DAYS[1] + "r,ann,a,1\n")
    with pytest.raises(ValueError, match=r"days: 1 prompt with one response only \('r'\)"):
        read_rankings(days[0].parent)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(ballots=datasets())
def test_parts_of_a_dataset_are_the_dataset(
    tmp_path: Path, ballots: list[tuple[str, str, list[list[str]], float]]
) -> None:
    """Whatever the cut between two ballots, all that is read is the same."""
    whole = Rankings.from_ballots([b[:3] for b in ballots], [b[3] for b in ballots])
    cut = random.Random(len(ballots)).randint(0, len(ballots))
    paths = []
    for n, part in enumerate((ballots[:cut], ballots[cut:])):
        if part:
            path = tmp_path / f"part{n}.jsonl"
            lines = [
                {"prompt_id": p, "annotator_id": a, "ranking": r, "weight": w}
                for p, a, r, w in part
            ]
            path.write_text("\n".join(map(json.dumps, lines)))
            paths.append(path)
    columns, expected = content(read_rankings(paths)), content(whole)
    assert columns == expected


def test_optional_columns_may_be_in_some_files_only(write: Write) -> None:
    header = "prompt_id,annotator_id,chosen,rejected"
    paths = [
        write("a.csv", f"{header}\np,ann,a,b\n"),
        write("b.csv", f"{header},weight,strength\np,bob,b,a,3,2\n"),
    ]
    rankings = read_rankings(paths)
    assert rankings.ballot_weights.tolist() == [1.0, 3.0]
    assert rankings.ballot_strengths is not None
    assert str(rankings.ballot_strengths.tolist()) == "[nan, 2.0]"


def test_annotators_that_are_not_known_stay_apart(write: Write) -> None:
    pair = json.dumps({"prompt": "p", "chosen": "a", "rejected": "b"})
    paths = [write(f"{n}.jsonl", f"{pair}\n{pair}\n") for n in "ab"]
    rankings = read_rankings(paths)
    assert rankings.anonymous == [f"anonymous:{n}" for n in (1, 2, 3, 4)]
    long = LONG + "p,anonymous:1,a,1\np,anonymous:1,b,2\n"
    paths = [write(f"{n}.csv", long) for n in "ab"]
    assert len(read_rankings(paths).annotator_ids) == 2


def test_parts_of_one_table_may_cut_a_ballot(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "prompt_id": ["p"] * 3,
        "annotator_id": ["ann"] * 3,
        "response_id": ["a", "b", "c"],
        "rank": [2, 1, 3],
    }
    table = pa.table(columns)
    names = [f"train-{n:05d}-of-00002.parquet" for n in (0, 1)]
    pq.write_table(table.slice(0, 1), tmp_path / names[0])
    pq.write_table(table.slice(1), tmp_path / names[1])
    (tmp_path / "README.md").write_text("A card.")
    for path in (tmp_path, tmp_path / "train-*.parquet", [tmp_path / name for name in names]):
        assert ranks(read_rankings(path)) == [[2, 1, 3]]
    pq.write_table(pa.table({**columns, "rank": [2, 2, None]}).slice(1), tmp_path / names[1])
    with pytest.raises(ValueError, match=r"1 empty rank \(train-00001-of-00002\.parquet, row 2\)"):
        read_rankings(tmp_path)
    pq.write_table(table.slice(1).drop(["rank"]), tmp_path / names[1])
    with pytest.raises(ValueError, match="fit no format"):
        read_rankings(tmp_path)


def test_a_dataset_saved_by_hugging_face_is_read(tmp_path: Path) -> None:
    """A folder of Arrow streams beside two json files, as datasets.save_to_disk writes it."""
    table = pa.table(
        {"prompt_id": ["p"] * 2, "annotator_id": ["a", "b"], "ranking": ["x > y", "y"]}
    )
    folder = tmp_path / "data/train"
    folder.mkdir(parents=True)
    for n in (0, 1):
        with (
            pa.OSFile(str(folder / f"data-{n:05d}-of-00002.arrow"), "wb") as file,
            pa.ipc.new_stream(file, table.schema) as stream,
        ):
            stream.write_table(table.slice(n, 1))
    for name in ("dataset_info.json", "state.json"):
        (folder / name).write_text("{}")
    assert ranks(read_rankings(folder)) == [[1, 2], [0, 1]]
    (tmp_path / "data/dataset_dict.json").write_text('{"splits": ["train"]}')
    with pytest.raises(
        ValueError, match=r"a dataset of several parts; give one of them, such as .*train"
    ):
        read_rankings(tmp_path / "data")


def test_a_folder_with_a_file_named_rankings_stands_for_it(days: list[Path], write: Write) -> None:
    folder = days[0].parent
    write_rankings(folder / "rankings.csv", read_rankings(days[0]))
    write("days/prompts.jsonl", '{"prompt_id": "p", "prompt": "Which?"}\n')
    write("days/annotators.csv", "annotator_id\nann\n")
    assert read_rankings(folder).annotator_ids == ["ann"]


def test_elections_may_be_named_one_by_one(write: Write, tmp_path: Path) -> None:
    paths = [write(name, ELECTION) for name in ("a.toi", "b.toi")]
    expected = content(read_rankings(tmp_path))
    assert content(read_rankings(paths)) == content(read_rankings(tmp_path / "*.toi")) == expected
    with pytest.raises(ValueError, match=r"is of the format long and .*a\.toi is a PrefLib file"):
        read_rankings([paths[0], write("v.csv", DAYS[0])])


def test_what_does_not_go_together_is_refused(
    days: list[Path], write: Write, tmp_path: Path
) -> None:
    ballots = write("days/more.jsonl", '{"prompt_id": "p", "annotator_id": "u", "ranking": ["a"]}')
    with pytest.raises(
        ValueError,
        match=r"tables of several kinds \(csv: day-1.csv, day-2.csv; jsonl: more.jsonl\); name",
    ):
        read_rankings(days[0].parent)
    with pytest.raises(
        ValueError, match=r"day-1\.csv is of the format long and .*more\.jsonl is of .*ball"
    ):
        read_rankings([days[0], ballots])
    scores = write("scores.csv", DAYS[0].replace("rank", "score"))
    with pytest.raises(
        ValueError, match=r"day-1\.csv gives ranks, but .*scores\.csv scores; give files of"
    ):
        read_rankings([days[0], scores])
    with pytest.raises(ValueError, match=r"day-1\.csv is given twice"):
        read_rankings([days[0], days[0].parent / "day-*.csv"])
    with pytest.raises(FileNotFoundError, match="the pattern fits no file"):
        read_rankings(tmp_path / "night-*.csv")
    for nothing in ([], [""], ""):
        with pytest.raises(ValueError, match="the name of the ranking file is empty"):
            read_rankings(nothing)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: a folder without tables .* and without PrefLib"):
        read_rankings(tmp_path / "empty")


FILES = [
    "prompt_id,annotator_id,chosen,rejected\np,ann,a,b\np,bob,a,b\n",
    "prompt_id,annotator_id,chosen,rejected\np,ann,a,c\np,ann,b,a\n",
]


def test_a_comparison_in_two_files_is_a_repeat_and_another_pair_is_not(write: Write) -> None:
    paths = [write(f"day-{n}.csv", text) for n, text in enumerate(FILES)]
    with pytest.raises(
        ValueError, match=r"1 repeated ballot \([^:]*day-1\.csv, row 3\), such as that of"
    ):
        read_rankings(paths)
    choices: tuple[Repeats, ...] = ("first", "last", "all")
    ballots = {
        repeats: [row[1:] for row in first_ballots(read_rankings(paths, repeats=repeats))]
        for repeats in choices
    }
    assert ballots == {
        "first": [("ann", "a > b"), ("bob", "a > b"), ("ann", "a > c")],
        "last": [("bob", "a > b"), ("ann", "a > c"), ("ann", "b > a")],
        "all": [("ann", "a > b"), ("bob", "a > b"), ("ann", "a > c"), ("ann", "b > a")],
    }


def test_a_ballot_in_two_files_is_a_repeat(write: Write) -> None:
    rows = ["prompt_id,annotator_id,response_id,rank\np,ann,a,1\np,ann,b,2\n"] * 2
    paths = [write(f"day-{n}.csv", text) for n, text in enumerate(rows)]
    with pytest.raises(ValueError, match="1 repeated ballot"):
        read_rankings(paths)
    assert read_rankings(paths, repeats="last").n_ballots == 1


def test_lists_of_rows_left_out_are_no_rankings(days: list[Path], write: Write) -> None:
    folder = days[0].parent
    expected = content(read_rankings(days))
    write("days/skipped.csv", "file,row,prompt_id,annotator_id,response_id,reason\n")
    write("days/out.jsonl.skipped.csv", "file,row,prompt_id,annotator_id,response_id,reason\n")
    assert content(read_rankings(folder)) == expected
    assert content(read_rankings(folder / "*.csv")) == expected


def test_a_table_in_memory_is_told_where_to_go() -> None:
    import pandas as pd

    with pytest.raises(
        TypeError, match=r"path is of type DataFrame, a table in memory; .*from_frame"
    ):
        read_rankings(pd.DataFrame({"prompt_id": ["p"]}))  # type: ignore[arg-type]
