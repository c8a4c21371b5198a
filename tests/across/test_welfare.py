"""Worked cases for Nash and PAV welfare over a whole dataset."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules.across._parts.welfare.ascent import ascend
from rlchf.rules.across._parts.welfare.stakes import find_stakes
from rlchf.rules.across._parts.welfare.steps import harmonic
from tests.oracles import across_welfare as oracles
from tests.support.profiles import random_case

pytestmark = pytest.mark.slow  # The ascent takes seconds to compile.

FILE = Path(__file__).parents[1] / "data" / "known_answers.json"
DATASETS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["dataset_profiles"]
PLAIN, EMOJI = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
WELFARES: list[Literal["nash", "pav"]] = ["nash", "pav"]


def sixty_forty(prompts: int) -> Rankings:
    return Rankings.from_ballots(
        [(t, i, PLAIN if i < 6 else EMOJI) for t in range(prompts) for i in range(10)]
    )


def random_dataset(
    rng: np.random.Generator, kind: str, most_prompts: int = 4, most_responses: int = 4
) -> tuple[list[oracles.Prompt], Rankings]:
    """Annotators who come and go, for the oracles and as rankings."""
    prompts: list[oracles.Prompt] = []
    rows: list[tuple[object, object, list[list[object]]]] = []
    weights: list[float] = []
    for t in range(int(rng.integers(1, most_prompts + 1))):
        m = int(rng.integers(2, most_responses + 1))
        present = sorted(rng.choice(5, size=int(rng.integers(1, 6)), replace=False).tolist())
        case = random_case(rng, m, len(present), kind)
        prompts.append((case.ballots, present, m))
        rows.append((t, "all", [[str(i) for i in range(m)]]))
        weights.append(0.0)
        for who, (ranks, weight) in zip(present, case.ballots, strict=True):
            levels = [[str(i) for i in ranks if ranks[i] == k] for k in set(ranks.values())]
            rows.append((t, who, levels))  # type: ignore[arg-type]
            weights.append(float(weight))
    return prompts, Rankings.from_ballots(rows, weights)


@pytest.mark.parametrize("rule", ["nash_welfare", "pav_welfare"])
def test_a_forty_percent_minority_wins_forty_percent_of_the_prompts(rule: str) -> None:
    for prompts in (10, 100):
        result = rlchf.aggregate(sixty_forty(prompts), rule)
        won = [result.ranking(t) == EMOJI for t in range(prompts)]
        assert sum(won) == 0.4 * prompts


@pytest.mark.parametrize("name", DATASETS)
def test_the_largest_product_of_the_known_answers_is_reached(name: str) -> None:
    rankings = Rankings.from_ballots(
        [
            (t, annotator, [[response] for response in ballot])
            for t, ballots in enumerate(DATASETS[name]["prompts"])
            for annotator, ballot in ballots.items()
        ]
    )
    expected = DATASETS[name]["expected"]["nash_optimum_product"]
    satisfaction = ascend(rankings, "nash").satisfaction
    if expected is not None:
        assert np.prod(satisfaction) == pytest.approx(float(Fraction(expected)), rel=1e-12)
        known = DATASETS[name]["expected"]["nash_optimum_satisfactions"]
        assert satisfaction.round(9).tolist() in [
            [round(float(Fraction(s)), 9) for s in k] for k in known
        ]


@pytest.mark.parametrize("kind", ["strict", "ties gaps"])
@pytest.mark.parametrize("welfare", WELFARES)
def test_four_starts_find_the_optimum_of_small_datasets(
    welfare: Literal["nash", "pav"], kind: str
) -> None:
    """Against all orders of all prompts, in exact fractions."""
    rng, exact = (
        np.random.default_rng(3),
        oracles.nash_value if welfare == "nash" else oracles.pav_value,
    )
    n_found, n_datasets = 0, 25
    for _ in range(n_datasets):
        prompts, rankings = random_dataset(rng, kind, 3, 3)
        best: Any = oracles.optimum(prompts, exact)[0]
        most, top = (best[0], np.log(float(best[1])) / 2) if welfare == "nash" else (0, best[0])
        positive, value = ascend(rankings, welfare).objective[-1]
        assert (positive, value) <= (float(most), top + 1e-6)
        n_found += positive == float(most) and value > top - 1e-6
    assert n_found == n_datasets


def test_ballots_of_different_weights_count_by_their_share() -> None:
    """Satisfaction is a sum of weights by the annotator's own, as the exact definition has it."""
    rng = np.random.default_rng(4)
    for _ in range(40):
        prompts, rankings = random_dataset(rng, "ties gaps weights")
        expected = oracles.annotator_weights(prompts)
        stakes = find_stakes(rankings, "contested_pair")
        climbed = ascend(rankings, "nash", starts=1)
        orders = [
            tuple(climbed.orders[start:end].tolist())
            for start, end in zip(
                rankings.response_starts[:-1], rankings.response_starts[1:], strict=True
            )
        ]
        sums = oracles.satisfactions(prompts, orders)
        for a, name in enumerate(rankings.annotator_ids):
            known = 0 if name == "all" else expected.get(int(name), 0)
            assert stakes.weights[a] == pytest.approx(float(known))
            if known:
                assert climbed.satisfaction[a] == pytest.approx(float(sums[int(name)]))


@pytest.mark.parametrize("welfare", WELFARES)
@pytest.mark.parametrize("unit", ["contested_pair", "graded_pair", "pair", "winner", "approval"])
def test_the_objective_never_falls(welfare: Literal["nash", "pav"], unit: Any) -> None:
    rng = np.random.default_rng(5)
    for most in (4, 9):  # nine: single moves instead of all orders
        for _ in range(10):
            _, rankings = random_dataset(rng, "ties gaps weights", 30, most)
            climbed = ascend(rankings, welfare, unit)
            for before, after in zip(climbed.objective, climbed.objective[1:], strict=False):
                assert tuple(after) >= (before[0], before[1] - 1e-9 * (after[0] == before[0]))


@pytest.mark.parametrize("rule", ["nash_welfare", "pav_welfare"])
@pytest.mark.parametrize("unit", ["contested_pair", "graded_pair", "pair", "winner", "approval"])
def test_unanimous_pairs_are_kept_on_every_prompt(rule: str, unit: str) -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        prompts, rankings = random_dataset(rng, "ties weights", 6, 8)
        result = rlchf.aggregate(rankings, rule, unit=unit)
        for t, (ballots, _, m) in enumerate(prompts):
            voters = [ranks for ranks, weight in ballots if weight > 0]
            order = [int(block[0]) for block in result.ranking(t)]
            for i in range(m):
                for j in range(m):
                    if voters and all(ranks[i] < ranks[j] for ranks in voters):
                        assert order.index(i) < order.index(j)


def test_prompts_on_which_all_agree_cost_the_majority_nothing() -> None:
    ballots = [
        (t, i, [["good"], ["bad"]] if t % 2 else PLAIN if i < 3 else EMOJI)
        for t in range(10)
        for i in range(5)
    ]
    climbed = ascend(Rankings.from_ballots(ballots), "nash")
    assert climbed.satisfaction.tolist() == [3, 3, 3, 2, 2]


def test_two_ballots_of_one_annotator_count_as_one_of_their_weight() -> None:
    twice = [(t, "ann", ballot) for t in range(3) for ballot in (PLAIN, PLAIN)]
    once = [(t, "bob", EMOJI) for t in range(3)]
    weighted = Rankings.from_ballots(
        [(t, "ann", PLAIN) for t in range(3)] + once, [2.0] * 3 + [1.0] * 3
    )
    both = ascend(Rankings.from_ballots(twice + once, repeats="all"), "nash")
    assert both.satisfaction.tolist() == ascend(weighted, "nash").satisfaction.tolist() == [2, 1]
    assert both.objective[-1].tolist() == [3.0, pytest.approx(2 * np.log(2))]


def test_the_winner_unit_shares_the_first_places() -> None:
    ballots = [
        (t, i, "p1 > p2 > e1 > e2" if i < 6 else "e1 > e2 > p1 > p2")
        for t in range(10)
        for i in range(10)
    ]
    result = rlchf.aggregate(Rankings.from_ballots(ballots), "nash_welfare", unit="winner")
    firsts = [result.ranking(t)[0][0] for t in range(10)]
    # p1 first gives the two groups 1 and 1/3, e1 first 1/3 and 1: (10 + 2 k) / 3 for k wins.
    products = [
        (1 / 3 * 10 + 2 / 3 * (10 - k)) ** 6 * (1 / 3 * 10 + 2 / 3 * k) ** 4 for k in range(11)
    ]
    assert firsts.count("e1") == int(np.argmax(products))
    assert set(firsts) == {"p1", "e1"}


def test_harmonic_numbers_go_on_between_whole_numbers() -> None:
    assert [harmonic(float(n)) for n in range(4)] == pytest.approx([0, 1, 1.5, 11 / 6], abs=1e-13)
    assert harmonic(0.5) == pytest.approx(2 - 2 * np.log(2), abs=1e-13)


def test_the_same_seed_gives_the_same_result() -> None:
    _, rankings = random_dataset(np.random.default_rng(7), "ties gaps", 60)
    one, other = (rlchf.aggregate(rankings, "nash_welfare", seed=1) for _ in range(2))
    assert np.array_equal(one.response_scores, other.response_scores)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit is 'pairs'; choose from contested_pair"):
        rlchf.aggregate(sixty_forty(1), "nash_welfare", unit="pairs")
