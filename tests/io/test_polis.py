"""Polis: votes that agree and disagree, with two conventions of their sign."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from rlchf.io.sources import read_source
from tests.support.sources import approvals

VOTES = {"0": {"0": 1, "1": 1, "2": -1}, "1": {"0": 1, "1": 0}, "2": {"0": 1, "2": -1}}
COUNTS = {"0": (3, 0), "1": (1, 0), "2": (0, 2)}


def polis(folder: Path, sign: int = 1, api: bool = False, counts: bool = True) -> Path:
    """A conversation: a table of participants as exported, or lists as the API gives them."""
    folder.mkdir(parents=True)
    if api:
        votes = [
            {
                "pid": int(p),
                "tid": int(t),
                "vote": sign * v,
                "modified": "1",
                "conversation_id": "c",
            }
            for p, of_person in VOTES.items()
            for t, v in of_person.items()
        ]
        comments = [
            {"tid": int(t), "txt": f"Comment {t}.", "mod": 1, "is_meta": False, "active": True}
            | ({"agree_count": a, "disagree_count": d, "pass_count": 0} if counts else {})
            for t, (a, d) in COUNTS.items()
        ]
        (folder / "votes.json").write_text(json.dumps(votes))
        (folder / "comments.json").write_text(json.dumps(comments))
        return folder
    rows: list[list[Any]] = [
        ["participant", "group-id", "n-votes", "n-agree", "n-disagree", *COUNTS]
    ]
    for p, of_person in VOTES.items():
        cells = [sign * of_person[t] if t in of_person else "" for t in COUNTS]
        values = list(of_person.values())
        rows.append([p, 0, len(values), values.count(1), values.count(-1), *cells])
    with (folder / "participants-votes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.mark.parametrize("api", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_counts_tell_which_vote_agrees(tmp_path: Path, sign: int, api: bool) -> None:
    folder = polis(tmp_path / "town", sign, api)
    converted = read_source([str(folder)], "polis")[1]
    assert approvals(converted) == {f"town/{p}": votes for p, votes in VOTES.items()}
    assert list(converted.prompts) == ["town"]


def test_votes_without_counts_are_refused_unless_one_says_which_agrees(tmp_path: Path) -> None:
    folder = polis(tmp_path / "town", -1, api=True, counts=False)
    with pytest.raises(
        ValueError, match=r"votes\.json: it is not clear whether 1 or -1 agrees"
    ) as no:
        read_source([str(folder)], "polis")
    assert "-o agree=-1" in str(no.value)
    converted = read_source([str(folder)], "polis", {"agree": -1})[1]
    assert approvals(converted)["town/0"] == VOTES["0"]


def test_counts_that_fit_neither_sign_are_refused(tmp_path: Path) -> None:
    folder = polis(tmp_path / "town")
    path = folder / "participants-votes.csv"
    lines = path.read_text().splitlines()
    lines[1:] = [line.replace(",2,1,", ",1,1,") for line in lines[1:]]
    lines[1:] = [
        ",".join([*line.split(",")[:3], "2", "2", *line.split(",")[5:]]) for line in lines[1:]
    ]
    path.write_text("\n".join(lines))
    with pytest.raises(
        ValueError, match="the counts differ from them by 6 votes one way and 6 the other"
    ):
        read_source([str(folder)], "polis")


def test_the_last_vote_counts_and_earlier_ones_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    folder.mkdir()
    header = "timestamp,datetime,comment-id,voter-id,vote\n"
    rows = ["3,x,0,ann,1", "1,x,0,ann,-1", "2,x,0,ann,0", "1,x,1,ann,-1", "1,x,0,bob,1"]
    (folder / "votes.csv").write_text(header + "\n".join(rows))
    converted = read_source([str(folder)], "polis", {"agree": 1})[1]
    assert approvals(converted) == {"town/ann": {"0": 1, "1": -1}, "town/bob": {"0": 1}}
    assert converted.dropped == {
        "votes that were changed later": 2,
        "texts of comments, which no file of comments has": 2,
    }


def test_comments_that_moderators_took_out_are_kept_on_request() -> None:
    folder = Path(__file__).parents[1] / "data/sources/polis"
    dropped, kept = (
        read_source([str(folder)], "polis", {"moderated": word})[1] for word in ("drop", "keep")
    )
    assert "7" not in dropped.responses["polis"]
    assert dropped.dropped["votes on comments that moderators took out"] == 4
    assert kept.responses["polis"]["7"] == "Buy my hats!"
    assert approvals(kept)["polis/12"] == {"7": 1}
    assert kept.annotators["polis/12"] == {}  # Polis put this participant into no group
    votes = [str(folder / name) for name in ("votes.csv", "comments.csv")]
    again = read_source(votes, "polis", {"moderated": "keep"})[1]
    assert approvals(again) == approvals(kept)
    assert again.dropped == {"votes that were changed later": 3}


def test_several_conversations_are_several_prompts(tmp_path: Path) -> None:
    for name, sign in (("north", 1), ("south", -1)):
        polis(tmp_path / name, sign)
    converted = read_source([str(tmp_path)], "polis")[1]
    assert list(converted.prompts) == ["north", "south"]
    found = approvals(converted)
    assert found["north/0"] == found["south/0"] == VOTES["0"]


def test_a_vote_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = polis(tmp_path / "town")
    path = folder / "participants-votes.csv"
    path.write_text(
        path.read_text().replace("1,1,-1\n", "1,5,-1\n").replace("1,1,-1\r\n", "1,5,-1\r\n")
    )
    with pytest.raises(ValueError, match=r"participants-votes\.csv, row 2: the vote 1 is 5"):
        read_source([str(folder)], "polis")


@pytest.mark.parametrize("sign", [1, -1])
def test_real_conversations_are_read_as_they_are_with_either_sign(
    tmp_path: Path, sign: int
) -> None:
    source = Path(__file__).parents[3] / "shared/data/polis"
    if not source.exists():
        pytest.skip("needs the real conversations")
    votes: dict[str, dict[str, dict[str, int]]] = {}
    with (source / "rankings.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            of_person = votes.setdefault(row["prompt_id"], {}).setdefault(row["annotator_id"], {})
            of_person[row["response_id"].removeprefix("c")] = int(row["score"])
    for name, people in votes.items():
        (tmp_path / name).mkdir()
        comments = sorted({one for of_person in people.values() for one in of_person}, key=int)
        with (tmp_path / name / "participants-votes.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(
                ["participant", "group-id", "n-votes", "n-agree", "n-disagree", *comments]
            )
            for person, of_person in people.items():
                values = list(of_person.values())
                cells = [sign * of_person[one] if one in of_person else "" for one in comments]
                counts = len(values), values.count(1), values.count(-1)
                rows.writerow([person, 0, *counts, *cells])
    converted = read_source([str(tmp_path)], "polis")[1]
    expected = {
        f"{name}/{person}": of_person
        for name, people in votes.items()
        for person, of_person in people.items()
    }
    assert approvals(converted) == expected
