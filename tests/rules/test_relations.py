"""What the pages say about one rule in terms of another, on elections drawn to tie and to cycle."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rlchf.axioms.deciding import places as places_by
from rlchf.axioms.drawing import KINDS, drawn
from rlchf.rules import get_rule

WEIGHTS = ["equal", "small", "absent", "large", "tenths"]
STRICT, ALL = ["strict", "alike"], list(KINDS)


def elections(kinds: list[str], count: int = 40, given: str = "rankings") -> Iterator[Any]:
    """Batches of 40 elections of 2 to 5 responses and 1 to 6 ballots."""
    rng = np.random.default_rng(7)
    for n in range(count):
        m, voters = int(rng.integers(2, 6)), int(rng.integers(1, 7))
        weights = WEIGHTS[n % len(WEIGHTS)]
        yield drawn(rng, 40, voters, m, kinds[n % len(kinds)], weights, given)


def places(rule: str, e: Any, **options: object) -> np.ndarray:
    """(B, M) how many responses are ranked above."""
    found: np.ndarray = places_by(np.asarray(get_rule(rule)(e.profiles(), **options)))
    return found


@pytest.mark.parametrize(
    ("kinds", "rule", "options", "other"),
    [
        (STRICT, "bradley_terry", {}, "borda"),
        (STRICT, "borda", {"variant": "domination"}, "borda"),
        (STRICT, "borda", {"variant": "weak_domination"}, "borda"),
        (STRICT, "borda", {"variant": "non_domination"}, "borda"),
        (STRICT, "minimax", {"variant": "winning_votes"}, "minimax"),
        (STRICT, "minimax", {"variant": "pairwise_opposition"}, "minimax"),
        (ALL, "mallows", {}, "kemeny"),
        (ALL, "proportional_borda", {}, "borda"),
        (ALL, "k_approval", {"k": 1}, "plurality"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # responses that nothing links
def test_a_rule_ranks_like_another_where_its_page_says_so(
    kinds: list[str], rule: str, options: dict[str, object], other: str
) -> None:
    for e in elections(kinds):
        assert np.array_equal(places(rule, e, **options), places(other, e))


@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
def test_a_single_transferable_vote_for_one_seat_elects_as_instant_runoff(ties: str) -> None:
    for e in elections(ALL):
        one_seat, runoff = places("stv", e, k=1, ties=ties), places("instant_runoff", e, ties=ties)
        assert np.array_equal(one_seat == 0, runoff == 0)


def test_with_all_but_one_seat_the_plurality_winner_is_elected_first() -> None:
    for e in elections(ALL):
        assert not ((places("stv", e) == 0) & (places("plurality", e) > 0)).any()


def test_with_as_many_places_as_responses_those_that_are_ranked_as_often_tie() -> None:
    for e in elections(ALL):
        scores = get_rule("k_approval")(e.profiles(), k=5)
        ranked = ((e.values > 0) * e.tenths[..., None]).sum(axis=1)
        same = ranked[:, :, None] == ranked[:, None]
        assert np.array_equal(scores[:, :, None] == scores[:, None], same)


def test_stable_winners_are_tied_only_if_margins_are() -> None:
    for e in elections(ALL):
        tied = (places("stable_voting", e) == 0).sum(axis=1) > 1
        for margins in e.margins[tied]:
            sizes = np.abs(margins[np.triu_indices(len(margins), 1)])
            assert len(set(sizes.tolist())) < len(sizes) or not sizes.all()


def test_a_maximal_lottery_is_beaten_by_no_response_on_average() -> None:
    for e in elections(ALL):
        profiles = e.profiles()
        chances = get_rule("maximal_lottery")(profiles)
        margins = np.einsum("bi,bij->bj", chances, profiles.margins)
        assert (margins >= -1e-9 * np.maximum(profiles.totals, 1)[:, None]).all()


def test_a_majority_over_a_response_ranked_above_has_a_chain_as_strong_in_ranked_pairs() -> None:
    """A path down the ranking on which every margin is at least as large."""
    for e in elections(ALL):
        profiles = e.profiles()
        order = np.argsort(-get_rule("ranked_pairs")(profiles), axis=1, kind="stable")
        for margins, row in zip(profiles.margins, order, strict=True):
            table = margins[np.ix_(row, row)]  # from the first to the last
            for low in range(1, len(row)):
                for high in np.flatnonzero(table[low, :low] > 0):
                    assert chain(table, int(high), low, table[low, high])


def chain(table: np.ndarray, high: int, low: int, strength: float) -> bool:
    """Whether a path of margins of at least a strength leads down from one response to another."""
    reached = {high}
    for i in range(high, low):
        if i in reached:
            reached |= {j for j in range(i + 1, low + 1) if table[i, j] >= strength}
    return low in reached


@pytest.mark.parametrize("rule", ["equal_shares", "seq_phragmen"])
def test_groups_that_approve_the_same_get_their_share_of_every_first_places(rule: str) -> None:
    """Proportional justified representation of the first m responses, for every m, ties broken."""
    for e in elections(ALL, 20, "approvals"):
        order = np.argsort(-get_rule(rule)(e.profiles(), ties="lexicographic"), axis=1)
        approved = (e.values > 0) & (e.values <= 1.5)
        for b, weights in enumerate(e.tenths):
            for group in np.unique(approved[b][weights > 0], axis=0):  # who approves all of these
                members = (approved[b] >= group).all(axis=1) & (weights > 0)
                for m in range(1, len(group) + 1):
                    due = min(int(weights[members].sum() * m // weights.sum()), int(group.sum()))
                    assert approved[b][members][:, order[b, :m]].any(axis=0).sum() >= due
