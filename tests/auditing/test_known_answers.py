"""Justified representation of outcomes, held against known answers."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf.auditing import Rounds, justified
from tests.oracles.auditing import committee_axioms_by_type

FILE = Path(__file__).parents[1] / "data" / "known_answers.json"
ANSWERS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

SEQUENCES = ANSWERS.get("perpetual_profiles", {})
COMMITTEES = ANSWERS.get("approval_profiles", {})
DATASETS = ANSWERS.get("dataset_profiles", {})


@pytest.mark.parametrize("name", SEQUENCES)
def test_rounds(name: str) -> None:
    rounds = SEQUENCES[name]["rounds"]
    for rule, expected in SEQUENCES[name]["expected"].items():
        outcome = Rounds.from_approvals(rounds, expected["winners"])
        wins = np.bincount(
            outcome.voters, outcome.outcome_shares[outcome.options], len(outcome.names)
        )
        assert dict(zip(outcome.names, wins.tolist(), strict=True)) == dict(
            zip(rounds[0], expected["satisfaction"], strict=True)
        )
        holds = {v.axiom.replace(" ", ""): v.holds for v in justified(outcome)}
        assert {axiom: holds[axiom] for axiom in expected["temporal_axioms"]} == expected[
            "temporal_axioms"
        ], rule


@pytest.mark.parametrize("name", COMMITTEES)
def test_committees(name: str) -> None:
    profile, expected = COMMITTEES[name], COMMITTEES[name]["expected"]
    approvals = {
        f"{b}-{n}": ballot["approve"]
        for b, ballot in enumerate(profile["ballots"])
        for n in range(ballot["count"])
    }
    committees = {
        "av": expected["av_all"][0],
        "pav": expected["pav_all"][0],
        "seqpav": expected["seqpav_order_lex"],
        "seqphragmen": expected["seqphragmen_order_lex"],
        "mes": expected["mes_order_lex"],
    }
    for rule, known in expected["jr"].items():
        holds = committee_axioms_by_type(approvals, committees[rule], profile["k"])
        assert {axiom: holds[axiom] for axiom in known} == known, rule
        assert holds["EJR"] or not holds["EJR+"]


@pytest.mark.parametrize("name", DATASETS)
def test_contested_shares_of_datasets(name: str) -> None:
    prompts, expected = DATASETS[name]["prompts"], DATASETS[name]["expected"]
    rankings = rlchf.Rankings.from_ballots(
        [
            (t, who, [[r] for r in order])
            for t, ballots in enumerate(prompts)
            for who, order in ballots.items()
        ]
    )
    for outcome, share in (
        ("independent_kemeny", "independent_contested_share"),
        ("carry_psb", "carry_psb_contested_share"),
        ("cpb", "cpb_contested_share"),
    ):
        scores = np.concatenate(
            [
                [-float(order.index(r)) for r in rankings.responses(t)]
                for t, order in enumerate(expected[outcome])
            ]
        )
        result = rlchf.Aggregation.from_scores(rankings, scores, outcome, {})
        contested = [row.contested for row in rlchf.audit(rankings, result).annotators]
        known = [float(Fraction(value)) for value in expected[share]]
        assert contested == pytest.approx(known), outcome
