"""Worked cases for the squared Kemeny rule, and its three ways to an order against each other."""

import importlib
from itertools import combinations

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.simulate import profiles as random_profiles
from rlchf.ties import strict_order
from tests.oracles.distance import squared_kemeny_orders
from tests.oracles.textbook import blocks_of
from tests.support.profiles import Case, random_cases, together

squared_kemeny, kemeny = get_rule("squared_kemeny"), get_rule("kemeny")
module = importlib.import_module("rlchf.rules.squared_kemeny")
search = importlib.import_module("rlchf.rules._parts.squared_kemeny.search")


def cost(case: Case, order: np.ndarray) -> float:
    return float(search.RankedBallots(case.ranks, case.weights).cost(order))


def test_a_ranking_moves_towards_each_of_two_groups_by_its_share() -> None:
    """Opposite rankings of four responses are 6 pairs apart; Kemeny stays with the larger group."""
    ballots = ["a > b > c > d", "d > c > b > a"]
    names = ["a", "b", "c", "d"]
    for share, pairs in ((0.51, 3), (0.6, 2), (0.7, 2), (0.8, 1), (0.95, 0)):
        profiles = Profiles.from_ballots([ballots], names, [[share, 1 - share]])
        order = strict_order(squared_kemeny, profiles)[0]
        assert sum(i > j for i, j in combinations(order, 2)) == pairs
        assert strict_order(kemeny, profiles)[0].tolist() == [0, 1, 2, 3]


def test_schulzes_45_voters_rank_e_c_b_a_d() -> None:
    """Costs by complete search in exact arithmetic: 895 for E > C > B > A > D alone."""
    from tests.rules.test_schulze import schulze_45

    assert blocks_of(squared_kemeny(schulze_45())[0].tolist()) == [[4], [2], [1], [0], [3]]


def test_a_pair_that_a_ballot_ties_or_leaves_out_costs_it_nothing() -> None:
    """Each of the first two would have to pay for c and d in some order, were they not tied."""
    profiles = Profiles.from_ballots([["a > b", "c = d"], ["a > b", "d > c"]], ["a", "b", "c", "d"])
    assert squared_kemeny(profiles)[0].tolist() == [2, 1, 1.5, 1.5]  # c and d may be anywhere
    assert strict_order(squared_kemeny, profiles)[1].tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize("m", [3, 4, 5, pytest.param(6, marks=pytest.mark.slow)])
def test_the_lexicographic_order_is_the_first_of_the_optimal_orders(m: int) -> None:
    batch = random_cases(90 + m, 120 if m < 6 else 8, m)
    orders = strict_order(squared_kemeny, together(batch))
    for case, order in zip(batch, orders.tolist(), strict=True):
        assert tuple(order) == squared_kemeny_orders(case.ballots, m)[0]


@pytest.mark.parametrize("scale", [1e3, 1e6, 2.0**40])
def test_large_weights_are_compared_as_exactly_as_small_ones(scale: float) -> None:
    """In floats of 4 or 8 bytes, or in whole numbers as far as those go."""
    for m in (3, 5):
        batch = random_cases(m, 120, m)
        heavy = [Case(case.ranks, case.weights * scale) for case in batch]
        assert np.array_equal(squared_kemeny(together(heavy)), squared_kemeny(together(batch)))


@pytest.mark.parametrize("m", [4, 6, 7])
def test_integer_programs_cost_what_complete_search_costs(
    m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = random_cases(m, 18, m)
    exact = strict_order(squared_kemeny, together(batch))
    monkeypatch.setattr(module, "LISTED", 1)
    by_program = strict_order(squared_kemeny, together(batch))
    for case, one, other in zip(batch, exact, by_program, strict=True):
        assert cost(case, one) == cost(case, other)


def test_a_program_betters_an_order_that_the_search_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = random_cases(3, 12, 6)
    exact = strict_order(squared_kemeny, together(batch))
    monkeypatch.setattr(module, "LISTED", 1)
    monkeypatch.setattr(module, "good_order", first_order)
    by_program = strict_order(squared_kemeny, together(batch))
    for case, one, other in zip(batch, exact, by_program, strict=True):
        assert cost(case, one) == cost(case, other)


def first_order(ballots: object) -> tuple[np.ndarray, float]:
    order = np.arange(6)
    return order, ballots.cost(order)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_search_is_rarely_worse_than_the_optimum() -> None:
    profiles = random_profiles("mallows", 200, 9, 6, np.random.default_rng(0), phi=0.9)
    exact = squared_kemeny(profiles, ties="lexicographic")
    approximate = squared_kemeny(profiles, ties="lexicographic", method="approximate")
    same = 0
    for b in range(200):
        case = Case(profiles.ranks[:, 9 * b : 9 * b + 9], np.ones(9))
        best, reached = cost(case, np.argsort(-exact[b])), cost(case, np.argsort(-approximate[b]))
        assert best <= reached <= 1.1 * best
        same += best == reached
    assert 190 <= same <= 200


def test_twelve_responses_are_proved(recwarn: pytest.WarningsRecorder) -> None:
    profiles = random_profiles("mallows", 1, 20, 12, np.random.default_rng(0), phi=0.7)
    exact = squared_kemeny(profiles, ties="lexicographic")
    assert not recwarn.list
    assert sorted(exact[0]) == list(range(12))


def test_ties_that_are_not_looked_for_are_announced(recwarn: pytest.WarningsRecorder) -> None:
    profiles = random_profiles("mallows", 1, 20, 10, np.random.default_rng(0), phi=0.7)
    squared_kemeny(profiles.map(lambda array: array[:9] if array.ndim == 2 else array))
    assert not recwarn.list
    with pytest.warns(
        UserWarning, match="on prompts of more than 9 responses it keeps ties between"
    ):
        squared_kemeny(profiles)


def test_when_time_runs_out_the_best_order_comes_with_a_warning() -> None:
    profiles = random_profiles("mallows", 1, 20, 14, np.random.default_rng(0), phi=1.0)
    with pytest.warns(UserWarning, match=r"prompt 0 of 14 responses: .* costs \d+, .*gap"):
        scores = squared_kemeny(profiles, ties="lexicographic", time_limit=0.01)
    assert sorted(scores[0]) == list(range(14))


def test_orders_of_more_than_twenty_responses_come_without_proof() -> None:
    profiles = random_profiles("mallows", 1, 20, 21, np.random.default_rng(0), phi=0.9)
    with pytest.warns(UserWarning, match="proves its order for up to 20 responses only"):
        exact = squared_kemeny(profiles)
    assert np.array_equal(exact, squared_kemeny(profiles, method="approximate"))


@pytest.mark.parametrize("m", [5, 12, 40])
@pytest.mark.slow
def test_the_search_moves_no_response_for_the_better(m: int) -> None:
    """And a pair that changes places for nothing is not agreed on."""
    case = random_cases(m, 3, m)[1]
    ballots = search.RankedBallots(case.ranks, case.weights)
    order, least = search.good_order(ballots)
    kept = search.kept_by_moves(ballots, order)
    agreed = np.triu(np.ones((m, m), dtype=bool), 1)
    for start in range(m):
        for end in range(m):
            moved = np.insert(np.delete(order, start), end, order[start])
            assert ballots.cost(moved) >= least
            if ballots.cost(moved) == least:
                position = np.argsort(moved)[order]
                agreed &= position[:, None] < position
    assert kept[np.ix_(order, order)].tolist() == agreed.tolist()


def test_a_majority_does_not_get_all_it_wants() -> None:
    """a beats everybody by 3 to 2, and comes second."""
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert (profiles.margins[0, 0, 1:] > 0).all()
    assert blocks_of(squared_kemeny(profiles)[0].tolist()) == [[1], [0], [2]]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method is 'quick'; choose from exact, approximate"):
        squared_kemeny(Profiles.from_ballots([["a > b"]]), method="quick")
