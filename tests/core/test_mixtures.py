"""Apportionment, committees of policies, and mixtures that sample from them."""

from collections import Counter

import numpy as np
import pytest

from rlchf.mixtures import apportion, assign, committee_weights
from rlchf.rankings import Rankings

PARTIES = {"a": 53.0, "b": 24.0, "c": 23.0}


def polls(*ballots: str, weights: list[float] | None = None) -> Rankings:
    return Rankings.from_ballots([("policies", n, b) for n, b in enumerate(ballots)], weights)


def test_sainte_lague_apportions_a_textbook_case() -> None:
    """Seven seats for 53 : 24 : 23, as Sainte-Laguë's quotients give them one by one."""
    assert apportion(PARTIES, 7) == {"a": 3, "b": 2, "c": 2}


def test_apportionment_is_that_of_quotients_one_by_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        weights = {str(i): float(w) for i, w in enumerate(rng.integers(1, 1000, 6) ** 2)}
        seats = int(rng.integers(0, 300))
        by_quotients = dict.fromkeys(weights, 0)
        for _ in range(seats):
            by_quotients[
                max(by_quotients, key=lambda n: (weights[n] / (2 * by_quotients[n] + 1), -int(n)))
            ] += 1
        assert apportion(weights, seats) == by_quotients


def test_weight_0_gets_nothing_and_nonsense_is_refused() -> None:
    assert apportion({"a": 0.0, "b": 1.0}, 3) == {"a": 0, "b": 3}
    for weights in ({}, {"a": 0.0}, {"a": -1.0, "b": 2.0}):
        with pytest.raises(ValueError, match="the weights are"):
            apportion(weights, 3)
    with pytest.raises(ValueError, match="seats is -1"):
        apportion(PARTIES, -1)


def test_each_policy_is_assigned_its_seats_in_an_order_that_the_seed_decides() -> None:
    names = assign(PARTIES, 100, seed=3)
    assert Counter(names) == {"a": 53, "b": 24, "c": 23}
    assert names == assign(PARTIES, 100, seed=3) != assign(PARTIES, 100, seed=4)
    assert names != sorted(names)


def test_a_committee_of_all_gives_each_group_its_size() -> None:
    rankings = polls("a > b > c", "b > a > c", "c > b > a", weights=[5, 3, 2])
    for rule in ("seq_phragmen", "stv", "borda"):
        weights = committee_weights(rankings, 3, rule)
        assert weights == pytest.approx({"a": 0.5, "b": 0.3, "c": 0.2})


def test_a_ballot_without_an_elected_favourite_counts_for_its_next_choice() -> None:
    rankings = polls("a > b > c", "b > a > c", "c > b > a", weights=[5, 3, 2])
    assert committee_weights(rankings, 2, "plurality") == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_ballot_with_ties_or_without_an_elected_policy_is_divided() -> None:
    rankings = polls("a > b", "b > a", "a = b", "c", weights=[2, 1, 1, 0.5])
    weights = committee_weights(rankings, 2, "plurality")
    assert weights == pytest.approx({"a": 2.75 / 4.5, "b": 1.75 / 4.5})


def test_committees_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 3 policies"):
        committee_weights(polls("a > b > c"), 4)
    two = Rankings.from_ballots([("p", "x", "a > b"), ("q", "x", "a > b")])
    with pytest.raises(ValueError, match="2 prompts; give one"):
        committee_weights(two, 1)
