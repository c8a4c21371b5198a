"""Agreement held out, and its intervals, on data whose truth is known."""

from itertools import permutations

import numpy as np
import pytest

import rlchf
from rlchf.auditing import Audit, Interval
from rlchf.auditing.estimates import ClusteredSums
from tests.auditing.test_measures import as_rankings, dataset
from tests.support.figures import same

NAMES = "abcd"


def by_measure(report: Audit, name: str = "all") -> dict[str, Interval]:
    return {i.measure: i for i in report.intervals if i.name == name}


def population(n: int, prompts: int, seed: int) -> list[np.ndarray]:
    """People of whom 40 % like emojis, with tastes of their own: each one's scores, (P, M)."""
    rng = np.random.default_rng(seed)
    quality = np.random.default_rng(1000 + seed // 1000).normal(size=(prompts, 4))
    emoji = np.array([rng.permutation([1.0, 1.0, 0.0, 0.0]) for _ in range(prompts)])
    people = []
    for _ in range(n):
        liking = 1.2 if rng.random() < 0.4 else -1.2
        taste = rng.normal(0, 0.7)
        scores = quality + liking * emoji + 0.3 * taste * quality[:, ::-1]
        people.append(scores + 0.7 * rng.normal(size=scores.shape))
    return people


def rankings_of(people: list[np.ndarray]) -> rlchf.Rankings:
    return rlchf.Rankings.from_ballots(
        [
            (f"{p:03}", f"a{i}", " > ".join(NAMES[r] for r in np.argsort(-values)))
            for i, scores in enumerate(people)
            for p, values in enumerate(scores)
        ]
    )


@pytest.mark.parametrize("n", [3, 10])
def test_in_sample_agreement_is_too_high_for_fresh_annotators_and_held_out_it_is_not(
    n: int,
) -> None:
    in_sample, held_out, truth, covered = [], [], [], []
    for run in range(12):
        people = population(n + 40, 40, run)
        rankings = rankings_of(people[:n])
        report = rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny"), baselines=True)
        others = rankings_of(people[: n - 1])  # an outcome by one annotator fewer
        outcome = rlchf.aggregate(others, "kemeny")
        fresh = rlchf.audit(rankings_of(people[n:]), outcome).overall.pairs
        figure = by_measure(report)["pairs"]
        in_sample.append(report.overall.pairs)
        held_out.append(figure.value)
        truth.append(fresh)
        covered.append(figure.low <= fresh <= figure.high)
    assert np.mean(in_sample) > np.mean(truth) + (0.08 if n == 3 else 0.02)
    assert np.mean(held_out) == pytest.approx(np.mean(truth), abs=0.02)
    assert np.mean(covered) >= (0.7 if n == 3 else 0.8)


@pytest.mark.parametrize("prompts", [1, 3, 5, 20, 30, 40])
def test_intervals_of_prompts_that_are_all_alike_are_real_and_hold_the_figure(prompts: int) -> None:
    orders = ["a > b > c"] * 6 + ["c > b > a"] * 4
    ballots = [(f"p{p}", f"a{i}", order) for p in range(prompts) for i, order in enumerate(orders)]
    groups = {f"a{i}": "plain" if i < 6 else "emoji" for i in range(10)}
    rankings = rlchf.Rankings.from_ballots(ballots)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny"), groups, baselines=True)
    intervals = [(one.low, one.value, one.high) for one in report.intervals]
    for standing in report.standings:
        for one in (standing.position, standing.agreed, standing.best, standing.cost):
            intervals.append((one.low, one.value, one.high))
    for interval in intervals:
        ends = np.array(interval)
        assert not np.iscomplexobj(ends)
        assert np.isnan(ends[[0, 2]]).all() or (np.diff(ends) >= 0).all()


@pytest.mark.parametrize("seed", range(12))
def test_as_given_the_figures_are_those_in_sample(seed: int) -> None:
    ballots, outcomes = dataset(seed, many=seed % 2 == 1)
    rankings, result = as_rankings(ballots, outcomes)
    groups = {"ann": "north", "bob": "north", "eve": "south", "all": "south"}
    report = rlchf.audit(rankings, result, groups, baselines=True)
    assert report.held_out is not None
    assert not report.held_out.again  # nobody knows the rule
    for row in (report.overall, *report.groups):
        figures = by_measure(report, row.name)
        assert same(figures["pairs"].value, row.pairs)
        assert same(figures["first_place"].value, row.first_place)
    for held_out, row in zip(report.held_out.annotators, report.annotators, strict=True):
        assert same(held_out.pairs, row.pairs)


def test_each_annotator_is_held_out_from_an_outcome_by_the_rest_of_the_group() -> None:
    """Of two against two, whoever is left out leaves a tie: the partner has the weight of both."""
    sides = {"ann": "a > b", "bob": "a > b", "eve": "b > a", "joe": "b > a", "kim": "b > a"}
    rankings = rlchf.Rankings.from_ballots(
        [(p, name, side) for p in range(12) for name, side in sides.items()]
    )
    result = rlchf.aggregate(rankings, "kemeny")
    alone = rlchf.audit(rankings, result, baselines=True)
    assert alone.held_out is not None
    shares = {row.name: row.contested for row in alone.held_out.annotators}
    assert shares == {"ann": 0, "bob": 0, "eve": 0.5, "joe": 0.5, "kim": 0.5}  # two to two
    groups = {name: side[0] for name, side in sides.items()}
    grouped = rlchf.audit(rankings, result, groups, baselines=True)
    assert grouped.held_out is not None
    shares = {row.name: row.contested for row in grouped.held_out.annotators}
    assert shares == {"ann": 0, "bob": 0, "eve": 1, "joe": 1, "kim": 1}  # two to three


def test_intervals_are_as_wide_as_theory_says() -> None:
    """With annotators who draw lots, a mean over P prompts has this deviation."""
    rng = np.random.default_rng(3)
    P, A = 150, 40
    easy = rng.random(P)  # prompts differ in how many agree with the outcome
    rankings = rlchf.Rankings.from_ballots(
        [(p, i, "a > b" if rng.random() < easy[p] else "b > a") for p in range(P) for i in range(A)]
    )
    always = rlchf.Aggregation.from_scores(rankings, np.tile([1.0, 0.0], P), "a", {})
    figure = by_measure(rlchf.audit(rankings, always, baselines=True))["pairs"]
    by_prompt = rankings.profiles()
    shares = next(iter(by_prompt))[1].wins[:, 0, 1] / A
    assert figure.high - figure.low == pytest.approx(2 * 1.98 * shares.std() / P**0.5, rel=0.15)


def test_an_interval_of_one_annotator_is_unknown_and_one_of_no_disagreement_is_not_certain() -> (
    None
):
    sums = ClusteredSums(2, 3)
    part = np.zeros((20, 3, 2))
    part[:, 0, 0] = 1.0
    part[:, 1:, 1] = 1.0
    sums.add(part, part)
    assert np.isnan(sums.estimate([0], share=True).low)
    both = sums.estimate([1], share=True)
    assert (both.value, both.high) == (1, 1)
    assert 0.8 < both.low < 0.9  # Wilson's for 20 prompts of 20


def test_ejr_plus_implies_the_weaker_axioms_with_many_types() -> None:
    orders = list(permutations("abcd"))[:20]
    rankings = rlchf.Rankings.from_ballots(
        [(p, f"v{i}", " > ".join(orders[(i + 7 * p) % 20])) for p in range(2) for i in range(20)]
    )
    outcome = rlchf.aggregate(rankings, "kemeny", ties="lexicographic")
    for verdicts in rlchf.audit(rankings, outcome, axioms=True).axioms.values():
        holds = {verdict.axiom: verdict.holds for verdict in verdicts}
        if holds["EJR+"]:
            assert all(holds.values())
    assert any(v.holds for v in verdicts if v.axiom == "EJR+")


def test_large_prompts_have_agreement_held_out_but_no_positions() -> None:
    rng = np.random.default_rng(8)
    ballots = [
        (f"long{p}", f"v{i}", " > ".join(f"r{r}" for r in np.argsort(rng.normal(np.arange(12), 3))))
        for p in range(6)
        for i in range(8)
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)
    groups = {f"v{i}": "north" if i < 4 else "south" for i in range(8)}
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"), groups, baselines=True)
    assert report.large_prompts == 6
    assert all(np.isnan(row.position.value) and row.left_out == 6 for row in report.standings)
    assert 0.5 < by_measure(report)["pairs"].value < report.overall.pairs


def test_tables_of_notebooks_have_the_figures_held_out() -> None:
    pytest.importorskip("pandas")
    rankings = rankings_of(population(6, 10, 0))
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny"), baselines=True)
    assert report.held_out is not None
    frame = report.to_frame()
    assert frame["pairs_held_out"].tolist() == pytest.approx(
        [by_measure(report)["pairs"].value, *(row.pairs for row in report.held_out.annotators)]
    )
    assert "agreement held out" in repr(report)
    assert "agreement held out" in report._repr_html_()
    plain = rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny"))
    assert "agreement in sample" in repr(plain)
    assert "pairs_held_out" not in plain.to_frame()


def test_blocks_of_prompts_are_independent_where_single_prompts_are_not() -> None:
    """An outcome that agrees by turns is exact over blocks; single prompts look like coins."""
    turns = (np.arange(40) % 2).astype(float)
    part = np.zeros((40, 2, 1))
    part[:, 0, 0] = part[:, 1, 0] = turns
    whole = np.ones((40, 2, 1))
    single, by_block = ClusteredSums(1, 2), ClusteredSums(1, 2, n_blocks=10)
    single.add(part, whole)
    by_block.add(part[:15], whole[:15], blocks=np.arange(15) // 4)  # in two parts
    by_block.add(part[15:], whole[15:], blocks=np.arange(15, 40) // 4)
    by_block.close_blocks()
    wide, narrow = (sums.estimate([0]) for sums in (single, by_block))
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 0.3
    assert narrow.high - narrow.low == pytest.approx(0, abs=1e-9)
