"""Shares of a trait, and their intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest

from rlchf.preferences import Example
from rlchf.rankings import Rankings
from rlchf.shares import Share, of_ballots, of_rankings, of_scores, of_texts


def loud(text: str) -> bool:
    return "!" in text


EXAMPLE = Example("p", "Hi", ["a", "b", "c"], ["Hi!", "Hi.", "Yo!"], [1, 2, 3])


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 7), (50, 50), (120, 300)])
def test_the_interval_is_wilsons(k: int, n: int) -> None:
    share = Share.of("stage", "texts", [1.0] * k + [0.0] * (n - k))
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high))


def test_shares_of_ballots_count_ties_in_part_and_leave_out_what_is_not_ranked() -> None:
    rankings = Rankings.from_ballots(
        [
            ("p", "ann", [["a"], ["b"], ["c"]]),
            ("p", "bob", [["b", "c"]]),
            ("p", "eve", [["c"], ["a"]]),
        ]
    )
    first, pairs = of_ballots(rankings, [EXAMPLE], loud)
    assert first.share == pytest.approx((1 + 0.5 + 1) / 3)
    assert pairs.n == 3  # a-b and c-b for ann, c-b (tied) for bob, none for eve
    assert pairs.share == pytest.approx((1 + 0 + 0.5) / 3)


def test_shares_of_a_ranking_and_of_equivalent_scores_agree() -> None:
    ranks = of_rankings("labels", [EXAMPLE], loud)
    scores = of_scores("labels", [np.array([3.0, 2.0, 1.0])], [EXAMPLE], loud)
    assert ranks == scores
    assert [share.share for share in ranks] == [1.0, 0.5]


def test_share_of_texts() -> None:
    assert of_texts("policy", ["a!", "b", "c", "d"], loud).share == 0.25
