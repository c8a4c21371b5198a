"""Worked cases for Kemeny, and its large and tied cases against complete search."""

import builtins
import importlib
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules.kemeny import kemeny_optima, kemeny_orders
from rlchf.ties import strict_order
from tests.oracles import textbook as oracles
from tests.oracles.textbook import blocks_of
from tests.rules.test_schulze import schulze_45
from tests.support.profiles import (
    KINDS,
    Case,
    dense,
    random_case,
    random_cases,
    ranking,
    together,
)

kemeny = get_rule("kemeny")
blocks = importlib.import_module("rlchf.rules._parts.kemeny.blocks")
optima = importlib.import_module("rlchf.rules._parts.kemeny.optima")
program = importlib.import_module("rlchf.rules._parts.kemeny.program")
subsets = importlib.import_module("rlchf.rules._parts.kemeny.subsets")


def impartial(seed: int, m: int, voters: int) -> Case:
    """Every ballot any strict order with the same chance: hard, for its large cycles."""
    ranks = np.random.default_rng(seed).random((m, voters)).argsort(axis=0).argsort(axis=0) + 1
    return Case(ranks.astype(np.int16), np.ones(voters))


def gain(margins: np.ndarray, scores: np.ndarray) -> float:
    """Sum of the margins of whoever is above over whoever is below."""
    return float(margins[scores[:, None] > scores].sum())


def test_schulzes_45_voters_rank_e_b_a_d_c() -> None:
    assert blocks_of(kemeny(schulze_45())[0].tolist()) == [[4], [1], [0], [3], [2]]


def test_what_all_optimal_orders_agree_on_is_kept_where_they_share_no_front() -> None:
    """a > b > c > d, b > a > c > d, b > c > a > d and b > c > d > a are optimal; a is between the others."""
    ballots = ["a > b > c > d"] * 2 + ["b > c > d > a"] * 2 + ["c > d > a > b", "d > a > b > c"]
    profiles = Profiles.from_ballots([ballots])
    optima = [[0, 1, 2, 3], [1, 2, 3, 0]]
    assert all(order in kemeny_optima(profiles) for order in optima)
    assert kemeny(profiles).tolist() == [[1.5, 2.5, 1.5, 0.5]]
    assert kemeny(profiles, ties="lexicographic").tolist() == [[3, 2, 1, 0]]


@pytest.mark.parametrize("rule", ["kemeny", "slater", "mallows", "squared_kemeny"])
def test_pairs_that_nobody_compared_do_not_tie_those_that_somebody_did(rule: str) -> None:
    """Every order with a before b and c before d is optimal; nobody compares e."""
    assert ranking(rule, {"a > b": 1, "c > d": 1}) == [[0, 2], [1, 3]]
    profiles = Profiles.from_ballots([["a > b", "c > d"]], list("abcde"))
    assert ranking(rule, profiles) == [[0, 2], [4], [1, 3]]


@pytest.mark.parametrize("rule", ["kemeny", "slater", "mallows", "squared_kemeny"])
def test_a_chain_of_ballots_is_kept_beside_what_nobody_compared(rule: str) -> None:
    """d may be anywhere, and is between the responses of the chain as in the mean of all orders."""
    profiles = Profiles.from_ballots([["a > b", "b > c"]], list("abcd"))
    assert ranking(rule, profiles) == [[0], [1, 3], [2]]


@pytest.mark.parametrize("m", [3, 4, 5, 6])
def test_a_response_before_another_in_all_optimal_orders_has_the_higher_score(m: int) -> None:
    """And the score counts those behind in all of them, and half of those behind in some."""
    rng = np.random.default_rng(m)
    batch = [random_case(rng, m, int(rng.integers(1, 5)), "gaps") for _ in range(60)]
    profiles = together(batch)
    for n, scores in enumerate(kemeny(profiles).tolist()):
        optima = kemeny_optima(profiles, n)
        behind = [
            [all(o.index(i) < o.index(j) for o in optima) for j in range(m)] for i in range(m)
        ]
        for i in range(m):
            before = sum(behind[j][i] for j in range(m))
            assert scores[i] == sum(behind[i]) + (m - 1 - sum(behind[i]) - before) / 2
            assert all(scores[i] > scores[j] for j in range(m) if behind[i][j])


@pytest.mark.parametrize("rule", ["kemeny", "slater"])
def test_large_parts_keep_what_ballots_with_gaps_agree_on(rule: str, recwarn: Any) -> None:
    """A chain of 20 responses, each compared with the next one only, is an order; so are two chains."""
    chain = [f"r{i:02} > r{i + 1:02}" for i in range(19)]
    ids = [f"r{i:02}" for i in range(20)]
    assert ranking(rule, Profiles.from_ballots([chain], ids)) == [[i] for i in range(20)]
    two = [ballot for ballot in chain if "r10" not in ballot[5:]]
    assert ranking(rule, Profiles.from_ballots([two], ids)) == [[i, i + 10] for i in range(10)]
    assert not recwarn.list


def test_breaking_ties_one_by_one_could_leave_the_optimum() -> None:
    """The reason for the option ``ties``: in a tied cycle c > b > a > c no order starts a > b."""
    profiles = Profiles.from_ballots([["c > b > a", "b > a > c", "a > c > b"]])
    assert kemeny(profiles).tolist() == [[1, 1, 1]]
    assert strict_order(kemeny, profiles).tolist() == [[0, 2, 1]]


def test_two_responses_that_split_the_ballots_are_tied_below_a_common_first() -> None:
    profiles = Profiles.from_ballots([["a > b > c", "a > c > b"]])
    assert kemeny(profiles).tolist() == [[2, 0.5, 0.5]]


@pytest.mark.parametrize("m", [3, 4, 5, 6])
def test_the_lexicographic_order_is_the_first_of_the_optimal_orders(m: int) -> None:
    batch = random_cases(m, 150 if m < 6 else 30, m)
    orders = strict_order(kemeny, together(batch))
    for case, order in zip(batch, orders.tolist(), strict=True):
        assert order == oracles.first_kemeny_order(case.ballots, m)


@pytest.mark.slow
def test_seven_responses_equal_the_textbook() -> None:
    for case in random_cases(70, 6, 7):
        assert blocks_of(kemeny(together([case]))[0].tolist()) == oracles.kemeny(case.ballots, 7)


def test_optimal_orders_respect_the_parts_of_the_weak_majority() -> None:
    """If everybody in a set beats everybody outside, all optimal orders begin with the set."""
    checked = 0
    for case in random_cases(5, 120, 5):
        margins = oracles.margin_table(case.ballots, 5)
        _, optima = oracles.kemeny_orders(case.ballots, 5)
        for size in range(1, 5):
            for front in combinations(range(5), size):
                rest = set(range(5)) - set(front)
                if all(margins[i][j] > 0 for i in front for j in rest):
                    assert {frozenset(order[:size]) for order in optima} == {frozenset(front)}
                    checked += 1
    assert checked >= 60


@pytest.mark.parametrize("m", [4, 5, 6])
def test_large_parts_are_split_like_small_ones(m: int) -> None:
    """With complete search of the cycles only, blocks are sound, and mostly the same."""
    same = 0
    batch = random_cases(20 + m, 60, m)
    for case in batch:
        margins = together([case]).margins[0]
        scores, unproven, undecided = blocks.large_scores(margins, False, np.inf)
        assert not unproven
        assert not undecided
        exact = (
            oracles.kemeny(case.ballots, m)
            if m < 6
            else blocks_of(kemeny(together([case]))[0].tolist())
        )
        position = {i: n for n, block in enumerate(exact) for i in block}
        for i, j in combinations(range(m), 2):
            if scores[i] != scores[j]:
                assert (scores[i] > scores[j]) == (position[i] < position[j])
        same += blocks_of(scores.tolist()) == exact
    assert same >= 50


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_integer_programs_cost_what_complete_search_costs(solver: str) -> None:
    for seed in range(4):
        case = impartial(seed, 11, 40)
        margins = together([case]).margins[0]
        solution = program.best_order(margins, np.inf, solver)
        assert solution.bound == solution.cost
        exact = subsets.subset_scores(margins[None], lexicographic=True)[0]
        assert gain(margins, -np.argsort(solution.order)) == gain(margins, exact)


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_programs_go_on_where_fractions_are_not_enough(
    solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tournaments whose relaxation, with all circles forbidden, promises more than any order."""
    went_on = []
    for name in ("branch", "require_integers"):
        method = getattr(program._BranchAndCut, name)
        monkeypatch.setattr(
            program._BranchAndCut, name, lambda *args, then=method: went_on.append(then(*args))
        )
    for m, largest, seed in ((9, 9, 138), (11, 1, 28)):
        margins = tournament(seed, m, largest)
        solution = program.best_order(margins, np.inf, solver)
        exact = subsets.subset_scores(margins[None], lexicographic=True)[0]
        assert solution.bound == solution.cost
        assert gain(margins, -np.argsort(solution.order)) == gain(margins, exact)
    assert went_on


@pytest.mark.parametrize("m", [3, 5, 7, 9])
def test_programs_find_where_all_optimal_orders_agree(m: int) -> None:
    tied = 0
    for seed in range(20):
        few = together([impartial(seed, m, 4)]).margins[0]
        for margins in (tournament(seed, m, 1), tournament(seed, m, 3), few):
            best = program.best_order(margins, np.inf)
            found = optima.agreed_pairs(margins, best.order, np.inf, "highs")
            exact = subsets.agreed(margins)
            assert found.decided
            assert found.before.tolist() == exact.tolist()
            tied += exact.sum() < m * (m - 1) / 2
    assert tied >= 15


@pytest.mark.parametrize("rule", ["kemeny", "slater", "mallows"])
@pytest.mark.parametrize("m", [14, 15, 22])
def test_an_even_cycle_of_any_length_leaves_all_tied(rule: str, m: int, recwarn: Any) -> None:
    """All its rotations are optimal, and no response differs from another but by its name."""
    ranks = (np.arange(m)[:, None] - np.arange(m)) % m + 1
    scores = get_rule(rule)(together([Case(ranks.astype(np.int16), np.ones(m))]))
    assert len(np.unique(scores)) == 1
    assert not recwarn.list


@pytest.mark.parametrize("rule", ["kemeny", "slater"])
def test_names_do_not_decide_between_optimal_orders_of_large_cycles(rule: str) -> None:
    rng = np.random.default_rng(5)
    for seed in range(4):
        case = impartial(seed, 18, 4)
        renaming = rng.permutation(18)
        known = get_rule(rule)(together([case]))[0]
        assert (
            get_rule(rule)(together([case.permuted(renaming)]))[0].tolist()
            == known[renaming].tolist()
        )
        assert sorted(known) != list(range(18))  # several orders are optimal


def test_ties_that_cannot_be_told_are_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    undecided = optima.Agreed(np.triu(np.ones((20, 20), dtype=bool), 1), decided=False)
    monkeypatch.setattr(blocks, "agreed_pairs", lambda *_: undecided)
    batch = replace(together([impartial(1, 20, 21)] * 2), prompts=np.array([4, 7]))
    with pytest.warns(UserWarning, match="may break ties by the order of the responses") as warned:
        kemeny(batch)
    (message,) = (str(warning.message) for warning in warned)
    assert message.startswith("prompts 4, 7 of 20 responses: the order of kemeny is optimal, but")


def test_weights_without_a_common_unit_leave_ties_of_large_cycles_untold() -> None:
    case = impartial(1, 20, 21)
    odd = Case(case.ranks, np.random.default_rng(1).random(21))
    with pytest.warns(UserWarning, match="give a longer time_limit, or whole numbers as weights"):
        scores = kemeny(together([odd]))
    assert len(np.unique(scores)) == 20


def tournament(seed: int, m: int, largest: int) -> np.ndarray:
    """Margins of random sizes up to the largest, and of random signs."""
    rng = np.random.default_rng(seed)
    size, sign = rng.integers(1, largest + 1, (m, m)), rng.choice([-1, 1], (m, m))
    upper = np.triu(size * sign, 1).astype(np.float64)
    margins: np.ndarray = upper - upper.T
    return margins


def test_branching_and_whole_numbers_find_the_same_costs() -> None:
    """Equal majorities leave the relaxation far from whole numbers, so that both have to work."""
    for seed in range(3):
        margins = tournament(seed, 19, 1)
        highs = program.best_order(margins, np.inf, "highs")
        cbc = program.best_order(margins, np.inf, "cbc")
        assert highs.cost == highs.bound == cbc.cost == cbc.bound
        assert highs.cost == (171 - gain(margins, -np.argsort(highs.order))) / 2


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_a_cycle_through_twenty_responses_is_proved_by_either_solver(solver: Any) -> None:
    (result,) = kemeny_orders(together([impartial(1, 20, 21)]), solver=solver)
    assert result.proved
    assert result.cost == 1703


def test_cbc_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pulp = importlib.import_module("pulp")
    solver = getattr(pulp, "PULP_CBC_CMD", pulp.COIN_CMD)
    monkeypatch.setattr(solver, "available", lambda self: False)
    with pytest.raises(ValueError, match=r"no CBC; install pulp\[cbc\]"):
        kemeny_orders(together([impartial(1, 20, 21)]), solver="cbc")


@pytest.mark.parametrize(("m", "voters"), [(16, 20), (20, 100), (30, 100), (50, 9)])
def test_large_cycles_are_solved_to_the_optimum(m: int, voters: int, recwarn: Any) -> None:
    case = impartial(0, m, voters)
    scores = kemeny(together([case]), ties="lexicographic")[0]
    assert not recwarn.list
    assert sorted(scores) == list(range(m))
    margins = together([case]).margins[0]
    improved = program.iterated_local_search(margins, np.argsort(-margins.sum(axis=1)), 30, np.inf)
    assert gain(margins, scores) >= gain(margins, -np.argsort(improved))


def test_fractions_as_weights_give_the_same_order_as_whole_numbers() -> None:
    for seed in range(3):
        case = impartial(seed, 16, 21)
        tenth = Case(case.ranks, case.weights / 10)
        both = [gain(together([case]).margins[0], kemeny(together([c]))[0]) for c in (case, tenth)]
        assert both[0] == both[1]


def test_when_time_runs_out_the_best_order_comes_with_a_warning_that_names_the_prompt() -> None:
    cases = [impartial(seed, 40, 100) for seed in range(2)]
    batch = replace(together(cases), prompts=np.array([11, 12]))
    with pytest.warns(UserWarning, match=r"overrules majorities of \d+ in all, .*gap") as warned:
        scores = kemeny(batch.part(1, 2), time_limit=0)
    assert str(warned[0].message).startswith("prompt 12 of 40 responses: kemeny ran out of time")
    assert len(np.unique(scores)) > 30


def test_the_gap_follows_from_the_bound_and_the_cost() -> None:
    result = kemeny_orders(together([impartial(0, 40, 100)]), time_limit=0)[0]
    assert not result.proved
    assert 0 < result.bound < result.cost
    assert result.gap == 1 - result.bound / result.cost


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_orders_cost_what_the_textbook_says_in_units_of_weight(m: int) -> None:
    batch = random_cases(40 + m, 60, m)
    for case, result in zip(batch, kemeny_orders(together(batch)), strict=True):
        least, optima = oracles.kemeny_orders(case.ballots, m)
        assert result.order == optima[0]
        assert result.cost == float(least)
        assert result.proved
        assert result.gap == 0


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_all_optimal_orders_are_those_of_the_textbook(m: int) -> None:
    batch = random_cases(50 + m, 60, m)
    for n, case in enumerate(batch):
        optima = kemeny_optima(together(batch), n)
        assert [tuple(order) for order in optima] == oracles.kemeny_orders(case.ballots, m)[1]


def test_all_orders_are_optimal_if_nobody_says_anything() -> None:
    silent = Case(np.ones((5, 2), dtype=np.int16), np.ones(2))
    assert kemeny_optima(together([silent])) == [list(order) for order in permutations(range(5))]


def test_the_optimal_orders_of_many_responses_are_not_listed() -> None:
    with pytest.raises(ValueError, match=r"has 9 responses, .* of 8 or fewer"):
        kemeny_optima(together([impartial(0, 9, 3)]))


@pytest.mark.parametrize("scale", [3.0, 2.0**12, 2.0**28, 2.0**49])
def test_large_weights_are_added_up_as_exactly_as_small_ones(scale: float) -> None:
    for m in (4, 7, 9):
        batch = random_cases(60 + m, 60, m)
        heavy = [Case(case.ranks, case.weights * scale) for case in batch]
        assert np.array_equal(kemeny(together(heavy)), kemeny(together(batch)))


@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
@pytest.mark.parametrize("m", [5, 7, 9, 11])
def test_parts_are_ranked_like_the_whole(
    m: int, ties: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to 8 responses are searched as they are, more in parts; small electorates have many ties."""
    batch = together(random_cases(m, 60, m, most_voters=12))
    scores = []
    for unsplit in (1, subsets.MOST):
        monkeypatch.setattr(blocks, "UNSPLIT", unsplit)
        scores.append(kemeny(batch, ties=ties))
    assert np.array_equal(*scores)


def test_two_electorates_that_agree_may_be_ranked_otherwise_together() -> None:
    """Each agrees on less than a whole order, and what both agree on is not all that both together do."""
    one, other = ["a > b > d > c", "a > c > b > d"], ["a > c > b > d", "b > a > c > d"]
    for ballots in (one, other):
        assert ranking("kemeny", Profiles.from_ballots([ballots])) == [[0], [1], [2], [3]]
    together = Profiles.from_ballots([one + other])
    assert ranking("kemeny", together) == [[0], [1, 2], [3]]


def test_a_winner_that_is_not_first_in_all_optimal_orders_can_lose_by_rising() -> None:
    """The first ballot ranks a above d in place of d above a; a then shares first place with b.

    Of nine optimal orders, which begin with a, b or d, two are left: those that begin with a and b.
    """
    others = ["b > e > d", "e > d", "b > a > c > e"]
    before = Profiles.from_ballots([["d > a > e > c > b", *others]])
    after = Profiles.from_ballots([["a > d > e > c > b", *others]])
    assert kemeny(before).tolist() == [[3, 2.5, 1, 2.5, 1]]
    assert kemeny(after).tolist() == [[3.5, 3.5, 0, 1, 2]]
    assert {order[0] for order in kemeny_optima(before)} == {0, 1, 3}
    assert {order[0] for order in kemeny_optima(after)} == {0, 1}


@pytest.mark.parametrize("m", [3, 4, 5])
def test_a_response_first_in_all_optimal_orders_stays_so_if_a_ballot_ranks_it_first(m: int) -> None:
    rng = np.random.default_rng(m)
    batch = [
        random_case(rng, m, int(rng.integers(1, 6)), kind) for kind in KINDS for _ in range(60)
    ]
    raised = []
    for case, scores in zip(batch, kemeny(together(batch)), strict=True):
        ballot, winner = int(rng.integers(len(case.weights))), int(scores.argmax())
        if scores[winner] == m - 1 and case.ranks[winner, ballot]:
            ranks = case.ranks.copy()
            ranks[:, ballot] += ranks[:, ballot] > 0
            ranks[winner, ballot] = 1
            raised.append((Case(dense(ranks), case.weights), winner))
    for (_, winner), scores in zip(raised, kemeny(together([r for r, _ in raised])), strict=True):
        assert scores[winner] == m - 1
    assert len(raised) > 60


def test_a_copy_next_to_one_response_can_change_who_is_first() -> None:
    """The narrow majority of c over a counts twice once c has a copy d."""
    before = ["a > b > c"] * 5 + ["b > c > a"] * 4 + ["c > a > b"] * 4
    after = [ballot.replace("c", "c > d") for ballot in before]
    assert blocks_of(kemeny(Profiles.from_ballots([before]))[0].tolist())[0] == [0]
    assert blocks_of(kemeny(Profiles.from_ballots([after]))[0].tolist())[0] == [1]


def test_the_same_input_gives_the_same_order() -> None:
    case = impartial(3, 24, 30)
    assert np.array_equal(kemeny(together([case])), kemeny(together([case])))


def test_small_problems_import_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        assert name not in ("highspy", "pulp")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    kemeny(together([impartial(0, 14, 50)]))


def test_an_unknown_value_of_ties_is_refused() -> None:
    with pytest.raises(ValueError, match="ties is 'random'; choose from keep, lexicographic"):
        kemeny(schulze_45(), ties="random")
