"""Tables with a column per response or per place, as spreadsheets, surveys and vote counts have them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings

import rlchf
from rlchf.io import read_rankings
from rlchf.io.headers import folded
from rlchf.io.patterns import PEOPLE, TOOLS
from rlchf.rankings import Rankings
from tests.io.test_reading import datasets
from tests.support.files import Write, content, ranks

WIDE = "prompt_id,annotator_id,A,B,C\np,ann,1,2,3\np,bob,3,,1\nq,ann,2,2,1\n"
LIMESURVEY = (
    '"id";"submitdate";"lastpage";"startlanguage";"seed";"Q1[1]";"Q1[2]";"Q1[3]"\n'
    '"1";"2024-05-01 10:00:00";"3";"en";"123";"A2";"A1";"A3"\n'
    '"2";"2024-05-01 10:05:00";"3";"en";"456";"A1";"";""\n'
)
QUALTRICS = (
    "StartDate,Progress,ResponseId,Q5_1,Q5_2,Q5_3\n"
    "Start Date,Progress,Response ID,Rank the answers - A,Rank the answers - B,Rank the answers - C\n"
    '"{""ImportId"":""startDate""}","{""ImportId"":""progress""}","{""ImportId"":""_recordId""}",'
    '"{""ImportId"":""QID5_1""}","{""ImportId"":""QID5_2""}","{""ImportId"":""QID5_3""}"\n'
    "2024-01-01 10:00:00,100,R_1,1,2,3\n"
    "2024-01-01 10:05:00,100,R_2,3,1,2\n"
)
VOTES = (
    "Precinct,rank1,rank2,rank3,count\nN1,Ann,Bob,,40\nN1,Bob,skipped,Cho,35\nN2,Cho,Bob,Ann,25\n"
)


def test_a_column_per_response_holds_ranks_or_scores(write: Write) -> None:
    path = write("v.csv", WIDE)
    rankings = read_rankings(path, format="wide_ranks")
    assert rankings.responses("p") == rankings.responses("q") == ["A", "B", "C"]
    assert ranks(rankings) == [[1, 2, 3], [2, 0, 1]]
    assert ranks(read_rankings(path, format="wide_ranks", unranked="last"))[1] == [2, 3, 1]
    scored = read_rankings(path, format="wide_scores")
    assert ranks(scored) == [[3, 2, 1], [1, 0, 2]]
    assert scored.entry_scores is not None


@pytest.mark.parametrize("format", ["wide_ranks", "wide_scores"])
@pytest.mark.parametrize(
    "frame", [pd.DataFrame, dict, lambda c: pd.DataFrame(c).to_dict("records")]
)
def test_wide_tables_in_memory_are_those_of_files(write: Write, format: str, frame: Any) -> None:
    columns = {
        "prompt_id": ["p", "p", "q"],
        "annotator_id": ["ann", "bob", "ann"],
        "A": [1, 3, 2],
        "B": [2, None, 2],
        "C": [3, 1, 1],
    }
    rankings = Rankings.from_frame(frame(columns), format=format)
    assert content(rankings) == content(read_rankings(write("v.csv", WIDE), format=format))


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(ballots=datasets())
def test_wide_tables_hold_what_ballots_hold(
    tmp_path: Path, ballots: list[tuple[str, str, list[list[str]], float]]
) -> None:
    expected = Rankings.from_ballots([b[:3] for b in ballots], [b[3] for b in ballots])
    ids = sorted(set(expected.response_ids))
    assume(not {folded(name) for name in ids} & {folded(name) for name in PEOPLE})
    assume(not any(name.lower() in TOOLS for name in ids))
    rows = [
        {"prompt_id": p, "annotator_id": a, "weight": w}
        | {name: None for name in ids}
        | {name: rank for rank, level in enumerate(levels, 1) for name in level}
        for p, a, levels, w in ballots
    ]
    path = tmp_path / "wide.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    for wide in (read_rankings(path, format="wide_ranks"), Rankings.from_frame(rows, "wide_ranks")):
        assert wide.prompt_ids == expected.prompt_ids
        assert wide.annotator_ids == expected.annotator_ids
        assert wide.response_ids == expected.response_ids
        assert wide.ballot_weights.tolist() == expected.ballot_weights.tolist()
        for p in range(wide.n_prompts):
            one, two = (r.batch(np.array([p])).ranks for r in (wide, expected))
            assert np.asarray(one).tolist() == np.asarray(two).tolist()


def test_a_wide_table_may_lack_prompts_and_annotators_and_have_weights_and_counts(
    write: Write,
) -> None:
    path = write("tea.csv", "green,black,weight,count\n1,2,2,3\n2,1,,1\n")
    rankings = read_rankings(path, format="wide_ranks")
    assert rankings.prompt_ids == ["tea"]
    assert rankings.anonymous == rankings.annotator_ids == ["anonymous:1", "anonymous:2"]
    assert rankings.ballot_weights.tolist() == [6.0, 1.0]
    assert rankings.ballot_counts.tolist() == [3, 1]


def test_rows_that_rank_nothing_are_blank_ballots(write: Write) -> None:
    path = write("v.csv", "annotator_id,A,B\nann,1,2\nbob,,\neve,,\nsam,2,1\n")
    with pytest.raises(ValueError, match=r"v\.csv: 2 blank ballots \(rows 3, 4\); mend them, or"):
        read_rankings(path, format="wide_ranks")
    with pytest.warns(UserWarning, match="2 blank ballots"):
        rankings = read_rankings(path, format="wide_ranks", skip="bad")
    assert rankings.annotator_ids == ["ann", "sam"]
    assert [row.row for row in rankings.skipped] == ["row 3", "row 4"]
    blank = write("v.csv", "annotator_id,A,B\nann,,\n")
    with pytest.raises(ValueError, match=r"v\.csv: (there is no ballot|no ballot is left)"):
        read_rankings(blank, format="wide_ranks", skip="bad")


def test_a_survey_is_read_by_its_pattern(write: Write) -> None:
    path = write("survey.csv", QUALTRICS)
    columns = {"responses": "Q5_*", "annotator_id": "ResponseId"}
    rankings = read_rankings(path, format="wide_ranks", columns=columns)
    assert rankings.responses("survey") == ["1", "2", "3"]
    assert rankings.annotator_ids == ["R_1", "R_2"]
    assert ranks(rankings) == [[1, 2, 3], [3, 1, 2]]
    some = read_rankings(path, format="wide_ranks", columns="responses=Q5_1|Q5_3")
    assert some.response_ids == ["Q5_1", "Q5_3"]
    bad = write("survey.csv", QUALTRICS.replace("R_2,3", "R_2,99"))
    with pytest.raises(ValueError, match=r"row 5: 'Q5_1' is 99 among 3 responses; give a rank"):
        read_rankings(bad, format="wide_ranks", columns="responses=Q5_1|Q5_2|Q5_3")


def test_places_name_responses(write: Write) -> None:
    rankings = read_rankings(write("mayor.csv", VOTES), format="places")
    assert rankings.prompt_ids == ["mayor"]
    assert rankings.responses("mayor") == ["Ann", "Bob", "Cho"]
    assert ranks(rankings) == [[1, 2, 0], [0, 1, 2], [3, 2, 1]]
    assert rankings.ballot_counts.tolist() == [40, 35, 25]


@pytest.mark.parametrize(
    "header",
    ["rank1,rank2", "Rank 1,Rank 2", "1st Choice,2nd choice", "Choice_1,choice-2", "place[1],place[2]",
     "2nd preference,1st preference", "Preference 2,Preference 1"],
)  # fmt: skip
def test_places_are_known_by_their_names(write: Write, header: str) -> None:
    cells = "b,a" if header.endswith("1") or header.endswith("1st preference") else "a,b"
    path = write("v.csv", f"annotator_id,{header}\nann,{cells}\n")
    assert ranks(read_rankings(path, format="places")) == [[1, 2]]


def test_a_survey_of_places_is_read_by_its_pattern_or_its_columns(write: Write) -> None:
    path = write("survey.csv", LIMESURVEY)
    columns = {"places": "Q1[*]", "annotator_id": "id"}
    rankings = read_rankings(path, format="places", columns=columns)
    assert rankings.annotator_ids == ["1", "2"]
    assert ranks(rankings) == [[2, 1, 3], [1, 0, 0]]
    frame = pd.DataFrame({"best": ["a", "b"], "worst": ["b", "a"], "note": ["x", "y"]})
    one = Rankings.from_frame(frame, format="places", columns={"places": "worst|best"})
    assert ranks(one) == [[2, 1], [1, 2]]


REFUSED: dict[str, tuple[str, str, str, str]] = {
    "a text": ("wide_ranks", "", "A,B\n1,2\n1,x\n", "row 3: the B is 'x'; give a rank, 1 is best, or leav"),
    "a sentinel": (
        "wide_ranks", "", "A,B\n1,2\n1,99\n2,99\n",
        r"row 3: 'B' is 99 among 2 responses \(and so in 2 rows\); give a rank",
    ),
    "zero": ("wide_ranks", "", "A,B\n1,0\n", "row 2: 'B' is 0 among 2 responses; give a rank"),
    "one column": ("wide_ranks", "", "prompt_id,A\np,1\n", "there should be a column for each response"),
    "columns of tools": (
        "wide_scores", "", "id,seed,A,B\n1,2,3,4\n",
        r"id, seed look like columns about the rows, .* such as responses=A\|B",
    ),
    "no such column": ("wide_ranks", "responses=X*", "A,B\n1,2\n", r"there is no column 'X\*'; found A, B"),
    "one of a pattern": ("wide_ranks", "responses=A*", "A1,B\n1,2\n", "names the column 'A1' only; name two"),
    "a star of ours": (
        "wide_ranks", "responses=Q_*", "weight,Q_weight,Q_a\n1,1,2\n", "'Q_weight' would be 'weight', which",
    ),
    "the same star": (
        "wide_ranks", "responses=A*|B*", "A1,B1\n1,2\n", "A1 and B1 would both be '1'",
    ),
    "an overvote": (
        "places", "", "rank1,rank2\na,b\novervote,a\nb,Overvote\n",
        "row 3: place 1 is 'overvote', as in 2 rows in all: the voter marked several there; empty",
    ),
    "a response twice": (
        "places", "", "rank1,rank2,rank3\na,b,\nb,,b\na,b,b\n",
        "row 3: places 1 and 3 both name 'b'; so do 2 rows in all; empty one of the two",
    ),
    "a ranking": ("places", "", "rank1,rank2\na,b\na > b,c\n", "row 3: the response id 'a > b' reads as a"),
    "a gap": ("places", "", "rank1,rank3\na,b\n", "the places should be 1, 2, 3, .*; found rank1, rank3"),
    "no place": ("places", "", "A,B\na,b\n", "the places should be 1, 2, 3, .*; found none; name them"),
    "ids": ("wide_ranks", "", "annotator_id,A,B\nann,1,2\n,1,2\n", "row 3: the annotator_id is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("format", "columns", "text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wide_table_is_refused_with_its_place_and_a_hint(
    write: Write, format: str, columns: str, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"votes\.csv(, |: ).*" + message):
        read_rankings(write("votes.csv", text), format=format, columns=columns)


SHAPES = {
    "numbers": (WIDE, r"A, B, C look like one column per response: read them with --format wide_ranks"),
    "places": (VOTES, "look like one column per place; read them with --format places if rank1 names"),
    "limesurvey": (LIMESURVEY, r'Q1\[3\] look like .* --columns "places=Q1\[\*\]" and --format places'),
    "qualtrics": (QUALTRICS, r'Q5_3 look like one column .* --columns "responses=Q5_\*" and --format wide'),
    "numbers of voters": (
        "Voter,A,B\nann,1,2\n", r"wide_approvals \(1, 0, -1\) and --columns annotator_id=Voter$",
    ),
    "numbers among others": (
        "town,A,B\nx,1,2\n", r'A, B look like one column .* wide_scores .*--columns "responses=A\|B"',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), SHAPES.values(), ids=SHAPES)
def test_a_wide_table_is_never_guessed_but_named(write: Write, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_rankings(write("votes.csv", text))


def test_many_ballots_of_places_are_fast_enough_to_count() -> None:
    rng = np.random.default_rng(0)
    order = rng.permuted(np.tile(np.arange(5), (20_000, 1)), axis=1)
    columns = {f"rank{k + 1}": [f"c{i}" for i in order[:, k]] for k in range(5)}
    rankings = Rankings.from_frame(columns, format="places")
    assert rankings.n_ballots == 20_000
    assert ranks(rankings) == (np.argsort(order) + 1).tolist()


def test_wide_approvals_are_approvals(write: Write) -> None:
    path = write("v.csv", "annotator_id,A,B,C\nann,1,-1,0\nbob,,1,-1\n")
    rankings = read_rankings(path, format="wide_approvals")
    assert rlchf.aggregate(rankings, "net_approval").scores("v") == {"A": 1.0, "B": 0.0, "C": -1.0}
    with pytest.raises(ValueError, match=r"'B' is 2 among 3 responses; give 1 \(approve\), 0 "):
        read_rankings(write("v.csv", "annotator_id,A,B,C\nann,1,2,0\n"), format="wide_approvals")


def test_columns_that_count_rows_or_describe_people_are_no_responses(write: Write) -> None:
    for name, cells in (("Nr", "1234"), ("Laufend", "1234"), ("Age", "4321")):
        rows = "".join(f"{cell},1,2\n" for cell in cells)
        path = write("v.csv", f"{name},A,B\n{rows}")
        with pytest.raises(ValueError, match=f"{name} look like columns about the rows"):
            read_rankings(path, format="wide_scores")


def test_columns_that_are_not_read_are_named_where_rows_are_people(write: Write) -> None:
    path = write("v.csv", "Name,A,B\nann,1,2\nbob,2,1\n")
    with pytest.warns(
        UserWarning, match="Name are not read; .* add annotator_id=Name to --columns"
    ):
        read_rankings(path, format="wide_ranks", columns="responses=A|B")


def test_scores_read_as_ranks_are_refused_or_warned_of(write: Write) -> None:
    path = write("v.csv", "annotator_id,A,B,C\nann,1.4,2,3\n")
    with pytest.raises(ValueError, match=r"'A' is 1\.4 among 3 responses; give a rank"):
        read_rankings(path, format="wide_ranks")
    path = write("v.csv", "annotator_id,A,B,C\nann,2,3,3\nbob,3,2,3\neve,1,2,3\n")
    with pytest.warns(
        UserWarning, match="2 of 3 ballots give no response the rank 1; .* wide_scores"
    ):
        read_rankings(path, format="wide_ranks")


def test_what_a_star_stands_for_has_no_blanks_at_its_ends(write: Write) -> None:
    path = write("v.csv", "annotator_id,Response A,Response B\nann,1,2\n")
    rankings = read_rankings(path, format="wide_ranks", columns="responses=Response*")
    assert rankings.response_ids == ["A", "B"]
