"""The rules with budgets on whole datasets: against the textbook, and what each guarantees."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from tests.oracles import across_budgets as oracles
from tests.oracles.across_budgets import Outcome, Prompt
from tests.support.profiles import random_case, rule_parameters

Row = tuple[object, object, list[list[object]]]
Orders = Sequence[Sequence[int]]  # a prompt's strict rankings, of annotator 0, 1, ...

BUDGETED = ["cpb", "carry_psb", "phragmen_credit", "equal_shares_pairs", "phragmen_pairs"]
TEXTBOOK: dict[str, Callable[[list[Prompt], str], Outcome]] = {
    "cpb": oracles.carry_over,
    "carry_psb": lambda prompts, unit: oracles.carry_over(prompts, "pair"),
    "phragmen_credit": lambda prompts, unit: oracles.credit_accounting(prompts, unit=unit),
    "equal_shares_pairs": lambda prompts, unit: oracles.pair_buying(prompts, False, unit=unit),
    "phragmen_pairs": lambda prompts, unit: oracles.pair_buying(prompts, True, unit=unit),
}
UNITS: list[dict[str, Any]] = [{}, {"unit": "contested_pair"}]


def random_dataset(rng: np.random.Generator, n_prompts: int) -> tuple[list[Prompt], Rankings]:
    """Ties, gaps, weights (0, too), absent annotators, second ballots, prompts of different sizes."""
    kind = str(rng.choice(["strict", "ties gaps weights"]))
    prompts: list[Prompt] = []
    rows: list[Row] = []
    weights: list[float] = []
    for t in range(n_prompts):
        m = int(rng.integers(2, 5))
        present = rng.choice(5, size=int(rng.integers(1, 6)), replace=bool(rng.random() < 0.3))
        case = random_case(rng, m, len(present), kind)
        prompts.append((case.ballots, present.tolist(), m))
        rows.append((t, "all", [[str(i) for i in range(m)]]))
        weights.append(0.0)
        for who, (ranks, weight) in zip(present.tolist(), case.ballots, strict=True):
            levels: list[list[object]] = [
                [str(i) for i in ranks if ranks[i] == k] for k in sorted(set(ranks.values()))
            ]
            rows.append((t, who, levels))
            weights.append(float(weight))
    return prompts, Rankings.from_ballots(rows, weights, repeats="all")


def dataset(prompts: Sequence[Orders], weights: Sequence[float] | None = None) -> Rankings:
    """All annotators on all prompts, with strict complete ballots."""
    rows: list[Row] = [
        (t, i, [[str(response)] for response in order])
        for t, orders in enumerate(prompts)
        for i, order in enumerate(orders)
    ]
    weights = [1.0] * len(prompts[0]) if weights is None else weights
    return Rankings.from_ballots(rows, [w for _ in prompts for w in weights])


def outcome(rule: str, rankings: Rankings, **options: Any) -> list[list[int]]:
    result = rlchf.aggregate(rankings, rule, **options)
    return [[int(block[0]) for block in result.ranking(t)] for t in rankings.prompt_ids]


def agreement(prompts: Sequence[Orders], orders: Orders) -> tuple[np.ndarray, np.ndarray]:
    """(T, n) contested pairs that each annotator has won after each prompt, and (T,) their number."""
    won, contested = [], []
    for ballots, order in zip(prompts, orders, strict=True):
        agrees = np.array(
            [
                [b.index(i) < b.index(j) for b in map(list, ballots)]
                for i, j in combinations(order, 2)
            ]
        )
        assert agrees.any(axis=1).all(), "the outcome contradicts everybody"
        contested_pairs = agrees[~agrees.all(axis=1)]
        won.append(contested_pairs.sum(axis=0))
        contested.append(len(contested_pairs))
    return np.cumsum(won, axis=0), np.cumsum(contested)


def blocs(
    n_prompts: int, majority: Sequence[int], minority: Sequence[int], common: bool = False
) -> list[list[Sequence[int]]]:
    """Six against four, or, if ``common``, on every second prompt all with the majority."""
    return [
        [majority if i < 6 or (common and t % 2) else minority for i in range(10)]
        for t in range(n_prompts)
    ]


@pytest.mark.parametrize("rule", rule_parameters(BUDGETED))
def test_random_datasets_equal_the_textbook(rule: str) -> None:
    rng = np.random.default_rng(BUDGETED.index(rule))
    n_prompts = 3 if rule in ("cpb", "carry_psb") else 8  # exact fractions grow quickly there
    for _ in range(40):
        prompts, rankings = random_dataset(rng, n_prompts)
        for options in UNITS[: 1 if rule == "carry_psb" else 2]:
            known, _ = TEXTBOOK[rule](prompts, options.get("unit", "graded_pair"))
            assert outcome(rule, rankings, **options) == known


@pytest.mark.parametrize("rule", rule_parameters(BUDGETED))
def test_a_shuffled_order_is_that_order_of_the_input(rule: str) -> None:
    rng = np.random.default_rng(7)
    _, rankings = random_dataset(rng, 12)
    shuffled = rlchf.aggregate(rankings, rule, order="shuffled", seed=3)
    prompts = np.arange(12)
    np.random.default_rng(3).shuffle(prompts)
    expected = rlchf.aggregate(rankings.subset(prompts), rule)
    for t in map(str, range(12)):
        assert shuffled.ranking(t) == expected.ranking(t)
    with pytest.raises(ValueError, match="order is 'backwards'; choose from input, shuffled"):
        rlchf.aggregate(rankings, rule, order="backwards")


@pytest.mark.parametrize("rule", rule_parameters(BUDGETED))
def test_a_forty_percent_minority_wins_forty_percent_of_the_pairs(rule: str) -> None:
    orders = outcome(rule, dataset(blocs(100, [0, 1], [1, 0])))
    assert sum(order == [1, 0] for order in orders) == 40


@pytest.mark.parametrize(
    "rule", rule_parameters(["cpb", "phragmen_credit", "equal_shares_pairs", "phragmen_pairs"])
)
def test_prompts_on_which_all_agree_change_nothing(rule: str) -> None:
    orders = outcome(rule, dataset(blocs(200, [0, 1], [1, 0], common=True)))
    assert sum(order == [1, 0] for order in orders) == 40


def test_prompts_on_which_all_agree_use_up_savings_where_all_pairs_count() -> None:
    """Case half_common_3_2_T6 of the known answers, extended: the minority of 40 % wins nothing."""
    orders = outcome("carry_psb", dataset(blocs(200, [0, 1], [1, 0], common=True)))
    assert all(order == [0, 1] for order in orders)


@pytest.mark.parametrize(
    "rule", rule_parameters(["equal_shares_pairs", "phragmen_pairs", "phragmen_credit"])
)
def test_on_random_profiles_that_recur_groups_fall_short_by_at_most_two_pairs(rule: str) -> None:
    """Observed, not proved: adversarial search finds more, and with credit more and more."""
    rng = np.random.default_rng(0)
    for _ in range(25):
        m, groups = int(rng.integers(2, 5)), int(rng.integers(2, 6))
        profiles = [
            [rng.permutation(m).tolist() for _ in range(groups)]
            for _ in range(int(rng.integers(1, 4)))
        ]
        prompts = [profiles[t % len(profiles)] for t in range(60)]
        weights = rng.integers(1, 10, groups).astype(float)
        won, contested = agreement(prompts, outcome(rule, dataset(prompts, weights.tolist())))
        most = 2.0 if rule != "phragmen_credit" else m * (m - 1) / 2
        assert (won - contested[:, None] * weights / weights.sum()).min() >= -most - 1e-9


CASES = [((0, 1), (1, 0)), ((0, 1, 2, 3), (2, 3, 0, 1)), ((0, 1, 2), (2, 1, 0))]


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize(("majority", "minority"), CASES)
def test_with_credit_two_groups_win_their_share_of_pairs_and_of_first_places(
    majority: Sequence[int], minority: Sequence[int], common: bool
) -> None:
    """Within half a prompt after every prompt, with unanimous pairs and prompts mixed in."""
    prompts = blocs(100, majority, minority, common)
    orders = outcome("phragmen_credit", dataset(prompts))
    won, contested = agreement(prompts, orders)
    pairs = contested[0]
    assert (abs(won[:, 9] - 0.4 * contested) <= pairs / 2 + 1e-9).all()
    first = np.cumsum([order[0] == minority[0] for order in orders])
    assert (abs(first - 0.4 * contested / pairs) <= 0.5 + 1e-9).all()


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize(("majority", "minority"), CASES[:2])
def test_with_credit_ten_of_a_hundred_give_the_minority_its_first_places(
    majority: Sequence[int], minority: Sequence[int], common: bool
) -> None:
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for t in range(600):
        for who in rng.choice(100, 10, replace=False).tolist():
            ballot = majority if who < 60 or (common and t % 2) else minority
            rows.append((t, who, [[str(i)] for i in ballot]))
    orders = outcome("phragmen_credit", Rankings.from_ballots(rows))
    contested = orders[:: 2 if common else 1]
    share = sum(order[0] == minority[0] for order in contested) / len(contested)
    assert abs(share - 0.4) <= 0.01


def noisy(n_prompts: int, seed: int) -> list[list[list[int]]]:
    """Six against four with opposite rankings, and on every ballot each of three swaps half the time."""
    rng = np.random.default_rng(seed)
    prompts = []
    for _ in range(n_prompts):
        ballots = []
        for i in range(10):
            ballot = [0, 1, 2, 3] if i < 6 else [3, 2, 1, 0]
            for k in rng.integers(0, 3, 3)[rng.random(3) < 0.5].tolist():
                ballot[k], ballot[k + 1] = ballot[k + 1], ballot[k]
            ballots.append(ballot)
        prompts.append(ballots)
    return prompts


def test_with_credit_first_places_are_not_in_proportion_where_ballots_are_noisy() -> None:
    prompts = noisy(400, 0)
    orders = outcome("phragmen_credit", dataset(prompts))
    won, contested = agreement(prompts, orders)
    assert (won[-1] >= 0.1 * contested[-1]).all()
    firsts = [
        np.bincount([b[0] for b in ballots[6:]], minlength=4).argmax() == order[0]
        for ballots, order in zip(prompts, orders, strict=True)
    ]
    assert won[-1, 6:].mean() / contested[-1] > 0.4
    assert np.mean(firsts) < 0.38


def test_credit_with_borda_mixes_the_orders_of_two_groups() -> None:
    """Two groups, two pairs of responses: 0.40 of the pairs and of the first places, by compromises."""
    prompts = blocs(200, [0, 1, 2, 3], [2, 3, 0, 1])
    orders = outcome("phragmen_credit", dataset(prompts), base="borda")
    won, contested = agreement(prompts, orders)
    assert abs(won[-1, 9] / contested[-1] - 0.4) < 0.01
    assert sum(order[0] == 2 for order in orders) == 80
    assert {tuple(order) for order in orders} == {(0, 1, 2, 3), (0, 2, 1, 3), (2, 0, 3, 1)}


def test_credit_with_another_base_goes_prompt_by_prompt() -> None:
    """With two responses all rules that follow the majority are the same."""
    rng = np.random.default_rng(5)
    prompts = [[rng.permutation(2).tolist() for _ in range(7)] for _ in range(40)]
    weights = rng.integers(1, 5, 7).astype(float).tolist()
    known = outcome("phragmen_credit", dataset(prompts, weights))
    for base in ("copeland", "schulze", "borda"):
        assert outcome("phragmen_credit", dataset(prompts, weights), base=base) == known
    with pytest.raises(ValueError, match="base is 'cpb', which looks across prompts"):
        outcome("phragmen_credit", dataset(prompts), base="cpb")


@pytest.mark.parametrize("rule", rule_parameters(BUDGETED))
def test_prompts_with_twelve_responses_are_ranked(rule: str) -> None:
    orders = [list(range(12)), list(range(12))[::-1], list(range(12))]
    outcomes = outcome(rule, dataset([orders, orders]))
    assert all(sorted(order) == list(range(12)) for order in outcomes)


@pytest.mark.parametrize("rule", rule_parameters(BUDGETED))
def test_an_annotator_who_comes_late_is_not_ahead(rule: str) -> None:
    """Eve, one of three from the 50th prompt on, wins a third of the rest, not all of it."""
    rows: list[Row] = []
    for t in range(110):
        rows += [(t, "ann", [["a"], ["b"]]), (t, "bob", [["a"], ["b"]])]
        if t >= 50:
            rows.append((t, "eve", [["b"], ["a"]]))
    result = rlchf.aggregate(Rankings.from_ballots(rows), rule)
    won = [result.ranking(t)[0] == ["b"] for t in range(110)]
    assert sum(won) == (20 if rule != "carry_psb" else sum(won[50:]))
    assert 0 < sum(won) <= 20


@pytest.mark.parametrize("rule", rule_parameters(BUDGETED))
def test_a_ballot_of_weight_two_is_two_ballots_of_the_same_annotator(rule: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        once: list[Row] = []
        weights: list[float] = []
        for t in range(6):
            for who in range(4):
                once.append((t, who, [[str(i)] for i in rng.permutation(3)]))
                weights.append(float(rng.integers(1, 3)))
        twice = [row for row, w in zip(once, weights, strict=True) for _ in range(int(w))]
        one = Rankings.from_ballots(once, weights)
        other = Rankings.from_ballots(twice, repeats="all")
        assert outcome(rule, one) == outcome(rule, other)


def turns(present: list[list[int]], weights: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """(T, A) prompts decided and entitlement after each prompt; everybody has another favourite."""
    n = 1 + max(max(who) for who in present)
    rows: list[Row] = [
        (t, i, [[str(i)], [str(j) for j in range(n) if j != i]])
        for t, who in enumerate(present)
        for i in who
    ]
    rankings = Rankings.from_ballots(rows, [float(w) for shares in weights for w in shares])
    result = rlchf.aggregate(rankings, "apportioned_dictator")
    decided, entitlement = np.zeros((len(present), n)), np.zeros((len(present), n))
    for t, (who, shares) in enumerate(zip(present, weights, strict=True)):
        decided[t, int(result.ranking(t)[0][0])] = 1
        entitlement[t, who] = np.array(shares) / sum(shares)
    return np.cumsum(decided, axis=0), np.cumsum(entitlement, axis=0)


def test_dictators_in_turn_decide_within_one_of_their_entitlement() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        n = int(rng.integers(2, 7))
        weights = rng.integers(1, 20, (40, n)).tolist()
        decided, entitlement = turns([list(range(n))] * 40, weights)
        assert abs(decided - entitlement).max() < 1


def test_dictators_who_come_and_go_decide_within_two_of_their_entitlement() -> None:
    """Observed, not proved."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        present = [rng.choice(8, 3, replace=False).tolist() for _ in range(100)]
        decided, entitlement = turns(present, rng.integers(1, 5, (100, 3)).tolist())
        assert abs(decided - entitlement).max() < 2


def test_of_dictators_who_come_once_one_is_drawn_by_weight() -> None:
    """Nobody's entitlement reaches 1; of ballots sorted by group not always the first decides."""
    rows: list[Row] = []
    for t in range(400):
        rows += [(t, 10 * t + k, [["a"], ["b"]] if k < 6 else [["b"], ["a"]]) for k in range(10)]
    rankings = Rankings.from_ballots(rows)
    result = rlchf.aggregate(rankings, "apportioned_dictator")
    won = sum(result.ranking(t)[0] == ["b"] for t in range(400))
    assert 0.33 < won / 400 < 0.47
    other = rlchf.aggregate(rankings, "apportioned_dictator", seed=1)
    assert other.response_scores.tolist() != result.response_scores.tolist()


def test_the_textbook_charges_the_winner_of_one_pair() -> None:
    """Ann and bob disagree about one pair: a wins the tie, ann has paid 1 out of her half."""
    ballots = [({0: 1, 1: 2}, Fraction(1)), ({0: 2, 1: 1}, Fraction(1))]
    prompts: list[Prompt] = [(ballots, [0, 1], 2)]
    half = Fraction(1, 2)
    for rule in ("cpb", "carry_psb", "phragmen_credit", "equal_shares_pairs"):
        assert TEXTBOOK[rule](prompts, "graded_pair") == ([[0, 1]], {0: -half, 1: half})
    assert TEXTBOOK["phragmen_pairs"](prompts, "graded_pair") == (
        [[0, 1]],
        {0: Fraction(1), 1: Fraction(-1)},
    )


@pytest.mark.parametrize("rule", rule_parameters(["equal_shares_pairs", "phragmen_pairs"]))
def test_beyond_128_responses_the_order_is_bordas(rule: str) -> None:
    rng = np.random.default_rng(0)
    orders = [rng.permutation(129).tolist() for _ in range(7)]
    rankings = Rankings.from_ballots([("p", i, [[r] for r in o]) for i, o in enumerate(orders)])
    points = -np.array([np.argsort(order) for order in orders]).sum(axis=0)
    result = rlchf.aggregate(rankings, rule)
    ranks = dict(zip(map(int, result.response_ids), result.response_ranks.tolist(), strict=True))
    for better in range(129):
        for worse in range(129):
            if points[better] > points[worse]:
                assert ranks[better] < ranks[worse]
