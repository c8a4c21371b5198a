"""From collective rankings and texts to training examples."""

from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf.entries import Entries
from rlchf.pairs import preference_pairs
from rlchf.preferences import (
    Ballots,
    Example,
    ballots_by_prompt,
    examples,
    split,
    uncompared_pairs,
)
from rlchf.prompts import Prompt

BALLOTS = [
    ("p", "ann", [["a"], ["b"], ["c"]]),
    ("p", "bob", [["b"], ["a", "c"]]),
    ("p", "eve", [["c"], ["a"]]),
    ("q", "ann", [["y"], ["x"]]),
]
PROMPTS: dict[str, Prompt] = {"p": "First?", "q": [{"role": "user", "content": "Second?"}]}
RESPONSES = {"p": {"a": "A", "b": "B", "c": "C", "unused": "U"}, "q": {"x": "X", "y": "Y"}}


def test_an_example_joins_the_collective_ranking_with_its_texts() -> None:
    rankings = rlchf.Rankings.from_ballots(BALLOTS)
    first, second = examples(rlchf.aggregate(rankings, "borda"), PROMPTS, RESPONSES)
    assert first.response_ids == ["a", "b", "c"]
    assert first.responses == ["A", "B", "C"]
    assert first.ranks == [2, 1, 3]
    assert second.prompt == PROMPTS["q"]
    assert second.ranks == [2, 1]


def test_targets_follow_the_ranks_and_a_tie_is_one_half() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", [["b"], ["a", "c"]])])
    (example,) = examples(rlchf.aggregate(rankings, "borda"), PROMPTS, RESPONSES)
    expected = [[np.nan, 0.0, 0.5], [1.0, np.nan, 1.0], [0.5, 0.0, np.nan]]
    np.testing.assert_array_equal(example.pair_targets(), expected)


def shares_by_prompt(rankings: rlchf.Rankings) -> dict[str, np.ndarray]:
    return {prompt: ballots.shares() for prompt, ballots in ballots_by_prompt(rankings).items()}


def test_shares_count_ties_half_and_leave_out_ballots_that_do_not_compare() -> None:
    shares = shares_by_prompt(rlchf.Rankings.from_ballots(BALLOTS, weights=[2, 1, 1, 5]))
    # a against b: ann (2) for a, bob (1) for b. a against c: ann (2), bob ties (1), eve (1) for c.
    np.testing.assert_allclose(shares["p"][0, 1], 2 / 3)
    np.testing.assert_allclose(shares["p"][0, 2], 2.5 / 4)
    np.testing.assert_allclose(shares["p"] + shares["p"].T, np.where(np.eye(3), np.nan, 1.0))
    assert shares["q"][1, 0] == 1.0


def test_a_pair_that_nobody_compared_has_no_share() -> None:
    ballots = [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["b"], ["c"]])]
    assert np.isnan(shares_by_prompt(rlchf.Rankings.from_ballots(ballots))["p"][0, 2])


def test_shares_and_weights_reach_the_examples() -> None:
    rankings = rlchf.Rankings.from_ballots(BALLOTS)
    result = rlchf.aggregate(rankings, "kemeny")
    first, second = examples(result, PROMPTS, RESPONSES, ballots_of=rankings, weights={"q": 3.0})
    assert (first.weight, second.weight) == (1.0, 3.0)
    assert first.ballots is not None
    np.testing.assert_array_equal(first.ballots.shares(), shares_by_prompt(rankings)["p"])


@pytest.mark.parametrize(
    ("prompts", "responses", "message"),
    [
        ({"q": "Second?"}, RESPONSES, "no prompt 'p'"),
        (
            PROMPTS,
            {"p": {"a": "A", "b": "B"}, "q": RESPONSES["q"]},
            "no response 'c' of prompt 'p'",
        ),
        (PROMPTS, {"p": RESPONSES["p"]}, "no response 'x' of prompt 'q'"),
    ],
)
def test_a_missing_text_is_named(prompts: dict, responses: dict, message: str) -> None:  # type: ignore[type-arg]
    result = rlchf.aggregate(rlchf.Rankings.from_ballots(BALLOTS))
    with pytest.raises(ValueError, match=message):
        examples(result, prompts, responses)


def test_a_split_keeps_every_prompt_once_and_follows_the_seed() -> None:
    rankings = rlchf.Rankings.from_ballots([(i, "ann", [["a"], ["b"]]) for i in range(20)])
    texts = {str(i): {"a": "A", "b": "B"} for i in range(20)}
    made = examples(rlchf.aggregate(rankings), {str(i): "?" for i in range(20)}, texts)
    train, held_out = split(made, 0.25, seed=1)
    assert len(held_out) == 5
    assert sorted(e.prompt_id for e in train + held_out) == sorted(e.prompt_id for e in made)
    again = split(made, 0.25, seed=1)
    assert [e.prompt_id for e in again[1]] == [e.prompt_id for e in held_out]
    other = split(made, 0.25, seed=2)
    assert [e.prompt_id for e in other[1]] != [e.prompt_id for e in held_out]


def test_ballots_come_with_the_examples_as_they_were_cast() -> None:
    rankings = rlchf.Rankings.from_ballots(BALLOTS, weights=[2, 1, 1, 5])
    first, second = examples(rlchf.aggregate(rankings), PROMPTS, RESPONSES, ballots_of=rankings)
    assert first.ballots is not None
    assert second.ballots is not None
    assert first.ballots.ranks.tolist() == [[1, 2, 3], [2, 1, 2], [2, 0, 1]]
    assert first.ballots.annotators == ["ann", "bob", "eve"]
    assert second.ballots.weights.tolist() == [5]
    np.testing.assert_allclose(first.ballots.shares(), shares_by_prompt(rankings)["p"])


def test_tables_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="prompt 'p': pair_weights has the shape"):
        Example("p", "Hi", ["a", "b"], ["A", "B"], [1, 2], pair_weights=np.ones((3, 3)))


def test_ballots_follow_the_collective_rankings_order_of_responses() -> None:
    result = rlchf.aggregate(rlchf.Rankings.from_ballots(BALLOTS))
    entries = Entries(
        prompt_ids=["p", "q"],
        annotator_ids=["ann"],
        response_ids=["c", "b", "a", "y", "x"],
        ballot_prompts=np.array([0, 1]),
        ballot_annotators=np.array([0, 0]),
        entry_ballots=np.array([0, 0, 0, 1, 1]),
        entry_responses=np.arange(5),
        entry_ranks=np.array([1.0, 2, 3, 1, 2]),
        sort_responses=False,
    )
    other = rlchf.Rankings.from_entries(entries)
    first, _ = examples(result, PROMPTS, RESPONSES, ballots_of=other)
    assert first.response_ids == ["a", "b", "c"]
    assert first.ballots is not None
    assert first.ballots.ranks.tolist() == [[3, 2, 1]]
    assert first.ballots.shares()[2, 0] == 1


def judged(*rows: tuple[str, str, str, int | str, float | str]) -> rlchf.Rankings:
    """Ballots of rows (prompt, annotator, response, approval, rank), with a strength of 2 for ann."""
    names = ("prompt_id", "annotator_id", "response_id", "approval", "rank")
    return rlchf.Rankings.from_frame(
        [
            {**dict(zip(names, row, strict=True)), "strength": 2 if row[1] == "ann" else ""}
            for row in rows
        ]
    )


BAD = judged(
    ("p", "ann", "a", -1, 1), ("p", "ann", "b", -1, 1),
    ("q", "ann", "a", -1, 1), ("q", "ann", "b", -1, 1), ("q", "bob", "a", 1, 1), ("q", "bob", "b", 0, 2),
    ("r", "ann", "a", "", 1), ("r", "ann", "b", "", 1),
)  # fmt: skip


def joined(**options: Any) -> dict[str, Example]:
    texts = {p: {"a": "Yes.", "b": "No."} for p in "pqr"}
    prompts: dict[str, Prompt] = dict.fromkeys("pqr", "?")
    result = rlchf.aggregate(BAD, "borda")
    made = examples(result, prompts, texts, ballots_of=BAD, **options)
    return {example.prompt_id: example for example in made}


def test_both_bad_is_no_comparison() -> None:
    """p: both bad, and nobody says more; q: one says both bad, one prefers a; r: a tie, not judged."""
    targets = {p: e.pair_targets()[0, 1] for p, e in joined().items()}
    assert np.isnan(targets["p"])
    assert (targets["q"], targets["r"]) == (1.0, 0.5)
    shares = {p: e.ballots.shares()[0, 1] for p, e in joined().items() if e.ballots is not None}
    assert np.isnan(shares["p"])
    assert (shares["q"], shares["r"]) == (1.0, 0.5)


def sparse(rule: str = "kemeny") -> Example:
    """Two ballots that compare a with b, and c with d; no ballot says more."""
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "c > d")])
    texts = {"p": {name: f"Text {name}." for name in "abcd"}}
    (example,) = examples(rlchf.aggregate(rankings, rule), {"p": "?"}, texts, ballots_of=rankings)
    return example


@pytest.mark.parametrize("rule", ["kemeny", "borda", "plurality", "soft_nash", "ranked_pairs"])
def test_a_pair_that_no_ballot_compares_has_no_target(rule: str) -> None:
    """Whatever the rule makes of it: a tie, a preference, or a probability."""
    targets = sparse(rule).pair_targets()
    known = {(0, 1), (1, 0), (2, 3), (3, 2)}
    assert set(map(tuple, np.argwhere(~np.isnan(targets)).tolist())) == known
    assert (targets[0, 1], targets[2, 3]) == (1.0, 1.0)
    assert uncompared_pairs([sparse(rule)]) == (4, 6)


def test_no_pair_for_other_trainers_is_one_that_no_ballot_compares() -> None:
    pairs, left_out = preference_pairs([sparse()])
    assert {(pair.chosen[5], pair.rejected[5]) for pair in pairs} == {("a", "b"), ("c", "d")}
    assert left_out == {"not compared": 4}


def test_pairs_are_compared_where_a_ballot_has_a_target() -> None:
    """With gaps, ties, ballots of weight 0 and what a ballot says is bad, against each ballot's targets."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        v, k = rng.integers(1, 4), rng.integers(2, 6)
        cast = Ballots(
            ranks=rng.integers(0, 3, (v, k)),
            weights=rng.integers(0, 2, v).astype(float),
            annotators=[str(i) for i in range(v)],
            approvals=None if rng.random() < 0.3 else rng.integers(-1, 2, (v, k)).astype(np.int8),
        )
        known = ~np.isnan(cast.targets()) & (cast.weights > 0)[:, None, None]
        assert cast.compared().tolist() == known.any(0).tolist()


def test_both_bad_is_a_tie_if_asked() -> None:
    asked = joined(both_bad="tie")
    assert asked["p"].pair_targets()[0, 1] == 0.5
    assert asked["q"].ballots is not None
    assert asked["q"].ballots.shares()[0, 1] == 0.75


def test_strengths_become_margins() -> None:
    cast = [("ann", "a", "b", 3, 1), ("bob", "b", "a", 1, 3), ("cyd", "b", "a", "", 3)]
    names = ("annotator_id", "chosen", "rejected", "strength", "weight")
    rows = [{"prompt_id": "p", **dict(zip(names, one, strict=True))} for one in cast]
    rankings = rlchf.Rankings.from_frame(rows)
    texts = {"p": {"a": "Yes.", "b": "No."}}
    result = rlchf.aggregate(rankings, "borda")
    (plain,) = examples(result, {"p": "?"}, texts, ballots_of=rankings)
    assert plain.margins is None
    (scaled,) = examples(result, {"p": "?"}, texts, ballots_of=rankings, margin_scale=0.5)
    assert scaled.margins is not None
    assert scaled.margins.tolist() == [[0.0, 0.0], [0.0, 0.0]]  # (3 - 3 * 1) / 4, halved
    assert scaled.ballots is not None
    assert scaled.ballots.pair_margins()[:, 0, 1].tolist() == [3.0, -1.0, 0.0]
