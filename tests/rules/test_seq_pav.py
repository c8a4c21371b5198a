import numpy as np

from rlchf import Profiles
from rlchf.rules.reverse_seq_pav import reverse_seq_pav
from rlchf.rules.seq_pav import seq_pav

# Two parties of five responses, six ballots against four; named so that "a" sorts first.
PARTIES = ["a1 = a2 = a3 = a4 = a5"] * 6 + ["b1 = b2 = b3 = b4 = b5"] * 4


def order(ballots: list[str], **options: object) -> list[str]:
    profiles = Profiles.from_ballots([ballots])
    names = sorted({name.strip() for b in ballots for name in b.replace(">", "=").split("=")})
    scores = seq_pav(profiles, ties="lexicographic", **options)[0]  # type: ignore[arg-type]
    return [names[i] for i in np.argsort(-scores, kind="stable") if scores[i] > 0]


def test_two_parties_of_60_and_40_per_cent_take_turns() -> None:
    """Gains 6, 4, 3, 2 (a tie of a and b), 2, 3/2, ..."""
    assert order(PARTIES, k=5) == ["a1", "b1", "a2", "a3", "b2"]
    assert order(PARTIES)[5:] == ["a4", "b3", "a5", "b4", "b5"]


def test_tied_responses_are_elected_together_even_beyond_k() -> None:
    scores = seq_pav(Profiles.from_ballots([PARTIES]), k=1)[0]
    assert scores.tolist() == [10.0] * 5 + [0.0] * 5


def test_seq_pav_can_rank_a_majority_favourite_second() -> None:
    """All approve b besides their favourite."""
    ballots = ["a > b > c > d"] * 3 + ["c > b > a > d"] * 2
    assert seq_pav(Profiles.from_ballots([ballots]))[0].tolist() == [3.0, 4.0, 2.0, 1.0]


def test_seq_pav_ranks_an_approved_copy_behind_a_minority() -> None:
    ballots = ["a = b > c"] * 3 + ["c > a = b"] * 2
    profiles = Profiles.from_ballots([ballots])
    assert seq_pav(profiles, ties="lexicographic").tolist() == [[3.0, 1.0, 2.0]]


def test_dropping_and_adding_elect_different_committees() -> None:
    """Of a, b, c, d, e; the optimal committee for three seats is a, b, e, which dropping finds."""
    ballots = ["a = b = c"] * 4 + ["a = b = d"] * 3 + ["b = e"] * 3 + ["c = d = e"] * 2
    profiles = Profiles.from_ballots([ballots])
    added = seq_pav(profiles, k=3, ties="lexicographic")[0]
    kept = reverse_seq_pav(profiles, k=3, ties="lexicographic")[0]
    assert np.flatnonzero(added).tolist() == [0, 1, 2]
    assert np.flatnonzero(kept).tolist() == [0, 1, 4]


def test_reverse_seq_pav_can_stop_preferring_a_winner_that_rises() -> None:
    """b passes c on the last ballot, which takes c's place among the approved."""
    before = ["b > c > d > a", "d > a > c > b", "d > b > a > c", "a > c > b > d"]
    after = [*before[:3], "a > b > c > d"]
    weights = [[2.0, 3.0, 2.0, 1.0]] * 2
    one, other = reverse_seq_pav(Profiles.from_ballots([before, after], weights=weights))
    assert one.tolist().index(max(one)) == 1
    assert (one == max(one)).sum() == 1
    assert other.tolist() == [2.0, 4.0, 1.0, 4.0]
