"""Shares of categories of texts at every stage, who prefers which category, and the intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest

import rlchf
from rlchf.auditing import trace_shares
from rlchf.auditing.categories import of_ballots, of_orders, preferred_categories
from rlchf.auditing.shares import Share
from rlchf.rankings import Rankings

LOUD = np.array([0, 1, 0])  # a and c are loud, b is not


def ballots() -> Rankings:
    return Rankings.from_ballots(
        [
            ("p", "ann", [["a"], ["b"], ["c"]]),
            ("p", "bob", [["b", "c"]]),
            ("p", "eve", [["c"], ["a"]]),
        ]
    )


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 7), (50, 50), (120, 300)])
def test_the_interval_is_wilsons(k: int, n: int) -> None:
    share = Share.of("stage", "texts", k / n, n)
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high))


def test_shares_of_ballots_count_ties_in_part_and_leave_out_what_is_not_ranked() -> None:
    counts = of_ballots(ballots(), LOUD, 2)
    assert counts.firsts[:, 0].tolist() == pytest.approx([1, 0.5, 1])
    # a-b and c-b for ann, c-b (tied) for bob, none for eve
    assert counts.mixed[:, 0].tolist() == pytest.approx([2, 1, 0])
    assert counts.above[:, 0].tolist() == pytest.approx([1, 0.5, 0])


def test_a_weight_of_two_counts_twice() -> None:
    two = [("p", "ann", "a > b"), ("p", "bob", "b > a")]
    weighted = of_ballots(Rankings.from_ballots(two, [2.0, 1.0]), np.array([0, 1]), 2)
    assert weighted.firsts.tolist() == [[2, 0], [0, 1]]
    assert weighted.mixed.tolist() == [[2, 2], [1, 1]]


def test_shares_of_an_order_take_its_ties_in_part() -> None:
    rankings = Rankings.from_ballots([("p", "ann", [["a", "b"], ["c"]]), ("q", "ann", "a > b")])
    categories = np.array([0, 1, 0, 0, 1])
    counts = of_orders(rlchf.aggregate(rankings, "borda"), categories, 2)
    assert counts.firsts.tolist() == [[0.5, 0.5], [1, 0]]
    assert counts.above.tolist() == [[0.5, 1.5], [1, 0]]


def test_an_annotator_prefers_the_category_that_wins_most_of_its_pairs() -> None:
    rankings = Rankings.from_ballots(
        [
            ("p", "ann", "a > b > c"), ("q", "ann", "b > a > c"), ("r", "ann", "a > b > c"),
            ("p", "bob", "c > b > a"), ("p", "eve", [["a", "b", "c"]]), ("p", "joe", "a"),
        ]
    )  # fmt: skip
    preferred = preferred_categories(rankings, np.tile([0, 1, 2], 3), 3)
    people = dict(zip(rankings.annotator_ids, preferred.tolist(), strict=True))
    assert people["ann"] == [1, 0, 0]
    assert people["bob"] == [0, 0, 1]
    assert people["eve"] == pytest.approx([1 / 3] * 3)
    assert people["joe"] == [0, 0, 0]  # compared nothing


def six_to_four() -> tuple[Rankings, dict[str, dict[str, str]], dict[str, str]]:
    cast = [(p, i, "a > b" if i < 6 else "b > a") for p in range(10) for i in range(10)]
    categories = {str(p): {"a": "plain", "b": "emoji"} for p in range(10)}
    return (
        Rankings.from_ballots(cast),
        categories,
        {str(i): "x" if i < 5 else "y" for i in range(10)},
    )


def test_a_group_gets_what_its_members_prefer_by_their_weight() -> None:
    rankings, categories, groups = six_to_four()  # y: one of five prefers plain
    orders = {"kemeny": rlchf.aggregate(rankings, "kemeny")}
    texts = {"policy": ["plain"] * 3 + ["emoji"]}
    steps = trace_shares(rankings, orders, groups, categories=categories, texts=texts)
    assert [(s.stage, s.measure) for s in steps] == [
        ("ballots", "first places"), ("ballots", "mixed pairs"), ("kemeny", "contested pairs"),
        ("kemeny", "first places"), ("kemeny", "mixed pairs"), ("policy", "texts"),
    ]  # fmt: skip
    y = {(s.stage, s.measure): s.groups[1] for s in steps}
    assert y["policy", "texts"].prefers == pytest.approx({"plain": 0.2, "emoji": 0.8})
    assert y["ballots", "first places"].share == pytest.approx(0.2 * 0.6 + 0.8 * 0.4)
    assert y["kemeny", "first places"].share == pytest.approx(0.2)
    # without the one of y who prefers plain, the rest of y has their weight: five to five, a tie
    assert y["kemeny", "contested pairs"].share == pytest.approx(0.2 * 0.5)
    assert y["policy", "texts"].share == pytest.approx(0.2 * 0.75 + 0.8 * 0.25)
    assert y["policy", "texts"].representation_ratio == pytest.approx(0.35 / 0.5)
    assert steps[-1].categories["emoji"] == Share.of("policy", "texts", 0.25, 4)
    assert steps[-1].welfare.mean == pytest.approx(0.6 * 0.75 + 0.4 * 0.25)
    assert steps[-1].welfare.minimum == pytest.approx(0.25)


def test_without_groups_those_who_prefer_the_same_category_are_a_group() -> None:
    rankings, categories, _ = six_to_four()
    held_out = rankings.subset(np.array([7, 2]))
    orders = {"reward model": rlchf.aggregate(held_out, "kemeny")}  # of some prompts
    steps = trace_shares(rankings, orders, categories=categories)
    assert [g.name for g in steps[-1].groups] == ["prefer emoji", "prefer plain"]
    assert [g.proportional_share for g in steps[-1].groups] == pytest.approx([0.4, 0.6])
    assert steps[-1].categories["plain"].n == 2
    assert [g.share for g in steps[-1].groups] == [0.0, 1.0]


def test_a_category_that_nobody_saw_is_preferred_by_nobody() -> None:
    rankings, categories, groups = six_to_four()
    steps = trace_shares(
        rankings, {}, groups, categories=categories, texts={"policy": ["poem", "plain"]}
    )
    assert steps[-1].categories["poem"].share == 0.5
    assert steps[-1].groups[0].share == 0.5


def test_a_response_without_a_category_is_refused() -> None:
    rankings, categories, _ = six_to_four()
    del categories["3"]["b"]
    with pytest.raises(ValueError, match="response 'b' of prompt '3' has no category"):
        trace_shares(rankings, {}, categories=categories)


def test_orders_of_other_prompts_are_refused() -> None:
    rankings, categories, _ = six_to_four()
    other = rlchf.aggregate(Rankings.from_ballots([("z", "ann", "a > b")]))
    with pytest.raises(ValueError, match="not about the prompts"):
        trace_shares(rankings, {"mine": other}, categories=categories)
    with pytest.raises(ValueError, match="need the categories of the responses"):
        trace_shares(rankings, {}, texts={"policy": ["plain"]})


def test_texts_are_counted_where_no_ballot_compares_two_categories() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    categories = {"p": {"a": "plain", "b": "plain"}}
    stages = trace_shares(
        rankings,
        {},
        None,
        categories=categories,
        texts={"policy": ["plain", "emoji"]},
    )
    assert stages[-1].categories["emoji"].share == 0.5


def shares_of_labels(rule: str, seed: int, prompts: int = 60) -> tuple[Share, Share]:
    """The share of emojis in first places of the labels, and on the ballots, of ten with noisy tastes."""
    rng = np.random.default_rng(seed)
    cast, groups = [], {}
    for i in range(10):
        groups[str(i)] = "enjoy" if i < 4 else "dislike"
        for p in range(prompts):
            likes = rng.random() < (0.97 if i < 4 else 0.03)
            cast.append((f"p{p:03}", str(i), "emoji > plain" if likes else "plain > emoji"))
    rankings = Rankings.from_ballots(cast)
    categories = {f"p{p:03}": {"emoji": "emoji", "plain": "plain"} for p in range(prompts)}
    orders = {"labels": rlchf.aggregate(rankings, rule)}
    stages = trace_shares(rankings, orders, groups, categories=categories)
    by_stage = {(s.stage, s.measure): s.categories["emoji"] for s in stages if s.categories}
    return by_stage["labels", "first places"], by_stage["ballots", "first places"]


@pytest.mark.parametrize(("rule", "narrow"), [("kemeny", False), ("perpetual_pav", True)])
def test_intervals_of_labels_and_ballots_hold_the_mean_of_other_annotators_and_prompts(
    rule: str, narrow: bool
) -> None:
    """A rule across prompts keeps to the share, so independent prompts would be far too wide for it."""
    runs = [shares_of_labels(rule, seed) for seed in range(20)]
    for shares in zip(*runs, strict=True):
        truth = np.mean([one.share for one in shares])
        assert np.mean([one.low <= truth <= one.high for one in shares]) >= 0.8
    labels = [one for one, _ in runs]
    wilson_width = np.mean([2 * 1.96 * (s.share * (1 - s.share) / 60) ** 0.5 for s in labels])
    width = np.mean([one.high - one.low for one in labels])
    assert (width < 0.7 * wilson_width) == narrow
