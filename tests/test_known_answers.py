"""Worked examples with exact answers from a file outside the repository; skipped where it is absent."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Profiles, Rankings
from rlchf.rules import get_rule
from rlchf.ties import strict_order
from tests.oracles import blocks_of

FILE = Path(__file__).parents[2] / "shared" / "known_answers.json"
ANSWERS: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
pytestmark = pytest.mark.skipif(not ANSWERS, reason="known_answers.json is not there")

ELECTIONS = ANSWERS.get("ranking_profiles", {})
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
def test_pairwise_margins(name: str) -> None:
    profiles, responses, expected = election(name)
    for pair, margin in expected["margins"].items():
        i, j = (responses.index(response) for response in pair.split(">"))
        assert profiles.margins[0, i, j] == float(Fraction(margin))


@pytest.mark.parametrize("name", ELECTIONS)
def test_borda_copeland_and_plurality(name: str) -> None:
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
def test_schulze(name: str) -> None:
    profiles, responses, expected = election(name)
    scores = get_rule("schulze")(profiles)[0]
    for winner, loser in expected["schulze_relation"]:
        assert scores[responses.index(winner)] > scores[responses.index(loser)]
    assert ranking("schulze", profiles, responses) == expected["schulze_groups"]


@pytest.mark.parametrize("name", ELECTIONS)
def test_ranked_pairs(name: str) -> None:
    profiles, responses, expected = election(name)
    assert ranking("ranked_pairs", profiles, responses) == [
        [r] for r in expected["ranked_pairs_lex"]
    ]


@pytest.mark.parametrize("name", ELECTIONS)
def test_kemeny(name: str) -> None:
    profiles, responses, expected = election(name)
    optima = expected["kemeny_all"]
    first = [responses[i] for i in strict_order(get_rule("kemeny"), profiles)[0]]
    assert first == sorted(optima)[0]
    blocks = ranking("kemeny", profiles, responses)
    ends = np.cumsum([len(block) for block in blocks]).tolist()
    fronts = {k: {frozenset(order[:k]) for order in optima} for k in range(1, len(responses) + 1)}
    assert ends == [k for k in fronts if len(fronts[k]) == 1]
    in_order = [response for block in blocks for response in block]
    assert all(fronts[end] == {frozenset(in_order[:end])} for end in ends)


@pytest.mark.parametrize("name", DATASETS)
def test_perpetual_pav(name: str) -> None:
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
