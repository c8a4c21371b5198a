"""Worked examples with exact answers."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Profiles, Rankings
from rlchf.rules import get_rule
from rlchf.rules.kemeny import kemeny_optima, kemeny_orders
from rlchf.rules.ranked_pairs import ranked_pairs_outcomes
from rlchf.ties import strict_order
from tests.oracles.textbook import blocks_of

FILE = Path(__file__).parents[1] / "data" / "known_answers.json"
ANSWERS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

ELECTIONS = ANSWERS.get("ranking_profiles", {})
APPROVALS = ANSWERS.get("approval_profiles", {})
DATASETS = ANSWERS.get("dataset_profiles", {})


def election(name: str) -> tuple[Profiles, list[str], dict[str, Any]]:
    votes = ELECTIONS[name]["votes"]
    responses = sorted(votes[0]["ranking"])
    ballots = [" > ".join(vote["ranking"]) for vote in votes]
    counts = [float(Fraction(vote["count"])) for vote in votes]
    profiles = Profiles.from_ballots([ballots], responses, [counts])
    return profiles, responses, ELECTIONS[name]["expected"]


def named(blocks: list[list[int]], responses: list[str]) -> list[list[str]]:
    return [[responses[i] for i in block] for block in blocks]


def ranking(rule: str, profiles: Profiles, responses: list[str]) -> list[list[str]]:
    return named(blocks_of(get_rule(rule)(profiles)[0].tolist()), responses)


@pytest.mark.parametrize("name", ELECTIONS)
def test_margins_are_the_known_ones(name: str) -> None:
    profiles, responses, expected = election(name)
    for pair, margin in expected["margins"].items():
        i, j = (responses.index(response) for response in pair.split(">"))
        assert profiles.margins[0, i, j] == float(Fraction(margin))


@pytest.mark.parametrize("name", ELECTIONS)
def test_borda_copeland_and_plurality_give_the_known_scores(name: str) -> None:
    profiles, responses, expected = election(name)
    for rule in ("borda", "copeland", "plurality"):
        scores = dict(zip(responses, get_rule(rule)(profiles)[0].tolist(), strict=True))
        known = {r: float(Fraction(s)) for r, s in expected[f"{rule}_scores"].items()}
        if rule == "copeland":  # there a win counts 1 and a tie 1/2, here 1 and 0, and a loss -1
            known = {r: 2 * s - (len(responses) - 1) for r, s in known.items()}
        assert scores == known
    assert ranking("borda", profiles, responses) == expected["borda_ranking"]
    assert ranking("copeland", profiles, responses) == expected["copeland_ranking"]


@pytest.mark.parametrize("name", ELECTIONS)
def test_schulze_gives_the_known_relation(name: str) -> None:
    profiles, responses, expected = election(name)
    scores = get_rule("schulze")(profiles)[0]
    for winner, loser in expected["schulze_relation"]:
        assert scores[responses.index(winner)] > scores[responses.index(loser)]
    assert ranking("schulze", profiles, responses) == expected["schulze_groups"]
    assert expected["schulze_groups"][0] == sorted(expected["schulze_winners"])


@pytest.mark.parametrize("name", ELECTIONS)
def test_ranked_pairs_gives_the_known_order(name: str) -> None:
    profiles, responses, expected = election(name)
    assert ranking("ranked_pairs", profiles, responses) == [
        [r] for r in expected["ranked_pairs_lex"]
    ]


@pytest.mark.parametrize("name", ELECTIONS)
def test_kemeny_keeps_what_all_known_optima_agree_on(name: str) -> None:
    profiles, responses, expected = election(name)
    optima = expected["kemeny_all"]
    first = [responses[i] for i in strict_order(get_rule("kemeny"), profiles)[0]]
    assert first == sorted(optima)[0]
    scores = dict(zip(responses, get_rule("kemeny")(profiles)[0].tolist(), strict=True))
    for one in responses:
        others = [other for other in responses if other != one]
        before = [{order.index(one) < order.index(other) for order in optima} for other in others]
        assert scores[one] == before.count({True}) + before.count({True, False}) / 2


def first_order(rule: str, profiles: Profiles, responses: list[str], **options: Any) -> list[str]:
    """The rule's outcome with ties in the order of the responses."""
    return [responses[i] for i in strict_order(get_rule(rule), profiles, **options)[0]]


@pytest.mark.parametrize("name", ELECTIONS)
def test_all_outcomes_of_kemeny_and_ranked_pairs_are_the_known_ones(name: str) -> None:
    profiles, responses, expected = election(name)
    assert named(kemeny_optima(profiles), responses) == sorted(expected["kemeny_all"])
    (result,) = kemeny_orders(profiles)
    assert result.proved
    assert result.cost == float(Fraction(expected["kemeny_cost"]))
    outcomes = named(ranked_pairs_outcomes(profiles.margins[0]), responses)
    assert outcomes == sorted(expected["ranked_pairs_all"])


@pytest.mark.parametrize("name", ELECTIONS)
def test_other_rules_give_the_known_orders(name: str) -> None:
    profiles, responses, expected = election(name)
    squared = first_order("squared_kemeny", profiles, responses)
    assert squared == sorted(expected["squared_kemeny_all"])[0]
    sequential = first_order("proportional_sequential_borda", profiles, responses)
    assert sequential == expected["psb_reconstruction"]
    assert first_order("instant_runoff", profiles, responses) == expected["irv_ranking"]
    for rule, known in (("stv", "stv_droop_gregory_k2"), ("expanding_approvals", "ear_k2")):
        if known in expected:  # not for two responses
            chosen = first_order(rule, profiles, responses, k=2, quota="droop")[:2]
            assert chosen == expected[known]


@pytest.mark.parametrize("name", ELECTIONS)
def test_minimax_smith_and_the_maximal_lottery_are_the_known_ones(name: str) -> None:
    profiles, responses, expected = election(name)
    minimax = dict(zip(responses, get_rule("minimax")(profiles)[0].tolist(), strict=True))
    assert minimax == {r: float(Fraction(s)) for r, s in expected["minimax_scores"].items()}
    assert ranking("smith", profiles, responses)[0] == sorted(expected["smith_set"])
    if expected["maximal_lottery_unique"]:
        lottery = get_rule("maximal_lottery")(profiles)[0].tolist()
        assert lottery == [float(Fraction(expected["maximal_lottery"][r])) for r in responses]


def approvals(name: str) -> tuple[Profiles, list[str], int, dict[str, Any]]:
    case = APPROVALS[name]
    responses = sorted({r for ballot in case["ballots"] for r in ballot["approve"]})
    ballots = []
    for ballot in case["ballots"]:
        others = [r for r in responses if r not in ballot["approve"]]
        ballots.append(
            " = ".join(ballot["approve"]) + (" > " if others else "") + " = ".join(others)
        )
    counts = [float(Fraction(ballot["count"])) for ballot in case["ballots"]]
    profiles = Profiles.from_ballots([ballots], responses, [counts])
    return profiles, responses, case["k"], case["expected"]


@pytest.mark.parametrize("name", APPROVALS)
def test_sequential_committees_are_the_known_ones(name: str) -> None:
    profiles, responses, k, expected = approvals(name)
    for rule, known in (("seq_pav", "seqpav"), ("seq_phragmen", "seqphragmen")):
        chosen = first_order(rule, profiles, responses, k=k)[:k]
        assert chosen == expected[f"{known}_order_lex"]
        whole = first_order(rule, profiles, responses)
        supported = expected[f"proportional_ranking_{known}"]
        assert whole[: len(supported)] == supported
    scores = get_rule("equal_shares")(profiles, k=k, completion="none", ties="lexicographic")[0]
    bought = sorted(np.flatnonzero(scores > 0), key=lambda i: -scores[i])
    assert [responses[i] for i in bought] == expected["mes_order_lex"]
    completed = first_order("equal_shares", profiles, responses, k=k, completion="seq_phragmen")
    assert completed[:k] == expected["mes_phragmen_completion_order_lex"]
    scores = get_rule("reverse_seq_pav")(profiles, k=k, ties="lexicographic")[0]
    assert [r for r, s in zip(responses, scores, strict=True) if s > 0] == expected["revseqpav_lex"]


@pytest.mark.parametrize("name", APPROVALS)
def test_the_optimal_committees_are_the_known_ones(name: str) -> None:
    profiles, responses, k, expected = approvals(name)
    for rule, known in (("pav", "pav"), ("chamberlin_courant", "cc")):
        first = get_rule(rule)(profiles, k=k, ties="lexicographic")[0]
        chosen = [r for r, s in zip(responses, first, strict=True) if s > 0]
        assert chosen == sorted(expected[f"{known}_all"])[0]
        if not expected.get(f"{known}_all_truncated"):
            optima = expected[f"{known}_all"]
            shares = [sum(r in committee for committee in optima) / len(optima) for r in responses]
            assert get_rule(rule)(profiles, k=k)[0].tolist() == pytest.approx(shares)


@pytest.mark.parametrize("name", DATASETS)
def test_perpetual_pav_gives_the_known_orders(name: str) -> None:
    prompts, expected = DATASETS[name]["prompts"], DATASETS[name]["expected"]
    rankings = Rankings.from_ballots(
        [
            (t, annotator, [[response] for response in ballot])
            for t, ballots in enumerate(prompts)
            for annotator, ballot in ballots.items()
        ]
    )
    result = rlchf.aggregate(rankings, "perpetual_pav")
    orders = [[block[0] for block in result.ranking(t)] for t in range(len(prompts))]
    assert orders == expected["perpetual_pav_kemeny_contested"]
    independent = rlchf.aggregate(rankings, "kemeny", ties="lexicographic")
    assert [
        [block[0] for block in independent.ranking(t)] for t in range(len(prompts))
    ] == expected["independent_kemeny"]
