"""Worked cases for Benham's rule, Tideman's alternative rule and bottom-two-runoff."""

import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import elimination as oracles_elimination
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, ranking, together

RULES = ["benham", "tideman_alternative", "bottom_two_runoff"]
OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("instant_runoff", {"ties": "lexicographic"}),
    ("coombs", {"ties": "lexicographic"}),
    ("coombs", {"majority_stop": False}),
    ("coombs", {"majority_stop": False, "ties": "lexicographic"}),
    ("benham", {"ties": "lexicographic"}),
    ("tideman_alternative", {"ties": "lexicographic"}),
    ("tideman_alternative", {"top_set": "schwartz"}),
    ("tideman_alternative", {"top_set": "schwartz", "ties": "lexicographic"}),
    ("bottom_two_runoff", {"ties": "lexicographic"}),
    ("baldwin", {"ties": "lexicographic"}),
    ("nanson", {"variant": "weak"}),
]


@pytest.mark.parametrize(("rule", "options"), OPTIONS)
@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_the_options_of_the_rules_that_eliminate_equal_the_textbook(
    rule: str, options: dict[str, object], m: int
) -> None:
    batch = random_cases(50 + m, 240, m, most_voters=9)
    scores = get_rule(rule)(together(batch), **options)
    for case, row in zip(batch, scores, strict=True):
        expected = getattr(oracles_elimination, rule)(case.ballots, m, **options)
        assert blocks_of(row.tolist()) == [sorted(block) for block in expected], case


@pytest.mark.parametrize("rule", RULES)
def test_the_capital_of_tennessee_is_nashville(rule: str) -> None:
    """Memphis a, Nashville b, Chattanooga c, Knoxville d; Nashville beats all, Memphis loses to all."""
    ballots = {"a > b > c > d": 42, "b > c > d > a": 26, "c > d > b > a": 15, "d > c > b > a": 17}
    blocks = ranking(rule, ballots)
    assert blocks[0] == [1]
    if rule != "bottom_two_runoff":  # the order in which they would win
        assert blocks == [[1], [2], [3], [0]]


@pytest.mark.parametrize("rule", ["benham", "tideman_alternative"])
def test_a_winner_can_lose_when_two_ballots_raise_it(rule: str) -> None:
    before = {"a > c > b": 6, "b > a > c": 5, "c > a > b": 2, "c > b > a": 4}
    assert ranking(rule, before)[0] == [0]
    after = {"a > c > b": 6 + 2, "b > a > c": 5, "c > b > a": 4}
    assert ranking(rule, after)[0] == [1]


def test_bottom_two_runoff_can_drop_a_winner_whom_four_ballots_raise() -> None:
    before = {"b > d > c > a": 4, "a > b > d > c": 4, "d > c > a > b": 6, "c > b > a > d": 7}
    assert ranking("bottom_two_runoff", before)[0] == [1]
    after = {"b > d > c > a": 4, "b > a > d > c": 4, "d > c > a > b": 6, "c > b > a > d": 7}
    assert ranking("bottom_two_runoff", after)[0] == [2]


def test_in_bottom_two_runoff_a_copy_can_hurt() -> None:
    assert ranking("bottom_two_runoff", {"b > a > c": 3, "c > b > a": 6, "a > c > b": 4})[0] == [2]
    copied = {"b > a > c > d": 3, "d > c > b > a": 6, "a > c > d > b": 4}
    assert ranking("bottom_two_runoff", copied)[0] == [0]


@pytest.mark.parametrize("rule", ["benham", "bottom_two_runoff"])
def test_a_tie_for_elimination_can_let_the_condorcet_loser_win(rule: str) -> None:
    """b and c, who tie with each other and would beat a, go together."""
    ballots = {"a > b > c": 2, "a > c > b": 2, "b > c > a": 3, "c > b > a": 3}
    assert ranking(rule, ballots)[0] == [0]
    assert ranking(rule, ballots, ties="lexicographic")[0] == [1]
    assert ranking("tideman_alternative", ballots)[-1] == [0]


def test_benham_and_tideman_can_differ() -> None:
    """d, outside the Smith set, keeps its first places until it goes in Benham's rule."""
    batch = together(random_cases(60, 3000, 4, most_voters=9))
    benham, alternative = (get_rule(rule)(batch) for rule in RULES[:2])
    differ = (benham.argmax(axis=1) != alternative.argmax(axis=1)).sum()
    assert 0 < differ < 300


def test_the_schwartz_set_leaves_out_a_response_held_by_ties_only() -> None:
    """c beats nobody and ties with a; a beats b, and b ties with c."""
    ballots = {"a > b > c": 1, "c > a > b": 1}
    assert ranking("tideman_alternative", ballots) == [[0, 2], [1]]
    ballots = {"a > b > c": 2, "b > c > a": 1, "c > a > b": 1}
    profiles = Profiles.from_ballots([list(ballots)], weights=[list(ballots.values())])
    assert profiles.margins[0].tolist() == [[0, 2, 0], [-2, 0, 2], [0, -2, 0]]
    assert ranking("tideman_alternative", ballots, top_set="schwartz") == [[0], [1], [2]]


def test_an_unknown_top_set_is_refused() -> None:
    with pytest.raises(ValueError, match="top_set is 'smithy'; choose from smith, schwartz"):
        ranking("tideman_alternative", {"a > b": 1}, top_set="smithy")
