"""The rules against pref_voting and abcvoting: their answers on a thousand elections, from a file.

`tests/peers/make_answers.py` wrote the file, which says itself how it is to be read. Where a peer is
wrong, a test at the end says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.numeric.arrays import to_numpy
from rlchf.rules import get_rule
from tests.oracles.textbook import blocks_of
from tests.peers.elections import KINDS, batches, elections
from tests.peers.notation import levels_of, numbers
from tests.peers.test_ties import COMMITTEES, IN_PARALLEL

# -- how a peer's answer is compared with scores ----------------------------------------------------

Check = Callable[[list[float], str], bool]


def same_order(scores: list[float], answer: str) -> bool:
    return blocks_of(scores) == levels_of(answer)


def same_winners(scores: list[float], answer: str) -> bool:
    return blocks_of(scores)[0] == numbers(answer)


def among_winners(scores: list[float], answer: str) -> bool:
    """Ours break ties that theirs leave."""
    return set(blocks_of(scores)[0]) <= set(numbers(answer))


def same_top(scores: list[float], answer: str) -> bool:
    return blocks_of(scores)[0] == levels_of(answer)[0]


def one_winner(scores: list[float], answer: str) -> bool:
    """The peer's only winner is alone on top; several winners say nothing."""
    return len(answer) > 1 or blocks_of(scores)[0] == numbers(answer)


def on_top(scores: list[float], answer: str) -> bool:
    """The first response of a strict order is the peer's winner."""
    return scores.index(max(scores)) == int(answer)


def tiers(scores: list[float], answer: str) -> bool:
    """First come those whom nobody beats, then those whom only they beat, and so on."""
    remaining, pairs, blocks = (
        set(range(len(scores))),
        [numbers(pair) for pair in answer.split()],
        [],
    )
    while remaining:
        blocks.append(sorted(remaining - {j for i, j in pairs if i in remaining}))
        remaining -= set(blocks[-1])
    return blocks_of(scores) == blocks


def refined_by(scores: list[float], answer: str) -> bool:
    """Their order breaks some of our ties, and has all else as we do."""
    position = {i: n for n, level in enumerate(levels_of(answer)) for i in level}
    ours = [
        position[i] for level in blocks_of(scores) for i in sorted(level, key=position.__getitem__)
    ]
    return ours == sorted(ours)


def starts_with(scores: list[float], answer: str) -> bool:
    """They rank some of the responses only, which we put in front of the others."""
    levels = levels_of(answer)
    return blocks_of(scores)[: len(levels)] == levels


def cuts(scores: list[float], answer: str) -> bool:
    """Blocks end where all optimal orders have the same responses in front."""
    orders = answer.split()
    ends = [k for k in range(len(scores) + 1) if len({frozenset(o[:k]) for o in orders}) == 1]
    return blocks_of(scores) == [sorted(numbers(orders[0][a:b])) for a, b in pairwise(ends)]


def common(scores: list[float], answer: str) -> bool:
    """Scores are the responses behind in all optimal orders, and half of those behind in some only."""
    orders = [numbers(order) for order in answer.split()]
    m = len(scores)
    behind = [[all(o.index(i) < o.index(j) for o in orders) for j in range(m)] for i in range(m)]
    before = [sum(row[i] for row in behind) for i in range(m)]
    return scores == [(m - 1 + sum(behind[i]) - before[i]) / 2 for i in range(m)]


def first_order(scores: list[float], answer: str) -> bool:
    """The first of the optimal orders, in the order of the responses."""
    return blocks_of(scores) == [[i] for i in numbers(min(answer.split()))]


def shares(scores: list[float], answer: str) -> bool:
    whole = np.array([float(share) for share in answer.split()])
    return bool(np.allclose(scores, whole / whole.sum(), rtol=0, atol=1e-9))


@dataclass(frozen=True)
class Comparison:
    """A rule of ours, with options, and the column of the file that it must agree with."""

    kind: str
    column: str
    check: Check
    rule: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rule}-{self.kind}-{self.column}-{self.check.__name__}"


def strict(column: str, check: Check, rule: str, **options: Any) -> list[Comparison]:
    return [Comparison("strict", column, check, rule, options)]


def weak(column: str, check: Check, rule: str, **options: Any) -> list[Comparison]:
    return [Comparison("weak", column, check, rule, options)]


def filled(column: str, check: Check, rule: str, **options: Any) -> list[Comparison]:
    return [Comparison("filled", column, check, rule, options)]


def both(column: str, check: Check, rule: str, **options: Any) -> list[Comparison]:
    return strict(column, check, rule, **options) + weak(column, check, rule, **options)


def grades(column: str, check: Check, rule: str, **options: Any) -> list[Comparison]:
    return [Comparison("grades", column, check, rule, options)]


LEX = {"ties": "lexicographic"}
COMPARISONS = [
    # positional
    *strict("plurality", same_order, "plurality"),
    *strict("borda", same_order, "borda"),
    *filled("borda_symmetric", same_order, "borda"),
    *filled("borda_domination", same_order, "borda", variant="domination"),
    *filled("borda_weak_domination", same_order, "borda", variant="weak_domination"),
    *filled("borda_non_domination", same_order, "borda", variant="non_domination"),
    *strict("anti_plurality", same_order, "veto"),
    *strict("two_approval", same_order, "k_approval", k=2),
    *strict("positional_532", same_order, "positional", vector=[5, 3, 2]),
    *strict("dowdall", refined_by, "dowdall"),
    *strict("bucklin", same_winners, "bucklin"),
    # majority
    *both("copeland", same_order, "copeland"),
    *both("llull", same_order, "llull"),
    *both("minimax_margins", same_order, "minimax"),
    *both("minimax_winning", same_order, "minimax", variant="winning_votes"),
    *both("minimax_pairwise_opposition", same_order, "minimax", variant="pairwise_opposition"),
    *both("beat_path", tiers, "schulze"),
    *weak("beat_path_support", tiers, "schulze", strength="winning_votes"),
    *both("split_cycle", tiers, "split_cycle"),
    *weak("split_cycle_support", tiers, "split_cycle", strength="winning_votes"),
    *both("ranked_pairs_tb", same_order, "ranked_pairs"),
    *both("ranked_pairs_all", cuts, "ranked_pairs", ties="keep"),
    *both("river_tb", on_top, "river", **LEX),
    *both("river_all", same_winners, "river"),
    *both("stable_voting", same_order, "stable_voting"),
    *strict("kemeny", common, "kemeny"),
    *strict("kemeny", first_order, "kemeny", **LEX),
    *weak("kemeny_winners", one_winner, "kemeny"),
    *both("slater", common, "slater"),
    *both("slater", first_order, "slater", **LEX),
    *both("top_cycle", same_order, "smith"),
    *both("gocha", same_order, "schwartz"),
    *both("uc_gill", same_top, "uncovered_set"),
    *both("uc_bordes", same_top, "uncovered_set", variant="bordes"),
    *both("uc_mckelvey", same_top, "uncovered_set", variant="mckelvey"),
    *both("uc_fish", same_top, "uncovered_set", variant="fishburn"),
    *strict("blacks", same_winners, "black"),
    # elimination
    *strict("baldwin", same_winners, "baldwin"),
    *strict("strict_nanson", same_winners, "nanson"),
    *strict("weak_nanson", same_winners, "nanson", variant="weak"),
    *strict("coombs", same_winners, "coombs"),
    *strict("benham", same_winners, "benham"),
    *strict("tideman_alternative_smith", same_winners, "tideman_alternative"),
    *strict(
        "tideman_alternative_schwartz", same_winners, "tideman_alternative", top_set="schwartz"
    ),
    *strict("instant_runoff", same_order, "instant_runoff"),
    *weak("instant_runoff_split", same_winners, "instant_runoff"),
    # chances
    *both("maximal_lottery", shares, "maximal_lottery"),
    *strict("pr_borda", shares, "proportional_borda"),
    *strict("bradley_terry", same_order, "bradley_terry"),
    # cardinal
    *grades("utilitarian", same_order, "utilitarian"),
    *grades("relative_utilitarian", refined_by, "relative_utilitarian"),
    *grades("nash_above_nothing", starts_with, "nash"),
    *grades("leximin", same_order, "leximin"),
    *grades("star", among_winners, "star"),
    *grades("majority_judgement", among_winners, "majority_judgement"),
]


def disagreements(comparison: Comparison) -> tuple[int, list[str]]:
    """How many elections have an answer, and those where we disagree, as text."""
    checked, disagreeing = 0, []
    for group, profiles in batches(comparison.kind):
        scores = to_numpy(get_rule(comparison.rule)(profiles, **comparison.options))
        for one, ours in zip(group, scores.tolist(), strict=True):
            answer = one.answers[comparison.column]
            if answer is not None:
                checked += 1
                if not comparison.check(ours, answer):
                    disagreeing.append(f"{one.text}: they say {answer}, we {ours}")
    return checked, disagreeing


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_a_rule_agrees_with_its_peer(comparison: Comparison) -> None:
    checked, disagreeing = disagreements(comparison)
    assert checked >= 50
    assert not disagreeing, f"{len(disagreeing)} of {checked}:\n" + "\n".join(disagreeing[:10])


# -- where a peer is wrong, or follows another convention ----------------------------------------------


def ranking(rule: str, ballots: list[str], **options: Any) -> list[list[str]]:
    profiles = Profiles.from_ballots([ballots])
    names = sorted({sign for ballot in ballots for sign in ballot if sign.isalpha()})
    return [
        [names[i] for i in b] for b in blocks_of(get_rule(rule)(profiles, **options)[0].tolist())
    ]


def test_pref_voting_splits_dowdall_ties_that_fractions_keep() -> None:
    # 4/2 + 1/3 = 1 + 4/3, but pref_voting 1.18.2 (score_ranking, score 1/rank) says c > a > b.
    assert ranking("dowdall", ["c > a > b"] * 4 + ["b > c > a"]) == [["c"], ["a", "b"]]
    split = 0
    for group, profiles in batches("strict"):
        for one, scores in zip(group, get_rule("dowdall")(profiles).tolist(), strict=True):
            if blocks_of(scores) != levels_of(one.answers["dowdall"] or ""):
                split += 1
                exact = [
                    sum(weight / places[i] for places, weight in one.case.ballots)
                    for i in range(one.case.m)
                ]
                assert blocks_of(exact) == blocks_of(scores)
    assert split == 3


def test_votekit_schulze_ranks_a_response_above_one_that_all_prefer() -> None:
    # Both ballots have c above b. VoteKit 3.5.0 (Schulze, n_seats=1) ranks a > b > c.
    assert ranking("schulze", ["c > b > a", "a > c > b"]) == [["a", "c"], ["b"]]


def test_preflibtools_borda_gives_tied_responses_the_worse_place() -> None:
    # preflibtools 2.0.33 (borda_scores): a 2, b 1, c 1, though the two ballots mirror each other.
    assert ranking("borda", ["a > b = c", "b = c > a"]) == [["a", "b", "c"]]


def test_pref_voting_stv_passes_a_shared_vote_past_those_who_share_it() -> None:
    # Both ballots have a among their first. When b and c go, pref_voting 1.18.2 (stv_scottish and
    # stv_wig with one seat) passes their thirds of the second ballot to d, its last, and elects d.
    ballots = ["a = d > c > b", "a = b = c > d"]
    assert ranking("stv", ballots, k=1)[0] == ["a"]
    assert ranking("stv", ballots, k=1, variant="meek")[0] == ["a"]
    assert ranking("stv", ballots, k=1, variant="scottish")[0] == ["a"]


# -- the file ------------------------------------------------------------------------------------------


def test_a_thousand_elections_are_compared() -> None:
    assert sum(len(elections(kind)) for kind in KINDS) >= 1000


def test_every_answer_in_the_file_is_compared() -> None:
    columns = {c.column for c in COMPARISONS} | {column for column, _ in IN_PARALLEL}
    committees = ["av", "equal-shares-with-increment-completion", *(c[0] for c in COMMITTEES)]
    columns |= {f"{column}_{k}" for column in committees for k in (2, 3)}
    columns |= {"stv_wig_droop_2", "stv_scottish_2", "stv_meek_2"}
    for kind in KINDS:
        assert not set(elections(kind)[0].answers) - columns
