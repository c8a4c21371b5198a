"""How far rules differ, against SciPy, the pairs of trainers, and loops over pairs."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau

import rlchf
from rlchf import Aggregation, Rankings
from rlchf.comparison.rules import Distances, distances, first_place_names
from rlchf.pairs import preference_pairs
from rlchf.preferences import examples
from tests.support.comparisons import random_rankings

RULES = ("borda", "plurality", "kemeny", "smith", "perpetual_pav")


@pytest.fixture(scope="module")
def case() -> tuple[Rankings, dict[str, Aggregation], Distances]:
    rankings = random_rankings(1)
    results = {rule: rlchf.aggregate(rankings, rule) for rule in RULES}
    return rankings, results, distances(rankings, results)


def ranks(result: Aggregation, prompt: str) -> np.ndarray:
    place = {r: n for n, level in enumerate(result.ranking(prompt)) for r in level}
    return np.array([place[r] for r in sorted(place)])


def cell(measured: Distances, table: str, one: str, other: str) -> float:
    i, j = measured.rules.index(one), measured.rules.index(other)
    assert getattr(measured, table)[i, j] == getattr(measured, table)[j, i] or table == "x"
    return float(getattr(measured, table)[i, j])


def test_tau_b_is_that_of_scipy(
    case: tuple[Rankings, dict[str, Aggregation], Distances],
) -> None:
    rankings, results, measured = case
    for one, other in combinations(RULES, 2):
        taus = [
            kendalltau(ranks(results[one], p), ranks(results[other], p)).statistic
            for p in rankings.prompt_ids
        ]
        assert cell(measured, "tau_b", one, other) == pytest.approx(np.nanmean(taus))


def test_distances_and_first_places_equal_loops_over_pairs(
    case: tuple[Rankings, dict[str, Aggregation], Distances],
) -> None:
    rankings, results, measured = case
    by_prompt = np.zeros(rankings.n_prompts)
    for one, other in combinations(RULES, 2):
        total, same = [], []
        for p in rankings.prompt_ids:
            a, b = ranks(results[one], p), ranks(results[other], p)
            costs = []
            for i, j in combinations(range(len(a)), 2):
                x, y = np.sign(a[i] - a[j]), np.sign(b[i] - b[j])
                costs.append(1.0 if x * y < 0 else 0.5 if x != y else 0.0)
            total.append(np.mean(costs))
            same.append(results[one].ranking(p)[0] == results[other].ranking(p)[0])
        assert cell(measured, "distance", one, other) == pytest.approx(np.mean(total))
        assert cell(measured, "same_first", one, other) == pytest.approx(np.mean(same))
        by_prompt += np.array(total) / len(list(combinations(RULES, 2)))
    assert measured.disagreement == pytest.approx(by_prompt)
    firsts = [len(first_place_names(results, p)) for p in rankings.prompt_ids]
    assert measured.first_places.tolist() == firsts


def test_flipped_pairs_are_those_of_the_pairs_that_trainers_get(
    case: tuple[Rankings, dict[str, Aggregation], Distances],
) -> None:
    rankings, results, measured = case
    responses = {p: {r: f"{p} {r}" for r in rankings.responses(p)} for p in rankings.prompt_ids}
    made = {}
    for rule, result in results.items():
        plain = Aggregation.from_scores(rankings, -result.response_ranks.astype(float), rule, {})
        pairs, _ = preference_pairs(examples(plain, dict.fromkeys(responses, "?"), responses))
        made[rule] = {(pair.chosen, pair.rejected) for pair in pairs if not pair.tied}
    for one, other in combinations(RULES, 2):
        flipped = sum((b, a) in made[other] for a, b in made[one])
        both = flipped + len(made[one] & made[other])
        assert cell(measured, "flipped", one, other) == flipped
        assert (
            cell(measured, "one_sided", one, other) == len(made[one]) + len(made[other]) - 2 * both
        )
        if both:
            assert cell(measured, "flipped_share", one, other) == pytest.approx(flipped / both)
    assert dict(zip(measured.rules, measured.strict.tolist(), strict=True)) == {
        rule: len(pairs) for rule, pairs in made.items()
    }


def test_rules_with_the_same_rankings_are_one_class() -> None:
    rankings = random_rankings(2)
    results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "positional", "veto")}
    assert ["borda", "positional"] in [sorted(c) for c in distances(rankings, results).classes()]
