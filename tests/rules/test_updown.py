"""Rules for votes for and against, beside their definitions, the paper's example, and another library."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlchf import Profiles, Rankings, aggregate
from rlchf.rules import get_rule
from rlchf.rules.net_approval import net_approval
from rlchf.rules.tax_equal_shares import tax_equal_shares
from rlchf.rules.updown_pav import updown_pav
from rlchf.rules.updown_phragmen import updown_phragmen
from tests.oracles import updown

RULES = ["net_approval", "updown_phragmen", "updown_pav", "tax_equal_shares"]


def drawn(seed: int) -> tuple[list[list[int]], list[int]]:
    """Votes of 1 to 7 ballots about 2 to 5 responses, and their weights."""
    rng = np.random.default_rng(seed)
    V, M = rng.integers(1, 8), rng.integers(2, 6)
    return rng.integers(-1, 2, (V, M)).tolist(), rng.integers(0, 4, V).tolist() if seed % 2 else [
        1
    ] * V


def profiles_of(votes: list[list[int]], weights: list[int]) -> Profiles:
    return Profiles.from_approvals(votes).reweighted(np.array(weights, dtype=np.float64))


def order_of(scores: np.ndarray) -> list[int]:
    """The responses with a positive score, best first."""
    return [i for i in np.argsort(-scores, kind="stable").tolist() if scores[i] > 0]


def seats(seed: int, votes: list[list[int]]) -> int:
    return 1 + seed % len(votes[0])


def test_the_paper_s_example() -> None:
    """Kraiczy et al. 2025, example 1: of ten seats three go to each of two groups, and four stay open."""
    first, second, third = np.arange(10), np.arange(10, 20), np.arange(20, 30)
    votes = np.zeros((12, 30), dtype=int)
    votes[:5][:, third] = 1
    votes[:5][:, first] = -1
    for i in range(4):
        votes[i, 10 + 2 * i : 14 + 2 * i] = -1
    votes[4, [10, 11, 18, 19]] = -1
    votes[5:11][:, np.concatenate([first, second])] = 1
    votes[11][first], votes[11][third] = 1, -1
    scores = tax_equal_shares(Profiles.from_approvals(votes.tolist()), k=10, ties="lexicographic")[
        0
    ]
    elected = [int((scores[group] > 0).sum()) for group in (first, second, third)]
    assert elected == [0, 3, 3]


@pytest.mark.parametrize("seed", range(150))
def test_net_approval_is_its_definition(seed: int) -> None:
    votes, weights = drawn(seed)
    assert net_approval(profiles_of(votes, weights)).tolist() == [updown.net_votes(votes, weights)]


@pytest.mark.parametrize("seed", range(150))
def test_phragmen_is_its_definition(seed: int) -> None:
    votes, weights = drawn(seed)
    k = seats(seed, votes)
    scores = updown_phragmen(profiles_of(votes, weights), k=k, ties="lexicographic")[0]
    elected, vetoed = updown.elected_and_vetoed(votes, weights, k)
    assert order_of(scores) == elected
    assert order_of(-scores) == vetoed


@pytest.mark.parametrize("seed", range(150))
def test_pav_is_its_definition(seed: int) -> None:
    votes, weights = drawn(seed)
    k, M = seats(seed, votes), len(votes[0])
    best = updown.best_committees(votes, weights, k)
    shares = [sum(c in committee for committee in best) / len(best) for c in range(M)]
    np.testing.assert_allclose(updown_pav(profiles_of(votes, weights), k=k)[0], shares, atol=1e-9)
    chosen = updown_pav(profiles_of(votes, weights), k=k, ties="lexicographic")[0]
    assert set(np.flatnonzero(chosen).tolist()) in best


@pytest.mark.parametrize("seed", range(150))
def test_equal_shares_is_its_definition(seed: int) -> None:
    votes, weights = drawn(seed)
    if not any(weights):
        return
    k = seats(seed, votes)
    scores = tax_equal_shares(profiles_of(votes, weights), k=k, ties="lexicographic")[0]
    assert order_of(scores) == updown.bought_with_tax(votes, weights, k)


def test_many_responses_are_searched_by_an_integer_program() -> None:
    rng = np.random.default_rng(1)
    votes = rng.integers(-1, 2, (9, 12))
    few = updown_pav(Profiles.from_approvals(votes.tolist()), k=4, ties="lexicographic")[0]
    more = np.hstack([votes, np.full((9, 6), -1)])  # what everybody disapproves changes nothing
    many = updown_pav(Profiles.from_approvals(more.tolist()), k=4, time_limit=None)[0]
    assert many[12:].tolist() == [0] * 6
    best = updown.best_committees(more[:, :13].tolist(), [1] * 9, 4)
    assert set(np.flatnonzero(many).tolist()) in best
    assert set(np.flatnonzero(few).tolist()) in updown.best_committees(votes.tolist(), [1] * 9, 4)


def test_an_integer_program_without_time_says_so() -> None:
    rng = np.random.default_rng(2)
    profiles = Profiles.from_approvals(rng.integers(-1, 2, (40, 30)).tolist())
    with pytest.warns(
        UserWarning, match="prompt 0 of 30 responses: updown_pav ran out of time; 1 of"
    ):
        updown_pav(profiles, k=12, time_limit=0.0)


@pytest.mark.parametrize("rule", RULES)
def test_prompts_of_a_batch_are_counted_one_by_one(rule: str) -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"prompt_id": p, "annotator_id": a, "response_id": r, "approval": int(rng.integers(-1, 2))}
        for p in range(40) for a in range(p % 5 + 1) for r in "abc"
    ]  # fmt: skip
    rankings = Rankings.from_frame(rows)
    together = aggregate(rankings, rule)
    for p in (0, 7, 39):
        alone = aggregate(rankings.subset(np.array([p])), rule)
        assert together.scores(str(p)) == alone.scores(str(p))


@pytest.mark.parametrize("rule", RULES)
def test_without_disapprovals_ballots_are_read_by_their_better_half(rule: str) -> None:
    profiles = Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]])
    scores = get_rule(rule)(profiles)[0]
    assert np.argmax(scores) == 0
    assert scores.min() >= 0


@pytest.mark.parametrize("rule", RULES)
def test_large_weights_are_counted_exactly(rule: str) -> None:
    """Ties by weights that floats cannot add up: 0.1 + 0.2 against 0.3."""
    profiles = Profiles.from_approvals([[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    scores = get_rule(rule)(replace(profiles, weights=np.array([0.1, 0.2, 0.3])))[0]
    assert scores[0] == scores[1]


def test_a_response_elected_and_vetoed_at_once_is_neither() -> None:
    assert updown_phragmen(Profiles.from_approvals([[1, 0], [-1, 0]])).tolist() == [[0, 0]]
    first = updown_phragmen(Profiles.from_approvals([[1, 0], [-1, 0]]), ties="lexicographic")
    assert first.tolist() == [[2, 0]]


def test_no_seat_is_refused() -> None:
    for rule in RULES[1:]:
        with pytest.raises(ValueError, match="k is 0; give 1 or more seats"):
            get_rule(rule)(Profiles.from_approvals([[1, 0]]), k=0)


def another_library(votes: list[list[int]]) -> Any:
    """The ballots as the library trivoting has them."""
    election = pytest.importorskip("trivoting.election")
    names = [election.Alternative(c) for c in range(len(votes[0]))]
    profile = election.TrichotomousProfile(alternatives=names)
    for row in votes:
        liked, disliked = ([names[c] for c, v in enumerate(row) if v == side] for side in (1, -1))
        profile.add_ballot(election.TrichotomousBallot(approved=liked, disapproved=disliked))
    return profile


@pytest.mark.parametrize("seed", range(0, 120, 2))
def test_another_library_elects_the_same(seed: int) -> None:
    rules = pytest.importorskip("trivoting.rules")
    votes, weights = drawn(seed)
    k = seats(seed, votes)
    profiles, other = profiles_of(votes, weights), another_library(votes)

    def elected(selection: Any) -> set[int]:
        return {int(alternative.name) for alternative in selection.selected}

    assert set(order_of(updown_phragmen(profiles, k=k, ties="lexicographic")[0])) == elected(
        rules.sequential_phragmen(other, k)
    )
    assert set(order_of(tax_equal_shares(profiles, k=k, ties="lexicographic")[0])) == elected(
        rules.tax_method_of_equal_shares(other, k)
    )
    best = [
        elected(c)
        for c in rules.thiele_method(other, k, rules.PAVScoreKraiczy2025, resoluteness=False)
    ]
    members = updown_pav(profiles, k=k)[0]
    shares = [sum(c in committee for committee in best) / len(best) for c in range(len(votes[0]))]
    np.testing.assert_allclose(members, shares, atol=1e-9)
