"""The audit's figures against their definitions, and on cases small enough to check by hand."""

from fractions import Fraction

import numpy as np
import pytest

import rlchf
from rlchf.auditing import gini, margins, p_mean, spread, welfare
from tests.oracles.auditing import Ballot, influence_and_quota, shares_of
from tests.oracles.auditing import gini as plain_gini
from tests.support.figures import same

PEOPLE = ("ann", "bob", "eve", "joe", "kim")


def dataset(seed: int, many: bool = False) -> tuple[list[Ballot], list[list[str]]]:
    """Ballots with ties, gaps, weights and absences, and strict outcomes of four to eight prompts."""
    rng = np.random.default_rng(seed)
    ballots: list[Ballot] = []
    outcomes = []
    for p in range(int(rng.integers(4, 9))):
        names = [f"r{p}{i}" for i in range(int(rng.integers(2, 6)))]
        of_prompt = []
        for name in PEOPLE * (2 if many else 1):
            if rng.random() < 0.3:
                continue
            places = rng.integers(0, 4, size=len(names))
            places[rng.integers(len(names))] = 1
            levels = [[n for n, x in zip(names, places, strict=True) if x == k] for k in (1, 2, 3)]
            weight = Fraction(int(rng.integers(0, 5)), 2)
            of_prompt.append((p, name, [level for level in levels if level], weight))
        of_prompt.append((p, "all", [[n] for n in names], Fraction(1)))  # names every response
        ballots += of_prompt
        outcomes.append([str(n) for n in rng.permutation(names)])
    return ballots, outcomes


def as_rankings(
    ballots: list[Ballot], outcomes: list[list[str]]
) -> tuple[rlchf.Rankings, rlchf.Aggregation]:
    rankings = rlchf.Rankings.from_ballots(
        [(p, name, levels) for p, name, levels, _ in ballots],
        [float(b[3]) for b in ballots],
        repeats="all",
    )
    order = {(p, r): n for p, outcome in enumerate(outcomes) for n, r in enumerate(outcome)}
    scores = [-float(order[int(p), r]) for p in rankings.prompt_ids for r in rankings.responses(p)]
    return rankings, rlchf.Aggregation.from_scores(rankings, np.array(scores), "mine", {})


@pytest.mark.parametrize("seed", range(40))
def test_figures_of_annotators_and_groups_are_those_defined(seed: int) -> None:
    ballots, outcomes = dataset(seed, many=seed % 2 == 1)
    rankings, result = as_rankings(ballots, outcomes)
    groups = {"ann": "north", "bob": "north", "eve": "south", "all": "south"}
    report = rlchf.audit(rankings, result, groups)
    owners = [(row, {row.name}) for row in report.annotators]
    owners += [(row, {a for a, g in groups.items() if g == row.name}) for row in report.groups]
    for row, members in owners:
        for name, value in shares_of(ballots, outcomes, members).items():
            assert same(getattr(row, name), value), (row.name, name)
    everybody = {ballot[1] for ballot in ballots}
    known = shares_of(ballots, outcomes, everybody)
    for name in ("pairs", "contested", "first_place", "won"):
        assert same(getattr(report.overall, name), known[name])


@pytest.mark.parametrize("seed", range(20))
def test_influence_and_quotas_are_those_defined(seed: int) -> None:
    ballots, outcomes = dataset(seed)
    rankings, result = as_rankings(ballots, outcomes)
    people = rankings.annotator_ids
    influence, quota_met = influence_and_quota(ballots, outcomes, people)
    total = sum(influence.values())
    for row in rlchf.audit(rankings, result).annotators:
        assert same(row.influence, influence[row.name] / total if total else None)
        rounds = quota_met[row.name]
        assert same(
            row.lower_quota_compliance, Fraction(sum(rounds), len(rounds)) if rounds else None
        )


def test_unranked_last_is_a_tie_below_all() -> None:
    ballots: list[tuple[object, object, str]] = [("p", "ann", "a"), ("p", "bob", "c > b > a")]
    rankings = rlchf.Rankings.from_ballots(ballots, unranked="last")
    full = rlchf.Rankings.from_ballots([("p", "ann", "a > b = c"), ("p", "bob", "c > b > a")])
    reports = [
        rlchf.audit(r, rlchf.aggregate(r, "plurality"), axioms=True) for r in (rankings, full)
    ]
    assert reports[0].to_dict() == reports[1].to_dict()


def test_perpetual_quota_of_sixty_to_forty() -> None:
    """The minority's quota is 0.4 a round: it is due a win after rounds 3 and 5."""
    ballots = [(p, i, "a > b" if i < 6 else "b > a") for p in range(5) for i in range(10)]
    rankings = rlchf.Rankings.from_ballots(ballots)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny"))
    assert report.annotators[9].lower_quota_compliance == pytest.approx(2 / 5)
    assert report.annotators[9].longest_losing_streak == 5
    assert report.annotators[0].lower_quota_compliance == 1
    assert report.annotators[9].maximum_deficit == pytest.approx(0.1 * 5)
    assert report.influence_gini == pytest.approx(0.4)
    assert report.price_of_fairness == 0


def test_welfare_and_gini_are_those_defined() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(1, 9, size=12)
    expected = float(plain_gini([Fraction(int(v)) for v in values]))
    assert gini(values / 8, np.ones(12)) == pytest.approx(expected)
    weights = rng.integers(1, 4, size=12)
    repeated = np.repeat(values, weights)
    assert gini(values * 1.0, weights * 1.0) == pytest.approx(
        float(plain_gini([Fraction(int(v)) for v in repeated]))
    )
    summary = welfare(values / 8, weights * 1.0)
    assert summary.nash == pytest.approx(float(np.exp(np.log(repeated / 8).mean())))
    assert summary.harmonic == pytest.approx(1 / (8 / repeated).mean())
    assert summary.lowest == sorted(values / 8)[:5]
    assert p_mean(values / 8, weights * 1.0, 1e-6) == pytest.approx(summary.nash, rel=1e-4)
    assert gini(np.zeros(3), np.ones(3)) == 0


def test_margins_count_cycles_and_close_pairs() -> None:
    cycle = [("p", 0, "a > b > c"), ("p", 1, "b > c > a"), ("p", 2, "c > a > b")]
    clear = [("q", i, "x > y" if i < 9 else "y > x") for i in range(10)]
    tied = [("r", 0, "x > y"), ("r", 1, "y > x")]
    statistics = margins(
        rlchf.Rankings.from_ballots([*cycle, *clear, *tied]), closer=(0.2, 0.5, 0.9)
    )
    assert statistics.condorcet == pytest.approx(1 / 3)
    assert statistics.cycles == pytest.approx(1 / 3)
    assert statistics.smith == {1: 1, 2: 1, 3: 1}
    assert (statistics.pairs, statistics.contested, statistics.tied) == (5, 1, 0.2)
    assert list(statistics.closer.values()) == pytest.approx([0.2, 0.8, 1.0])


def test_a_tie_is_no_cycle_and_a_cycle_below_the_top_is_one() -> None:
    tie = rlchf.Rankings.from_ballots([("p", 0, "a > b"), ("p", 1, "b > a")])
    assert margins(tie).cycles == 0
    below = ["t > a > b > c", "t > b > c > a", "t > c > a > b"]
    statistics = margins(rlchf.Rankings.from_ballots([("p", i, b) for i, b in enumerate(below)]))
    assert (statistics.condorcet, statistics.cycles, statistics.smith) == (1.0, 1.0, {1: 1})


def many_prompts(prompts: int = 200) -> tuple[rlchf.Rankings, dict[str, str]]:
    rng = np.random.default_rng(0)
    ballots = [
        (p, i, "a > b" if rng.random() < (0.8 if i < 12 else 0.3) else "b > a")
        for p in range(prompts)
        for i in range(20)
    ]
    groups = {str(i): "many" if i < 12 else "few" for i in range(20)}
    return rlchf.Rankings.from_ballots(ballots), groups


def test_spread_over_shuffles_is_seeded_and_nothing_for_independent_rules() -> None:
    rankings, groups = many_prompts(40)
    rows = spread(rankings, "perpetual_pav", 4, groups=groups, seed=5)
    assert rows == spread(rankings, "perpetual_pav", 4, groups=groups, seed=5)
    assert {row.name for row in rows} == {"all", "few", "many", "prompts changed"}
    assert rows[-1].mean > 0
    assert all(row.lowest <= row.mean + 1e-12 <= row.highest + 2e-12 for row in rows)
    independent = spread(rankings, "kemeny", 2, groups=groups)
    assert independent[-1].highest == 0
    assert all(row.deviation < 1e-12 for row in independent)
    with pytest.raises(ValueError, match="shuffles is 0"):
        spread(rankings, "kemeny", 0)


def test_the_price_of_fairness_compares_with_kemeny() -> None:
    ballots = [(p, i, "a > b" if i < 3 else "b > a") for p in range(2) for i in range(5)]
    rankings = rlchf.Rankings.from_ballots(ballots)
    once = rlchf.Aggregation.from_scores(rankings, np.array([1.0, 0.0, 0.0, 1.0]), "mine", {})
    assert rlchf.audit(rankings, once).price_of_fairness == pytest.approx(1 - 5 / 6)
    tied = rlchf.Aggregation.from_scores(rankings, np.zeros(4), "tied", {})
    assert rlchf.audit(rankings, tied).price_of_fairness == pytest.approx(1 - 5 / 6)
