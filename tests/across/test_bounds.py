"""What the pages say is proved about rules across prompts, under adversarial search."""

import importlib.util
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from tests.across.test_budgets import agreement as counted
from tests.across.test_budgets import dataset, outcome


def load_script() -> Any:
    path = Path(__file__).parents[2] / "benchmarks/across/bounds.py"
    spec = importlib.util.spec_from_file_location("across_bounds", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


bounds = load_script()
PROVED = [claim for claim in bounds.CLAIMS if claim.proved]


@pytest.mark.parametrize("claim", PROVED, ids=lambda claim: f"{claim.rule}: {claim.statement}")
def test_no_dataset_of_the_search_breaks_what_is_proved(claim: Any) -> None:
    worst, found = bounds.search(claim, 200, seed=1, most_prompts=40)
    assert worst <= 1 + 1e-9, found


@pytest.mark.parametrize(("groups", "m"), [((9, 1), 4), ((6, 4), 3), ((19, 1), 5), ((49, 1), 6)])
def test_with_credit_a_small_group_wins_its_share_where_one_pair_is_contested(
    groups: tuple[int, int], m: int
) -> None:
    """Unanimous pairs do not raise the bar that a group has to pass: it is never short by more than 1/2."""
    rest = list(range(2, m))
    prompts = [[[0, 1, *rest]] * groups[0] + [[1, 0, *rest]] * groups[1]] * 60
    won, contested = counted(prompts, outcome("phragmen_credit", dataset(prompts)))
    share = groups[1] / sum(groups)
    assert contested[-1] == 60
    assert (abs(won[:, -1] - share * contested) <= 0.5 + 1e-9).all()


def test_with_credit_equal_groups_can_win_their_pairs_and_no_first_place() -> None:
    """Exactly the same to spend on every prompt: the order of the responses decides pair by pair."""
    prompts = (((1, 0, 2, 3), (0, 1, 3, 2)),) * 20
    equal = bounds.Dataset((1, 1), prompts)
    orders = bounds.outcomes("phragmen_credit", equal)
    won, contested, _ = bounds.agreement(equal, orders)
    assert set(orders) == {(0, 1, 2, 3)}
    assert won.sum(axis=0).tolist() == [20, 20]
    assert contested.sum() == 40
    assert bounds.credit_pairs_ratio(equal, orders) <= 1
    assert bounds.credit_firsts_ratio(equal, orders) == 0  # the claim does not apply


def test_the_search_would_have_found_that_income_from_all_pairs_breaks_the_bound() -> None:
    """Nine against one on one pair of six: 0 of the first 24 prompts, where half of all pairs is the bar."""
    claim = next(c for c in bounds.CLAIMS if c.statement.startswith("two groups: contested"))
    nine_to_one = bounds.Dataset((9, 1), (((0, 1, 2, 3), (1, 0, 2, 3)),) * 24)
    assert claim.ratio(nine_to_one, [(0, 1, 2, 3)] * 24) == pytest.approx(4.8)


def test_with_credit_three_groups_can_fall_short_without_bound() -> None:
    """Three against two and two who are on the same side of every pair but one: nothing is proved there."""
    claim = next(c for c in bounds.CLAIMS if c.groups == (3, 5))
    worst, found = bounds.search(claim, 250, seed=0)
    assert worst > 5
    longer = bounds.Dataset(found.weights, found.prompts * 4)
    assert claim.ratio(longer, bounds.outcomes(claim.rule, longer, claim.unit)) > 2 * worst


def test_the_agreement_that_the_search_counts_is_that_of_the_ballots() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        data = bounds.random_dataset(rng, bounds.CLAIMS[0], 5)
        orders = bounds.outcomes("cpb", data)
        won, contested, _ = bounds.agreement(data, orders)
        expected = counted(data.prompts, orders)
        assert np.cumsum(won, axis=0).tolist() == expected[0].tolist()
        assert np.cumsum(contested).tolist() == expected[1].tolist()


def test_annotators_decide_their_share_within_one_prompt_also_if_weights_change() -> None:
    rng = np.random.default_rng(2)
    orders = list(permutations("abcd"))
    for _ in range(60):
        prompts, people = int(rng.integers(2, 40)), int(rng.integers(2, 6))
        weights = rng.integers(1, int(rng.choice([3, 10, 50])) + 1, (prompts, people)).astype(float)
        picks = [rng.choice(24, people, replace=False) for _ in range(prompts)]
        ballots = [
            (t, v, [[x] for x in orders[k]]) for t, p in enumerate(picks) for v, k in enumerate(p)
        ]
        rankings = Rankings.from_ballots(ballots, weights.ravel().tolist())
        result = rlchf.aggregate(rankings, "apportioned_dictator")
        won = [orders.index(tuple(b[0] for b in result.ranking(t))) for t in range(prompts)]
        decided = np.array([p == k for p, k in zip(picks, won, strict=True)])
        due = weights / weights.sum(axis=1, keepdims=True)
        assert abs(np.cumsum(decided, axis=0) - np.cumsum(due, axis=0)).max() < 1
