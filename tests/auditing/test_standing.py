"""Where groups stand, on data whose truth is known."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf.auditing import Audit, Standing, opposed_groups
from rlchf.auditing._orders import above_in_optimal_orders
from rlchf.auditing.groups import Grouping
from rlchf.auditing.standing import by_position
from rlchf.auditing.welfare import price_of_fairness
from tests.auditing.test_measures import as_rankings, dataset
from tests.oracles.auditing import held_out
from tests.support.figures import same

Tastes = dict[str, np.ndarray]  # (P, M) by group
P, M = 40, 4


def tastes_of(names: str, rng: np.random.Generator, common: float = 1.0) -> Tastes:
    """Tastes of groups that share a part."""
    shared = common * rng.normal(size=(P, M))
    return {name: shared + rng.normal(size=(P, M)) for name in names}


def asked(
    sizes: dict[str, int], tastes: Tastes, noise: float, rng: np.random.Generator
) -> tuple[rlchf.Rankings, dict[str, str]]:
    """Rankings of people who share their group's taste up to noise, and their groups."""
    ballots, groups = [], {}
    for name, n in sizes.items():
        for i in range(n):
            groups[f"{name}{i}"] = name
            scores = tastes[name] + noise * rng.normal(size=tastes[name].shape)
            for p, values in enumerate(scores):
                order = " > ".join("abcd"[r] for r in np.argsort(-values))
                ballots.append((f"p{p}", f"{name}{i}", order))
    return rlchf.Rankings.from_ballots(ballots), groups


def audited(rankings: rlchf.Rankings, groups: dict[str, str], rule: str = "kemeny") -> Audit:
    return rlchf.audit(rankings, rlchf.aggregate(rankings, rule), groups, baselines=True)


def by_name(report: Audit) -> dict[str, Standing]:
    return {row.name: row for row in report.standings}


@given(st.integers(0, 10_000), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_the_orders_are_all_those_that_agree_most(seed: int, m: int) -> None:
    wins = np.random.default_rng(seed).integers(0, 4, size=(1, m, m)).astype(float)
    agreed = {
        order: sum(wins[0, a, b] for a, b in combinations(order, 2))
        for order in permutations(range(m))
    }
    best = [order for order, value in agreed.items() if value == max(agreed.values())]
    expected = np.zeros((m, m))
    for order in best:
        for a, b in combinations(order, 2):
            expected[a, b] += 1 / len(best)
    assert above_in_optimal_orders(wins)[0] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(12))
def test_own_and_others_rankings_are_those_defined(seed: int) -> None:
    ballots, outcomes = dataset(seed, many=seed % 2 == 1)
    rankings, result = as_rankings(ballots, outcomes)
    groups = {"ann": "north", "bob": "north", "eve": "south", "all": "south", "joe": "south"}
    for row in rlchf.audit(rankings, result, groups, baselines=True).standings:
        members = {name for name, group in groups.items() if group == row.name}
        known = held_out(ballots, members, outcomes)
        assert same(row.best.value, known["best"])
        assert same(row.others.value, known["others"])


def test_two_blocs_stand_at_minus_one_and_one_under_kemeny_and_at_their_shares_under_pav() -> None:
    taste = np.tile([1.0, 0.0], (P, 1))
    rankings, groups = asked(
        {"few": 4, "many": 6}, {"many": taste, "few": -taste}, 0.0, np.random.default_rng(0)
    )
    rows = by_name(audited(rankings, groups))
    assert (rows["few"].position.value, rows["many"].position.value) == (-1, 1)
    assert (rows["few"].cost.value, rows["many"].cost.value) == (1, 0)
    assert rows["few"].losing
    assert not rows["many"].losing
    fair = audited(rankings, groups, "perpetual_pav")
    assert [row.position.value for row in fair.standings] == pytest.approx([-0.2, 0.2], abs=0.1)
    assert all(row.opposed for row in fair.standings)
    ratios = [row.representation_ratio for row in fair.groups]
    assert ratios == pytest.approx([1, 1], abs=0.15)


def test_of_three_groups_with_a_cycle_the_largest_wins() -> None:
    orders = {"x": [3.0, 2.0, 1.0], "y": [1.0, 3.0, 2.0], "z": [2.0, 1.0, 3.0]}
    tastes = {name: np.tile(values, (P, 1)) for name, values in orders.items()}
    sizes = {"x": 5, "y": 3, "z": 2}
    report = audited(*asked(sizes, tastes, 0.0, np.random.default_rng(0)))
    rows = by_name(report)
    assert rows["x"].position.value == 1
    assert [rows[name].position.value for name in "yz"] == pytest.approx([-1 / 3] * 2)
    assert [rows[name].opposed for name in "xyz"] == [True, False, False]  # 1/3 is over 0.3 and 0.2
    assert [math.isnan(row.maximum_deficit) for row in report.groups] == [False, True, True]


def test_a_random_outcome_puts_every_group_at_zero_without_a_representation_ratio() -> None:
    rng = np.random.default_rng(1)
    rankings, groups = asked({"a": 24, "b": 12, "c": 6}, tastes_of("abc", rng), 0.7, rng)
    drawn = rng.random(len(rankings.response_ids))
    random = rlchf.Aggregation.from_scores(rankings, drawn, "random", {})
    report = rlchf.audit(rankings, random, groups, baselines=True)
    for row in report.standings:
        assert row.random == pytest.approx(0.5)
        assert row.position.low < 0 < row.position.high
        assert not row.losing
        assert not row.again
    assert all(math.isnan(row.representation_ratio) for row in report.groups)


def test_random_clickers_have_no_position_and_the_others_their_own_ranking() -> None:
    rng = np.random.default_rng(2)
    tastes = tastes_of("p", rng) | {"c": np.zeros((P, M))}
    rows = by_name(audited(*asked({"p": 40, "c": 6}, tastes, 0.7, rng)))
    assert math.isnan(rows["c"].position.value)
    assert rows["c"].agreed.low < 0.5 < rows["c"].agreed.high
    assert rows["p"].position.value == pytest.approx(1, abs=0.05)
    assert not any(row.opposed for row in rows.values())


def test_where_everybody_clicks_nobody_has_a_position() -> None:
    rng = np.random.default_rng(3)
    tastes = {name: np.zeros((P, M)) for name in "abc"}
    report = audited(*asked({"a": 20, "b": 10, "c": 5}, tastes, 1.0, rng))
    assert all(math.isnan(row.position.value) for row in report.standings)
    assert not any(row.opposed or row.losing for row in report.standings)


@pytest.mark.parametrize("seed", range(3))
def test_one_group_opposed_to_all_is_the_only_one_that_loses(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tastes = tastes_of("abcd", rng)
    tastes["e"] = -sum(tastes.values()) / 4  # type: ignore[assignment]
    rows = audited(*asked({"a": 16, "b": 10, "c": 6, "d": 4, "e": 4}, tastes, 0.8, rng)).standings
    assert [row.name for row in rows if row.losing] == ["e"]
    assert all(row.position.value > 0.5 for row in rows if row.name != "e")


def test_a_group_is_far_behind_if_its_interval_is_below_that_of_the_median_group() -> None:
    rng = np.random.default_rng(0)
    tastes = tastes_of("abcd", rng, common=2.0)
    tastes["e"] = tastes_of("e", rng, common=0.0)["e"]  # wants neither the same nor the opposite
    rows = by_position(audited(*asked(dict.fromkeys("abcde", 8), tastes, 0.8, rng)).standings)
    assert [row.name for row in rows if row.far_behind] == ["e"]
    assert rows[0].position.value < 0.5
    assert rows[0].position.high < rows[2].position.low
    assert not rows[0].losing
    assert [row.weight for row in rows] == [0.2] * 5
    assert rows[0].gain == rows[0].best.value - rows[0].agreed.value


def test_where_all_nearly_agree_nobody_loses() -> None:
    rng = np.random.default_rng(4)
    taste = 3 * rng.normal(size=(P, M))
    report = audited(*asked({"a": 12, "b": 8, "c": 4}, dict.fromkeys("abc", taste), 0.5, rng))
    for row in report.standings:
        assert row.position.value == pytest.approx(1, abs=0.1)
        assert row.cost.value == pytest.approx(0, abs=0.05)
        assert not row.opposed


@pytest.mark.parametrize("n", [3, 5, 10])
def test_agreement_held_out_is_that_of_a_fresh_annotator_with_the_others(n: int) -> None:
    held_out_shares, in_sample, fresh_shares = [], [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        tastes = tastes_of("a", rng)
        rankings, groups = asked({"a": n}, tastes, 1.5, rng)
        report = audited(rankings, groups)
        held_out_shares.append(report.standings[0].agreed.value)
        in_sample.append(report.groups[0].contested)
        others, _ = asked({"a": n - 1}, tastes, 1.5, rng)
        fresh, _ = asked({"a": 100}, tastes, 1.5, rng)
        fresh_shares.append(contested_agreement(others, fresh))
    assert np.mean(held_out_shares) == pytest.approx(np.mean(fresh_shares), abs=0.02)
    assert np.mean(in_sample) > np.mean(held_out_shares) + 0.02


def contested_agreement(rankings: rlchf.Rankings, fresh: rlchf.Rankings) -> float:
    """Agreement of fresh ballots with Kemeny's rankings, on the pairs contested among those asked."""
    agreed = stated = 0.0
    result = rlchf.aggregate(rankings, "kemeny")
    for p in rankings.prompt_ids:
        wins, of_fresh = (
            ballots.batch(np.array([ballots.prompt_index[p]])).wins[0][np.ix_(order, order)]
            for ballots in (rankings, fresh)
            for order in [np.argsort(ballots.responses(p))]
        )
        of_fresh = of_fresh * (wins > 0) * (wins.T > 0)
        scores = np.array([score for _, score in sorted(result.scores(p).items())])
        agreed += float((of_fresh * (1 + np.sign(scores[:, None] - scores)) / 2).sum())
        stated += float(of_fresh.sum())
    return agreed / stated


def test_a_group_of_one_has_no_position() -> None:
    rng = np.random.default_rng(6)
    report = audited(*asked({"a": 5, "b": 1}, tastes_of("ab", rng), 0.5, rng))
    assert by_name(report)["b"].annotators == 0
    assert math.isnan(by_name(report)["b"].position.value)
    assert report.to_dict()["standings"][1]["position"]["value"] is None


def test_opposition_is_about_the_ballots_and_not_about_the_outcome() -> None:
    rng = np.random.default_rng(7)
    taste = rng.normal(size=(P, M))
    tastes = {"a": taste, "b": -taste, "c": tastes_of("c", rng)["c"]}
    rankings, groups = asked({"a": 10, "b": 8, "c": 6}, tastes, 0.2, rng)
    opposed = opposed_groups(rankings, Grouping.of(rankings, groups))
    for rule in ("kemeny", "perpetual_pav"):
        rows = audited(rankings, groups, rule).standings
        assert {row.name for row in rows if row.opposed} == opposed
    assert "b" in opposed


def test_kemeny_loses_nothing_against_kemeny() -> None:
    ballots = [("p", "ann", "a > b > c"), ("p", "bob", "b > c > a"), ("p", "eve", "c > a > b")]
    ballots += [("q", "ann", "a > b"), ("q", "bob", "b > a"), ("r", "ann", "a > b")]
    rankings = rlchf.Rankings.from_ballots(ballots)
    assert rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny")).price_of_fairness == 0
    tied = rlchf.Aggregation.from_scores(rankings, np.zeros(7), "tied", {})
    assert rlchf.audit(rankings, tied).price_of_fairness == pytest.approx(1 - 6.5 / 7)


def test_neither_kemeny_nor_any_other_outcome_has_a_negative_price() -> None:
    """Optimal orders differ on some pairs, and no ranking reflects all of them: gaps and even cycles."""
    rng = np.random.default_rng(4)
    four = ["a > b > c > d"] * 2 + ["b > c > d > a"] * 2 + ["c > d > a > b", "d > a > b > c"]
    ballots: list[tuple[str, object, str]] = [("cycle", n, b) for n, b in enumerate(four)]
    ballots += [("gaps", "ann", "a > b"), ("gaps", "bob", "c > d")]
    ballots += [
        (f"p{p}", v, " > ".join(rng.permutation(list("abcd"))[:3]))
        for p in range(9)
        for v in range(4)
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)
    assert rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny")).price_of_fairness == 0
    n = len(rankings.response_ids)
    for _ in range(20):
        other = rlchf.Aggregation.from_scores(
            rankings, rng.integers(0, 4, n).astype(float), "o", {}
        )
        assert price_of_fairness(rankings, other) >= 0
    optimal = rlchf.aggregate(rankings, "kemeny", ties="lexicographic")
    assert price_of_fairness(rankings, optimal) == pytest.approx(0, abs=1e-12)


def test_large_prompts_are_left_out() -> None:
    rng = np.random.default_rng(8)
    rankings, groups = asked({"a": 6, "b": 4}, tastes_of("ab", rng), 0.5, rng)
    large = [
        ("long", name, " > ".join(f"r{r}" for r in rng.permutation(12)))
        for name in list(groups)[:4]
    ]
    frame = rankings.to_frame().sort_values(["prompt_id", "annotator_id", "rank"])
    cells = frame.groupby(["prompt_id", "annotator_id"])["response_id"].agg(" > ".join)
    texts = [(*key, text) for key, text in zip(cells.index.tolist(), cells, strict=True)]
    both = by_name(audited(rlchf.Rankings.from_ballots([*texts, *large]), groups))
    for name, row in by_name(audited(rankings, groups)).items():
        assert both[name].position.value == pytest.approx(row.position.value)
        assert both[name].cost.value == pytest.approx(row.cost.value)


def test_without_folds_the_outcome_is_taken_as_it_is_given() -> None:
    rng = np.random.default_rng(9)
    rankings, groups = asked({"a": 6, "b": 4}, tastes_of("ab", rng), 1.0, rng)
    result = rlchf.aggregate(rankings, "kemeny")
    given = rlchf.audit(rankings, result, groups, baselines=True, folds=0).standings
    again = rlchf.audit(rankings, result, groups, baselines=True).standings
    assert not given[0].again
    assert given[0].best == again[0].best
    assert given[0].agreed.value > again[0].agreed.value
    with pytest.raises(ValueError, match="folds is 1; give 2 or more, or 0"):
        rlchf.audit(rankings, result, groups, baselines=True, folds=1)
