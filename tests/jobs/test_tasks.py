"""Projects of annotation tools: who sees what, and what Label Studio answers comes back."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.io import read_rankings, read_responses
from rlchf.io.json import read_json, write_jsonl
from rlchf.io.sources import read_source
from rlchf.jobs.dealing import deal, orders
from rlchf.rankings import Rankings
from tests.support.cli import refused, rlchf
from tests.support.task_files import lines, task_files


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """The arguments that name prompts and responses."""
    return task_files(tmp_path)


# --- who sees what


@pytest.mark.parametrize(
    ("sizes", "tasks"), [([3, 3, 3, 3], 4), ([5] * 7, 5), ([2, 1, 2, 3, 3], 7)]
)
def test_nobody_sees_a_task_twice_and_all_tasks_are_seen_equally_often(
    sizes: list[int], tasks: int
) -> None:
    for seed in range(20):
        dealt = deal(sizes, tasks, np.random.default_rng(seed))
        assert [len(one) for one in dealt] == sizes
        assert all(len(set(one)) == len(one) for one in dealt)
        seen = Counter(task for one in dealt for task in one)
        counts = [seen[task] for task in range(tasks)]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("responses", [2, 3, 5])
def test_each_response_is_shown_as_often_in_each_place_and_before_each_other(
    responses: int,
) -> None:
    shown = orders(responses, 4 * responses, np.random.default_rng(0))
    for place in range(responses):
        assert set(Counter(order[place] for order in shown).values()) == {4}
    before = Counter(pair for order in shown for pair in itertools.combinations(order, 2))
    assert set(before.values()) == {2 * responses}
    assert len(orders(responses, 1, np.random.default_rng(0))) == 1


def test_the_numbers_of_annotators_items_and_overlap_give_each_other(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    def said(*options: str) -> str:
        out = tmp_path / "-".join(options)
        return (
            rlchf(*files, "--to", "potato", "--out", out, *options)
            .stdout.splitlines()[0]
            .partition(": ")[2]
        )

    assert (
        said("--annotators", "2")
        == "2 annotators with 3 items each; each item is seen by 2 annotators"
    )
    assert said("--annotators", "3", "--overlap", "1") == (
        "3 annotators with 1 item each; each item is seen by 1 annotator"
    )
    assert said("--annotators", "4", "--per-annotator", "2") == (
        "4 annotators with 2 items each; each item is seen by 2 to 3 annotators"
    )
    assert said("--per-annotator", "2", "--overlap", "3") == (
        "5 annotators with 1 to 2 items each; each item is seen by 3 annotators"
    )
    assert said("--annotators", "2", "--kind", "pairwise") == (
        "2 annotators with 10 items each; each item is seen by 2 annotators"
    )


def test_the_same_seed_gives_the_same_project_and_another_one_another(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    written = {}
    for name, seed in (("first", "1"), ("second", "1"), ("third", "2")):
        out = tmp_path / name
        rlchf(*files, "--to", "potato", "--annotators", "3", "--out", out, "--seed", seed)
        written[name] = {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.rglob("*")
            if path.is_file()
        }
    assert written["first"] == written["second"] != written["third"]


def test_a_prompt_with_one_response_is_left_out_with_a_warning(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    done = rlchf(*files, "--to", "potato", "--annotators", "1", "--out", tmp_path / "out")
    assert "1 of 4 prompts have one response, and are left out" in done.stderr
    assert "alone" not in read_responses(tmp_path / "out/responses.jsonl")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "how many annotators?"),
        (("--annotators", "0"), "how many annotators?"),
        (("--annotators", "9"), ""),
        (("--annotators", "2", "--overlap", "3"), "--overlap is 3, but there are 2 annotators"),
        (
            ("--annotators", "2", "--per-annotator", "4"),
            "--per-annotator is 4, but there are 3 items",
        ),
        (
            ("--annotators", "2", "--per-annotator", "1", "--overlap", "2"),
            "2 annotators with 1 items each",
        ),
        (("--annotators", "5", "--overlap", "1"), "5 annotators share 3 items"),
        (("--annotators", "absent.csv"), "absent.csv"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    files: tuple[str, ...], tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = rlchf(*files, "--to", "potato", "--out", tmp_path / "out", *options)
    if message:
        assert message in refused(done)
        assert not (tmp_path / "out").exists()
    else:
        assert done.returncode == 0


def test_what_is_there_is_not_overwritten_and_what_is_missing_is_named(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    options = ("--to", "potato", "--annotators", "2", "--out")
    assert "has files in it; name a new one" in refused(rlchf(*files, *options, tmp_path / "full"))
    assert "is a file" in refused(rlchf(*files, *options, tmp_path / "full/notes.txt"))
    write_jsonl(tmp_path / "prompts.jsonl", [{"prompt_id": "greet", "prompt": "Hi"}])
    message = refused(rlchf(*files, *options, tmp_path / "out"))
    assert "has no prompt 'cook'" in message
    assert "2 prompts are missing" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "full", "prompts.jsonl", "responses.jsonl",
    ]  # fmt: skip


# --- Label Studio


def labelled(project: Path, answer: Any) -> list[dict[str, Any]]:
    """The export of a project, each task annotated by the annotator whom it is for."""
    tasks = read_json(project / "tasks.json")
    for n, task in enumerate(tasks):
        result = answer(task["data"])
        by = {"id": int(task["data"]["seat"]), "email": "x@example.org"}
        one = {
            "id": n,
            "completed_by": by,
            "was_cancelled": False,
            "ground_truth": False,
            "result": result,
        }
        task.update(id=n, annotations=[one], predictions=[])
    return list(tasks)


def test_places_given_in_label_studio_come_back(files: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    rlchf(*files, "--to", "label_studio", "--annotators", "2", "--out", out)
    config = ET.parse(out / "config.xml").getroot()
    buckets = [one.attrib["name"] for one in config.iter("Bucket")]
    assert buckets == [f"place-{n}" for n in range(1, 5)]
    place = {"a": 2, "b": 1, "c": 2, "x": 4, "y": 3, "m1": 1, "m2": 3, "m4": 2}

    def answer(data: dict[str, Any]) -> list[dict[str, Any]]:
        value: dict[str, list[str]] = {name: [] for name in ("_", *buckets)}
        for item in data["items"]:
            assert not item["id"].isdecimal()  # a page would sort numbers, whatever their order
            rank = place.get(item["response_id"])
            value["_" if rank is None else f"place-{rank}"].append(item["id"])
        return [
            {
                "from_name": "ranking",
                "to_name": "responses",
                "type": "ranker",
                "value": {"ranker": value},
            }
        ]

    (tmp_path / "export.json").write_text(json.dumps(labelled(out, answer)))
    done = rlchf(
        "convert", tmp_path / "export.json", "--from", "label_studio", "--out", tmp_path / "back"
    )
    assert done.returncode == 0, done.stderr
    assert lines(read_rankings(tmp_path / "back/rankings.csv")) == {
        f"{prompt}, {annotator}: {order}"
        for annotator in "12"
        for prompt, order in (("greet", "b > a = c"), ("cook", "y > x"), ("code", "m1 > m4 > m2"))
    }


def test_comparisons_in_label_studio_come_back(files: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    rlchf(*files, "--to", "label_studio", "--annotators", "2", "--kind", "pairwise", "--out", out)
    config = (out / "config.xml").read_text()
    assert re.search(r'<Pairwise name="preference" toName="first,second" />', config)

    def answer(data: dict[str, Any]) -> list[dict[str, Any]]:
        ids = data["response_ids"]
        if set(ids) == {"x", "y"}:
            choice = {"choices": ["Equally good"]}
            return [{"from_name": "equal", "to_name": "prompt", "type": "choices", "value": choice}]
        side = {"selected": ("left", "right")[ids.index(min(ids))]}
        name = "preference"
        return [{"from_name": name, "to_name": name, "type": "pairwise", "value": side}]

    (tmp_path / "export.json").write_text(json.dumps(labelled(out, answer)))
    converted = read_source([str(tmp_path / "export.json")], "label_studio")[1]
    ballots = lines(Rankings.from_frame(converted.columns()))
    assert {f"cook, {n}: x = y" for n in "12"} < ballots
    assert {f"greet, {n}: a > c" for n in "12"} < ballots
    assert len(ballots) == 2 * (3 + 1 + 6)
    assert converted.responses["greet"]["a"] == "Yo."
