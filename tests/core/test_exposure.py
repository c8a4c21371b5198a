"""Exposure: on how many ballots a response is named, and which rules follow it."""

import warnings

import numpy as np
import pytest
from scipy.stats import spearmanr

import rlchf
from rlchf.exposure import exposure, exposure_correlation, has_gaps
from rlchf.rules import get_rule
from tests.support.profiles import random_cases, together


def seen(n_named: int = 8, n_responses: int = 60, seed: int = 0) -> rlchf.Rankings:
    """300 annotators rank some of one prompt's responses by a quality that exposure does not depend on."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n_responses)
    chances = rng.dirichlet(np.ones(n_responses)) + 0.002
    ballots = []
    for annotator in range(300):
        named = rng.choice(n_responses, n_named, replace=False, p=chances / chances.sum())
        ranked = named[np.argsort(-(quality[named] + rng.normal(size=n_named)))]
        ballots.append(("p", annotator, " > ".join(f"r{i:02}" for i in ranked)))
    return rlchf.Rankings.from_ballots(ballots)


def told(rankings: rlchf.Rankings, rule: str, **options: object) -> list[str]:
    """The warnings about exposure."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        rlchf.aggregate(rankings, rule, **options)  # type: ignore[arg-type]
    return [
        str(one.message) for one in warned if "ballots: the rank correlation" in str(one.message)
    ]


SEEN = seen()


@pytest.mark.parametrize(
    ("rule", "which"),
    [
        ("approval", "many"), ("plurality", "many"), ("bucklin", "many"), ("utilitarian", "many"),
        ("stv", "many"), ("carry_psb", "many"), ("veto", "few"), ("minimax", "few"),
    ],
)  # fmt: skip
def test_a_rule_that_exposure_decides_is_told_with_its_figure(rule: str, which: str) -> None:
    (message,) = told(SEEN, rule)
    assert message.startswith(f"{rule} favours responses on {which} ballots: the rank correlation")
    with warnings.catch_warnings(action="ignore"):
        result = rlchf.aggregate(SEEN, rule)
    scores = result.response_scores if rule != "carry_psb" else -result.response_ranks
    coefficient = spearmanr(exposure(SEEN), scores).statistic
    assert f"is {coefficient:.2f}, under borda " in message


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("borda", {}), ("copeland", {}), ("bradley_terry", {}), ("plackett_luce", {}), ("positional", {}),
        ("dowdall", {}), ("ranked_pairs", {}), ("majority_judgement", {}),
        ("utilitarian", {"average": True}), ("approval", {"average": True}),
        ("net_approval", {"average": True}),
    ],
)  # fmt: skip
def test_rules_that_compare_pairs_and_means_do_not_follow_exposure(
    rule: str, options: dict[str, bool]
) -> None:
    assert not told(SEEN, rule, **options)


def test_nothing_is_told_of_complete_ballots_of_few_responses_or_of_last_places() -> None:
    assert not told(seen(n_named=60), "plurality")
    assert not told(seen(n_responses=40), "plurality")  # too few for a correlation
    last = [("p", n, "a > b" if n % 3 else "b") for n in range(9)]
    rankings = rlchf.Rankings.from_ballots(last, unranked="last")
    assert not has_gaps(rankings)
    assert has_gaps(rlchf.Rankings.from_ballots(last))


def test_the_correlation_is_pooled_over_prompts_and_leaves_equal_exposure_out() -> None:
    ballots = [
        ("p", "ann", "a > b > c"),
        ("p", "bob", "a > b"),
        ("p", "eve", "a"),
        ("q", "ann", "d > e"),
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)
    assert exposure(rankings).tolist() == [3, 2, 1, 1, 1]
    for scores, expected in (([9.0, 5, 1, 0, 7], 1), ([1.0, 5, 9, 0, 7], -1)):
        coefficient, n = exposure_correlation(rankings, np.array(scores))
        assert coefficient == pytest.approx(expected)
        assert n == 3
    coefficient, n = exposure_correlation(rankings, np.zeros(5))
    assert np.isnan(coefficient)
    assert n == 3


def test_shares_of_approvals_are_those_among_the_ballots_that_rank_a_response() -> None:
    for name in ("approval", "net_approval"):
        batch = random_cases(3, 60, 4)
        for case, scores in zip(batch, get_rule(name)(together(batch), average=True), strict=True):
            sums = get_rule(name)(together([case]))[0]
            weights = (case.ranks > 0) @ case.weights
            if weights.sum() == 0:
                assert scores.tolist() == [0.0] * 4
                continue
            pooled = sums.sum() / weights.sum()
            for i in range(4):
                expected = sums[i] / weights[i] if weights[i] else pooled
                assert scores[i] == pytest.approx(expected, abs=1e-12)
