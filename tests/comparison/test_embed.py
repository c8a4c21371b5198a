"""Linear rewards on states: what they learn on prompts held out, and whose side they take."""

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.comparison.embed import linear_rewards, training_pairs
from rlchf.linear import fit_linear
from rlchf.linear.fit import Comparisons, fit_comparisons
from tests.support.comparisons import divided, random_rankings


def test_a_reward_that_can_be_learned_is_learned_and_takes_the_side_of_the_rule() -> None:
    """The states show which response is a, b or c; the rule's order of them is the reward's."""
    rankings, groups = divided()
    results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "perpetual_pav")}
    states = np.tile(np.eye(3), (rankings.n_prompts, 1))
    embedded = linear_rewards(rankings, results, states, groups, seed=1)
    rows = {row.rule: row for row in embedded.rules}
    borda = {group.name: group for group in rows["borda"].groups}
    assert rows["borda"].kept == 1
    assert (borda["many"].reward.value, borda["few"].reward.value) == (1, 0)
    assert borda["all"].reward.value == pytest.approx(0.6)
    # a rule that takes turns cannot be kept by a reward that does not know whose turn it is
    assert rows["perpetual_pav"].kept < 0.75
    few = {group.name: group for group in rows["perpetual_pav"].groups}["few"]
    assert few.rule.value == pytest.approx(0.4, abs=0.05)
    assert few.reward.value == 0
    assert rows["borda"].majority == 90
    assert rows["borda"].majority_violated == 0


def test_states_that_say_nothing_keep_half() -> None:
    rankings, _ = divided(prompts=200)
    states = np.random.default_rng(0).normal(size=(len(rankings.response_ids), 4))
    (row,) = linear_rewards(rankings, {"borda": rlchf.aggregate(rankings, "borda")}, states).rules
    assert row.kept == pytest.approx(0.5, abs=0.08)


def test_training_pairs_are_all_pairs_that_the_rule_does_not_tie() -> None:
    rankings = random_rankings(4)
    result = rlchf.aggregate(rankings, "plurality")
    above, below = training_pairs(result)
    expected = {
        (int(i), int(j))
        for start, end in zip(result.response_starts[:-1], result.response_starts[1:], strict=True)
        for i in range(start, end)
        for j in range(start, end)
        if result.response_ranks[i] < result.response_ranks[j]
    }
    assert set(zip(above.tolist(), below.tolist(), strict=True)) == expected
    assert len(above) == len(expected)


def test_the_fit_is_that_of_linear_rewards() -> None:
    rankings = Rankings.from_ballots([(p, "ann", "a > b > c") for p in range(5)])
    rng = np.random.default_rng(0)
    features = rng.normal(size=(15, 3))
    by_id = {
        p: dict(zip("abc", features[3 * n : 3 * n + 3], strict=True))
        for n, p in enumerate(rankings.prompt_ids)
    }
    above, below = training_pairs(rlchf.aggregate(rankings, "borda"))
    pairs = Comparisons(above, below, np.ones(15), np.zeros(0))
    assert fit_comparisons(features, pairs, 0.5) == pytest.approx(
        fit_linear(rankings, by_id, ridge=0.5), abs=1e-5
    )


def test_a_single_prompt_is_refused() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    with pytest.raises(ValueError, match="there is one prompt"):
        linear_rewards(rankings, {"borda": rlchf.aggregate(rankings, "borda")}, np.eye(2))
