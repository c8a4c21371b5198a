import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules.chamberlin_courant import chamberlin_courant
from rlchf.rules.pav import pav
from rlchf.rules.seq_pav import seq_pav

ADDING_FAILS = ["a = b = c"] * 4 + ["a = b = d"] * 3 + ["b = e"] * 3 + ["c = d = e"] * 2


def test_the_optimal_committee_can_differ_from_the_one_elected_one_by_one() -> None:
    """b, c, a one by one are worth 10 + 4 + 17/6; a, b, e are worth 17."""
    profiles = Profiles.from_ballots([ADDING_FAILS])
    assert pav(profiles, k=3).tolist() == [[1, 1, 0, 0, 1]]
    assert (seq_pav(profiles, k=3) > 0).tolist() == [[True, True, True, False, False]]


def test_covering_gives_a_seat_to_every_taste_before_a_second_to_any() -> None:
    ballots = ["a = b > c = d"] * 98 + ["c > a = b = d", "d > a = b = c"]
    profiles = Profiles.from_ballots([ballots])
    assert chamberlin_courant(profiles, k=3, top=1).tolist() == [[0.5, 0.5, 1, 1]]
    assert pav(profiles, k=3, top=1).tolist() == [[1, 1, 0.5, 0.5]]


def test_the_first_of_tied_committees_is_taken_where_ties_are_broken() -> None:
    profiles = Profiles.from_ballots([["a = b = c = d"]])
    assert pav(profiles, k=2).tolist() == [[0.5] * 4]
    assert pav(profiles, k=2, ties="lexicographic").tolist() == [[1, 1, 0, 0]]
    assert np.argsort(-pav(profiles, ties="lexicographic"))[0].tolist() == [0, 1, 2, 3]


def test_chamberlin_courant_can_stop_preferring_a_winner_that_rises() -> None:
    """c passes b and e on the fourth ballot: what they lose there is gained by committees without c."""
    before = [
        "e > a > c > b > d",
        "e > a > c > d > b",
        "c > d > e > b > a",
        "a > e > b > c > d",
        "c > b > a > e > d",
    ]
    after = [*before[:3], "a > c > e > b > d", before[4]]
    weights = [[3.0, 2.0, 1.0, 2.0, 3.0]] * 2
    one, other = chamberlin_courant(Profiles.from_ballots([before, after], weights=weights))
    assert np.flatnonzero(one == max(one)).tolist() == [2]
    assert np.flatnonzero(other == max(other)).tolist() == [0]


@pytest.mark.parametrize("rule", [pav, chamberlin_courant])
def test_responses_with_the_same_supporters_share_seats_in_a_program(rule: object) -> None:
    names = [f"r{n:02}" for n in range(20)]
    ballots = [" = ".join(names[:10])] * 3 + [" = ".join(names[10:])] * 2
    scores = rule(Profiles.from_ballots([ballots]), k=5)[0]  # type: ignore[operator]
    if rule is pav:
        assert scores.tolist() == [0.3] * 10 + [0.2] * 10
    assert scores.sum() == pytest.approx(5)
