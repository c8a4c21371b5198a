"""Responses that a ballot does not name, on ballots that each name some of the responses."""

from functools import cache

import numpy as np
import pytest

from rlchf.rules import get_rule, is_across, list_rules
from tests.oracles.textbook import blocks_of
from tests.support.profiles import (
    Case,
    dense,
    random_cases,
    rule_parameters,
    scores_of,
    together,
)

EXPOSURE = "it adds up what a response gets from the ballots that name it"
OPEN = "no ballot compares the two, and the rule ranks strictly what the ballots leave open"
DRAWN = "the ballot drawn decides alone, and ranks what it names above what it does not"
LEVELS = "it compares scores, and the response with more below it has the higher ones"
ACROSS = [name for name in list_rules() if is_across(get_rule(name)) and name != "soft_nash"]

MAY_REWARD_EXPOSURE = {
    **dict.fromkeys(
        ("k_approval", "bucklin", "expanding_approvals", "stv", "coombs", "benham"), EXPOSURE
    ),
    **dict.fromkeys(("tideman_alternative", "utilitarian", "nash", "star"), EXPOSURE),
    **dict.fromkeys(("leximin", "majority_judgement"), LEVELS),
    **dict.fromkeys(("ranked_pairs", *ACROSS), OPEN),
    **dict.fromkeys(("random_ballot", "random_dictator", "apportioned_dictator"), DRAWN),
}
"""Rules that may rank a response that is always last above one that was never below anything, and why."""

COUNTS_EXPOSURE = [
    "approval", "benham", "bucklin", "coombs", "expanding_approvals", "instant_runoff", "k_approval",
    "nash", "plurality", "proportional_sequential_borda", "relative_utilitarian", "star", "stv",
    "tideman_alternative", "utilitarian", "veto",
]  # fmt: skip


def always_last_and_never_below(case: Case) -> list[tuple[int, int]]:
    """Pairs of a response that is last on all ballots that name it and one that is below nothing."""
    named, lowest = case.ranks > 0, case.ranks.max(axis=0)
    is_last = ((case.ranks == lowest) & (lowest > 1)) | ~named
    is_first = (case.ranks == 1) | ~named
    last = np.flatnonzero(is_last.all(axis=1) & named.any(axis=1))
    first = np.flatnonzero(is_first.all(axis=1) & named.any(axis=1))
    return [(int(i), int(j)) for i in last for j in first]


@cache
def sparse_cases(m: int, count: int) -> list[Case]:
    """Ballots that name two responses or more, with and without ties, with a pair as above."""
    rng, drawn = np.random.default_rng(m), list[Case]()
    while len(drawn) < count:
        v = int(rng.integers(2, 9))
        values = np.zeros((m, v), dtype=np.int64)
        for ballot in range(v):
            n = int(rng.integers(1, m + 1))
            named = rng.choice(m, n, replace=False)
            strict = rng.random() < 0.7
            values[named, ballot] = rng.permutation(n) + 1 if strict else rng.integers(1, n + 1, n)
        case = Case(dense(values), np.ones(v))
        if always_last_and_never_below(case):
            drawn.append(case)
    return drawn


@pytest.mark.parametrize(
    "name", rule_parameters(name for name in list_rules() if name not in MAY_REWARD_EXPOSURE)
)
def test_who_is_always_last_is_not_above_who_was_never_below_anything(name: str) -> None:
    for m in (3, 4, 5):
        batch = sparse_cases(m, 30 if is_across(get_rule(name)) else 250)
        for case, scores in zip(batch, scores_of(name, batch), strict=True):
            for last, first in always_last_and_never_below(case):
                assert scores[last] <= scores[first] + 1e-9, case


@pytest.mark.parametrize(
    "name", [name for name in MAY_REWARD_EXPOSURE if not is_across(get_rule(name))]
)
def test_the_rules_of_which_exposure_or_chance_may_reward_the_last_do(name: str) -> None:
    """So that a rule leaves the list when it no longer does."""
    assert any(
        scores[last] > scores[first]
        for m in (3, 4, 5)
        for case, scores in zip(
            sparse_cases(m, 250), scores_of(name, sparse_cases(m, 250)), strict=True
        )
        for last, first in always_last_and_never_below(case)
    )


@pytest.mark.parametrize("name", COUNTS_EXPOSURE)
def test_the_page_of_a_rule_that_counts_exposure_says_so(name: str) -> None:
    assert "exposure" in (get_rule(name).__doc__ or "")


@pytest.mark.parametrize("name", ["veto", "plurality", "positional", "dowdall", "borda"])
def test_a_ballot_that_names_one_response_puts_it_behind_none(name: str) -> None:
    alone = Case(np.array([[1], [0], [0]], dtype=np.int16), np.ones(1))
    (scores,) = scores_of(name, [alone])
    assert scores[0] >= scores[1:].max()


@pytest.mark.parametrize(
    "name", rule_parameters(name for name, why in MAY_REWARD_EXPOSURE.items() if why is OPEN)
)
def test_rules_that_leave_nothing_open_decide_by_the_order_of_the_responses(name: str) -> None:
    """So who was never below anything is above who is always last, if it comes first."""
    for case in sparse_cases(4, 25):
        for last, first in always_last_and_never_below(case):
            renaming = np.array([first, *(i for i in range(case.m) if i != first)])
            (scores,) = scores_of(name, [case.permuted(renaming)])
            assert scores[renaming.tolist().index(last)] < scores[0], case


UNBEATEN = "no response beats one that no ballot names"
FILLS = "it may fill a committee that represents everybody without it"
SEATS = "the default number of seats counts all responses; with k given, nothing changes"
BUDGETS = "the budgets are shares of all pairs"
MAY_CHANGE_THE_OTHERS = {
    **dict.fromkeys(
        ("benham", "black", "bottom_two_runoff", "smith", "tideman_alternative"), UNBEATEN
    ),
    **dict.fromkeys(("equal_shares", "expanding_approvals", "stv", "tax_equal_shares"), SEATS),
    "chamberlin_courant": FILLS,
    **dict.fromkeys(("proportional_sequential_borda", "carry_psb"), BUDGETS),
}
"""Rules under which a response that no ballot names may change the ranking of the others, and why."""


def with_one_more(case: Case) -> Case:
    """The same ballots, and a response that none of them names."""
    return Case(np.vstack([case.ranks, np.zeros_like(case.ranks[:1])]), case.weights)


def changed(name: str, batch: list[Case], **options: int) -> list[Case]:
    """The cases in which a response that no ballot names changes the ranking of the others."""
    if options:
        rule = get_rule(name)
        before, after = (
            rule(together(cases), **options)
            for cases in (batch, [with_one_more(case) for case in batch])
        )
    else:
        before, after = (
            scores_of(name, cases) for cases in (batch, [with_one_more(case) for case in batch])
        )
    rows = zip(batch, before, after, strict=True)
    return [
        case
        for case, one, other in rows
        if blocks_of(one.round(9).tolist()) != blocks_of(other[:-1].round(9).tolist())
    ]


@pytest.mark.parametrize(
    "name", rule_parameters(name for name in list_rules() if name not in MAY_CHANGE_THE_OTHERS)
)
def test_a_response_that_no_ballot_names_changes_nothing_among_the_others(name: str) -> None:
    for m in (2, 3, 4):
        count = 10 if is_across(get_rule(name)) else 60
        assert not changed(name, random_cases(30 + m, count, m, most_voters=5))


@pytest.mark.parametrize("name", MAY_CHANGE_THE_OTHERS)
def test_the_rules_under_which_it_may_change_the_others_do(name: str) -> None:
    """So that a rule leaves the list when it no longer does."""
    count = 100 if is_across(get_rule(name)) else 600
    batches = [random_cases(30 + m, count, m, most_voters=5) for m in (2, 3, 4)]
    assert any(changed(name, batch) for batch in batches)
    if MAY_CHANGE_THE_OTHERS[name] is SEATS:
        assert not any(changed(name, batch, k=2) for batch in batches[1:])
