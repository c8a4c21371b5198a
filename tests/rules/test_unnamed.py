"""Responses that a ballot does not name, on ballots that each name some of the responses."""

from functools import cache

import numpy as np
import pytest

from rlchf.rules import get_rule, is_across, list_rules
from tests.support.profiles import Case, dense, rule_parameters, scores_of

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
