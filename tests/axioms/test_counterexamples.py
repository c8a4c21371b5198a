"""The table of counterexamples: every one is replayed, and it says what the literature says."""

import json

import pytest

from rlchf.axioms.counterexamples import Counterexample, in_words, replayed, searched, stored
from rlchf.axioms.scopes import MEETS
from rlchf.axioms.smallest import smallest, within
from rlchf.axioms.statuses import status_of
from rlchf.rules import AXIOMS, get_rule, is_across, list_rules
from tests.support.profiles import QUICK_ACROSS

CARDS = list_rules()


def quick(rule: str) -> bool:
    return not is_across(get_rule(rule)) or rule in QUICK_ACROSS


def check_replays(rules: list[str]) -> None:
    for (rule, axiom), found in stored().items():
        if rule in rules:
            replay = replayed(found)
            assert replay.broken, "\n".join(in_words(replay))
            assert within(found.case, found.ballots).all(), (rule, axiom)


def test_the_counterexamples_of_the_table_break_their_axioms() -> None:
    check_replays([rule for rule in CARDS if quick(rule)])


@pytest.mark.slow
def test_the_counterexamples_of_rules_that_take_long_to_compile_break_their_axioms() -> None:
    check_replays([rule for rule in CARDS if not quick(rule)])


def test_every_rule_and_axiom_is_claimed_or_refuted_or_searched() -> None:
    for rule in {rule for rule, _ in stored()}:
        card = CARDS[rule]
        for axiom in AXIOMS:
            claimed = axiom in card.axioms
            known = (rule, axiom) in stored()
            assert claimed or known or (rule, axiom) in searched(), (rule, axiom)
            assert not (claimed and known and axiom not in card.scopes), (rule, axiom)


def test_a_counterexample_to_a_claim_with_a_condition_does_not_meet_the_condition() -> None:
    for (rule, axiom), found in stored().items():
        scope = CARDS[rule].scopes.get(axiom)
        if scope:
            meets = [MEETS[scope](e)[0] for e in found.case.elections]
            assert not all(meets), (rule, axiom, scope)


def test_a_counterexample_is_read_as_it_was_written() -> None:
    for found in list(stored().values())[::7]:
        again = Counterexample.from_record(json.loads(json.dumps(found.record())))
        assert again.record() == found.record()


def test_a_search_finds_the_smallest_election_first() -> None:
    found = smallest("borda", "condorcet", drawn=0)
    assert found.case is not None
    assert (found.ballots, found.case.elections[0].weights.sum()) == ("strict", 3)
    assert smallest("borda", "monotonicity", most=500, drawn=200).case is None


LITERATURE = {
    # Condorcet winner, Condorcet loser, majority winner, majority loser, Pareto, monotonicity, Smith, clones,
    # participation, consistency
    "plurality": "0010110011",
    "borda": "0101110011",
    "approval": "0000110011",
    "black": "1111110000",
    "copeland": "1111111000",
    "minimax": "1010110000",
    "kemeny": "1111111000",
    "nanson": "1111101000",
    "baldwin": "1111101000",
    "schulze": "1111111100",
    "ranked_pairs": "1111111100",
    "split_cycle": "1111111100",
    "instant_runoff": "0111100100",
    "coombs": "0111100000",
    "bucklin": "0011110000",
    "star": "0101110000",
}
"""As in D. S. Felsenthal, H. Nurmi, "Voting procedures for electing a single candidate", 2018, and
M. Schulze, "The Schulze method of voting", 2018."""
COLUMNS = (
    "condorcet", "condorcet loser", "majority", "majority loser", "pareto", "monotonicity", "smith", "clones",
    "participation", "consistency",
)  # fmt: skip
DIFFERENT = {
    (
        "kemeny",
        "monotonicity",
    ): "the ranking is made of all optimal orders; no counterexample, no proof",
    ("star", "monotonicity"): "on ballots with ties",
}
"""Where this package differs, and why; docs/guide/rules/axioms.md says it at greater length."""


@pytest.mark.parametrize("rule", LITERATURE)
def test_the_table_of_classic_rules_is_that_of_the_literature(rule: str) -> None:
    for axiom, expected in zip(COLUMNS, LITERATURE[rule], strict=True):
        if (rule, axiom) not in DIFFERENT:
            assert status_of(rule, axiom).satisfied == (expected == "1"), axiom


def test_an_election_of_the_literature_is_tried_where_small_ones_do_not_decide() -> None:
    found = smallest("minimax", "majority loser", kinds=["strict"], most=1, drawn=0)
    assert found.case is not None
    assert found.case.elections[0].weights.sum() == 9
    for rule in ("coombs", "veto"):
        assert smallest(rule, "majority loser", kinds=["strict"], most=1, drawn=0).case is None


def test_two_identical_prompts_refute_what_single_prompts_do_not() -> None:
    found = smallest("perpetual_pav", "majority", kinds=[], drawn=0)
    assert found.case is not None
    one = Counterexample("perpetual_pav", "majority", found.ballots, found.case)
    assert one.prompts == 2
    again = Counterexample.from_record(json.loads(json.dumps(one.record())))
    assert again.prompts == 2
    assert replayed(again).broken
    assert "2 identical prompts" in one.size
    single = Counterexample.from_record({**one.record(), "prompts": 1})
    assert not replayed(single).broken


def test_it_is_said_on_what_prompts_a_rule_across_prompts_was_searched() -> None:
    assert "single prompts only" in status_of("perpetual_pav", "monotonicity").sentence
    assert "three identical prompts" in status_of("soft_nash", "majority loser").sentence
    assert "prompts" not in status_of("kemeny", "monotonicity").sentence
