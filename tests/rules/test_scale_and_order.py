"""Every rule on random datasets: the unit of the weights and the order of the rows change nothing."""

import warnings

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules import get_rule, is_across, list_rules
from tests.support.profiles import QUICK_ACROSS, rule_parameters

Ballot = tuple[str, str, list[list[str]]]
BESIDE_A_PRIOR = ("bradley_terry", "plackett_luce")
BY_POSITION = ("apportioned_dictator", "random_ballot", "random_dictator")
"""Rules that choose a ballot by its position among those of its prompt."""
ACROSS = [name for name in list_rules() if is_across(get_rule(name)) and name not in BY_POSITION]


def dataset(seed: int, prompts: int) -> tuple[list[Ballot], np.ndarray]:
    """Strict ballots and ballots with ties and gaps, with weights that are whole, decimal or neither."""
    rng = np.random.default_rng(seed)
    ballots: list[Ballot] = []
    weights: list[float] = []
    for p in range(prompts):
        m = int(rng.integers(2, 6))
        for a in range(int(rng.integers(2, 8))):
            grades = rng.permutation(m) if p % 2 else rng.integers(0, m, m)
            named = np.flatnonzero((rng.random(m) < 0.8) | (a == 0))
            named = named if len(named) else np.arange(m)
            levels = [
                [f"r{i}" for i in named if grades[i] == grade]
                for grade in sorted(set(grades[named].tolist()))
            ]
            ballots.append((f"p{p}", f"a{a}", levels))
            kinds = (rng.integers(1, 5), rng.integers(1, 9) / 10, rng.random() + 0.01)
            weights.append(float(kinds[p % 3]))
    return ballots, np.array(weights)


def ranked(name: str, ballots: list[Ballot], weights: np.ndarray) -> rlchf.Aggregation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what ballots lack for some rules
        result = rlchf.aggregate(Rankings.from_ballots(ballots, weights), name)
    assert np.isfinite(result.response_scores).all()
    return result


@pytest.mark.parametrize(
    "name", rule_parameters(name for name in list_rules() if name not in BESIDE_A_PRIOR)
)
def test_the_unit_of_the_weights_changes_no_ranking(name: str) -> None:
    ballots, weights = dataset(1, 24)
    before = ranked(name, ballots, weights)
    for factor in (2.0**-60, 1e-16, 1e-30, 1e30):
        after = ranked(name, ballots, weights * factor)
        for prompt in before.prompt_ids:
            assert after.ranking(prompt) == before.ranking(prompt), (factor, prompt)


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK_ACROSS else pytest.param(name, marks=pytest.mark.slow)
        for name in ACROSS
    ],
)
def test_the_order_of_the_rows_of_a_prompt_changes_no_bit(name: str) -> None:
    ballots, weights = dataset(2, 40)
    before = ranked(name, ballots, weights)
    rng = np.random.default_rng(3)
    for _ in range(2):
        shuffled = rng.permutation(len(ballots))
        order = sorted(shuffled.tolist(), key=lambda n: int(ballots[n][0][1:]))
        after = ranked(name, [ballots[n] for n in order], weights[order])
        assert after.prompt_ids == before.prompt_ids
        assert (after.response_scores == before.response_scores).all()
