"""Mixing sources: what is drawn or weighed, whose ids are whose, and the files."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
from rlchf.jobs.mix import mix_files
from rlchf.jobs.mix_settings import MixJob
from rlchf.mixing import Mixture, Size, Source, mix, pairs_compared, parse_ratio
from rlchf.preferences import check_texts
from tests.support.cli import rlchf as run_rlchf

Row = dict[str, Any]


def source(
    name: str, ballots: Sequence[tuple[str, str, str]], texts: Mapping[str, str] | None = None
) -> Source:
    """A source whose texts are "prompt of <name>", and "<response> of <name>", but for those given."""
    rankings = rlchf.Rankings.from_ballots(ballots)
    texts = texts or {}
    return Source(
        name,
        rankings,
        {p: {"prompt": texts.get(p, f"{p} of {name}")} for p in rankings.prompt_ids},
        {
            p: {r: {"text": texts.get(r, f"{r} of {name}")} for r in rankings.responses(p)}
            for p in rankings.prompt_ids
        },
    )


def distinct(name: str, n: int, ranking: str = "a > b") -> Source:
    return source(name, [(f"{name}-{i}", f"{name}-ann", ranking) for i in range(n)])


def back(mixture: Mixture) -> rlchf.Rankings:
    return rlchf.Rankings.from_frame(mixture.columns)


def sizes(mixture: Mixture, number: str) -> dict[str, float]:
    return {name: getattr(size, number) for name, size in mixture.after.items()}


# --- the ratio


def test_prompts_are_drawn_as_many_as_the_ratio_allows() -> None:
    mixture = mix([distinct("human", 10), distinct("ai", 20)], parse_ratio("3:1"), "prompts")
    assert sizes(mixture, "prompts") == {"human": 10, "ai": 3}
    mixture = mix([distinct("human", 10), distinct("ai", 20)], parse_ratio("1:4"), "prompts")
    assert sizes(mixture, "prompts") == {"human": 5, "ai": 20}


def test_pairs_are_counted_once_however_many_compare_them() -> None:
    human = distinct("human", 6, "a > b > c")  # three pairs on each prompt
    ballots = [(f"ai-{i}", f"principle-{k}", "a > b") for i in range(30) for k in range(4)]
    mixture = mix([human, source("ai", ballots)], parse_ratio("1:1"), "pairs")
    assert sizes(mixture, "pairs") == {"human": 18, "ai": 18}
    assert sizes(mixture, "ballots") == {"human": 6, "ai": 18 * 4}
    assert back(mixture).n_ballots == 6 + 18 * 4


def test_by_weight_all_ballots_stay_and_the_sums_stand_at_the_ratio() -> None:
    human, ai = distinct("human", 3, "a > b > c"), distinct("ai", 30)
    mixture = mix([human, ai], parse_ratio("3:1"), "weight")
    assert sizes(mixture, "weight") == pytest.approx({"human": 9.0, "ai": 3.0})
    rankings = back(mixture)
    assert rankings.n_ballots == 33
    assert rankings.ballot_weights.tolist() == [1.0] * 3 + [0.1] * 30


def test_soft_labels_weigh_as_their_comparisons_do() -> None:
    rows = [
        {"prompt_id": f"q{i}", "annotator_id": "kind", "chosen": "a", "rejected": "b", "probability": 0.7}
        for i in range(4)
    ]  # fmt: skip
    rankings = rlchf.Rankings.from_frame(rows)
    assert Size.of(rankings) == Size(prompts=4, ballots=4, pairs=4, weight=4.0)
    texts = {p: {"a": {"text": "A"}, "b": {"text": "B"}} for p in rankings.prompt_ids}
    ai = Source("ai", rankings, {p: {"prompt": p} for p in rankings.prompt_ids}, texts)
    mixture = mix([distinct("human", 2), ai], parse_ratio("1:1"), "weight")
    shares = {
        p: float(rlchf.aggregate(back(mixture), "borda").scores(p)["a"]) for p in ("q0", "human-0")
    }
    assert shares == pytest.approx({"q0": 0.5 * 0.7, "human-0": 1.0})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.integers(0, 5),
    st.data(),
)
def test_drawn_numbers_are_within_one_of_the_ratio(
    numbers: list[int], seed: int, data: st.DataObject
) -> None:
    ratio = [Fraction(data.draw(st.integers(1, 4))) for _ in numbers]
    sources = [distinct(f"s{i}", n) for i, n in enumerate(numbers)]
    most = min(Fraction(n) / part for n, part in zip(numbers, ratio, strict=True))
    if any(int(most * part) == 0 for part in ratio):
        with pytest.raises(ValueError, match="the ratio leaves none of its"):
            mix(sources, ratio, "prompts", seed)
        return
    drawn = list(sizes(mix(sources, ratio, "prompts", seed), "prompts").values())
    assert drawn == [int(most * part) for part in ratio]
    assert any(n == m for n, m in zip(drawn, numbers, strict=True))  # no more would fit


def test_a_seed_draws_the_same_prompts_and_another_seed_others() -> None:
    sources = [distinct("human", 40), distinct("ai", 10)]
    draws = [
        [row["prompt_id"] for row in mix(sources, parse_ratio("1:1"), "prompts", seed).prompts]
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] == sorted(draws[0], key=lambda p: (p[0] == "a", int(p.split("-")[1])))


# --- ids


def test_equal_prompts_are_one_and_different_ones_get_the_name_of_their_source() -> None:
    ballots = [("same", "1", "a > b"), ("other", "1", "a > b")]
    texts = {"same": "Hello?", "a": "A."}
    with pytest.warns(UserWarning, match="1 prompt id, 1 response id, 1 annotator id of several"):
        mixture = mix(
            [source("human", ballots, texts), source("ai", ballots, texts)],
            parse_ratio("1:1"),
            "weight",
        )
    assert [(row["prompt_id"], row["source"], row["prompt"]) for row in mixture.prompts] == [
        ("same", "human+ai", "Hello?"),
        ("human:other", "human", "other of human"),
        ("ai:other", "ai", "other of ai"),
    ]
    rankings = back(mixture)
    assert rankings.responses("same") == ["a", "ai:b", "human:b"]
    assert rankings.annotator_ids == ["human:1", "ai:1"]
    assert [row["text"] for row in mixture.responses if row["prompt_id"] == "same"] == [
        "A.", "b of human", "b of ai",
    ]  # fmt: skip


def test_an_anonymous_annotator_stays_anonymous() -> None:
    ballots = [("p", "anonymous:1", "a > b")]
    texts = {"p": "Hi", "a": "A", "b": "B"}
    with pytest.warns(UserWarning, match="1 annotator id of several sources"):
        mixture = mix(
            [source("human", ballots, texts), source("ai", ballots, texts)],
            parse_ratio("1:1"),
            "pairs",
        )
    assert back(mixture).anonymous == ["anonymous:human:1", "anonymous:ai:1"]


def test_an_id_that_is_there_already_is_refused() -> None:
    human = source("human", [("p", "ann", "a > b"), ("ai:p", "ann", "a > b")])
    with (
        pytest.warns(UserWarning, match="1 prompt id"),
        pytest.raises(ValueError, match="ai: 'p' would be 'ai:p', which is there already"),
    ):
        mix([human, source("ai", [("p", "bob", "a > b")])], parse_ratio("1:1"), "pairs")


def test_scores_become_ranks_beside_ranks() -> None:
    scored = rlchf.Rankings.from_frame(
        [
            {"prompt_id": "s", "annotator_id": "ann", "response_id": r, "score": x}
            for r, x in (("a", 4.5), ("b", 1.0))
        ]
    )
    human = Source("human", scored, {"s": {"prompt": "s"}}, {"s": {r: {"text": r} for r in "ab"}})
    with pytest.warns(UserWarning, match="1 ballot of human became ranks"):
        mixture = mix([human, distinct("ai", 1)], parse_ratio("1:1"), "pairs")
    assert back(mixture).entry_ranks.tolist() == [1, 2, 1, 2]


def test_strengths_and_several_ballots_of_one_annotator_stay() -> None:
    rows = [
        {"prompt_id": "s", "annotator_id": "ann", "chosen": a, "rejected": b, "strength": s}
        for a, b, s in (("a", "b", 2.0), ("b", "c", 1.0))
    ]
    rankings = rlchf.Rankings.from_frame(rows)
    human = Source(
        "human", rankings, {"s": {"prompt": "s"}}, {"s": {r: {"text": r} for r in "abc"}}
    )
    mixed = back(mix([human, distinct("ai", 2)], parse_ratio("1:1"), "pairs"))
    assert mixed.n_ballots == 4
    assert mixed.ballot_strengths is not None
    assert np.array_equal(mixed.ballot_strengths, [2.0, 1.0, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize("text", ["3:", "a:b", "1:0", "-1:2", "1:1/0", "nan:1"])
def test_a_ratio_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give a number above 0 for each source, as in 3:1"):
        parse_ratio(text)


def test_what_cannot_be_mixed_is_refused() -> None:
    human, ai = distinct("human", 2), distinct("ai", 2)
    silent = replace(ai, rankings=ai.rankings.weighted({"ai-ann": 0.0}))
    ones = parse_ratio("1:1")
    for sources, ratio, by, message in (
        ([human], ones[:1], "pairs", "there is 1 source to mix"),
        ([human, ai], parse_ratio("1:1:1"), "pairs", "3 parts for 2 sources"),
        ([human, human], ones, "pairs", "2 sources are named 'human'"),
        ([human, distinct("", 1)], ones, "pairs", "the name of a source is ''"),
        ([human, ai], ones, "ballots", "by is 'ballots'"),
        ([human, silent], ones, "pairs", "human: the ratio leaves none of its 2 prompts"),
        ([human, silent], ones, "weight", "ai: no ballot that compares two responses has a weight"),
    ):
        with pytest.raises(ValueError, match=message):
            mix(sources, ratio, by)  # type: ignore[arg-type]
    bare = Source("ai", ai.rankings, ai.prompts, {p: {} for p in ai.responses})
    with pytest.raises(
        ValueError, match=r"ai: responses.jsonl has no response 'a' of prompt 'ai-0'"
    ):
        mix([human, bare], ones, "pairs")


def test_pairs_that_nobody_with_a_weight_compares_do_not_count() -> None:
    rankings = rlchf.Rankings.from_ballots(
        [("p", "ann", "a > b"), ("p", "bob", "b > c"), ("q", "ann", "a > b")], [1.0, 0.0, 1.0]
    )
    assert pairs_compared(rankings).tolist() == [1, 1]


# --- files


def write(folder: Path, name: str, prompts: int, people: Sequence[str], *, soft: bool) -> Path:
    """A folder of a source as `rlchf convert` or a judge writes one."""
    (folder / name).mkdir()
    rows: list[Row] = []
    for i in range(prompts):
        for k, one in enumerate(people):
            row: Row = {"prompt_id": f"{name}{i}", "annotator_id": one}
            if soft:
                p = 0.5 + ((7 * i + k) % 5) / 10
                rows.append(
                    row | {"chosen": "a", "rejected": "b", "tie": p == 0.5, "probability": p}
                )
            else:
                rows.append(
                    row | {"ranking": [["b"], ["a", "c"]] if (i + k) % 3 else [["a"], ["c"]]}
                )
    texts = [
        {"prompt_id": f"{name}{i}", "response_id": r, "text": f"{r}{i}", "label": "kind"}
        for i in range(prompts) for r in ("ab" if soft else "abc")
    ]  # fmt: skip
    questions = [{"prompt_id": f"{name}{i}", "prompt": f"{name} {i}?"} for i in range(prompts)]
    for stem, lines in (("rankings", rows), ("responses", texts), ("prompts", questions)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / name / f"{stem}.jsonl").write_text(text)
    if not soft:
        (folder / name / "annotators.csv").write_text(
            "annotator_id,weight,region,source\n"
            + "".join(f"{one},2,north,panel\n" for one in people)
        )
    return folder / name


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "human", 6, ["ann", "bob"], soft=False)
    write(tmp_path, "ai", 20, ["harmless", "honest", "polite"], soft=True)
    return tmp_path


@pytest.mark.parametrize("by", ["pairs", "prompts", "weight"])
def test_the_folder_is_read_by_the_other_commands(by: str, folders: Path) -> None:
    mixed = folders / "mixed"
    result = run_rlchf("mix", "human", "ai", "--ratio", "3:1", "--by", by, "--out", "mixed")
    assert result.returncode == 0, result.stderr
    rankings = read_rankings(mixed)
    check_texts(rankings, read_prompts(mixed), read_responses(mixed))
    people = read_annotators(mixed / "annotators.csv")
    assert people.weights is None  # they are in the ballots' weights
    assert people.group("source") == {
        one: "ai" if one in ("harmless", "honest", "polite") else "human"
        for one in rankings.annotator_ids
    }
    assert set(people.features) == {"source", "region", "stated_source"}
    assert set(people.features["source"]) == {"human", "ai"}
    assert json.loads((mixed / "responses.jsonl").read_text().splitlines()[0])["label"] == "kind"
    done = run_rlchf("aggregate", "mixed", "--rule", "borda", "--out", "agg.jsonl")
    assert done.returncode == 0, done.stderr
    done = run_rlchf(
        "audit", "mixed", "agg.jsonl", "--annotators", "mixed/annotators.csv", "--group", "source",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "human" in done.stdout


def test_the_same_seed_gives_the_same_bytes(folders: Path) -> None:
    paths = [str(folders / name) for name in ("human", "ai")]
    for out in ("one", "two"):
        mix_files(
            MixJob(sources=tuple(paths), ratio="1:1", by="pairs", out=str(folders / out), seed=3)
        )
    for path in (folders / "one").iterdir():
        assert path.read_bytes() == (folders / "two" / path.name).read_bytes()
    assert len(list((folders / "one").iterdir())) == 4


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "tsv"])
def test_every_kind_of_file_holds_the_same_rankings(kind: str, folders: Path) -> None:
    paths = tuple(str(folders / name) for name in ("human", "ai"))
    for to in ("csv", kind):
        mix_files(
            MixJob(sources=paths, ratio="1:1", by="weight", out=str(folders / to), to=to)  # type: ignore[arg-type]
        )
    one, other = read_rankings(folders / "csv"), read_rankings(folders / kind)
    assert one.ballot_weights.tolist() == other.ballot_weights.tolist()
    assert one.entry_ranks.tolist() == other.entry_ranks.tolist()


def test_json_has_the_numbers_and_the_screen_says_what_was_left_out(folders: Path) -> None:
    arguments = ["mix", "human", "ai", "--ratio", "1:1", "--by", "prompts"]
    done = run_rlchf(*arguments, "--out", "m1", "--json")
    numbers = json.loads(done.stdout)
    assert numbers["human"]["after"] == numbers["human"]["before"]
    assert numbers["human"]["before"]["weight"] == 2 * sum(
        3 if (i + k) % 3 else 1 for i in range(6) for k in range(2)
    )
    assert numbers["ai"]["before"] == {"prompts": 20, "ballots": 60, "pairs": 20, "weight": 60.0}
    assert numbers["ai"]["after"] == {"prompts": 6, "ballots": 18, "pairs": 6, "weight": 18.0}
    done = run_rlchf(*arguments, "--out", "m2")
    assert "left out: 14 prompts of ai" in done.stderr


def test_files_in_place_of_a_folder(folders: Path) -> None:
    done = run_rlchf(
        "mix", "human", "ai/rankings.jsonl", "--ratio", "1:1", "--name", "people", "--name", "judge",
        "--prompts", "ai/prompts.jsonl", "--responses", "ai/responses.jsonl", "--out", "mixed"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (folders / "mixed/annotators.csv").open() as file:
        assert {row["source"] for row in csv.DictReader(file)} == {"people", "judge"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["human", "ai", "--ratio", "1:1:1"], "the ratio has 3 parts for 2 sources"),
        (["human", "ai", "--ratio", "much"], "the ratio is 'much'; give a number above 0"),
        (["human", "nowhere", "--ratio", "1:1"], "nowhere: there is no prompts.jsonl in it"),
        (["human", "texts", "--ratio", "1:1"], "texts: there is no file named rankings in it"),
        (["human", "ai", "--ratio", "1:1", "--name", "x"], "--name names 1 of 2 sources"),
        (["human", "human", "--ratio", "1:1"], "2 sources are named 'human'; give each its own with --name"),
        (["human", "ai/rankings.jsonl", "--ratio", "1:1"], "give a folder that has one, or the file with --"),
        (["human", "ai", "--ratio", "1:1", "--prompts", "x"], "--prompts is given 1 times, and 0 of the"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_leaves_nothing(
    arguments: list[str], message: str, folders: Path
) -> None:
    (folders / "texts").mkdir()
    for name in ("prompts.jsonl", "responses.jsonl"):
        (folders / "texts" / name).write_bytes((folders / "ai" / name).read_bytes())
    done = run_rlchf("mix", *arguments, "--out", "mixed")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folders / "mixed").exists()
