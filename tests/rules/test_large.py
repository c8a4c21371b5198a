"""Ways for prompts of many responses give what the usual ones give."""

from importlib import import_module

import numpy as np
import pytest

from rlchf.rules import get_rule
from rlchf.rules._parts.defeats import undefeated
from rlchf.rules._parts.squared_kemeny.search import QuadraticForm, RankedBallots
from tests.support.profiles import random_cases, together


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("coombs", {}),
        ("coombs", {"ties": "lexicographic"}),
        ("majority_judgement", {}),
    ],
)
@pytest.mark.parametrize("m", [2, 3, 5, 7])
def test_many_responses_are_ranked_as_few(
    name: str, options: dict[str, str], m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = together(random_cases(11, 200, m))
    few = get_rule(name)(profiles, **options)
    monkeypatch.setattr(import_module(f"rlchf.rules.{name}"), "MANY", 1)
    assert np.array_equal(get_rule(name)(profiles, **options), few)


@pytest.mark.slow
def test_coombs_shares_too_fine_for_whole_numbers_are_fractions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profiles = together(random_cases(13, 200, 5))
    few = get_rule("coombs")(profiles)
    monkeypatch.setattr(import_module("rlchf.rules.coombs"), "MANY", 1)
    monkeypatch.setattr(import_module("rlchf.rules._parts.coombs_rounds"), "EXACT", 1.0)
    assert np.array_equal(get_rule("coombs")(profiles), few)


@pytest.mark.parametrize("m", [3, 5, 8])
def test_squared_costs_as_a_quadratic_form_are_those_of_the_ballots(m: int) -> None:
    rng = np.random.default_rng(m)
    for case in random_cases(14, 20, m, most_voters=60):
        profiles = together([case])
        ballots = RankedBallots(profiles.ranks, profiles.integer_weights)
        orders = np.array([rng.permutation(m) for _ in range(4)])
        distances = np.array([ballots.distances(order) for order in orders])
        form = QuadraticForm(ballots.ranks, ballots.votes)
        assert np.array_equal(form.costs(orders), distances**2 @ ballots.votes)
        for order, far in zip(orders, distances, strict=True):
            response = int(rng.integers(m))
            moved = ballots.moved(order, response, far) ** 2 @ ballots.votes
            assert np.array_equal(form.mover(order)(response), moved)


def test_strengths_by_blocks_are_those_of_one_response_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profiles = together(random_cases(15, 4, 100, most_voters=9))
    blocks = get_rule("bradley_terry")(profiles)
    monkeypatch.setattr(import_module("rlchf.rules._parts.likelihood"), "BLOCK", 1)
    assert np.array_equal(get_rule("bradley_terry")(profiles), blocks)


@pytest.mark.parametrize("m", [3, 6, 9])
def test_components_find_the_undefeated_of_strongest_paths(
    m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = together(random_cases(12, 200, m))
    edges = np.ascontiguousarray(profiles.margins.transpose(1, 2, 0))
    remaining = np.random.default_rng(m).random((m, profiles.n_prompts)) < 0.8
    fewer = remaining & (np.random.default_rng(m + 1).random(remaining.shape) < 0.7)
    by_paths = [undefeated(edges)(some) for some in (remaining, fewer, remaining)]
    monkeypatch.setattr(import_module("rlchf.rules._parts.defeats"), "MANY", 1)
    by_components = undefeated(edges)  # one function for all, which remembers
    assert np.array_equal([by_components(some) for some in (remaining, fewer, remaining)], by_paths)


def test_running_out_of_time_warns_once_for_all_sizes() -> None:
    case = random_cases(1, 1, 30, most_voters=40)[0]
    with pytest.warns(UserWarning, match="of its committees, of .* may be worth up to") as warned:
        scores = get_rule("pav")(together([case]), time_limit=0.0)
    assert len(warned) == 1
    assert scores.sum() == pytest.approx(sum(range(1, 30)))
