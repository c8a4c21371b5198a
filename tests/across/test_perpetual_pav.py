"""Worked cases for perpetual PAV over rankings."""

from fractions import Fraction

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules import get_rule
from tests.oracles import textbook as oracles
from tests.oracles.textbook import Ballot
from tests.support.profiles import random_case

PLAIN, EMOJI = [["plain"], ["emoji"]], [["emoji"], ["plain"]]


def firsts(
    ballots: list[tuple[object, object, list[list[str]]]], base: str = "kemeny"
) -> list[str]:
    rankings = Rankings.from_ballots(ballots, repeats="all")
    result = rlchf.aggregate(rankings, "perpetual_pav", base=base)
    return [result.ranking(prompt)[0][0] for prompt in rankings.prompt_ids]


def sixty_forty(prompts: int) -> list[tuple[object, object, list[list[str]]]]:
    return [(t, i, PLAIN if i < 6 else EMOJI) for t in range(prompts) for i in range(10)]


def test_a_forty_percent_minority_wins_forty_percent_of_the_prompts() -> None:
    """The pattern p e p e p p e p e p, with the exact tie 6 / 3 = 4 / 2 at the fourth prompt."""
    assert "".join(name[0] for name in firsts(sixty_forty(10))) == "pepeppepep"
    assert firsts(sixty_forty(100)).count("emoji") == 40


def test_kemeny_prompt_by_prompt_gives_the_minority_nothing() -> None:
    result = rlchf.aggregate(Rankings.from_ballots(sixty_forty(10)), "kemeny")
    assert all(result.ranking(t) == PLAIN for t in range(10))


@pytest.mark.parametrize("base", ["borda", "copeland", "plurality", "ranked_pairs", "schulze"])
def test_other_bases_see_the_tie_that_floats_would_miss(base: str) -> None:
    assert "".join(name[0] for name in firsts(sixty_forty(10), base=base)) == "pepeppepep"


def test_unanimous_prompts_cost_the_majority_nothing() -> None:
    common = [["good"], ["bad"]]
    ballots: list[tuple[object, object, list[list[str]]]] = [
        (t, i, common if t % 2 else PLAIN if i < 3 else EMOJI) for t in range(6) for i in range(5)
    ]
    assert firsts(ballots) == ["plain", "good", "emoji", "good", "plain", "good"]


def test_three_annotators_with_changing_opinions_get_the_known_shares() -> None:
    """Shares of contested pairs 1, 1, 0, then 1/3, 1/3, 1: case changing_m3_T4 of the known answers."""
    odd, even = ["abc", "abc", "cba"], ["acb", "bac", "cba"]
    ballots: list[tuple[object, object, list[list[str]]]] = [
        (t, i, [[r] for r in order])
        for t, orders in enumerate([odd, even, odd, even])
        for i, order in enumerate(orders)
    ]
    result = rlchf.aggregate(Rankings.from_ballots(ballots), "perpetual_pav")
    orders = ["".join(block[0] for block in result.ranking(t)) for t in range(4)]
    assert orders == ["abc", "cba", "abc", "cba"]


def test_the_order_of_the_prompts_matters_and_is_that_of_the_input() -> None:
    ballots = sixty_forty(2)
    assert firsts(ballots) == ["plain", "emoji"]
    assert firsts([b for b in ballots if b[0] == 1] + [b for b in ballots if b[0] == 0]) == [
        "plain",
        "emoji",
    ]


def test_random_datasets_equal_the_textbook() -> None:
    """Ties, gaps, weights, absent annotators and prompts of different sizes, in exact fractions."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        prompts: list[tuple[list[Ballot], list[int], int]] = []
        rows: list[tuple[object, object, list[list[object]]]] = []
        weights: list[float] = []
        for t in range(8):
            m = int(rng.integers(2, 5))
            present = sorted(rng.choice(6, size=int(rng.integers(1, 6)), replace=False).tolist())
            case = random_case(
                rng, m, len(present), str(rng.choice(["strict", "ties gaps weights"]))
            )
            prompts.append((case.ballots, present, m))
            rows.append((t, "all", [[str(i) for i in range(m)]]))
            weights.append(0.0)
            for who, (ranks, weight) in zip(present, case.ballots, strict=True):
                levels = [
                    [str(i) for i in ranks if ranks[i] == k] for k in sorted(set(ranks.values()))
                ]
                rows.append((t, who, levels))  # type: ignore[arg-type]
                weights.append(float(weight))
        result = rlchf.aggregate(Rankings.from_ballots(rows, weights), "perpetual_pav")
        expected, _ = oracles.perpetual_pav(prompts)
        orders = [[int(block[0]) for block in result.ranking(t)] for t in range(8)]
        assert orders == expected


def test_two_ballots_of_one_annotator_get_their_mean_satisfaction() -> None:
    twice = [("p", "ann", PLAIN), ("p", "ann", PLAIN), ("p", "bob", EMOJI)]
    later = [("q", "ann", PLAIN), ("q", "bob", EMOJI), ("q", "bob", EMOJI)]
    third = [("r", "ann", PLAIN), ("r", "ann", PLAIN), ("r", "bob", EMOJI)]
    ballots: list[tuple[object, object, list[list[str]]]] = [*twice, *later, *third]
    # Ann has gained 1, not 2, so on q she weighs 1/2 against 2; on r 2 * 1/2 against 1 * 1/2.
    assert firsts(ballots) == ["plain", "emoji", "plain"]
    plain, emoji = {0: 2, 1: 1}, {0: 1, 1: 2}
    _, satisfaction = oracles.perpetual_pav(
        [([(plain, Fraction(1)), (plain, Fraction(1)), (emoji, Fraction(1))], [0, 0, 1], 2)]
    )
    assert satisfaction == {0: 0, 1: 1} or satisfaction == {0: 1, 1: 0}


def test_a_rule_across_prompts_cannot_be_the_base() -> None:
    with pytest.raises(ValueError, match="base is 'perpetual_pav', which looks across prompts"):
        rlchf.aggregate(
            Rankings.from_ballots(sixty_forty(1)), "perpetual_pav", base="perpetual_pav"
        )


def test_it_is_known_as_a_rule_across_prompts() -> None:
    assert rlchf.rules.is_across(get_rule("perpetual_pav"))
