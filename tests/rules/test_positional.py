"""Worked cases for positional scoring: veto, k-approval, Dowdall and any score vector."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

import rlchf
from rlchf import Profiles, Rankings
from rlchf.rules import get_rule
from tests.oracles import positional as oracles
from tests.oracles.textbook import blocks_of, plurality
from tests.support.profiles import Case, random_case, random_cases, together

veto, k_approval, dowdall, positional, borda = (
    get_rule(name) for name in ("veto", "k_approval", "dowdall", "positional", "borda")
)


def tennessee() -> Profiles:
    ballots = ["M > N > C > K", "N > C > K > M", "C > K > N > M", "K > C > N > M"]
    return Profiles.from_ballots([ballots], weights=[[42, 26, 15, 17]])  # C, K, M, N


def close(scores: np.ndarray, expected: list[Fraction]) -> bool:
    return bool(scores.tolist() == pytest.approx([float(score) for score in expected], rel=1e-15))


@pytest.mark.parametrize("name", ["veto", "k_approval", "dowdall", "positional"])
@pytest.mark.parametrize("m", [2, 3, 5])
def test_positional_scores_are_those_of_the_textbook(name: str, m: int) -> None:
    batch = random_cases(41, 240, m)
    definition: Callable[..., list[Fraction]] = getattr(oracles, name)
    for case, scores in zip(batch, get_rule(name)(together(batch)), strict=True):
        expected = definition(case.ballots, m)
        assert close(scores, expected)
        assert blocks_of(scores.tolist()) == blocks_of(expected)


@pytest.mark.parametrize("k", [1, 3, 4, 9])
def test_k_approval_counts_the_first_k_places(k: int) -> None:
    batch = random_cases(42, 240, 4)
    for case, scores in zip(batch, k_approval(together(batch), k=k), strict=True):
        assert close(scores, oracles.k_approval(case.ballots, 4, k))
        assert k > 1 or close(scores, plurality(case.ballots, 4))


def test_tennessee_by_veto_two_approval_and_dowdall() -> None:
    assert veto(tennessee()).tolist() == [[0, -42, -58, 0]]
    assert k_approval(tennessee()).tolist() == [[58, 32, 42, 68]]
    twelfths = [42 * 4 + 26 * 6 + 15 * 12 + 17 * 6, 42 * 3 + 26 * 4 + 15 * 6 + 17 * 12]
    twelfths += [42 * 12 + 58 * 3, 42 * 6 + 26 * 12 + 32 * 4]
    assert dowdall(tennessee()).tolist() == [[score / 12 for score in twelfths]]


def test_dowdall_keeps_a_tie_that_floats_split() -> None:
    """a has the places 2, 3, 6 and b has 3, 6, 2: added up in that order, a gets less than 1 in floats."""
    ballots = ["c > a > b > d > e > f", "c > d > a > e > f > b", "c > b > d > e > f > a"]
    assert 1 / 2 + 1 / 3 + 1 / 6 != 1 / 3 + 1 / 6 + 1 / 2
    assert dowdall(Profiles.from_ballots([ballots]))[0, :3].tolist() == [1, 1, 3]


@pytest.mark.parametrize("kind", ["strict", "ties gaps"])
@pytest.mark.parametrize("m", [12, 30, 60])
def test_dowdall_scores_of_many_responses_are_exact(kind: str, m: int) -> None:
    rng = np.random.default_rng(m)
    batch = [random_case(rng, m, 9, kind) for _ in range(3)]
    for case, scores in zip(batch, dowdall(together(batch)), strict=True):
        assert scores.tolist() == [float(score) for score in oracles.dowdall(case.ballots, m)]


def test_huge_weights_keep_their_ties() -> None:
    """A third of 2^52 + 1 and of 2^52 + 2 in two ways; sums in units of 1/6 outgrow floats."""
    ballots = ["a = b = c > d", "a > b = c = d", "b > a = c = d"]
    profiles = Profiles.from_ballots([ballots], weights=[[2.0**51 + 1, 2.0**50 + 1, 2.0**50 + 1]])
    scores = dowdall(profiles)[0]
    expected = oracles.dowdall(Case(profiles.ranks, profiles.weights).ballots, 4)
    assert scores.tolist() == [float(score) for score in expected]
    assert scores[0] == scores[1]


def test_a_score_vector_may_be_text_or_numbers_and_ends_in_zeros() -> None:
    profiles = together(random_cases(43, 120, 5))
    expected = positional(profiles, vector=[1, 0.5, 0, 0, 0])
    for vector in ("1,1/2", "1, 0.5, 0", (1, Fraction(1, 2)), np.array([1.0, 0.5, 0, 0, 0, 7])):
        assert (positional(profiles, vector=vector) == expected).all()


def test_any_score_vector_gives_the_scores_of_the_textbook() -> None:
    vector = [Fraction(1, 10), Fraction(-3, 10), Fraction(1, 3), Fraction(0)]
    batch = random_cases(44, 240, 4)
    for case, scores in zip(batch, positional(together(batch), vector="0.1,-.3,1/3"), strict=True):
        expected = oracles.by_vector(case.ballots, 4, vector)
        assert scores.tolist() == pytest.approx([float(score) for score in expected], abs=1e-14)
        assert blocks_of(scores.tolist()) == blocks_of(expected)


def complete_cases(seed: int, m: int) -> Profiles:
    return together(random_cases(seed, 120, m)[::6] + random_cases(seed, 121, m)[1::6])


def test_the_rules_with_names_are_score_vectors() -> None:
    named = {"1": get_rule("plurality"), "0,0,0,-1": veto, "1,1": k_approval}
    for vector, rule in named.items():
        complete = complete_cases(45, 4)
        assert (positional(complete, vector=vector) == rule(complete)).all()
    profiles = together(random_cases(45, 120, 4))
    assert (positional(profiles, vector="1,1/2,1/3,1/4") == dowdall(profiles)).all()
    assert (positional(profiles, vector="3,2,1,0") == positional(profiles)).all()


@pytest.mark.parametrize("m", [2, 5, 70])
def test_the_default_is_borda(m: int) -> None:
    profiles = together(random_cases(46, 60, m))
    assert (positional(profiles) == borda(profiles)).all()


def test_complete_ballots_get_the_plain_sums_of_their_places() -> None:
    for m, rule in ((4, dowdall), (5, positional)):
        complete = complete_cases(51, m)
        ballots = [Case(c.ranks, c.weights).ballots for c in parts(complete)]
        vector = [Fraction(1, p) if rule is dowdall else m - p for p in range(1, m + 1)]
        for scores, one in zip(rule(complete), ballots, strict=True):
            assert close(scores, oracles.sums(one, m, vector))


def parts(profiles: Profiles) -> list[Profiles]:
    return [profiles.part(b, b + 1) for b in range(profiles.n_prompts)]


SEEN_TWO_OF_THREE = [("p", str(v), "x > bad") for v in range(5)] + [("p", "w", "good > x")]


def test_a_response_that_a_ballot_does_not_name_is_no_opinion() -> None:
    """bad is last on all ballots that name it, good was never below anything."""
    rankings = Rankings.from_ballots(SEEN_TWO_OF_THREE)
    assert rlchf.aggregate(rankings, "veto").scores("p") == {"bad": -5, "good": 0, "x": -1}
    for name in ("positional", "dowdall", "borda"):
        assert rlchf.aggregate(rankings, name).ranking("p") == [["x"], ["good"], ["bad"]]


def test_unranked_last_puts_unnamed_responses_behind() -> None:
    rankings = Rankings.from_ballots(SEEN_TWO_OF_THREE, unranked="last")
    assert rlchf.aggregate(rankings, "veto").scores("p") == {"bad": -1, "good": -5, "x": 0}
    assert rlchf.aggregate(rankings, "positional").scores("p") == {"bad": 5, "good": 2, "x": 11}


def test_a_ballot_that_names_one_response_moves_nothing_but_first_places() -> None:
    profiles = Profiles.from_ballots([["a", "a", "b > c > a"]])
    assert veto(profiles).tolist() == [[-1, 0, 0]]
    assert positional(profiles).tolist() == [[2, 4, 3]]
    assert k_approval(profiles).tolist() == [[2, 1, 1]]


def test_a_ballot_that_ties_all_it_names_vetoes_nothing() -> None:
    assert veto(Profiles.from_ballots([["a = b", "c > a"]])).tolist() == [[-1, 0, 0]]


def test_a_vector_that_holds_no_numbers_is_refused() -> None:
    profiles = Profiles.from_ballots([["a > b"]])
    for vector in ("3,x", "1,,2", "1/0", [1, None]):
        with pytest.raises(ValueError, match="is no number; give numbers, such as '3,1,0'"):
            positional(profiles, vector=vector)
    with pytest.raises(ValueError, match="k is 0; give 1 or more"):
        k_approval(profiles, k=0)


def test_a_score_vector_reaches_the_rule_through_aggregate() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "b > c > a")])
    result = rlchf.aggregate(rankings, "positional", vector="5,1")
    assert result.scores("p") == {"a": 5, "b": 6, "c": 1}


def test_large_batches_are_cut_into_parts_that_do_not_show() -> None:
    one = together(random_cases(48, 12, 4))
    times = 3000
    many = Profiles(
        np.tile(one.ranks, times),
        np.concatenate(
            [[0], (np.arange(times)[:, None] * one.starts[-1] + one.starts[1:]).ravel()]
        ),
        np.tile(one.weights, times),
        np.tile(one.annotators, times),
    )
    assert (dowdall(many) == np.tile(dowdall(one), (times, 1))).all()


def test_veto_can_reject_a_majority_favourite() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert (profiles.margins[0, 0, 1:] > 0).all()
    assert veto(profiles).tolist() == [[-2, 0, -3]]


def test_dowdall_can_reject_a_majority_favourite() -> None:
    ballots = ["a > b > c > d"] * 5 + ["b > c > d > a"] * 4
    assert dowdall(Profiles.from_ballots([ballots])).argmax() == 1


def test_two_approval_ties_a_unanimous_ranking() -> None:
    assert k_approval(Profiles.from_ballots([["a > b > c"] * 3])).tolist() == [[3, 3, 0]]


def test_a_single_number_is_a_vector_of_one() -> None:
    """So that ``-o vector=3``, which the command line reads as a number, does what it says."""
    rankings = Rankings.from_ballots([("p", "ann", "a > b > c")])
    assert rlchf.aggregate(rankings, "positional", vector=3).scores("p") == {"a": 3, "b": 0, "c": 0}
    with pytest.raises(ValueError, match="vector is True, of which 'True' is no number"):
        rlchf.aggregate(rankings, "positional", vector=True)
