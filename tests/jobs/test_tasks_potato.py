"""Projects of Potato: what annotators see, and that their answers come back as rankings."""

import importlib
import itertools
import json
import os
import shutil
import urllib.request
from collections import Counter
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from rlchf.io import read_rankings
from rlchf.io.json import read_jsonl, write_jsonl
from rlchf.io.projects.potato import _scalar
from rlchf.io.sources import read_source
from rlchf.rankings import Rankings
from tests.support.cli import Done, refused, rlchf
from tests.support.potato import write_state
from tests.support.task_files import PROMPTS, RESPONSES, lines, task_files


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """The arguments that name prompts and responses."""
    return task_files(tmp_path)


def answered(
    project: Path, out: Path, orders: list[dict[str, Any]], question: str, answer: Any
) -> Done:
    """Two people answer as Potato would keep it, and rlchf convert reads it."""
    for seat, annotator in (("1", "ann@home"), ("2", "bob")):
        items = [row for row in orders if row["id"].startswith(f"{seat}-")]
        state = {row["id"]: answer(row["response_ids"]) for row in items}
        write_state(project, annotator, state, question)
    return rlchf("convert", project, "--from", "potato", "--out", out)


def test_potato_shows_texts_as_they_are_and_no_ids_of_responses(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    rlchf(*files, "--to", "potato", "--annotators", "2", "--out", out)
    pages = [path.read_text() for path in sorted((out / "items").iterdir())]
    assert len(pages) == 2
    for text in pages:
        assert "<script" not in text
        assert "</script" not in text
        assert '"m1"' not in text
    (code,) = [row for row in read_jsonl(out / "items/1.jsonl") if "Add one" in row["prompt"]]
    assert code["prompt"] == "Add one &lt;/script&gt; &amp; &lt;b&gt;two&lt;/b&gt;."
    assert "def f(x):<br>&nbsp; &nbsp; return x + 1" in code["responses"]
    assert code["labels"] == [f"Response {n}" for n in range(1, 5)]
    config = (out / "config.yaml").read_text()
    assert 'labels: ["1", "2", "3", "4"]' in config
    assert 'host: "127.0.0.1"' in config
    assert "max_annotators: 1" in config


def test_potato_knows_the_annotators_of_a_file(files: tuple[str, ...], tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("annotator_id,region\nann@home,north\nbob,south\n")
    out = tmp_path / "out"
    rlchf(*files, "--to", "potato", "--annotators", people, "--out", out)
    config = (out / "config.yaml").read_text()
    assert 'annotators: ["ann@home"]' in config
    assert "allow_all_users: false" in config
    orders = read_jsonl(out / "orders.jsonl")
    answered(
        out, tmp_path / "back", orders, "place",
        lambda ids: {f"Response {n}": str(n) for n in range(1, len(ids) + 1)},
    )  # fmt: skip
    assert (tmp_path / "back/annotators.csv").read_text().splitlines() == [
        "annotator_id,region", "ann@home,north", "bob,south",
    ]  # fmt: skip
    people.write_text("annotator_id\n../etc\n")
    done = rlchf(*files, "--to", "potato", "--annotators", people, "--out", tmp_path / "no")
    assert "Potato names a folder after each annotator" in refused(done)
    assert not (tmp_path / "no").exists()


def test_places_given_in_potato_come_back_as_rankings_with_ties(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    rlchf(*files, "--to", "potato", "--annotators", "2", "--out", out)
    place = {"a": 2, "b": 1, "c": 2, "x": 4, "y": 3, "m1": 1, "m2": 3, "m4": 2}  # m3 has none

    def answer(ids: list[str]) -> dict[str, str]:
        return {f"Response {n}": str(place[i]) for n, i in enumerate(ids, 1) if i in place}

    done = answered(out, tmp_path / "back", read_jsonl(out / "orders.jsonl"), "place", answer)
    assert done.returncode == 0, done.stderr
    rankings = read_rankings(tmp_path / "back/rankings.csv")
    assert lines(rankings) == {
        f"{prompt}, {annotator}: {order}"
        for annotator in ("ann@home", "bob")
        for prompt, order in (("greet", "b > a = c"), ("cook", "y > x"), ("code", "m1 > m4 > m2"))
    }
    for name in ("prompts", "responses"):
        back = read_jsonl(tmp_path / f"back/{name}.jsonl")
        given = [
            row for row in read_jsonl(tmp_path / f"{name}.jsonl") if row["prompt_id"] != "alone"
        ]
        assert all(row in given for row in back)


@pytest.mark.parametrize("kind", ["state", "csv", "jsonl"])
def test_comparisons_in_potato_come_back_whoever_was_shown_first(
    files: tuple[str, ...], tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    rlchf(*files, "--to", "potato", "--annotators", "2", "--kind", "pairwise", "--out", out)
    orders = read_jsonl(out / "orders.jsonl")
    firsts = Counter(tuple(row["response_ids"]) for row in orders)
    assert set(firsts.values()) == {1}  # one of two annotators sees each pair the other way round

    def word(ids: list[str]) -> str:
        better = min(ids)
        return "tie" if set(ids) == {"x", "y"} else "AB"[ids.index(better)]

    rows = [
        (row["id"], "ann" if row["id"][0] == "1" else "bob", word(row["response_ids"]))
        for row in orders
    ]
    if kind == "state":
        answered(out, tmp_path / "x", orders, "preference", lambda ids: {"selection": word(ids)})
        sources = [str(out)]
    elif kind == "csv":
        text = "instance_id,user_id,preference.selection\n" + "".join(
            f"{','.join(row)}\n" for row in rows
        )
        (tmp_path / "annotations.csv").write_text(text)
        sources = [str(tmp_path / "annotations.csv"), str(out)]
    else:
        write_jsonl(
            tmp_path / "annotations.jsonl",
            (
                {
                    "instance_id": item,
                    "user_id": user,
                    "labels": {"preference": {"selection": one}},
                    "spans": {},
                }
                for item, user, one in rows
            ),
        )
        sources = [str(tmp_path / "annotations.jsonl"), str(out)]
    converted = read_source(sources, "potato")[1]
    ballots = lines(Rankings.from_frame(converted.columns()))
    expected = {f"cook, {user}: x = y" for user in converted.annotators}
    for prompt in ("greet", "code"):
        for one, other in itertools.combinations(sorted(RESPONSES[prompt]), 2):
            expected |= {f"{prompt}, {user}: {one} > {other}" for user in converted.annotators}
    assert ballots == expected
    assert converted.prompts["cook"] == PROMPTS["cook"]


def potato(
    tmp_path: Path, item: dict[str, Any], question: str, answer: dict[str, Any], **options: Any
) -> Any:
    """Read a project of somebody's own with one item and one answer."""
    write_jsonl(tmp_path / "items.jsonl", [{"id": "i", "text": "Q?", **item}])
    shutil.rmtree(tmp_path / "annotation_output", ignore_errors=True)
    write_state(tmp_path, "ann", {"i": answer}, question)
    return read_source([str(tmp_path)], "potato", options)[1]


def test_potato_s_rankings_and_scales_are_read(tmp_path: Path) -> None:
    texts = {"drafts": ["One.", "Two.", "Three.", "Four."]}
    ranking = potato(tmp_path, texts, "best", {"rank_order": "B,D=A,C"})
    assert lines(Rankings.from_frame(ranking.columns())) == {"i, ann: B > A = D > C"}
    assert ranking.responses["i"] == {"B": "Two.", "D": "Four.", "A": "One.", "C": "Three."}
    commas = potato(
        tmp_path,
        {"labels": ["Rome, Italy", "a=b", "Oslo"]},
        "best",
        {"rank_order": "a=b,Rome, Italy,Oslo"},
    )
    assert commas.columns()["response_id"] == ["a=b", "Rome, Italy", "Oslo"]
    for value, ranks, strength in (("-2", [1, 2], 2), ("0", [1, 1], 0), ("3", [2, 1], 3)):
        scale = potato(tmp_path, {"sides": ["One.", "Two."]}, "how", {"scale_value": value})
        assert scale.columns()["rank"] == ranks
        assert scale.columns()["strength"] == [strength] * 2


def test_what_potato_does_not_say_is_refused(tmp_path: Path) -> None:
    pair = {"sides": ["One.", "Two."]}
    with pytest.raises(ValueError, match="the selection is 'C'; there should be A, B or tie"):
        potato(tmp_path, pair, "best", {"selection": "C"})
    with pytest.raises(
        ValueError, match=r"no question asks for a ranking.*the questions are helpful"
    ):
        potato(tmp_path, pair, "helpful", {"One.": "5", "Two.": "1"})
    named = potato(tmp_path, pair, "helpful", {"One.": "1", "Two.": "2"}, places="helpful")
    assert named.columns()["rank"] == [1, 2]
    with pytest.raises(ValueError, match="several lists of texts, sides, more"):
        potato(tmp_path, pair | {"more": ["x", "y"]}, "best", {"selection": "A"})
    with pytest.raises(ValueError, match="names 'B' twice"):
        potato(tmp_path, pair, "best", {"rank_order": "B,A,B"})
    potato(tmp_path, pair, "best", {"selection": "A"})
    (tmp_path / "items.jsonl").unlink()
    with pytest.raises(
        ValueError, match="item 'i' is in none of the files; give the project's folder"
    ):
        read_source([str(tmp_path)], "potato")


def test_candidates_that_potato_shuffled_are_those_that_were_chosen(tmp_path: Path) -> None:
    for order, chosen in (([1, 0], "B"), ([0, 1], "A"), ([2, 0, 1], "C")):
        sides = ["One.", "Two.", "Three."][: len(order)]
        write_jsonl(tmp_path / "items.jsonl", [{"id": "i", "text": "Q?", "sides": sides}])
        shutil.rmtree(tmp_path / "annotation_output", ignore_errors=True)
        write_state(tmp_path, "ann", {"i": {"selection": "A"}}, "best", order)
        columns = read_source([str(tmp_path)], "potato")[1].columns()
        assert columns["response_id"][columns["rank"].index(1)] == chosen
    write_state(tmp_path, "bob", {"i": {"selection": "A"}}, "best", [5, 0])
    with pytest.raises(ValueError, match="there should be the numbers of the candidates"):
        read_source([str(tmp_path)], "potato")


def test_an_export_that_does_not_say_who_was_shown_first_is_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "items.jsonl", [{"id": "i", "text": "Q?", "sides": ["One.", "Two."]}])
    (tmp_path / "annotations.csv").write_text("instance_id,user_id,best.selection\ni,ann,A\n")
    with pytest.raises(ValueError, match="does not say which candidate was shown first"):
        read_source([str(tmp_path)], "potato")
    converted = read_source([str(tmp_path)], "potato", {"order": "fixed"})[1]
    assert converted.columns()["rank"] == [1, 2]
    (tmp_path / "annotations.csv").unlink()
    with pytest.raises(ValueError, match="nobody's answers are in the files"):
        read_source([str(tmp_path)], "potato")


def test_test_questions_and_answers_about_one_response_are_counted(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "items.jsonl",
        [{"id": n, "text": "Q?", "labels": ["x", "y"]} for n in ("1", "2_testing")],
    )
    write_state(tmp_path, "ann", {"1": {"x": "1"}, "2_testing": {"x": "1", "y": "2"}}, "place")
    converted = read_source([str(tmp_path)], "potato")[1]
    assert converted.dropped == {
        "answers about one response only": 1,
        "answers to test questions": 1,
    }


def test_yaml_scalars_are_printable() -> None:
    assert _scalar("a\u2028b🥚") == '"a\\U00002028b🥚"'
    assert _scalar([True, 1, "x"]) == '[true, 1, "x"]'


# --- the tool itself


@pytest.mark.slow
def test_potato_itself_shows_a_project_and_its_answers_come_back(
    files: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = os.environ.get("POTATO") or shutil.which("potato")
    if program is None:
        pytest.skip("needs potato-annotation; POTATO may name its program")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks/collecting"))
    served = importlib.import_module("potato_round_trip").served
    project = tmp_path / "project"
    rlchf(*files, "--to", "potato", "--annotators", "2", "--per-annotator", "2", "--out", project)
    orders = {row["id"]: row["response_ids"] for row in read_jsonl(project / "orders.jsonl")}
    expected = set()
    with served(project, program) as address:
        for annotator in ("ann", "bob", "eve"):
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            login = urlencode({"email": annotator, "pass": "", "action": "login"}).encode()
            browser.open(f"{address}/auth", login).read()
            page = browser.open(f"{address}/annotate").read().decode()
            if annotator == "eve":  # both places are taken
                assert "Response 1" not in page
                continue
            for n in (1, 2):
                seat = {"ann": 1, "bob": 2}[annotator]
                item = f"{seat}-{n}"
                if n == 1:
                    assert f'value="{item}"' in page
                    assert "<script>alert" not in page
                ids = orders[item]
                places = {f"place:Response {k}": str(1 + (k > 1)) for k in range(1, len(ids) + 1)}
                body = json.dumps({"instance_id": item, "annotations": places}).encode()
                request = urllib.request.Request(
                    f"{address}/updateinstance", body, {"Content-Type": "application/json"}
                )
                assert json.load(browser.open(request))["status"] == "success"
                (prompt,) = [name for name, texts in RESPONSES.items() if ids[0] in texts]
                rest = " = ".join(sorted(ids[1:]))
                expected.add(f"{prompt}, {annotator}: {ids[0]} > {rest}")
    done = rlchf("convert", project, "--from", "potato", "--out", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    assert lines(read_rankings(tmp_path / "back/rankings.csv")) == expected
