"""A judge's agreement with planted truth and with people."""

import numpy as np
import pytest

from rlchf.constitution.judgements import Judgement, Judgements
from rlchf.constitution.reliability import (
    cohens_kappa,
    expected_calibration_error,
    judge_reliability,
    reliability,
    shares_of,
)
from rlchf.rankings import Rankings


def test_kappa_is_that_computed_by_hand() -> None:
    """20 and 15 of 50 agree, 5 and 10 do not: p_o = 0.7, p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5."""
    one = np.repeat([True, True, False, False], [20, 5, 10, 15])
    other = np.repeat([True, False, True, False], [20, 5, 10, 15])
    found = cohens_kappa(one, other, np.arange(50), replicates=400)
    assert found.value == pytest.approx(0.4)
    assert found.low < 0.4 < found.high
    assert found.high - found.low == pytest.approx(4 * np.sqrt(0.7 * 0.3 / 50 / 0.25), rel=0.25)


def test_kappa_is_1_for_copies_0_for_chance_and_unknown_for_constants() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(5000) < 0.5
    assert cohens_kappa(labels, labels, np.arange(5000), 0).value == 1.0
    assert abs(cohens_kappa(labels, rng.random(5000) < 0.3, np.arange(5000), 0).value) < 0.04
    constant = np.ones(5, dtype=bool)
    assert np.isnan(cohens_kappa(constant, constant, np.arange(5)).value)


def test_intervals_of_kappa_cover_the_truth_about_as_often_as_they_say() -> None:
    """A judge that is right with probability 0.8 about balanced labels has a kappa of 0.6."""
    rounds, covered = 150, 0
    for n in range(rounds):
        rng = np.random.default_rng(n)
        truth = rng.random(200) < 0.5
        judge = truth ^ (rng.random(200) > 0.8)
        found = cohens_kappa(judge, truth, np.arange(200) // 2, replicates=200, seed=n)
        covered += found.low <= 0.6 <= found.high
    assert 0.88 * rounds <= covered <= 0.995 * rounds


def test_pairs_of_one_prompt_are_drawn_together() -> None:
    """Ten copies of a prompt's pairs must not make the interval shorter."""
    rng = np.random.default_rng(1)
    truth = rng.random(60) < 0.5
    judge = truth ^ (rng.random(60) > 0.8)
    once = cohens_kappa(judge, truth, np.arange(60), 400)
    copied = cohens_kappa(
        np.repeat(judge, 10), np.repeat(truth, 10), np.repeat(np.arange(60), 10), 400
    )
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-9)


def test_calibrated_labels_have_no_calibration_error_and_sure_ones_have() -> None:
    rng = np.random.default_rng(2)
    labels = rng.choice([0.15, 0.35, 0.65, 0.85], 20_000)
    votes = (rng.random(20_000) < labels).astype(float)
    assert expected_calibration_error(labels, votes) < 0.01
    sure = (labels > 0.5).astype(float)
    assert expected_calibration_error(sure, votes) == pytest.approx(0.25, abs=0.01)


def pairs(labels: list[float]) -> Judgements:
    return Judgements.of(
        Judgement(f"p{n}", "kind", "a", "b", soft) for n, soft in enumerate(labels)
    )


def test_open_pairs_are_counted_and_left_out_of_accuracy() -> None:
    labels = pairs([0.9, 0.5, 0.2, 0.6])
    shares = {
        ("p0", "a", "b"): 1.0,
        ("p1", "a", "b"): 1.0,
        ("p2", "a", "b"): 0.5,
        ("p3", "a", "b"): 0.0,
    }
    found = reliability("kind", labels.table[:, 0], labels, shares, "humans")
    assert found is not None
    assert (found.pairs, found.ties, found.accuracy.value) == (2, 2, 0.5)
    assert found.brier == pytest.approx((0.01 + 0.25 + 0.09 + 0.36) / 4)
    assert reliability("kind", labels.table[:, 0], labels, {}, "humans") is None


def test_shares_of_votes_go_by_weight_and_by_annotator() -> None:
    rankings = Rankings.from_ballots(
        [("p", "ann", "a > b > c"), ("p", "bob", "c > a"), ("q", "ann", "b = a")], [3, 1, 1]
    )
    assert shares_of(rankings) == {
        ("p", "a", "b"): 1.0,
        ("p", "a", "c"): 0.75,
        ("p", "b", "c"): 1.0,
        ("q", "a", "b"): 0.5,
    }
    assert shares_of(rankings, "bob") == {("p", "a", "c"): 0.0}


def test_each_principle_is_held_against_its_own_truth_and_rules_against_people() -> None:
    rows = [
        Judgement(f"p{n}", name, "a", "b", soft)
        for n in range(4)
        for name, soft in (("kind", 0.8), ("brief", 0.3))
    ]
    labels = Judgements.of(rows)
    keys = [(f"p{n}", "a", "b") for n in range(4)]
    truth = {"kind": dict.fromkeys(keys, 1.0), "brief": dict.fromkeys(keys, 1.0)}
    humans = dict.fromkeys(keys, 0.0)
    found = judge_reliability(labels, truth, humans, {"borda": np.ones(4)})
    accuracy = {(row.name, row.reference): row.accuracy.value for row in found}
    assert accuracy == {
        ("kind", "truth"): 1.0, ("kind", "humans"): 0.0,
        ("brief", "truth"): 0.0, ("brief", "humans"): 1.0,
        ("borda", "humans"): 0.0, ("all principles", "truth"): 0.5,
    }  # fmt: skip
    assert np.isnan(next(row.brier for row in found if row.name == "borda"))
