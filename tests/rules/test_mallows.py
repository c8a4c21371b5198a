"""Worked cases for the Mallows model."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules.mallows import _bend, _scores_by_place, dispersion
from tests.oracles import statistical as oracles
from tests.oracles.textbook import blocks_of, kemeny_orders
from tests.support.profiles import Case, random_cases, together

mallows, kemeny = get_rule("mallows"), get_rule("kemeny")


def test_scores_and_dispersion_are_those_of_the_textbook() -> None:
    for m in (2, 3, 4):
        batch = random_cases(m, 120, m)
        profiles = together(batch)
        results = zip(batch, mallows(profiles), dispersion(profiles), strict=True)
        for case, scores, phi in results:
            assert scores == pytest.approx(oracles.mallows(case.ballots, m), abs=1e-12)
            assert phi == pytest.approx(oracles.dispersion(case.ballots, m), abs=1e-12)


@pytest.mark.parametrize("m", [3, 5, 7])
def test_the_ranking_is_kemenys(m: int) -> None:
    profiles = together(random_cases(m, 240, m))
    for ties in ("keep", "lexicographic"):
        ours, theirs = mallows(profiles, ties=ties), kemeny(profiles, ties=ties)
        for one, other in zip(ours, theirs, strict=True):
            assert blocks_of(one.tolist()) == blocks_of(other.tolist())


def test_on_strict_ballots_the_model_is_the_most_likely_one() -> None:
    checked = 0
    for case in random_cases(6, 120, 4)[::6]:  # those are strict
        phi = float(dispersion(together([case]))[0])
        if not 0.01 < phi < 1:
            continue
        cost, _ = kemeny_orders(case.ballots, 4)

        def likelihood(phi: float, cost: float, ballots: int) -> float:
            normaliser = sum(phi**d for d in oracles.distances(4).values())
            return float(cost * np.log(phi) - ballots * np.log(normaliser))

        best, below, above = (
            likelihood(x, float(cost), len(case.weights)) for x in (phi, phi - 0.01, phi + 0.01)
        )
        assert best > max(below, above)
        checked += 1
    assert checked >= 5


def test_ballots_drawn_from_a_model_give_its_dispersion_back() -> None:
    chances = oracles.mallows_chances(0.6, 4)
    orders = [" > ".join("abcd"[i] for i in order) for order in chances]
    profiles = Profiles.from_ballots([orders], weights=[[x * 1e6 for x in chances.values()]])
    assert dispersion(profiles)[0] == pytest.approx(0.6, abs=1e-6)
    assert blocks_of(mallows(profiles)[0].tolist()) == [[0], [1], [2], [3]]


def test_dispersion_runs_from_agreement_to_chaos() -> None:
    prompts = [["a > b > c"] * 3, ["a > b > c", "c > b > a"], ["a = b = c"]]
    assert dispersion(Profiles.from_ballots(prompts)).tolist() == [0, 1, 1]
    nobody = Profiles.from_ballots([["a > b"]], weights=[[0.0]])
    assert dispersion(nobody).tolist() == [1]
    assert mallows(nobody)[0] == pytest.approx([0.5, 0.5])


def test_a_cycle_has_optimal_orders_and_a_dispersion_below_one() -> None:
    cycle = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    assert mallows(cycle)[0] == pytest.approx([1, 1, 1])
    phi = float(dispersion(cycle)[0])
    # the optimal order a > b > c has the distances 0, 2 and 2, so their mean is 4/3
    weights = {d: n * phi**d for d, n in ((0, 1), (1, 2), (2, 2), (3, 1))}
    assert sum(d * w for d, w in weights.items()) == pytest.approx(4 / 3 * sum(weights.values()))
    assert phi < 1


def test_the_series_meets_the_formula() -> None:
    for x in (0.05, 0.0999999, 0.1, 0.2):
        assert _bend(np.array([x]))[0] == pytest.approx(x / -np.expm1(-x) - 1 - x / 2, rel=1e-9)


def test_places_stay_apart_however_close_to_chaos() -> None:
    for spread in (0.0, 1e-300, 1e-17, 1e-9, 5.0, 800.0, np.inf):
        by_place = _scores_by_place(np.array([spread]), 6)[0]
        assert (np.diff(by_place) < 0).all()
        assert by_place.sum() == pytest.approx(15)


def test_two_electorates_can_agree_on_a_ranking_and_have_another_together() -> None:
    def ranking(*ballots: str) -> list[list[int]]:
        return blocks_of(mallows(Profiles.from_ballots([ballots]))[0].tolist())

    one, other = ["a > b > d > c", "a > c > b > d"], ["a > c > b > d", "b > a > c > d"]
    assert ranking(*one) == ranking(*other) == [[0], [1], [2], [3]]
    assert ranking(*one, *other) == [[0], [1, 2], [3]]


def test_a_warning_names_the_rule_that_was_called_and_comes_once() -> None:
    ranks = (np.arange(40)[:, None] - np.arange(40)) % 40 + 1
    case = Case(ranks.astype(np.int16), np.ones(40))
    with pytest.warns(UserWarning, match="mallows ran out of time") as warned:
        mallows(together([case]), time_limit=0)
    assert len(warned) == 1
