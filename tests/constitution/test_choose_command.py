"""`rlchf constitution choose`: from votes to a slate, a constitution and a picture."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from rlchf.constitution.choosing.report import Chosen
from rlchf.io.constitutions import read_constitution
from tests.support.cli import refused, rlchf
from tests.support.polls import polis_export, texts_of, two_camps

BALLOTS = two_camps()
TEXTS = texts_of(BALLOTS)
GROUPS = {voter: "01"[int(voter[1:]) >= 60] for voter in BALLOTS}
POLIS = Path(__file__).parents[3] / "shared" / "data" / "polis"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return polis_export(tmp_path / "town", BALLOTS, TEXTS, GROUPS)


@pytest.fixture
def approvals(tmp_path: Path) -> Path:
    """Votes in our own format, with the texts and the groups beside them."""
    rows = [
        f"town,{voter},{statement},{vote}"
        for voter, votes in BALLOTS.items()
        for statement, vote in votes.items()
    ]
    path = tmp_path / "votes.csv"
    path.write_text("\n".join(["prompt_id,annotator_id,response_id,approval", *rows]) + "\n")
    lines = [
        json.dumps({"prompt_id": "town", "response_id": s, "text": text})
        for s, text in TEXTS.items()
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines) + "\n")
    people = [f"{voter},{'north' if group == '0' else 'south'}" for voter, group in GROUPS.items()]
    (tmp_path / "people.csv").write_text("\n".join(["annotator_id,region", *people]) + "\n")
    return path


def slate_of(*arguments: object) -> dict[str, object]:
    done = rlchf("constitution", "choose", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_an_export_becomes_a_constitution_that_can_be_read(export: Path, tmp_path: Path) -> None:
    slate, file = tmp_path / "slate.json", tmp_path / "mine.toml"
    done = rlchf("constitution", "choose", export, "-k", 5, "--out", slate, "--out", file)
    assert done.returncode == 0, done.stderr
    assert "Justified representation holds: JR, PJR, EJR, EJR+." in done.stdout
    rows = json.loads(slate.read_text())["slate"]
    constitution = read_constitution(file)
    assert constitution.names == [row["id"] for row in rows]
    first = constitution.principles[0]
    assert (
        first.question
        == f'Which response does this statement describe better: "{rows[0]["text"]}"?'
    )
    assert first.source == (
        "elected in place 1 by equal_shares: 60 agree, 40 pass, 0 disagree, 0 did not see it"
    )
    assert json.loads(slate.read_text())["groups_from"] == "the group-id of the export"


def test_the_question_and_the_weights_can_be_set(export: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    done = rlchf(
        "constitution", "choose", export, "-k", 3, "--out", file, "--weights", "estimate",
        "--question", "Which one follows '{statement}'\\?",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    principle = read_constitution(file).principles[0]
    assert principle.question.startswith("Which one follows 'Answers should praise ")
    assert 0.5 < principle.weight < 0.7


def test_both_formats_and_both_sources_of_groups_give_one_slate(
    export: Path, approvals: Path
) -> None:
    from_polis = slate_of(export, "-k", 10, "--rule", "seq_phragmen")
    folder = approvals.parent
    ours = slate_of(
        approvals, "-k", 10, "--rule", "seq_phragmen", "--responses", folder / "texts.jsonl",
        "--annotators", folder / "people.csv", "--group", "region",
    )  # fmt: skip
    rows = [found["slate"] for found in (from_polis, ours)]
    assert [row["text"] for row in rows[0]] == [row["text"] for row in rows[1]]  # type: ignore[attr-defined]
    service = ours["service"]
    assert [(g["name"], g["agreed"], g["entitled"]) for g in service["groups"]] == [  # type: ignore[index]
        ("north", 6, 6), ("south", 4, 4),
    ]  # fmt: skip


def test_without_groups_they_are_found_by_the_votes(approvals: Path) -> None:
    found = slate_of(approvals, "-k", 4, "--responses", approvals.parent / "texts.jsonl")
    assert str(found["groups_from"]).startswith("k-means on two principal components")
    assert [g["members"] for g in found["service"]["groups"]] == [60, 40]  # type: ignore[index]


def test_a_scored_table_needs_the_name_of_its_column(approvals: Path) -> None:
    scored = approvals.parent / "scored.csv"
    scored.write_text(approvals.read_text().replace("approval", "score"))
    message = refused(rlchf("constitution", "choose", scored, "-k", 4))
    assert "states no approvals" in message
    assert "--columns approval=score" in message
    assert len(slate_of(scored, "-k", 4, "--columns", "approval=score")["slate"]) == 4  # type: ignore[arg-type]


def test_the_comparison_shows_what_each_rule_gives_the_smaller_camp(export: Path) -> None:
    found = slate_of(export, "-k", 10, "--compare", "--estimate", "shrunk")
    agreed = {one["rule"]: [g["agreed"] for g in one["groups"]] for one in found["compared"]}  # type: ignore[attr-defined]
    assert agreed["approval"] == agreed["net_approval"] == [10, 0]
    assert agreed["seq_phragmen"] == agreed["equal_shares"] == agreed["tax_equal_shares"] == [6, 4]
    done = rlchf("constitution", "choose", export, "-k", 10, "--compare")
    row = next(line for line in done.stdout.splitlines() if line.startswith(" approval"))
    assert row.split()[:4] == ["approval", "10", "0", "10"]


def test_the_same_votes_give_the_same_bytes(export: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.json" for n in (1, 2)]
    for file in files:
        rlchf("constitution", "choose", export, "-k", 5, "--clusters", "--compare", "--out", file)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.skipif(not find_spec("matplotlib"), reason="needs matplotlib")
def test_a_picture_has_a_mark_for_each_rule_and_group(export: Path, tmp_path: Path) -> None:
    picture = tmp_path / "slate.svg"
    done = rlchf("constitution", "choose", export, "-k", 10, "--picture", picture)
    assert done.returncode == 0, done.stderr
    text = picture.read_text()
    assert "group_informed_consensus" in text
    assert "group 0 (60 % of the voters)" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", 21], "20 of 20 statements can be elected, and -k is 21; give 20 or fewer"),
        ([], "give either -k, the number of statements, or --words"),
        (["-k", 2, "--rule", "borda"], "rule 'borda' elects no slate by approvals"),
        (["-k", 2, "--group", "region"], "groups of a file need both --annotators and --group"),
        (["-k", 2, "--out", "slate.txt"], "give a file that ends in .json or .toml"),
        (["-k", 2, "--question", "Which?"], "has no {statement}"),
        (["-k", 2, "--prompt", "twn"], "there is no conversation 'twn'"),
        (["-k", 2, "--picture", "slate.gif"], "give a file that ends in .svg or .png"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    export: Path, arguments: list[object], message: str
) -> None:
    assert message in refused(rlchf("constitution", "choose", export, *arguments))


def test_several_conversations_need_a_name(export: Path, tmp_path: Path) -> None:
    other = polis_export(tmp_path / "village", two_camps(6, 4, 2), TEXTS, {})
    message = refused(rlchf("constitution", "choose", export, other, "-k", 2))
    assert "there are 2 conversations; choose one with --prompt, from town, village" in message
    assert slate_of(export, other, "-k", 2, "--prompt", "village")["voters"] == 10


def test_a_file_of_other_people_is_refused(approvals: Path) -> None:
    people = approvals.parent / "others.csv"
    people.write_text("annotator_id,region\nxaver,north\n")
    texts = approvals.parent / "texts.jsonl"
    groups = ["--responses", texts, "--annotators", people, "--group", "region"]
    message = refused(rlchf("constitution", "choose", approvals, "-k", 2, *groups))
    assert "names none of the voters" in message


def test_statements_without_texts_are_warned_of(approvals: Path) -> None:
    done = rlchf("constitution", "choose", approvals, "-k", 2)
    assert "20 of 20 statements have no text" in done.stderr


def test_a_folder_has_texts_and_annotators_beside_the_votes(
    approvals: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    for old, new in (
        ("votes", "rankings.csv"),
        ("texts", "responses.jsonl"),
        ("people", "annotators.csv"),
    ):
        text = approvals.with_name(f"{old}{Path(new).suffix}").read_text()
        (folder / new).write_text(text.replace("region", "group"))
    done = rlchf("constitution", "choose", folder, "-k", 4)
    assert "annotators.csv has a column 'group', which is not read" in done.stderr
    assert "give --group group" in done.stderr
    found = slate_of(folder, "-k", 4, "--group", "group")
    assert found["groups_from"] == f"the column group of {folder / 'annotators.csv'}"
    assert [g["name"] for g in found["service"]["groups"]] == ["north", "south"]  # type: ignore[index]


def test_a_column_of_votes_is_proposed_and_may_have_words(approvals: Path) -> None:
    words = {"1": "agree", "0": "pass", "-1": "disagree"}
    head, *rows = approvals.read_text().splitlines()
    named = [f"{row.rsplit(',', 1)[0]},{words[row.rsplit(',', 1)[1]]}" for row in rows]
    votes = approvals.with_name("named.csv")
    votes.write_text("\n".join([head.replace("approval", "vote"), *named]) + "\n")
    message = refused(rlchf("constitution", "choose", votes, "-k", 4))
    assert "--columns approval=vote" in message
    ours = slate_of(votes, "-k", 4, "--columns", "approval=vote")
    assert ours["slate"] == slate_of(approvals, "-k", 4)["slate"]


def small_poll(folder: Path, rows: list[str]) -> Path:
    path = folder / "small.csv"
    path.write_text("\n".join(["prompt_id,annotator_id,response_id,approval", *rows]) + "\n")
    return path


def test_few_votes_are_warned_of_and_ordered_by_the_lower_end(tmp_path: Path) -> None:
    rows = ["t,a,one,1", "t,a,two,1", "t,b,two,1", "t,c,two,0", "t,a,bad,-1", "t,b,bad,0"]
    done = rlchf(
        "constitution",
        "choose",
        small_poll(tmp_path, rows),
        "-k",
        3,
        "--rule",
        "approval",
        "--json",
    )
    assert "3 of 3 statements on the slate have fewer than 5 votes" in done.stderr
    slate = json.loads(done.stdout)["slate"]
    assert [row["id"] for row in slate] == ["two", "one", "bad"]
    assert [round(row["low"], 2) for row in slate] == [0.19, 0.16, 0.01]


def test_a_budget_that_serves_few_is_warned_of(tmp_path: Path) -> None:
    rows = [f"t,v{v},s{s},{1 if s == v // 2 else -1}" for v in range(8) for s in range(4)]
    done = rlchf("constitution", "choose", small_poll(tmp_path, rows), "--words", 1)
    assert (
        "1 word left room for only 1 statement, and 75 % of the voters agree with none"
        in done.stderr
    )


@pytest.mark.skipif(not POLIS.is_dir(), reason="needs the votes of seven Polis conversations")
def test_on_real_votes_the_default_slate_is_proportional() -> None:
    from rlchf.constitution.choosing.settings import ChooseJob, SlateConfig
    from rlchf.jobs.constitution.choose import find_groups, read_votes

    job = ChooseJob(
        votes=(str(POLIS / "rankings.csv"),), columns="approval=score", prompt="brexit-consensus",
        responses=str(POLIS / "responses.jsonl"), annotators=str(POLIS / "annotators.csv"),
        group="opinion_group",
    )  # fmt: skip
    votes, _ = read_votes(job)
    groups, _ = find_groups(votes, {}, job)
    chosen = Chosen.of(votes, groups, SlateConfig(k=10), compared=False)
    assert len(votes.voters) == 204
    assert chosen.service.left_without == []
    assert chosen.service.violated == []
    assert min(row["agree"] + row["disagree"] for row in chosen.rows()) >= 20
