"""What earlier prompts, weights and ballots decide, on random datasets with absences, ties and gaps."""

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules import get_rule, is_across, list_rules
from tests.support.profiles import rule_parameters

ACROSS = [name for name in list_rules() if is_across(get_rule(name))]
AT_ONCE = ("apportioned_dictator", "nash_welfare", "pav_welfare", "soft_nash")
Ballots = list[tuple[str, str, list[list[str]]]]


def weak_order(rng: np.random.Generator, responses: str) -> list[list[str]]:
    """Some of the responses, or all, in a random order with ties."""
    named = rng.permutation(list(responses))[: max(1, int(rng.integers(2 * len(responses))))]
    levels: list[list[str]] = []
    for response in named.tolist():
        if levels and rng.random() < 0.25:
            levels[-1].append(response)
        else:
            levels.append([response])
    return levels


def dataset(rng: np.random.Generator, prompts: int) -> tuple[Ballots, list[float]]:
    """Two to five annotators, of whom some are absent, and somebody without weight who names all."""
    ballots: Ballots = []
    weights: list[float] = []
    people = int(rng.integers(2, 6))
    own = rng.choice([1, 1, 2, 3], people)
    for t in range(prompts):
        responses = "abcde"[: int(rng.integers(2, 6))]
        ballots.append((f"t{t:02}", "z", [[x] for x in responses]))
        weights.append(0.0)
        for v in range(people):
            if rng.random() < 0.8:
                ballots.append((f"t{t:02}", f"v{v}", weak_order(rng, responses)))
                weights.append(float(own[v]))
    return ballots, weights


@pytest.mark.parametrize("rule", rule_parameters([name for name in ACROSS if name not in AT_ONCE]))
def test_a_ranking_does_not_depend_on_later_prompts(rule: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(6):
        ballots, weights = dataset(rng, 8)
        whole = rlchf.aggregate(Rankings.from_ballots(ballots, weights), rule)
        kept = [n for n, (prompt, *_) in enumerate(ballots) if prompt < "t04"]
        early = Rankings.from_ballots([ballots[n] for n in kept], [weights[n] for n in kept])
        part = rlchf.aggregate(early, rule)
        for t in range(4):
            assert part.ranking(f"t{t:02}") == whole.ranking(f"t{t:02}")


@pytest.mark.parametrize(
    "rule", rule_parameters([name for name in ACROSS if name != "apportioned_dictator"])
)
def test_a_weight_of_two_is_two_annotators_who_always_vote_alike(rule: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(4):
        ballots, weights = dataset(rng, 6)
        one = rlchf.aggregate(Rankings.from_ballots(ballots, weights), rule)
        copies = [
            ((prompt, f"{who}-{copy}", levels), min(weight, 1.0))
            for (prompt, who, levels), weight in zip(ballots, weights, strict=True)
            for copy in range(max(1, int(weight)))
        ]
        many = Rankings.from_ballots([c[0] for c in copies], [c[1] for c in copies])
        other = rlchf.aggregate(many, rule)
        for t in range(6):
            assert one.ranking(f"t{t:02}") == other.ranking(f"t{t:02}")


@pytest.mark.parametrize(
    "rule", rule_parameters([name for name in ACROSS if name != "apportioned_dictator"])
)
def test_annotators_of_other_prompts_change_nothing(rule: str) -> None:
    """Two datasets without a common annotator, prompt after prompt in turn, and one of them alone."""
    rng = np.random.default_rng(5)
    for _ in range(4):
        parts = []
        for name in "xy":
            ballots, weights = dataset(rng, 4)
            own = [(prompt + name, who + name, levels) for prompt, who, levels in ballots]
            parts.append(list(zip(own, weights, strict=True)))
        both = sorted(parts[0] + parts[1], key=lambda ballot: ballot[0][0])
        results = [
            rlchf.aggregate(Rankings.from_ballots([b[0] for b in rows], [b[1] for b in rows]), rule)
            for rows in (both, parts[0])
        ]
        for t in range(4):
            assert results[0].ranking(f"t{t:02}x") == results[1].ranking(f"t{t:02}x")
