"""The guarantee of contested-pairs carry-over proportional Borda, and worked cases."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf import Rankings
from rlchf.rules.across.carry_psb import budgets as carry_psb_budgets
from rlchf.rules.across.cpb import budgets as cpb_budgets
from tests.across.test_budgets import Row, agreement, blocs, dataset, outcome, random_dataset
from tests.oracles.across_budgets import carry_over


@st.composite
def typed_datasets(draw: st.DrawFn) -> tuple[list[list[list[int]]], list[float], list[int]]:
    """Prompts of up to four responses, annotators' weights, and the type of each annotator."""
    groups = draw(st.integers(2, 4))
    members = draw(st.lists(st.integers(0, groups - 1), min_size=groups, max_size=7))
    weights = draw(st.lists(st.integers(1, 5), min_size=len(members), max_size=len(members)))
    n_prompts = draw(st.integers(1, 25))
    kinds = []
    for _ in range(draw(st.integers(1, 4))):
        m = draw(st.integers(2, 4))
        kinds.append([draw(st.permutations(range(m))) for _ in range(groups)])
    pattern = draw(st.lists(st.integers(0, len(kinds) - 1), min_size=n_prompts, max_size=n_prompts))
    prompts = [[list(kinds[kind][g]) for g in members] for kind in pattern]
    return prompts, [float(w) for w in weights], members


@settings(max_examples=200, deadline=None)
@given(drawn=typed_datasets())
def test_every_type_wins_its_share_of_contested_pairs_at_every_prefix(
    drawn: tuple[list[list[list[int]]], list[float], list[int]],
) -> None:
    """Up to (G - 1)(m - 1) pairs; and `agreement` checks that nothing unanimous is contradicted."""
    prompts, weights, members = drawn
    won, contested = agreement(prompts, outcome("cpb", dataset(prompts, weights)))
    m = np.maximum.accumulate([len(ballots[0]) for ballots in prompts])
    for g in set(members):
        in_group = [i for i, member in enumerate(members) if member == g]
        share = sum(weights[i] for i in in_group) / sum(weights)
        bound = share * contested - (len(set(members)) - 1) * (m - 1)
        assert (won[:, in_group[0]] >= bound - 1e-9).all()


@settings(max_examples=50, deadline=None)
@given(drawn=typed_datasets())
def test_with_carried_psb_the_same_holds_for_all_pairs(
    drawn: tuple[list[list[list[int]]], list[float], list[int]],
) -> None:
    prompts, weights, members = drawn
    orders = outcome("carry_psb", dataset(prompts, weights))
    won, contested = agreement(prompts, orders)
    pairs = np.cumsum([len(order) * (len(order) - 1) // 2 for order in orders])
    m = np.maximum.accumulate([len(order) for order in orders])
    for i, g in enumerate(members):
        share = sum(w for w, k in zip(weights, members, strict=True) if k == g) / sum(weights)
        agreed = won[:, i] + pairs - contested  # a pair that is not contested is won by all
        assert (agreed >= share * pairs - (len(set(members)) - 1) * (m - 1) - 1e-9).all()


def test_the_bound_holds_over_a_long_sequence() -> None:
    """A thousand prompts, five annotators, random rankings: the shortfall does not grow."""
    rng = np.random.default_rng(0)
    prompts = [[rng.permutation(4).tolist() for _ in range(5)] for _ in range(1000)]
    weights = [1.0, 2.0, 3.0, 4.0, 10.0]
    won, contested = agreement(prompts, outcome("cpb", dataset(prompts, weights)))
    shortfall = contested[:, None] * np.array(weights) / 20 - won
    assert shortfall.max() <= 4 * 3


def test_budgets_are_at_least_the_shortfall_and_add_up_to_0() -> None:
    rng = np.random.default_rng(1)
    prompts = [[rng.permutation(4).tolist() for _ in range(5)] for _ in range(100)]
    rankings = dataset(prompts)
    budgets = cpb_budgets(rankings)
    won, contested = agreement(prompts, outcome("cpb", rankings))
    assert abs(budgets.sum()) < 1e-9
    assert (contested[-1] / 5 - won[-1] <= budgets + 1e-9).all()
    assert (budgets > -3).all()


def test_budgets_equal_exact_fractions() -> None:
    rng = np.random.default_rng(2)
    for _ in range(40):
        prompts, rankings = random_dataset(rng, 3)
        for budgets_of, unit in ((cpb_budgets, "graded_pair"), (carry_psb_budgets, "pair")):
            _, exact = carry_over(prompts, unit)
            budgets = dict(zip(rankings.annotator_ids, budgets_of(rankings), strict=True))
            for who, budget in exact.items():
                assert budgets[str(who)] == pytest.approx(float(budget), abs=1e-9)


def test_two_pairs_with_emoji_are_shared_three_to_two() -> None:
    """Case emoji4_3_2_T5 of the known answers: shares 3/5 and 2/5, nothing left over."""
    prompts = [[[2, 3, 0, 1]] * 3 + [[0, 1, 2, 3]] * 2] * 5
    a, b, c = [2, 0, 1, 3], [2, 0, 3, 1], [0, 2, 3, 1]
    assert outcome("cpb", dataset(prompts)) == [a, b, a, b, c]
    assert cpb_budgets(dataset(prompts)).tolist() == [0.0] * 5


def test_the_minority_may_win_its_pairs_without_a_first_place() -> None:
    prompts = blocs(60, [0, 1, 2, 3], [3, 2, 1, 0])
    orders = outcome("cpb", dataset(prompts))
    won, contested = agreement(prompts, orders)
    assert won[-1, 9] >= 0.4 * contested[-1] - 3
    assert sum(order[0] == 3 for order in orders) < 0.4 * 60


def test_annotators_earn_income_only_on_prompts_on_which_they_are_present() -> None:
    rows: list[Row] = [(0, "ann", [["a"], ["b"]]), (0, "bob", [["b"], ["a"]])]
    rows += [(1, "ann", [["a"], ["b"]]), (1, "cid", [["b"], ["a"]])]
    rankings = Rankings.from_ballots(rows)
    assert [rlchf.aggregate(rankings, "cpb").ranking(t)[0] for t in (0, 1)] == [["a"], ["b"]]
    assert cpb_budgets(rankings).tolist() == [0.0, 0.5, -0.5]


def test_the_income_is_in_proportion_to_the_weights() -> None:
    rankings = Rankings.from_ballots(
        [("p", "ann", "a > b"), ("p", "bob", "b > a")], weights=[3.0, 1.0]
    )
    assert cpb_budgets(rankings).tolist() == [-0.25, 0.25]


def test_a_ballot_without_an_opinion_saves_its_income() -> None:
    """Cid ties the pair: Ann pays all her budget for it, and owes the rest of the price alone."""
    ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("p", "cid", "a = b")]
    budgets = cpb_budgets(Rankings.from_ballots(ballots))
    assert budgets == pytest.approx([float(Fraction(1, 3)) - 1, 1 / 3, 1 / 3])


def test_an_uncontested_pair_is_kept_though_others_tie_it() -> None:
    """Unanimity is not needed: a tie does not contest b before a."""
    ballots = [("p", "ann", "b > a > c"), ("p", "bob", "a = b > c"), ("p", "cid", "c > a = b")]
    result = rlchf.aggregate(Rankings.from_ballots(ballots), "cpb").ranking("p")
    assert result.index(["b"]) < result.index(["a"])


def test_uncontested_pairs_can_form_a_cycle() -> None:
    """Ballots with gaps can put every response below another; then all may come next."""
    ballots = [("p", "ann", "a > b"), ("p", "bob", "b > c"), ("p", "cid", "c > a")]
    assert rlchf.aggregate(Rankings.from_ballots(ballots), "cpb").ranking("p") == [
        ["a"],
        ["b"],
        ["c"],
    ]


def test_debtors_among_themselves_decide_by_weight() -> None:
    """On the second prompt everybody present is in debt; Bob, who has savings, is absent."""
    rows: list[Row] = [(0, "bob", [["c"], ["b"], ["a"]])]
    rows += [(0, who, [["a"], ["b"], ["c"]]) for who in ("ann", "cid", "dan")]
    rows += [(1, "ann", [["a"], ["b"]]), (1, "cid", [["a"], ["b"]]), (1, "dan", [["b"], ["a"]])]
    rankings = Rankings.from_ballots(rows)
    assert rlchf.aggregate(rankings, "cpb").ranking(1) == [["a"], ["b"]]
    assert cpb_budgets(rankings).sum() == pytest.approx(0.0)
