"""Preference pairs in the shapes of other trainers: the rows, and what they leave out."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.io import trainers
from rlchf.io.trainer_rows import pair_rows
from rlchf.io.trainers import Target, targets
from rlchf.pairs import PairConfig
from rlchf.preferences import Ballots, Example
from tests.support.pair_examples import CHAT, TURNS, example, said

ROWS: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("trl", "text"): [
        {"prompt": "Greet me.", "chosen": "A", "rejected": "B"},
        {"prompt": "Greet me.", "chosen": "A", "rejected": "C"},
    ],
    ("trl", "chat"): [
        {"prompt": CHAT, "chosen": [said("A")], "rejected": [said("B")]},
        {"prompt": CHAT, "chosen": [said("A")], "rejected": [said("C")]},
    ],
    ("nemo_rl", "chat"): [
        {
            "context": CHAT,
            "completions": [
                {"rank": 0, "completion": [said("A")]}, {"rank": 1, "completion": [said(other)]},
            ],
        }
        for other in "BC"
    ],
    ("nemo_rl", "text"): [
        {
            "context": [{"role": "user", "content": "Greet me."}],
            "completions": [
                {"rank": 0, "completion": [said("A")]}, {"rank": 1, "completion": [said(other)]},
            ],
        }
        for other in "BC"
    ],
    ("tinker", "chat"): [
        {
            "comparison": {
                "prompt_conversation": CHAT,
                "completion_A": [said(one)],
                "completion_B": [said(other)],
            },
            "label": label,
        }
        for one, other, label in (("A", "B", "A"), ("A", "C", "A"), ("B", "C", "Tie"))
    ],
    ("llama_factory", "text"): [
        {"instruction": "Greet me.", "chosen": "A", "rejected": "B"},
        {"instruction": "Greet me.", "chosen": "A", "rejected": "C"},
    ],
    ("llama_factory", "chat"): [
        {
            "conversations": [
                {"from": "system", "value": "Be kind."}, {"from": "human", "value": "Greet me."},
            ],
            "chosen": {"from": "gpt", "value": "A"},
            "rejected": {"from": "gpt", "value": other},
        }
        for other in "BC"
    ],
    ("axolotl", "text"): [
        {
            "messages": [{"role": "user", "content": "Greet me."}],
            "system": "",
            "input": "Greet me.",
            "chosen": "A",
            "rejected": other,
        }
        for other in "BC"
    ],
    ("axolotl", "chat"): [
        {
            "messages": CHAT, "system": "Be kind.", "input": "Greet me.", "chosen": "A", "rejected": other,
        }
        for other in "BC"
    ],
    ("hf", "text"): [
        {"prompt_id": "p", "prompt": "Greet me.", "chosen": "A", "rejected": "B"},
        {"prompt_id": "p", "prompt": "Greet me.", "chosen": "A", "rejected": "C"},
    ],
}  # fmt: skip
ROWS["openrlhf", "text"], ROWS["openrlhf", "chat"] = ROWS["trl", "text"], ROWS["trl", "chat"]


@pytest.mark.parametrize(("to", "form"), ROWS)
def test_the_rows_of_a_trainer(to: str, form: str) -> None:
    made = pair_rows([example("Greet me." if form == "text" else CHAT)], to)
    assert made.train == ROWS[to, form]
    assert made.test == []
    assert dict(made.not_held) == ({} if to == "tinker" else {"tied pair": 1})


def test_every_trainer_has_rows_here() -> None:
    assert {to for to, _ in ROWS} == set(targets())
    assert all(isinstance(target, Target) for target in targets().values())


def test_a_file_in_the_folder_is_a_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "another.py").write_text(
        "from rlchf.io.trainers import Target\n"
        "TARGET = Target('another', 'its loader', lambda pairs, names: [{} for _ in pairs], frozenset())\n"
    )
    monkeypatch.setattr(trainers, "__path__", [*trainers.__path__, str(tmp_path)])
    targets.cache_clear()
    try:
        assert len(pair_rows([example()], "another")) == 2
        (tmp_path / "nothing.py").write_text("")
        targets.cache_clear()
        with pytest.raises(ValueError, match=r"nothing.py defines no TARGET"):
            targets()
    finally:
        monkeypatch.undo()
        targets.cache_clear()
        for name in ("another", "nothing"):
            sys.modules.pop(f"rlchf.io.trainers.{name}", None)


@pytest.mark.parametrize("to", sorted(targets()))
def test_numbers_are_in_every_row_or_counted(to: str) -> None:
    two = replace(example(), ranks=[1, 2, 3], scores=[2.0, 1.0, 1.0])  # one margin is 0
    config = PairConfig(learn_from="shares", margins="scores", weights="ballots")
    made, target = pair_rows([two], to, config), targets()[to]
    names = {"probability": "soft label", "weight": "weight", "margin": "margin"}
    held = [name for name in names if name in target.holds]
    for row in made.train:
        assert [name for name in names if name in row] == held
    counts = {"soft label": 1, "weight": 3, "margin": 2}
    for name, words in names.items():
        assert made.not_held.get(words, 0) == (0 if name in held else counts[words])


def test_shares_margins_and_weights_are_those_of_the_ballots() -> None:
    config = PairConfig(learn_from="shares", margins="shares", weights="ballots")
    made = pair_rows([example()], "hf", config)
    numbers = ("chosen", "rejected", "probability", "weight", "margin")
    assert [tuple(row[name] for name in numbers) for row in made.train] == [
        ("A", "B", 2 / 3, 3.0, pytest.approx(1 / 3)),
        ("A", "C", 1.0, 2.0, 1.0),
        ("B", "C", 1.0, 2.0, 1.0),
    ]


def test_ballots_that_split_evenly_are_a_tie() -> None:
    ballots = Ballots(np.array([[1, 2], [1, 2], [2, 1]]), np.array([0.1, 0.2, 0.3]), list("xyz"))
    even = Example("p", "Hi", ["a", "b"], ["A", "B"], [1, 2], ballots=ballots)
    config = PairConfig(learn_from="shares")
    made = pair_rows([even, example(prompt_id="q")], "hf", config)
    assert dict(made.not_held) == {"tied pair": 1}
    assert {row["prompt_id"] for row in made.train} == {"q"}


def test_margins_of_scores_are_their_differences() -> None:
    made = pair_rows([example()], "trl", PairConfig(margins="scores"))
    assert [row["margin"] for row in made.train] == [1.5, 1.5]


def test_a_trainer_without_soft_labels_learns_the_majority() -> None:
    heavy = example().ballots
    assert heavy is not None
    ballots = replace(heavy, weights=np.array([1.0, 1.0, 3.0]))
    made = pair_rows([example(ballots=ballots)], "trl", PairConfig(learn_from="shares"))
    assert [(row["chosen"], row["rejected"]) for row in made.train] == [
        ("A", "C"), ("B", "A"), ("B", "C"),
    ]  # fmt: skip
    assert "1 soft label, which trl does not hold" in made.summary()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [("all", 6), ("adjacent", 3), ("top", 3)],
)
def test_pairs_may_be_all_neighbours_or_those_of_the_best(pairs: Any, expected: int) -> None:
    four = Example("p", "Hi", list("abcd"), list("ABCD"), [2, 1, 4, 3])
    rows = pair_rows([four], "trl", PairConfig(pairs=pairs)).train
    assert len(rows) == expected
    if pairs == "top":
        assert {row["chosen"] for row in rows} == {"B"}
    if pairs == "adjacent":
        assert {(row["chosen"], row["rejected"]) for row in rows} == {
            ("B", "A"), ("A", "D"), ("D", "C"),
        }  # fmt: skip


def test_near_ties_are_dropped_and_counted() -> None:
    close = example(ranks=[1, 2, 3], scores=[2.0, 1.0, 0.9])
    made = pair_rows([close], "trl", PairConfig(near_ties="drop", tie_width=0.1))
    assert [(row["chosen"], row["rejected"]) for row in made.train] == [("A", "B"), ("A", "C")]
    assert dict(made.left_out) == {"nearly tied": 1}
    assert made.summary() == "trl: 2 rows of 1 prompt; left out: 1 nearly tied pair"


def test_kept_near_ties_are_written_as_the_order_says() -> None:
    close = example(ranks=[1, 2, 3], scores=[1.0, 1.0, 1.0])
    made = pair_rows([close], "hf")
    assert len(made.train) == 3
    assert all("probability" not in row for row in made.train)


def test_soft_near_ties_have_the_ballots_share() -> None:
    close = example(ranks=[1, 2, 3], scores=[2.0, 1.9, 0.0])
    made = pair_rows([close], "hf", PairConfig(near_ties="soft", tie_width=0.1))
    assert [row["probability"] for row in made.train] == [2 / 3, 1.0, 1.0]


def test_a_near_tie_of_shares_is_near_one_half() -> None:
    ballots = Ballots(np.array([[1, 2], [1, 2], [2, 1]]), np.array([1.0, 1.0, 1.8]), list("xyz"))
    near = Example("p", "Hi", ["a", "b"], ["A", "B"], [1, 2], ballots=ballots)
    config = PairConfig(learn_from="shares", near_ties="drop", tie_width=0.05)
    clear = replace(near, prompt_id="q", ballots=replace(ballots, weights=np.ones(3)))
    made = pair_rows([near, clear], "trl", config)
    assert len(made) == 1
    assert dict(made.left_out) == {"nearly tied": 1}
    assert "1 other prompt without a row" in made.summary()


def test_a_soft_near_tie_that_no_ballot_compares_is_left_out() -> None:
    ballots = Ballots(np.array([[1, 0, 2], [0, 1, 2]]), np.ones(2), ["x", "y"])
    close = example(ranks=[1, 2, 3], scores=[2.0, 2.0, 0.0], ballots=ballots)
    made = pair_rows([close], "hf", PairConfig(near_ties="soft"))
    assert [(row["chosen"], row["rejected"]) for row in made.train] == [("A", "C"), ("B", "C")]
    assert "left out: 1 pair that no ballot compares" in made.summary()


def test_drop_leaves_ties_out_where_rows_could_hold_them() -> None:
    made = pair_rows([example()], "tinker", PairConfig(near_ties="drop"))
    assert [row["label"] for row in made.train] == ["A", "A"]
    assert dict(made.left_out) == {"tied": 1}
    assert (
        "tinker-cookbook's DPO takes B for the chosen" in pair_rows([example()], "tinker").summary()
    )


def test_a_rule_s_own_probabilities_are_soft_labels() -> None:
    targets_of_rule = np.array([[np.nan, 0.7, 0.5], [0.3, np.nan, 0.4], [0.5, 0.6, np.nan]])
    made = pair_rows([example(targets=targets_of_rule)], "hf")
    assert [(row["chosen"], row["rejected"], row["probability"]) for row in made.train] == [
        ("A", "B", 0.7), ("C", "B", 0.6),
    ]  # fmt: skip
    assert dict(made.not_held) == {"tied pair": 1}


@pytest.mark.parametrize("to", sorted(targets()))
def test_responses_with_the_same_text_are_no_pair(to: str) -> None:
    same = example(ranks=[1, 2, 3], responses=["A", "A", "C"])
    made = pair_rows([same], to)
    assert len(made.train) == 2
    assert dict(made.left_out) == {"equal texts": 1}
    assert "left out: 1 pair of equal texts" in made.summary()


def test_a_ranking_may_be_one_row() -> None:
    made = pair_rows(
        [example(CHAT, ranks=[2, 1, 2], responses=["A", "B", "C"])],
        "hf",
        PairConfig(pairs="ranked"),
    )
    assert made.train == [
        {
            "prompt_id": "p",
            "prompt": CHAT,
            "completions": [[said("B")], [said("A")], [said("C")]],
            "ranks": [1, 2, 2],
        }
    ]
    repeated = example(ranks=[1, 2, 3], responses=["A", "A", "C"])
    made = pair_rows([repeated], "hf", PairConfig(pairs="ranked"))
    assert made.train[0] == {
        "prompt_id": "p", "prompt": "Greet me.", "completions": ["A", "C"], "ranks": [1, 2],
    }  # fmt: skip
    assert "left out: 1 response with the text of another" in made.summary()


def test_conversational_makes_text_a_message_of_the_user() -> None:
    made = pair_rows([example()], "trl", PairConfig(conversational=True))
    assert made.train[0]["prompt"] == [{"role": "user", "content": "Greet me."}]
    assert made.train[0]["chosen"] == [said("A")]


def test_text_and_messages_do_not_mix() -> None:
    both = [example(), example(CHAT, prompt_id="q")]
    for to in ("trl", "openrlhf", "hf", "llama_factory"):
        with pytest.raises(ValueError, match="1 prompt, such as 'p', are text and 1 are chat"):
            pair_rows(both, to)
        assert len(pair_rows(both, to, PairConfig(conversational=True))) == 4
    for to in ("nemo_rl", "axolotl", "tinker"):
        assert len(pair_rows(both, to)) >= 4


def test_prompts_that_a_trainer_cannot_read_are_counted() -> None:
    backwards = [{"role": "user", "content": "Hi"}, said("Hello")]
    made = pair_rows([example(TURNS), example(backwards, prompt_id="q")], "llama_factory")
    assert len(made.train) == 2
    assert [turn["from"] for turn in made.train[0]["conversations"]] == ["human", "gpt", "human"]
    assert "1 prompt, which llama_factory does not hold" in made.summary().replace(
        " and 1 tied pair", ""
    )
    assert "user and assistant alternate" in made.summary()
    odd = [{"role": "critic", "content": "Hi"}]
    made = pair_rows([example(CHAT), example(odd, prompt_id="q")], "axolotl")
    assert made.not_held["prompt"] == 1


@pytest.mark.parametrize(
    ("to", "settings", "problem"),
    [
        ("trl", {"near_ties": "soft"}, "trl does not hold soft labels; choose .*'drop', or hf"),
        ("nemo_rl", {"pairs": "ranked"}, "nemo_rl holds two responses a row; .*or hf"),
    ],
)
def test_what_a_trainer_cannot_express_is_refused(
    to: str, settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        pair_rows([example()], to, PairConfig(**settings))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"tie_width": 0.1}, "near_ties is 'keep'"),
        ({"pairs": "ranked", "margins": "scores"}, "margins is for pairs"),
        ({"pairs": "some"}, "pairs is 'some'"),
    ],
)
def test_settings_that_contradict_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        PairConfig(**settings)


def test_nothing_to_write_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no row to learn from .*left out: 3 tied pairs"):
        pair_rows([example(ranks=[1, 1, 1])], "trl")
    with pytest.raises(ValueError, match="no row of the prompts held out"):
        pair_rows([example()], "trl", held_out=[example(ranks=[1, 1, 1], prompt_id="q")])


def test_numbers_that_an_example_lacks_are_refused() -> None:
    bare = example(ballots=None, scores=None)
    with pytest.raises(ValueError, match="without its ballots, and learn_from is shares"):
        pair_rows([bare], "hf", PairConfig(learn_from="shares"))
    with pytest.raises(ValueError, match="without its collective scores, and margins is 'scores'"):
        pair_rows([bare], "hf", PairConfig(margins="scores"))
