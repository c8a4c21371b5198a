"""Influence of principles under voting rules."""

import numpy as np
import pytest

from rlchf.aggregation import Aggregation, aggregate
from rlchf.constitution.influence import influence, rankings_of
from rlchf.constitution.judgements import Judgement, Judgements
from rlchf.rankings import Rankings


def one_pair(**labels: float) -> Judgements:
    return Judgements.of(Judgement("p", name, "a", "b", soft) for name, soft in labels.items())


def test_a_comparison_prevails_with_its_probability() -> None:
    found = influence(one_pair(kind=0.9, wise=0.6, brief=0.2), "borda")
    assert [row.prevails for row in found.principles] == pytest.approx([0.9, 0.6, 0.2])
    assert [row.hard for row in found.principles] == [1.0, 1.0, 0.0]
    assert [row.weight for row in found.principles] == pytest.approx([1 / 3] * 3)
    assert [row.share for row in found.principles] == pytest.approx(
        [0.9 / 1.7, 0.6 / 1.7, 0.2 / 1.7]
    )


def test_the_pairs_that_turn_around_are_those_that_a_principle_decides() -> None:
    found = influence(one_pair(kind=0.9, wise=0.6, brief=0.2), "borda")  # 1.7 of 3 for a
    assert [row.flipped for row in found.principles] == [1, 0, 0]
    assert found.pairs == 1
    assert found.ties == 0


def test_hard_labels_can_decide_otherwise_than_soft_ones() -> None:
    labels = one_pair(kind=0.55, wise=0.55, brief=0.0)
    assert influence(labels, "borda", soft=True).signs.tolist() == [-1.0]
    assert influence(labels, "borda", soft=False).signs.tolist() == [1.0]


def test_a_tied_pair_counts_half() -> None:
    found = influence(one_pair(kind=0.9, brief=0.1), "borda")
    assert found.ties == 1
    assert [row.prevails for row in found.principles] == [0.5, 0.5]
    assert [(row.flipped, row.changed) for row in found.principles] == [(0, 1), (0, 1)]


def test_without_its_only_principle_a_pair_is_tied() -> None:
    (row,) = influence(one_pair(kind=0.9), "kemeny").principles
    assert (row.flipped, row.changed) == (0, 1)


def test_unusable_answers_do_not_count() -> None:
    rows = [
        Judgement("p", "kind", "a", "b", np.nan, nonsense=1),
        Judgement("p", "wise", "a", "b", 0.4),
    ]
    kind, wise = influence(Judgements.of(rows)).principles
    assert np.isnan(kind.prevails)
    assert wise.prevails == pytest.approx(0.6)
    only = Judgements.of(rows[:1])
    assert influence(only).signs.tolist() == [0.0]
    with pytest.raises(ValueError, match="no judgement has an answer that can count"):
        rankings_of(only)


def test_all_weight_on_a_principle_lets_it_prevail_throughout() -> None:
    rng = np.random.default_rng(0)
    rows = [
        Judgement(f"p{p}", name, "a", "b", float(rng.choice([0.1, 0.8])), weight)
        for p in range(30)
        for name, weight in (("kind", 100.0), ("wise", 1.0), ("brief", 1.0))
    ]
    found = influence(Judgements.of(rows), "kemeny")
    assert found.principles[0].hard == 1.0
    assert found.principles[0].weight == pytest.approx(100 / 102)
    assert [row.flipped for row in found.principles[1:]] == [0, 0]


def test_split_votes_give_borda_the_mean_of_soft_labels() -> None:
    rng = np.random.default_rng(1)
    responses = ["r0", "r1", "r2"]
    rows = [
        Judgement("p", f"k{k}", one, other, float(rng.uniform()), float(rng.uniform(0.5, 2)))
        for k in range(5)
        for i, one in enumerate(responses)
        for other in responses[i + 1 :]
    ]
    shares = dict.fromkeys(responses, 0.0)
    for row in rows:
        shares[row.first] += row.weight * row.soft_label
        shares[row.second] += row.weight * (1 - row.soft_label)
    scores = aggregate(rankings_of(Judgements.of(rows)), "borda", variant="domination").scores("p")
    assert sorted(shares, key=shares.__getitem__) == sorted(scores, key=scores.__getitem__)
    rates = np.array([shares[name] / scores[name] for name in responses])
    np.testing.assert_allclose(rates, rates[0])


def test_a_rule_may_be_a_function_and_progress_is_told() -> None:
    def first_wins(rankings: Rankings) -> Aggregation:
        return aggregate(rankings, "borda", ties="lexicographic")

    told: list[tuple[int, int]] = []
    found = influence(
        one_pair(kind=0.9, brief=0.1),
        first_wins,
        tick=lambda done, total: told.append((done, total)),
    )
    assert found.rule == "first_wins"
    assert found.ties == 0
    assert told == [(1, 3), (2, 3), (3, 3)]
    alone = influence(one_pair(kind=0.9), "borda", leave_out=False)
    assert alone.principles[0].flipped is None


def test_under_a_proportional_rule_a_minority_of_principles_prevails_more_often() -> None:
    """Two of five principles want b on every prompt: kemeny gives them nothing, perpetual PAV a share."""
    rows = [
        Judgement(f"p{p}", name, "a", "b", 1.0 if name in ("k0", "k1", "k2") else 0.0)
        for p in range(25)
        for name in ("k0", "k1", "k2", "k3", "k4")
    ]
    labels = Judgements.of(rows)
    majority = influence(labels, "kemeny", leave_out=False).principles[-1].prevails
    proportional = influence(labels, "perpetual_pav", leave_out=False).principles[-1].prevails
    assert majority == 0.0
    assert proportional == pytest.approx(2 / 5, abs=0.05)
