"""The evaluation of scores: cases to check by hand, plain definitions, and what must not matter."""

import io
import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import kendalltau

import rlchf
from rlchf.cli.tables.evaluation import tables
from rlchf.evaluation import (
    Evaluation,
    Figure,
    evaluate,
    pair_accuracy,
    split_annotators,
)
from rlchf.evaluation.intervals import Sums, figures
from rlchf.jobs.evaluation import write_evaluation
from rlchf.preferences import Example
from rlchf.rankings import Unranked
from tests.oracles import evaluation as oracle
from tests.support.figures import same

Scores = dict[str, dict[str, float]]


def random_case(
    seed: int, n_prompts: int = 12, unranked: Unranked = "missing"
) -> tuple[rlchf.Rankings, list[oracle.Ballot], Scores]:
    """Ballots with ties, gaps and weights (some of them 0), and scores with ties."""
    rng = np.random.default_rng(seed)
    entries, weights = [], []
    plain: list[oracle.Ballot] = []
    scores: Scores = {}
    for p in range(n_prompts):
        names = [f"r{k}" for k in range(rng.integers(2, 6))]
        scores[f"p{p}"] = {name: float(rng.integers(-3, 4)) / 2 for name in names}
        people = [f"a{a}" for a in rng.permutation(7)[: rng.integers(1, 6)]]
        for n, who in enumerate(people):
            every = n == 0  # so that each response is known
            named = [name for name in names if every or rng.random() < 0.8] or names[:1]
            levels = rng.integers(1, 4, size=len(named))
            ranking = [
                [x for x, at in zip(named, levels, strict=True) if at == level]
                for level in np.unique(levels)
            ]
            places = {x: place for place, level in enumerate(ranking) for x in level}
            if unranked == "last":
                places |= {x: 9 for x in names if x not in places}
            weight = Fraction(int(rng.integers(0, 4)), 4)
            entries.append((f"p{p}", who, ranking))
            weights.append(float(weight))
            plain.append((f"p{p}", who, places, weight))
    return rlchf.Rankings.from_ballots(entries, weights, unranked=unranked), plain, scores


def test_a_case_that_can_be_checked_by_hand() -> None:
    ballots = [("p", name, "a > b" if name < "d" else "b > a") for name in "abcde"]
    ballots += [("q", name, "c > d") for name in "abcde"] + [("r", "a", "e > f")]
    scores = {"p": {"a": 1, "b": 0}, "q": {"c": 0, "d": 2}, "r": {"e": 7, "f": 7}}
    rankings = rlchf.Rankings.from_ballots(ballots)
    groups = {name: "many" if name < "d" else "few" for name in "abcde"}
    evaluation = evaluate(scores, rankings, rlchf.aggregate(rankings, "borda"), groups=groups)
    # Three of p's five, none of q's five, and half of r's one, whose scores are tied.
    assert evaluation.pairs.value == pytest.approx((3 + 0 + 0.5) / 11)
    assert evaluation.contested.value == 0.6
    assert evaluation.contested.weight == 5
    assert evaluation.attainable == pytest.approx(9 / 11)
    assert [row.value for row in evaluation.margins if row.weight] == [0.6, pytest.approx(0.5 / 6)]
    assert [row.name for row in evaluation.margins if row.weight] == ["0.6-0.7", "unanimous"]
    few, many = evaluation.groups
    assert few.value == 0.0
    assert many.value == pytest.approx(3.5 / 7)
    assert [row.value for row in evaluation.contested_groups] == [0.0, 1.0]
    assert {row.name: row.value for row in evaluation.annotators} == {
        "a": 0.5, "b": 0.5, "c": 0.5, "d": 0.0, "e": 0.0,
    }  # fmt: skip
    assert evaluation.collective_pairs is not None
    assert evaluation.collective_pairs.value == 0.5  # right on p, wrong on q, tied on r
    assert evaluation.tau is not None
    assert evaluation.tau.value == 0.0


@pytest.mark.parametrize("seed", range(12))
def test_accuracies_are_those_of_the_plain_definition(seed: int) -> None:
    rankings, ballots, scores = random_case(seed, unranked="last" if seed % 3 == 0 else "missing")
    groups = {f"a{a}": "odd" if a % 2 else "even" for a in range(5)}
    evaluation = evaluate(scores, rankings, groups=groups, replicates=0)
    sides = oracle.votes(ballots)
    contested = {pair for pair, s in sides.items() if s[0] and s[1]}
    assert same(evaluation.pairs.value, oracle.accuracy(ballots, scores))
    assert same(evaluation.contested.value, oracle.accuracy(ballots, scores, pairs=contested))
    assert same(evaluation.attainable, oracle.attainable(ballots))
    assert same(evaluation.attainable_contested, oracle.attainable(ballots, pairs=contested))
    for n, row in enumerate(evaluation.margins):
        pairs = {pair for pair, s in sides.items() if s[0] + s[1] and oracle.margin(s) == n}
        assert same(row.value, oracle.accuracy(ballots, scores, pairs=pairs))
    for row, other in zip(evaluation.groups, evaluation.contested_groups, strict=True):
        members = {name for name, group in groups.items() if group == row.name}
        assert same(row.value, oracle.accuracy(ballots, scores, people=members))
        expected = oracle.accuracy(ballots, scores, people=members, pairs=contested)
        assert same(other.value, expected)
    for row in evaluation.annotators:
        assert same(row.value, oracle.accuracy(ballots, scores, people={row.name}))


@pytest.mark.parametrize("seed", range(8))
def test_only_some_peoples_ballots_are_counted(seed: int) -> None:
    rankings, ballots, scores = random_case(seed)
    people = {"a1", "a3", "a4", "not there"}
    counted = [ballot for ballot in ballots if ballot[1] in people]
    groups = {f"a{a}": "odd" if a % 2 else "even" for a in range(7)}
    evaluation = evaluate(scores, rankings, people=people, groups=groups, replicates=3)
    sides = oracle.votes(ballots)  # everybody's
    contested = {pair for pair, s in sides.items() if s[0] and s[1]}
    assert evaluation.ballots == len(counted)
    assert evaluation.prompts == len({prompt for prompt, *_ in counted})
    assert same(evaluation.pairs.value, oracle.accuracy(counted, scores))
    assert same(evaluation.contested.value, oracle.accuracy(counted, scores, pairs=contested))
    for n, row in enumerate(evaluation.margins):
        pairs = {pair for pair, s in sides.items() if s[0] + s[1] and oracle.margin(s) == n}
        assert same(row.value, oracle.accuracy(counted, scores, pairs=pairs))
    assert same(evaluation.attainable, oracle.attainable(counted))
    assert same(evaluation.attainable_contested, oracle.attainable(counted, pairs=contested))
    assert same(evaluation.groups[0].value, oracle.accuracy(counted, scores, people={"a4"}))
    assert {row.name for row in evaluation.annotators} <= people
    assert evaluation.calibration.error == pytest.approx(oracle.calibration(counted, scores)[0])
    assert {row.drawn for row in evaluation.other_people} <= {0, 1, 2, 3}


@pytest.mark.parametrize("seed", range(8))
def test_calibration_is_that_of_the_plain_definition(seed: int) -> None:
    rankings, ballots, scores = random_case(seed)
    calibration = evaluate(scores, rankings, replicates=0).calibration
    expected = oracle.calibration(ballots, scores)
    losses = calibration.log_loss.value, calibration.brier.value
    assert (calibration.error, *losses) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(8))
def test_tau_is_that_of_scipy(seed: int) -> None:
    rankings, _, scores = random_case(seed)
    result = rlchf.aggregate(rankings, "copeland")
    evaluation = evaluate(scores, rankings, result, replicates=0)
    taus, right, pairs = [], 0.0, 0
    for prompt, predicted in scores.items():
        collective = result.scores(prompt)
        gaps = [
            (predicted[a] - predicted[b], collective[a] - collective[b])
            for a in predicted
            for b in predicted
            if a < b
        ]
        right += sum((np.sign(x * y) + 1) / 2 for x, y in gaps if y)
        pairs += sum(y != 0 for _, y in gaps)
        if len(set(collective.values())) > 1:  # else the rule ties all
            tau = kendalltau(list(predicted.values()), [collective[r] for r in predicted]).statistic
            taus.append(0.0 if len(set(predicted.values())) == 1 else tau)
    assert evaluation.tau is not None
    assert evaluation.collective_pairs is not None
    assert evaluation.tau.value == pytest.approx(np.mean(taus))
    assert (evaluation.tau.weight, evaluation.collective_pairs.weight) == (len(taus), pairs)
    assert evaluation.collective_pairs.value == pytest.approx(right / pairs)


def ranking_figures(evaluation: Evaluation) -> list[float]:
    rows = [evaluation.pairs, evaluation.contested, evaluation.tau, evaluation.collective_pairs]
    rows += [*evaluation.margins, *evaluation.other_people, *evaluation.annotators]
    present = [row for row in rows if row is not None]
    return [x for row in present for x in (row.value, row.low, row.high, row.weight)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), shifts=st.lists(st.integers(-50, 50), min_size=12, max_size=12))
def test_a_constant_added_to_a_prompts_scores_changes_nothing(seed: int, shifts: list[int]) -> None:
    rankings, _, scores = random_case(seed)
    result = rlchf.aggregate(rankings, "borda")
    moved = {
        prompt: {r: score + shift for r, score in row.items()}
        for (prompt, row), shift in zip(scores.items(), shifts, strict=True)
    }
    before, after = (evaluate(s, rankings, result, replicates=5) for s in (scores, moved))
    assert before.to_dict() == after.to_dict()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_a_rising_function_of_the_scores_changes_the_calibration_only(seed: int) -> None:
    rankings, _, scores = random_case(seed)
    result = rlchf.aggregate(rankings, "borda")
    cubed = {p: {r: score**3 + score for r, score in row.items()} for p, row in scores.items()}
    before, after = (evaluate(s, rankings, result, replicates=5) for s in (scores, cubed))
    np.testing.assert_equal(ranking_figures(before), ranking_figures(after))
    assert before.calibration != after.calibration


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_the_order_of_the_responses_does_not_matter(seed: int) -> None:
    _, ballots, scores = random_case(seed)
    backwards = {f"r{k}": f"r{9 - k}" for k in range(5)}
    evaluations = []
    for names in ({x: x for x in backwards}, backwards):
        triples = []
        for prompt, who, places, _ in ballots:
            levels = sorted({*places.values()})
            ranking = [[names[x] for x in places if places[x] == level] for level in levels]
            triples.append((prompt, who, ranking))
        rankings = rlchf.Rankings.from_ballots(triples, [float(b[3]) for b in ballots])
        renamed = {p: {names[r]: x for r, x in row.items()} for p, row in scores.items()}
        result = rlchf.aggregate(rankings, "borda")
        evaluations.append(evaluate(renamed, rankings, result, replicates=5))
    np.testing.assert_allclose(
        ranking_figures(evaluations[0]), ranking_figures(evaluations[1]), atol=1e-12
    )
    one, two = (f.calibration for f in evaluations)
    assert one.error == pytest.approx(two.error, abs=1e-12)
    assert one.log_loss.value == pytest.approx(two.log_loss.value)


def test_scores_that_say_nothing_have_log_loss_ln_2() -> None:
    rankings, _, scores = random_case(1)
    flat = {prompt: dict.fromkeys(row, 3.0) for prompt, row in scores.items()}
    evaluation = evaluate(flat, rankings)
    assert evaluation.pairs.value == evaluation.contested.value == 0.5
    assert evaluation.calibration.log_loss.value == pytest.approx(math.log(2))
    assert evaluation.calibration.brier.value == pytest.approx(0.25)
    assert evaluation.calibration.error == 0.0


def test_log_odds_of_the_win_shares_are_calibrated() -> None:
    ballots = [
        (f"p{wins}", f"a{a}", "a > b" if a < wins else "b > a")
        for wins in range(1, 10)
        for a in range(10)
    ]
    scores = {f"p{w}": {"a": math.log(w / (10 - w)), "b": 0.0} for w in range(1, 10)}
    calibration = evaluate(scores, rlchf.Rankings.from_ballots(ballots)).calibration
    assert calibration.error == pytest.approx(0, abs=1e-12)
    predicted = [b.predicted for b in calibration.bins if b.observed.weight]
    assert predicted == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    twice = {p: {r: 2 * x for r, x in row.items()} for p, row in scores.items()}
    assert evaluate(twice, rlchf.Rankings.from_ballots(ballots)).calibration.error > 0.05


def test_huge_score_differences_have_finite_losses() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    calibration = evaluate({"p": {"a": 1e4, "b": 0.0}}, rankings).calibration
    assert calibration.log_loss.value == 5e3
    assert calibration.bins[-1].predicted == 1.0


def test_intervals_are_as_wide_as_for_independent_draws() -> None:
    rng, n = np.random.default_rng(0), 400
    right = (rng.random(n) < 0.7).astype(float)
    ((row,),) = figures([Sums.one("all", np.arange(n), right, np.ones(n))], n, replicates=4000)
    deviation = math.sqrt(row.value * (1 - row.value) / n)
    assert row.low == pytest.approx(row.value - 1.96 * deviation, abs=0.006)
    assert row.high == pytest.approx(row.value + 1.96 * deviation, abs=0.006)


def test_pairs_of_a_prompt_are_drawn_together() -> None:
    rng, n = np.random.default_rng(0), 100
    right = (rng.random(n) < 0.5).astype(float)
    once = Sums.one("all", np.arange(n), right, np.ones(n))
    often = Sums.one("all", np.repeat(np.arange(n), 50), np.repeat(right, 50), np.ones(50 * n))
    ((a,), (b,)) = figures([once, often], n)
    assert (a.low, a.high, a.drawn) == (b.low, b.high, b.drawn)


def test_the_seed_decides_the_intervals_and_nothing_else() -> None:
    rankings, _, scores = random_case(2, n_prompts=40)
    one, again, other = (evaluate(scores, rankings, seed=seed) for seed in (0, 0, 1))
    assert one.to_dict() == again.to_dict()
    assert (one.pairs.low, one.pairs.value) != (other.pairs.low, other.pairs.value)
    assert one.pairs.value == other.pairs.value


def test_intervals_over_other_people_are_wide_where_people_differ() -> None:
    sides = {name: "a > b" if name < "e" else "b > a" for name in "abcdefgh"}
    ballots = [(p, name, side) for p in range(50) for name, side in sides.items()]
    rankings = rlchf.Rankings.from_ballots([*ballots, ("other", "zoe", "a > b")])
    scores = {str(p): {"a": 1.0, "b": 0.0} for p in range(50)}
    evaluation = evaluate(scores, rankings)
    assert evaluation.to_dict() == evaluate(scores, rlchf.Rankings.from_ballots(ballots)).to_dict()
    assert (evaluation.pairs.low, evaluation.pairs.high) == (0.5, 0.5)
    people = evaluation.other_people[0]
    assert (people.value, people.drawn) == (0.5, 8)  # zoe has no ballot here
    assert people.low < 0.3
    assert people.high > 0.7


def test_one_prompt_has_no_interval() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    row = evaluate({"p": {"a": 1.0, "b": 0.0}}, rankings).pairs
    assert row.value == 0.5
    assert math.isnan(row.low)
    assert math.isnan(row.high)


def test_prompts_without_scores_are_left_out() -> None:
    rankings, _, scores = random_case(3)
    some = {prompt: scores[prompt] for prompt in list(scores)[3:7]}
    inside = rankings.subset(np.arange(3, 7))
    by_all = evaluate(some, rankings, rlchf.aggregate(rankings, "borda"))
    assert by_all.to_dict() == evaluate(some, inside, rlchf.aggregate(inside, "borda")).to_dict()
    assert by_all.prompts == 4


def test_collective_rankings_may_have_responses_that_no_held_out_ballot_names() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "a > b")])
    held_out = rlchf.Rankings.from_ballots([("p", "bob", "a > b")])
    scores = {"p": {"a": 3.0, "b": 2.0, "c": 1.0}}
    evaluation = evaluate(scores, held_out, rlchf.aggregate(rankings, "borda"))
    assert evaluation.collective_pairs is not None
    assert (evaluation.pairs.weight, evaluation.collective_pairs.weight) == (1, 3)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"q": {"a": 1.0}}, "no prompt of rankings has scores.*'p'.*'q'"),
        ({}, "no prompt of rankings has scores"),
        ({"p": {"a": 1.0}}, "prompt 'p' lack response 'b'"),
        ({"p": {"a": 1.0, "b": math.nan}}, "response 'b' of prompt 'p' is nan"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores: Scores, message: str) -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b")])
    with pytest.raises(ValueError, match=message):
        evaluate(scores, rankings)


def test_annotators_without_a_ballot_are_refused() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("q", "bob", "a > b")])
    with pytest.raises(ValueError, match=r"none of the 1 annotators.*such as 'ann'"):
        evaluate({"p": {"a": 1.0, "b": 0.0}}, rankings, people=["bob"])


def test_annotators_are_split_whole() -> None:
    rankings, ballots, _ = random_case(4, n_prompts=30)
    seen, unseen = split_annotators(rankings, 0.3, seed=1)
    assert len(unseen.annotator_ids) == 2  # of 7
    assert {*seen.annotator_ids} | {*unseen.annotator_ids} == {who for _, who, _, _ in ballots}
    assert not {*seen.annotator_ids} & {*unseen.annotator_ids}
    for part in (seen, unseen):
        part_ballots = [b for b in ballots if b[1] in part.annotator_ids]
        assert {*part.prompt_ids} == {prompt for prompt, *_ in part_ballots}
        assert (part.n_ballots, part.ballot_weights.sum()) == (
            len(part_ballots),
            sum(b[3] for b in part_ballots),
        )
        assert all(part.responses(p) == rankings.responses(p) for p in part.prompt_ids)


@pytest.mark.parametrize("held_out", [1e-6, 0.5, 1 - 1e-6])
@pytest.mark.parametrize("people", [2, 3, 7])
def test_a_split_has_somebody_on_each_side(held_out: float, people: int) -> None:
    ballots = [("p", str(who), "a > b") for who in range(people)]
    sides = split_annotators(rlchf.Rankings.from_ballots(ballots), held_out, seed=1)
    assert all(side.annotator_ids for side in sides)


def test_a_split_keeps_what_each_ballot_says() -> None:
    rankings, ballots, scores = random_case(5, n_prompts=30)
    for part in split_annotators(rankings, 0.5, seed=0):
        part_ballots = [b for b in ballots if b[1] in part.annotator_ids]
        part_scores = {prompt: scores[prompt] for prompt in part.prompt_ids}
        accuracy = evaluate(part_scores, part, replicates=0).pairs.value
        assert same(accuracy, oracle.accuracy(part_ballots, scores))


def test_a_split_depends_on_the_seed() -> None:
    rankings, *_ = random_case(4, n_prompts=30)
    splits = {tuple(split_annotators(rankings, 0.4, seed)[1].annotator_ids) for seed in range(9)}
    assert len(splits) > 3
    assert splits == {tuple(split_annotators(rankings, 0.4, s)[1].annotator_ids) for s in range(9)}


def test_impossible_splits_are_refused() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("q", "ann", "c > d")])
    with pytest.raises(ValueError, match="only 1 annotator has ballots"):
        split_annotators(rankings, 0.5, seed=0)
    with pytest.raises(ValueError, match=r"held_out is 1\.0"):
        split_annotators(rankings, 1.0, seed=0)


def test_pair_accuracy_counts_strict_pairs_of_all_examples_alike() -> None:
    texts = ["Hello.", "Go.", "Hi."]
    ordered = Example("p", "Hi", ["a", "b", "c"], texts, [1, 2, 2])  # b and c are tied
    shares = np.array([[np.nan, 0.6], [0.4, np.nan]])
    compared = Example("q", "Hi", ["a", "b"], texts[:2], [1, 1], targets=shares)
    right, equal = np.array([2.0, 0.0, 1.0]), np.zeros(2)
    assert pair_accuracy([right], [ordered]) == 1
    assert pair_accuracy([right, equal], [ordered, compared]) == pytest.approx(2 / 3)
    tied = Example("r", "Hi", ["a", "b"], texts[:2], [1, 1])
    assert pair_accuracy([equal], [tied]) is None


def test_the_folder_has_the_figures_and_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rankings, _, scores = random_case(6)
    evaluation = evaluate(scores, rankings, rlchf.aggregate(rankings, "borda"))
    figures_file, picture = write_evaluation(tmp_path / "reward", evaluation)
    text = figures_file.read_text()
    assert json.loads(text) == evaluation.to_dict()
    assert "NaN" not in text
    first = picture.read_bytes()
    assert first.startswith(b"\x89PNG")
    assert write_evaluation(tmp_path / "reward", evaluation)[1].read_bytes() == first


def test_the_tables_show_every_figure() -> None:
    rankings, _, scores = random_case(7)
    groups = {f"a{a}": "odd" if a % 2 else "even" for a in range(7)}
    result = rlchf.aggregate(rankings, "borda")
    evaluation = evaluate(scores, rankings, result, groups=groups, r_squared=0.625)
    console = Console(width=120, record=True, file=io.StringIO())
    for part in tables(evaluation):
        console.print(part)
    text = console.export_text()
    shown: list[Figure | None] = [evaluation.pairs, evaluation.contested]
    shown += [evaluation.tau, evaluation.collective_pairs]
    shown += [evaluation.calibration.log_loss, evaluation.calibration.brier]
    shown += [*evaluation.margins, *evaluation.annotators]
    shown += [*evaluation.groups, *evaluation.contested_groups]
    for row in shown:
        assert row is not None
        assert math.isnan(row.value) or f"{row.value:.3f}" in text
        assert math.isnan(row.low) or f"{row.low:.3f} to {row.high:.3f}" in text
    assert "0.625" in text


def test_the_evaluation_needs_no_torch() -> None:
    code = "import sys, rlchf.evaluation; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
