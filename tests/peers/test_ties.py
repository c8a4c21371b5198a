"""The rules that choose step by step or among optima, against all that the peers find with ties.

A rule that breaks ties by the order of the responses finds, as they are named in every way, all that
can win in one way or another.
"""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest

from rlchf.numeric.arrays import to_numpy
from rlchf.rules import get_rule
from tests.peers.elections import Election, batches
from tests.support.profiles import Case, together

IN_PARALLEL: list[tuple[str, str]] = [
    ("instant_runoff_put", "instant_runoff"),
    ("coombs_put", "coombs"),
    ("baldwin_put", "baldwin"),
    ("benham_put", "benham"),
    ("tideman_alternative_put", "tideman_alternative"),
    ("bottom_two_runoff_put", "bottom_two_runoff"),
]
"""Columns that hold all who win if ties are broken in one way or another, and our rules."""

COMMITTEES: list[tuple[str, str, dict[str, Any]]] = [
    ("pav", "pav", {}),
    ("cc", "chamberlin_courant", {}),
    ("seqpav", "seq_pav", {}),
    ("revseqpav", "reverse_seq_pav", {}),
    ("seqphragmen", "seq_phragmen", {}),
    ("equal-shares", "equal_shares", {"completion": "seq_phragmen"}),
    ("equal-shares-without-completion", "equal_shares", {"completion": "none"}),
]
"""Columns that hold all tied committees, without the number of seats, and our rules."""


def named_every_way(
    kind: str, rule: str, elected: Callable[[np.ndarray], np.ndarray], **options: Any
) -> Iterator[tuple[Election, set[str]]]:
    """All whom a rule elects, ties broken by the order of the responses, as their names are permuted.

    Up to 5 responses are named in every way, 6 in some ways.
    """
    for group, _ in batches(kind):
        m = group[0].case.m
        ways = [np.array(names) for names in permutations(range(m))][:: 1 if m <= 5 else 29]
        named = [one.case.permuted(names) for one in group for names in ways]
        scores = to_numpy(get_rule(rule)(together(named), ties="lexicographic", **options))
        for n, one in enumerate(group):
            yield (
                one,
                {
                    "".join(str(i) for i in sorted(names[elected(row)])) or "-"
                    for names, row in zip(ways, scores[n * len(ways) :], strict=False)
                },
            )


def no_even_margins(case: Case) -> bool:
    return bool((together([case]).margins[0] != 0).sum() == case.m * (case.m - 1))


def same_or_fewer(one: Election, ours: set[str], theirs: set[str]) -> bool:
    return ours == theirs if one.case.m <= 5 else ours <= theirs


@pytest.mark.parametrize(("column", "rule"), IN_PARALLEL)
def test_all_who_win_in_parallel_universes_win_under_some_names(column: str, rule: str) -> None:
    for one, ours in named_every_way("strict", rule, lambda scores: scores == scores.max()):
        if rule == "bottom_two_runoff" and not no_even_margins(one.case):
            continue  # if two tie by majority, pref_voting drops whom the other precedes in the list
        theirs = set(one.answers[column] or "")
        assert same_or_fewer(one, ours, theirs), (one.text, ours, theirs)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(("column", "rule", "options"), COMMITTEES, ids=str)
def test_all_tied_committees_are_elected_under_some_names(
    column: str, rule: str, options: dict[str, Any], k: int
) -> None:
    for one, ours in named_every_way("approvals", rule, lambda s: s > 0, k=k, **options):
        theirs = set((one.answers[f"{column}_{k}"] or "").split())
        assert same_or_fewer(one, ours, theirs), (one.text, ours, theirs)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(("column", "rule"), [("pav", "pav"), ("cc", "chamberlin_courant")])
def test_the_score_is_the_share_of_optimal_committees_with_the_response(
    column: str, rule: str, k: int
) -> None:
    for group, profiles in batches("approvals"):
        for one, scores in zip(group, get_rule(rule)(profiles, k=k), strict=True):
            optimal = (one.answers[f"{column}_{k}"] or "").split()
            share = [sum(str(i) in c for c in optimal) / len(optimal) for i in range(one.case.m)]
            assert scores.tolist() == pytest.approx(share, abs=1e-9), one.text


@pytest.mark.parametrize(
    ("column", "options", "tied"),
    [
        ("stv_wig_droop_2", {"quota": "droop"}, 0),
        ("stv_scottish_2", {"variant": "scottish"}, 0),
        ("stv_meek_2", {"variant": "meek"}, 17),  # it elects who has a quota exactly
    ],
)
def test_stv_elects_the_committees_of_pref_voting_up_to_ties(
    column: str, options: dict[str, Any], tied: int
) -> None:
    others = 0
    options = {"k": 2, "ties": "lexicographic", **options}
    for group, profiles in batches("strict"):
        m = group[0].case.m
        for one, scores in zip(group, get_rule("stv")(profiles, **options), strict=True):
            if one.answers[column] in (None, "".join(map(str, np.flatnonzero(scores >= m - 2)))):
                continue
            others += 1
            ways = [np.array(names) for names in permutations(range(m))]
            rows = get_rule("stv")(together([one.case.permuted(w) for w in ways]), **options)
            tops = [sorted(w[row >= m - 2]) for w, row in zip(ways, rows, strict=True)]
            assert [int(i) for i in one.answers[column] or ""] in tops, one.text
    assert others == tied


@pytest.mark.parametrize("k", [2, 3])
def test_equal_shares_adds_budget_as_abcvoting_does_unless_that_buys_too_much(k: int) -> None:
    # Raising the budget may jump from fewer than k responses to more. Then abcvoting takes the first
    # k that are bought with too large a budget, and we fill up what the last smaller one bought.
    unlike = 0
    options = {"k": k, "completion": "add_one"}
    for one, ours in named_every_way("approvals", "equal_shares", lambda s: s > 0, **options):
        unlike += one.answers[f"equal-shares-with-increment-completion_{k}"] not in ours
    assert unlike == {2: 3, 3: 1}[k]


@pytest.mark.parametrize("k", [2, 3])
def test_the_committees_of_approval_are_the_most_approved(k: int) -> None:
    for group, profiles in batches("approvals"):
        for one, scores in zip(group, get_rule("approval")(profiles), strict=True):
            sums = {c: sum(scores[i] for i in c) for c in combinations(range(one.case.m), k)}
            best = {"".join(map(str, c)) for c in sums if sums[c] == max(sums.values())}
            assert best == set((one.answers[f"av_{k}"] or "").split())
