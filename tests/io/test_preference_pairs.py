"""Preference pairs: written for other trainers, and read back into examples."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.io.preference_pairs import read_pairs, write_pairs
from rlchf.io.trainer_rows import pair_rows
from rlchf.pairs import PairConfig
from rlchf.preferences import Ballots, Example

CHAT = [{"role": "user", "content": "Greet me."}]


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_strict_pair_is_a_row_and_a_tie_is_none() -> None:
    example = Example("p", "Hi", ["a", "b", "c"], ["A", "B", "C"], [1, 2, 2])
    rows = pair_rows([example]).train
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("A", "B"), ("A", "C")]


def test_a_conversation_gives_messages() -> None:
    (row,) = pair_rows([Example("p", CHAT, ["a", "b"], ["A", "B"], [2, 1])]).train
    assert row["prompt"] == CHAT
    assert row["chosen"] == [{"role": "assistant", "content": "B"}]


@pytest.mark.parametrize("prompt", ["Greet me.", CHAT])
def test_what_is_written_is_read_back(prompt: Any, tmp_path: Path) -> None:
    targets = np.array([[np.nan, 0.8, 1.0], [0.2, np.nan, np.nan], [0.0, np.nan, np.nan]])
    margins = np.array([[0, 0.5, 2.0], [-0.5, 0, 0], [-2.0, 0, 0]])
    texts = ["A", "B", "C"]
    example = Example("p", prompt, texts, texts, [1, 2, 3], 3.0, targets, margins=margins)
    assert len(write_pairs([example], tmp_path / "pairs.jsonl")) == 2
    (again,) = read_pairs(tmp_path / "pairs.jsonl")
    assert (again.prompt_id, again.prompt, again.responses) == ("p", prompt, texts)
    np.testing.assert_allclose(again.pair_targets(), targets)
    assert again.margins is not None
    np.testing.assert_allclose(again.margins, margins)
    assert again.weight == 6.0  # two rows of weight three
    assert again.ranks[0] == 1


def test_rows_of_one_prompt_become_one_example_with_shares(tmp_path: Path) -> None:
    rows = [{"prompt": "Hi", "chosen": "A", "rejected": "B"}] * 3
    rows += [{"prompt": "Hi", "chosen": "B", "rejected": "A"}]
    rows += [{"prompt": "Hi", "chosen": "C", "rejected": "A"}]
    rows += [{"prompt": "Bye", "chosen": "A", "rejected": "B"}]
    first, second = read_pairs(lines(tmp_path / "pairs.jsonl", *rows))
    assert first.responses == ["A", "B", "C"]
    assert first.pair_targets()[0, 1] == 0.75
    assert np.isnan(first.pair_targets()[1, 2])
    assert first.pair_weights is not None
    assert first.pair_weights[0, 1] == 4
    assert (first.weight, second.weight) == (5.0, 1.0)


def test_a_prompt_may_be_what_two_conversations_begin_with(tmp_path: Path) -> None:
    good, bad = ({"role": "assistant", "content": text} for text in ("Hello!", "No."))
    path = lines(tmp_path / "pairs.jsonl", {"chosen": [*CHAT, good], "rejected": [*CHAT, bad]})
    (example,) = read_pairs(path)
    assert example.prompt == CHAT
    assert example.responses == ["Hello!", "No."]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "Hi", "chosen": "A"}, "no key 'rejected'"),
        ({"chosen": "A", "rejected": "B"}, "give the prompt"),
        ({"prompt": 3, "chosen": "A", "rejected": "B"}, "the prompt is '3'"),
        ({"prompt": "Hi", "chosen": ["A"], "rejected": "B"}, "chosen is"),
        ({"prompt": "Hi", "chosen": "A", "rejected": "A"}, "the same text"),
        ({"prompt": "Hi", "chosen": "A", "rejected": "B", "weight": -1}, "the weight is '-1'"),
        ({"prompt": "Hi", "chosen": "A", "rejected": "B", "probability": 2}, "from 0 to 1"),
    ],
)
def test_a_wrong_row_is_named(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    good = {"prompt": "Hi", "chosen": "A", "rejected": "B"}
    with pytest.raises(ValueError, match=f"line 2: .*{message}"):
        read_pairs(lines(tmp_path / "pairs.jsonl", good, row))


def test_pairs_may_follow_the_majorities_of_the_ballots() -> None:
    ballots = Ballots(np.array([[2, 1], [2, 1], [1, 2], [1, 1]]), np.ones(4), list("abcd"))
    example = Example("p", "Hi", ["a", "b"], ["A", "B"], [1, 2], ballots=ballots)
    shares = PairConfig(learn_from="shares")
    (row,) = pair_rows([example], config=shares).train
    assert (row["chosen"], row["rejected"], row["probability"]) == ("B", "A", 0.625)
    (row,) = pair_rows([example]).train
    assert (row["chosen"], row["rejected"]) == ("A", "B")
    with pytest.raises(
        ValueError, match=r"prompt 'p' comes without its ballots, and .*; make the examples"
    ):
        pair_rows([replace(example, ballots=None)], config=shares)
