"""The proportional rules together: options, large numbers, every layout, and what they guarantee."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import proportional as oracles
from tests.oracles.textbook import Blocks, as_blocks, blocks_of
from tests.support.profiles import Case, random_cases, together

SEQUENTIAL = ["seq_pav", "reverse_seq_pav", "seq_phragmen", "equal_shares"]
RULES = [*SEQUENTIAL, "pav", "chamberlin_courant"]
OPTIONS = [
    {"k": k, "top": top, "ties": ties}
    for k in (None, 1, 2, 3)
    for top in (None, 1, 2)
    for ties in ("keep", "lexicographic")
]


def expected(name: str, case: Case, **options: Any) -> Blocks:
    return as_blocks(getattr(oracles, name)(case.ballots, case.m, **options))


def check(name: str, cases: list[Case], **options: Any) -> None:
    rows = get_rule(name)(together(cases), **options)
    for case, scores in zip(cases, rows, strict=True):
        assert blocks_of(scores.tolist()) == expected(name, case, **options), (case, options)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_options_do_what_the_textbook_says(name: str, m: int) -> None:
    for n, options in enumerate(OPTIONS):
        check(name, random_cases(n, 12, m, most_voters=9), **options)


@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
def test_numbers_too_large_for_floats_are_counted_exactly(name: str, ties: str) -> None:
    rng = np.random.default_rng(1)
    cases = random_cases(1, 40, 5, most_voters=9)
    large = [Case(c.ranks, rng.integers(1, 4, len(c.weights)) * (2.0**47 - 1)) for c in cases]
    odd = [Case(c.ranks, rng.integers(1, 2**40, len(c.weights)).astype(float)) for c in cases]
    check(name, [*cases, *large, *odd], ties=ties)


@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
def test_many_responses_and_uneven_electorates_are_counted_exactly(name: str, ties: str) -> None:
    for m, most in ((9, 20), (14, 9)):
        check(name, random_cases(m, 12, m, most_voters=most), ties=ties)
        check(name, random_cases(m, 12, m, most_voters=most), ties=ties, k=4)


@pytest.mark.parametrize("name", ["pav", "chamberlin_courant"])
def test_large_weights_leave_optimal_committees_tied(name: str) -> None:
    cases = random_cases(3, 40, 4)
    large = [Case(c.ranks, (1 + c.weights) * 2.0**46) for c in cases]
    check(name, large)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pav", "chamberlin_courant"])
@pytest.mark.parametrize("k", [2, 3])
def test_a_program_finds_a_committee_that_no_other_betters(name: str, k: int) -> None:
    worth: Callable[[int], Fraction] = (
        oracles.harmonic if name == "pav" else lambda n: Fraction(min(n, 1))
    )
    for case in random_cases(k, 6, 15, most_voters=12):
        for ties in ("keep", "lexicographic"):
            scores = get_rule(name)(together([case]), k=k, top=4, ties=ties)[0]
            assert scores.sum() == pytest.approx(k)
            members = np.flatnonzero(scores == 1)
            best = oracles.best_committees(case.ballots, 15, k, 4, worth)
            assert any(set(members) <= set(committee) for committee in best)
            if ties == "lexicographic":
                assert tuple(members) in best


def test_a_program_that_runs_out_of_time_says_how_far_off_it_may_be() -> None:
    case = random_cases(1, 1, 30, most_voters=40)[0]
    with pytest.warns(UserWarning, match="pav ran out of time; its committee of 5 may be worth"):
        scores = get_rule("pav")(together([case]), k=5, time_limit=0.0)
    assert scores.sum() == pytest.approx(5)


@pytest.mark.parametrize("name", RULES)
def test_a_committee_needs_a_seat(name: str) -> None:
    with pytest.raises(ValueError, match="k is 0; give 1 or more seats"):
        get_rule(name)(together(random_cases(1, 1, 3)), k=0)
    with pytest.raises(ValueError, match="ties is 'all'; choose from keep, lexicographic"):
        get_rule(name)(together(random_cases(1, 1, 3)), ties="all")


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_the_elected_are_those_above_zero(name: str) -> None:
    for case in random_cases(4, 60, 5):
        whole = get_rule(name)(together([case]), ties="lexicographic")[0]
        assert sorted(whole) == [1, 2, 3, 4, 5]
        some = get_rule(name)(together([case]), k=2, ties="lexicographic")[0]
        assert sorted(some) == [0, 0, 0, 4, 5]
        scores = get_rule(name)(together([case]), k=2)[0]
        assert (scores > 0).sum() >= 2


def parties(*sizes: int) -> list[str]:
    """Ballots for parties of as many responses as there are seats to win, named a0, a1, ..., b0, ..."""
    names = [[f"{letter}{n}" for n in range(5)] for letter in "abcd"[: len(sizes)]]
    ballots = []
    for party, size in zip(names, sizes, strict=True):
        others = [name for other in names if other is not party for name in other]
        ballots += [f"{' = '.join(party)} > {' = '.join(others)}"] * size
    return ballots


def dhondt(sizes: tuple[int, ...], seats: int) -> list[int]:
    won = [0] * len(sizes)
    for _ in range(seats):
        quotients = [Fraction(size, n + 1) for size, n in zip(sizes, won, strict=True)]
        won[quotients.index(max(quotients))] += 1
    return won


@pytest.mark.parametrize("name", [*SEQUENTIAL, "pav"])
@pytest.mark.parametrize("sizes", [(6, 4), (53, 24, 23), (10, 7, 3), (5, 3, 2)])
def test_parties_get_the_seats_that_dhondt_gives_them(name: str, sizes: tuple[int, ...]) -> None:
    """Brill, Laslier, Skowron, "Multiwinner approval rules as apportionment methods", 2018."""
    profiles = Profiles.from_ballots([parties(*sizes)])
    for k in range(1, 6):
        scores = get_rule(name)(profiles, k=k, top=1, ties="lexicographic")[0]
        won = (scores.reshape(len(sizes), 5) > 0).sum(axis=1).tolist()
        assert won == dhondt(sizes, k)


def cohesive(
    voters: oracles.Approvals, k: int
) -> Iterator[tuple[list[frozenset[int]], frozenset[int], int]]:
    """Groups that deserve n of k seats and agree on n responses: their approvals, the common ones, n."""
    total = sum(w for _, w in voters)
    kinds = [(a, sum(w for b, w in voters if a == b)) for a in {a for a, _ in voters}]
    for size in range(1, len(kinds) + 1):
        for group in combinations(kinds, size):
            common = frozenset.intersection(*(a for a, _ in group))
            n = min(k * sum(w for _, w in group) // total, len(common))
            if n:
                yield [a for a, _ in group], common, int(n)


def is_jr(voters: oracles.Approvals, committee: set[int], k: int) -> bool:
    return all(any(a & committee for a in group) for group, _, _ in cohesive(voters, k))


def is_pjr(voters: oracles.Approvals, committee: set[int], k: int) -> bool:
    return all(len(frozenset.union(*group) & committee) >= n for group, _, n in cohesive(voters, k))


def is_ejr(voters: oracles.Approvals, committee: set[int], k: int) -> bool:
    return all(any(len(a & committee) >= n for a in group) for group, _, n in cohesive(voters, k))


@pytest.mark.parametrize(
    ("name", "axiom"),
    [
        ("chamberlin_courant", is_jr),
        ("seq_phragmen", is_pjr),
        ("equal_shares", is_ejr),
        ("pav", is_ejr),
    ],
)
def test_groups_that_agree_are_represented(
    name: str, axiom: Callable[[oracles.Approvals, set[int], int], bool]
) -> None:
    counted = 0
    for case in random_cases(5, 150, 5, most_voters=9):
        for k in (2, 3, 4):
            voters = [(a, w) for a, w in oracles.approved(case.ballots) if w > 0]
            if not voters:
                continue
            scores = get_rule(name)(together([case]), k=k, ties="lexicographic")[0]
            committee = set(np.flatnonzero(scores > 0).tolist())
            assert axiom(voters, committee, k), (case, k, committee)
            counted += 1
    assert counted > 400


def test_the_most_approved_do_not_represent_groups_that_agree() -> None:
    """The check can fail: 51 ballots for a, b, c would take all three seats from the other 49."""
    voters = [(frozenset({0, 1, 2}), Fraction(51)), (frozenset({3, 4, 5}), Fraction(49))]
    assert not is_jr(voters, {0, 1, 2}, 3)
    assert is_jr(voters, {0, 1, 3}, 3)
    assert is_ejr(voters, {0, 1, 3}, 3)


def test_the_first_places_of_equal_shares_represent_groups_that_agree() -> None:
    for case in random_cases(6, 150, 5, most_voters=9):
        voters = [(a, w) for a, w in oracles.approved(case.ballots) if w > 0]
        if voters:
            scores = get_rule("equal_shares")(together([case]), ties="lexicographic")[0]
            for k in range(1, 5):
                assert is_pjr(voters, set(np.flatnonzero(scores > 5 - k).tolist()), k), case
