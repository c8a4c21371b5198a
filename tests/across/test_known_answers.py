"""Perpetual rules on worked examples."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import rlchf
from rlchf import Rankings

FILE = Path(__file__).parents[1] / "data" / "known_answers.json"
ANSWERS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

SEQUENCES = ANSWERS.get("perpetual_profiles", {})
DATASETS = ANSWERS.get("dataset_profiles", {})
APPROVAL: dict[str, Any] = {"unit": "approval"}
WEIGHING = {"base": "approval"} | APPROVAL
RULES = {
    "pav": WEIGHING,
    "unitcost": WEIGHING,
    "reset": WEIGHING,
    "consensus": WEIGHING,
    "quota": WEIGHING,
    "nash": APPROVAL,
    "equality": APPROVAL,
    "phragmen": APPROVAL,
}
"""The names in the file; its ninth rule, av, is approval voting prompt by prompt."""
CHOOSING = ("nash", "equality", "phragmen")  # They take seconds to compile.
PARAMETERS = [
    pytest.param(rule, marks=[pytest.mark.slow] if rule in CHOOSING else []) for rule in RULES
]


def approvals(rounds: list[dict[str, list[str]]]) -> Rankings:
    """A ballot of weight 0 ranks all responses, since a prompt needs two or more."""
    rows: list[tuple[object, object, list[list[str]]]] = []
    weights: list[float] = []
    for t, ballots in enumerate(rounds):
        named = sorted({response for approved in ballots.values() for response in approved})
        rows.append((t, "nobody", [[*named, "~"]]))
        rows += [(t, annotator, [approved]) for annotator, approved in ballots.items()]
        weights += [0.0, *[1.0] * len(ballots)]
    return Rankings.from_ballots(rows, weights)


@pytest.mark.parametrize("rule", ["av", *PARAMETERS])
@pytest.mark.parametrize("name", SEQUENCES)
def test_rules_for_approvals_elect_the_known_winners(name: str, rule: str) -> None:
    rankings = approvals(SEQUENCES[name]["rounds"])
    known = SEQUENCES[name]["expected"][rule]
    if rule == "av":
        result = rlchf.aggregate(rankings, "approval", ties="lexicographic")
    else:
        full = "perpetual_unit_cost" if rule == "unitcost" else f"perpetual_{rule}"
        result = rlchf.aggregate(rankings, full, **RULES[rule])
    winners = [result.ranking(t)[0][0] for t in range(len(known["winners"]))]
    assert winners == known["winners"]
    won = [
        sum(
            w in ballots[str(i)]
            for w, ballots in zip(winners, SEQUENCES[name]["rounds"], strict=True)
        )
        for i in range(1, len(known["satisfaction"]) + 1)
    ]
    assert won == known["satisfaction"]


@pytest.mark.parametrize("rule", PARAMETERS)
@pytest.mark.parametrize("name", SEQUENCES)
def test_exact_fractions_elect_the_known_winners(name: str, rule: str) -> None:
    full = "perpetual_unit_cost" if rule == "unitcost" else f"perpetual_{rule}"
    rankings = approvals(SEQUENCES[name]["rounds"])
    result = rlchf.aggregate(rankings, full, exact=True, **RULES[rule])
    known = SEQUENCES[name]["expected"][rule]["winners"]
    assert [result.ranking(t)[0][0] for t in range(len(known))] == known


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", DATASETS)
def test_rankings_by_contested_pairs_give_the_known_orders(name: str, exact: bool) -> None:
    prompts, expected = DATASETS[name]["prompts"], DATASETS[name]["expected"]
    rankings = Rankings.from_ballots(
        [
            (t, annotator, [[response] for response in ballot])
            for t, ballots in enumerate(prompts)
            for annotator, ballot in ballots.items()
        ]
    )
    result = rlchf.aggregate(rankings, "perpetual_pav", exact=exact)
    orders = [[block[0] for block in result.ranking(t)] for t in range(len(prompts))]
    assert orders == expected["perpetual_pav_kemeny_contested"]
    shares = [row.contested for row in rlchf.audit(rankings, result).annotators]
    known = [float(Fraction(share)) for share in expected["perpetual_pav_kemeny_share"]]
    assert shares == pytest.approx(known)
