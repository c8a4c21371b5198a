"""Every axiom that a card claims, under a search; and what claims without their conditions would miss."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.axioms.counterexamples import Counterexample, in_words, replayed
from rlchf.axioms.searching import random_search
from rlchf.rules import get_rule, is_across, list_rules, voting_rule
from tests.support.profiles import QUICK_ACROSS, Case, ranking, scores_of

CARDS = list_rules()
CLAIMS = [
    pytest.param(
        name, axiom,
        marks=[pytest.mark.slow] if is_across(get_rule(name)) and name not in QUICK_ACROSS else [],
    )
    for name, card in CARDS.items()
    for axiom in card.axioms
]  # fmt: skip
UNANIMOUS = [
    name
    for name, card in CARDS.items()
    if "unanimity" in card.axioms and not is_across(get_rule(name))
]
Weighted = dict[str, float]


@pytest.mark.filterwarnings("ignore")  # approvals read off rankings, responses that nothing links
@pytest.mark.parametrize(("name", "axiom"), CLAIMS, ids=lambda value: value.replace(" ", "-"))
def test_no_election_of_the_search_breaks_a_claim(name: str, axiom: str) -> None:
    across = is_across(get_rule(name))
    verdict = random_search(name, axiom, 140 if across else 600, seed=1, batch=20 if across else 50)
    if verdict.smallest:
        found = replayed(Counterexample(name, axiom, "", verdict.smallest))
        raise AssertionError("\n".join(in_words(found)))
    assert verdict.held >= 20


@pytest.mark.parametrize("name", UNANIMOUS)
@pytest.mark.filterwarnings("ignore")  # of the limits of exact search
def test_many_responses_are_ranked_as_all_ballots_rank_them(name: str) -> None:
    for m in (6, 9, 20):
        order = np.random.default_rng(m).permutation(m)
        ranks = np.tile(np.argsort(order)[:, None] + 1, 3).astype(np.int16)
        for weights in (np.ones(3), np.array([0.0, 2.0, 0.5])):
            scores = scores_of(name, [Case(ranks, weights)])[0]
            assert (np.diff(scores[order]) < 0).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "axiom"),
    [
        ("borda", "condorcet"), ("borda", "clones"), ("plurality", "condorcet loser"),
        ("plurality", "clones"), ("minimax", "smith"), ("copeland", "clones"),
        ("kemeny", "reinforcement"), ("instant_runoff", "monotonicity"),
        ("instant_runoff", "unanimity"), ("ranked_pairs", "neutrality"), ("stv", "condorcet"),
        ("bradley_terry", "homogeneity"), ("random_ballot", "anonymity"),
        ("minimax", "clones"), ("coombs", "monotonicity"),
    ],
)  # fmt: skip
def test_the_search_refutes_what_a_rule_is_known_to_lack(name: str, axiom: str) -> None:
    assert axiom not in CARDS[name].axioms or axiom in CARDS[name].scopes
    assert random_search(name, axiom, 6000, seed=1, scope="").broken


def blocks(name: str, ballots: Weighted, responses: str) -> list[str]:
    """The ranking in letters, as "b", "ac"; ballots and their weights."""
    weights = [list(ballots.values())]
    profiles = Profiles.from_ballots([list(ballots)], responses=list(responses), weights=weights)
    return ["".join(responses[i] for i in level) for level in ranking(name, profiles)]


@pytest.mark.parametrize(
    ("name", "before", "winners", "after", "new_winners"),
    [
        ("instant_runoff", {"a > b": 1, "b > a": 2}, "b",
         {"a > c > b": 1, "b > c > a": 1, "c > b > a": 1}, "abc"),
        ("benham", {"a > b > c": 4, "c > b > a": 4}, "ac",
         {"a > d > b > c": 2, "d > a > b > c": 2, "c > b > d > a": 4}, "c"),
        ("tideman_alternative", {"a > b > c": 4, "c > b > a": 4}, "ac",
         {"a > d > b > c": 2, "d > a > b > c": 2, "c > b > d > a": 4}, "c"),
    ],
)  # fmt: skip
def test_clones_change_who_wins_where_eliminations_tie(
    name: str, before: Weighted, winners: str, after: Weighted, new_winners: str
) -> None:
    """c is a clone of b in the first case, d one of a in the others."""
    assert CARDS[name].scopes["clones"] == "untied eliminations"
    assert blocks(name, before, "abc" if len(winners) > 1 else "ab")[0] == winners
    assert blocks(name, after, "abcd" if len(winners) > 1 else "abc")[0] == new_winners


@pytest.mark.parametrize(
    ("name", "weights"), [("instant_runoff", (9.0, 8.0, 10.0)), ("benham", (8.0, 9.0, 10.0))]
)
def test_clones_change_what_a_response_gets_of_a_first_place_that_it_shares(
    name: str, weights: tuple[float, ...]
) -> None:
    """d is a clone of b, tied with it; no elimination ties."""
    before = dict(zip(("a = b > c", "a > b = c", "b = c > a"), weights, strict=True))
    after = {ballot.replace("b", "b = d"): weight for ballot, weight in before.items()}
    assert blocks(name, before, "abc") == ["b", "a", "c"]
    assert blocks(name, after, "abcd") == ["a", "bd", "c"]


@pytest.mark.filterwarnings("ignore")  # responses that no ballot links
@pytest.mark.parametrize(
    ("name", "one", "other", "same", "together"),
    [
        ("bradley_terry", {"b > d > c > a": 2, "b > a > d": 3}, {"b > c > a": 2},
         ["b", "cd", "a"], ["b", "c", "d", "a"]),
        ("leximin", {"c": 2, "b": 1}, {"b > a": 3, "c > a": 4}, ["bc", "a"], ["b", "c", "a"]),
    ],
)  # fmt: skip
def test_electorates_with_gaps_may_agree_and_both_together_not(
    name: str, one: Weighted, other: Weighted, same: list[str], together: list[str]
) -> None:
    assert CARDS[name].scopes["reinforcement"] == "complete"
    responses = "abcd"[: sum(map(len, same))]
    assert blocks(name, one, responses) == blocks(name, other, responses) == same
    assert blocks(name, one | other, responses) == together


def test_a_winner_raised_into_a_tie_can_lose_under_plackett_luce() -> None:
    """Breslow's method takes two choices of the tied responses from the same set."""
    assert CARDS["plackett_luce"].scopes["monotonicity"] == "untied"
    assert blocks("plackett_luce", {"b > c > a": 2, "a > c > b": 3}, "abc")[0] == "c"
    assert blocks("plackett_luce", {"b = c > a": 2, "a > c > b": 3}, "abc")[0] == "a"


def test_a_majority_by_scores_need_not_win_under_majority_judgement() -> None:
    """Each of two annotators scores a above b; the median of a is 1, that of b is 9."""
    scores = np.array([[1.0, 10.0, 0.0], [0.0, 9.0, 10.0]])
    profiles = Profiles(
        ranks=np.array([[1, 1, 2], [2, 2, 1]], dtype=np.int16),
        starts=np.array([0, 3]), weights=np.ones(3), annotators=np.arange(3), scores=scores,
    )  # fmt: skip
    assert CARDS["majority_judgement"].scopes["majority"] == "rankings"
    assert ranking("majority_judgement", profiles) == [[1], [0]]


def test_clones_can_change_who_wins_under_river_where_it_stops_searching() -> None:
    assert CARDS["river"].scopes["clones"] == "few"
    before = {"a > f": 1.0, "b > c > a > f > e": 1.0, "d > a > e > c": 1.0, "f > d > b": 1.0}
    after = {
        "a > h > g > f": 1.0, "b > c > h > g > a > f > e": 1.0,
        "d > a > g > h > e > c": 1.0, "f > d > b": 1.0,
    }  # fmt: skip
    assert blocks("river", before, "abcdef")[0] == "abd"
    assert blocks("river", after, "abcdefgh")[0] == "abcdgh"  # c, too


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ({"clones": "complete"}, "a scope for 'clones', which is not among the axioms"),
        ({"majority": "always"}, "unknown scope 'always'; choose from complete, "),
    ],
)
def test_a_scope_is_one_of_the_known_and_of_a_claim(scopes: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        voting_rule(kind="majority", cost="", axioms=["majority"], scopes=scopes)
