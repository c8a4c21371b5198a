"""Pair probabilities of a rule, from the rule to the reward model's examples and to files."""

import json
from pathlib import Path

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.preferences import examples

BALLOTS = [("p", i, "a > b" if i < 3 else "b > a") for i in range(4)]
BALLOTS += [("q", i, "x > y > z" if i < 3 else "z > y > x") for i in range(4)]
RANKINGS = Rankings.from_ballots(BALLOTS)
PROMPTS = {"p": "Hello?", "q": "Bye?"}
TEXTS = {"p": {"a": "A", "b": "B"}, "q": {"x": "X", "y": "Y", "z": "Z"}}


def test_probabilities_are_the_targets_of_the_examples() -> None:
    result = rlchf.aggregate(RANKINGS, "soft_nash")
    p, q = examples(result, PROMPTS, TEXTS)
    assert np.array_equal(p.pair_targets(), [[np.nan, 0.75], [0.25, np.nan]], equal_nan=True)
    table = result.pair_probabilities("q")
    assert table is not None
    assert np.array_equal(q.pair_targets(), table, equal_nan=True)
    assert table[0, 2] == pytest.approx(0.75)


def test_shares_of_the_ballots_are_not_the_rules_probabilities() -> None:
    ballots = [
        ("p", "ann", "a > b"),
        ("q", "ann", "x > y > z"),
        ("p", "bob", "b > a"),
        ("r", "bob", "a > b"),
    ]
    rankings = Rankings.from_ballots([*ballots, ("r", "cid", "b > a")])
    result = rlchf.aggregate(rankings, "soft_nash")
    texts = {**TEXTS, "r": {"a": "A", "b": "B"}}
    prompts = {**PROMPTS, "r": "So?"}
    probabilities = examples(result, prompts, texts)[0].pair_targets()
    cast = examples(result, prompts, texts, ballots_of=rankings)[0].ballots
    assert cast is not None
    assert cast.shares()[0, 1] == 0.5
    assert probabilities[0, 1] > 0.6  # Bob has a second prompt, Ann does not


def test_a_rule_without_probabilities_leaves_the_ranks_to_decide() -> None:
    result = rlchf.aggregate(RANKINGS, "borda")
    assert result.pair_probabilities("p") is None
    assert [example.targets for example in examples(result, PROMPTS, TEXTS)] == [None, None]


def test_jsonl_has_the_probabilities_and_tables_do_not(tmp_path: Path) -> None:
    result = rlchf.aggregate(RANKINGS, "soft_nash")
    result.write(tmp_path / "out.jsonl")
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first["probabilities"] == {"a": {"b": 0.75}, "b": {"a": 0.25}}
    rlchf.aggregate(RANKINGS, "borda").write(tmp_path / "borda.jsonl")
    assert "probabilities" not in (tmp_path / "borda.jsonl").read_text()
    assert list(result.columns()) == [
        "prompt_id",
        "response_id",
        "rank",
        "score",
        "rule",
        "ballots",
    ]
