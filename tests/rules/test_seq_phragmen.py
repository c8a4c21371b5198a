from rlchf import Profiles
from rlchf.rules.seq_phragmen import seq_phragmen


def test_a_minority_comes_up_when_it_can_pay() -> None:
    """Three for a, b, c and two for d, e, f: at 1/3, 1/2, 2/3, then 1 for c and e, and 3/2 for f."""
    ballots = ["a = b = c > d = e = f"] * 3 + ["d = e = f > a = b = c"] * 2
    profiles = Profiles.from_ballots([ballots])
    assert seq_phragmen(profiles, top=1, ties="lexicographic").tolist() == [[6, 4, 3, 5, 2, 1]]


def test_the_first_round_elects_the_most_approved() -> None:
    ballots = ["a = b > c = d", "b = c > a = d", "b = d > a = c"]
    assert seq_phragmen(Profiles.from_ballots([ballots]), k=1).tolist() == [[0, 4, 0, 0]]


def test_supporters_pay_all_they_have() -> None:
    """b at 1/10 for the first three kinds; c then at 7/30, a at 67/210, e and d at last."""
    ballots = ["a = b = c"] * 4 + ["a = b = d"] * 3 + ["b = e"] * 3 + ["c = d = e"] * 2
    profiles = Profiles.from_ballots([ballots])
    assert seq_phragmen(profiles, ties="lexicographic").tolist() == [[3, 5, 4, 1, 2]]


def test_a_ballot_that_supports_two_tied_winners_pays_for_both() -> None:
    """a and b at 1/3 leave their ballots in debt until 2/3, so that d comes at 7/6, after e at 1.

    Had the ballots only paid what they had, d would come at 5/6.
    """
    ballots = ["a = b = d"] * 2 + ["a = b"] + ["c"] * 2 + ["e"]
    assert seq_phragmen(Profiles.from_ballots([ballots])).tolist() == [[5, 5, 3, 1, 2]]


def test_what_nobody_approves_comes_last_together() -> None:
    profiles = Profiles.from_ballots([["a > b = c"], ["a = b = c"]])
    assert seq_phragmen(profiles, top=1).tolist() == [[3, 2, 2], [3, 3, 3]]


def test_two_electorates_that_agree_can_disagree_together() -> None:
    """Both rank a first, b and c equal, d last; what ballots have paid for a makes c pass b."""
    one, weights_one = ["a > c > d > b", "b > a > c > d"], [3.0, 3.0]
    other = ["c > b > a > d", "d > b > c > a", "c > a > d > b", "c > a > b > d", "a > b > d > c"]
    weights_other = [1.0, 1.0, 2.0, 2.0, 2.0]
    profiles = Profiles.from_ballots(
        [one, other, one + other],
        weights=[weights_one, weights_other, weights_one + weights_other],
    )
    assert seq_phragmen(profiles).tolist() == [[4, 3, 3, 1], [4, 3, 3, 1], [4, 2, 3, 1]]
