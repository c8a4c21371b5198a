"""The bootstrap and the halves: against all resamples of small prompts, and against counted ballots."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from unittest import mock

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.comparison import resampling, stability
from rlchf.comparison.admitted import admitted
from rlchf.comparison.halves import split_halves
from rlchf.comparison.resampling import (
    Resamples,
    bootstrap,
    by_annotator,
    factors_of_ballots,
    halves,
    resampled,
    scoring_rule,
)
from rlchf.numeric.pairwise import pairwise_wins
from tests.support.comparisons import random_rankings

RULES = ("borda", "kemeny", "plurality", "smith", "ranked_pairs", "instant_runoff")


def everything(rankings: Rankings, draw: resampling.Draw, n: int) -> Iterator[Resamples]:
    return resampled(rankings, np.arange(rankings.n_prompts), draw, n, 3, lambda r: r)


def test_stability_is_the_share_of_all_possible_resamples() -> None:
    """Three ballots of three orders have 27 equally likely resamples."""
    orders = ["a > b > c", "b > c > a", "a = c > b"]
    rankings = Rankings.from_ballots([("p", str(n), order) for n, order in enumerate(orders)])
    results = {rule: rlchf.aggregate(rankings, rule) for rule in RULES}
    across = {"perpetual_pav": rlchf.aggregate(rankings, "perpetual_pav")}
    rows = stability.stability(rankings, results, 3000, seed=1).rules
    rows += stability.stability(rankings, across, 300, seed=1).rules
    results |= across
    for row in rows:
        first, above, pairs = [], [], []
        base = dict(zip("abc", results[row.rule].response_ranks.tolist(), strict=True))
        for drawn in product(range(3), repeat=3):
            weights = np.bincount(drawn, minlength=3).astype(float)
            again = rlchf.aggregate(replace(rankings, ballot_weights=weights), row.rule)
            ranks = dict(zip("abc", again.response_ranks.tolist(), strict=True))
            first.append(again.ranking("p")[0] == results[row.rule].ranking("p")[0])
            signs = [np.sign(ranks[y] - ranks[x]) for x, y in ("ab", "ac", "bc")]
            base_signs = [np.sign(base[y] - base[x]) for x, y in ("ab", "ac", "bc")]
            above.append([(1 + sign) / 2 for sign in signs])
            pairs += [(1 + s * b) / 2 for s, b in zip(signs, base_signs, strict=True) if b]
        near = 0.04 if row.replicates > 300 else 0.09
        assert row.first[0] == pytest.approx(np.mean(first), abs=near), row.rule
        assert row.pair_probability == pytest.approx(np.mean(above, axis=0), abs=near), row.rule
        if pairs:
            assert row.pairs[0] == pytest.approx(np.mean(pairs), abs=near), row.rule
        else:
            assert np.isnan(row.pairs[0])
        assert row.first_probability.sum() == pytest.approx(1.0)


def test_scores_of_resamples_are_those_of_the_same_ballots_aggregated() -> None:
    """For every rule of one prompt that a file without approvals admits, gaps, ties and weights included."""
    rankings = random_rankings(5, prompts=6)
    rules = [
        rule for rule in admitted(rankings).rules
        if not rlchf.rules.is_across(rlchf.rules.get_rule(rule))
    ]  # fmt: skip
    for batch in everything(rankings, bootstrap, 2):
        B, R = batch.counted.shape
        kept = np.asarray(batch.profiles.weights).reshape(B, R, -1)
        scores = {rule: batch.scores(scoring_rule(rule)) for rule in rules}
        for b, p in enumerate(batch.prompts.tolist()):
            one = rankings.subset(np.array([p]))
            for r in range(R):
                again = replace(one, ballot_weights=kept[b, r])
                for rule in rules:
                    ranks = rlchf.aggregate(again, rule).response_ranks
                    order = np.unique(-scores[rule][b, r], return_inverse=True)[1] + 1
                    assert order.tolist() == ranks.tolist(), (rule, p)


def test_wins_of_resamples_are_counted_right() -> None:
    for batch in everything(random_rankings(6), bootstrap, 3):
        p = batch.profiles
        assert (p.wins == pairwise_wins(p.ranks, p.starts, p.integer_weights)).all()


def test_a_ballot_that_stands_for_several_is_drawn_as_several() -> None:
    """And the reverse of a comparison with a probability is drawn with it."""
    entries = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("p", "eve", "b > a")]
    rankings = Rankings.from_ballots(entries, [5.0, 1.0, 2.0])
    several = replace(rankings, ballot_counts=np.array([5, 1, 2]))
    (batch,) = everything(several, bootstrap, 400)
    weights = np.asarray(batch.profiles.weights).reshape(400, 3)
    assert (weights.sum(axis=1) == 8).all()
    assert weights.mean(axis=0) == pytest.approx([5, 1, 2], abs=0.3)
    assert weights[:, 0].var() == pytest.approx(8 * 5 / 8 * 3 / 8, rel=0.25)
    reverse = replace(rankings, ballot_counts=np.array([1, 0, 1]))
    (batch,) = everything(reverse, bootstrap, 50)
    weights = np.asarray(batch.profiles.weights).reshape(50, 3)
    assert (weights[:, 0] == 5 * weights[:, 1]).all()


def test_ballots_without_a_weight_are_not_drawn() -> None:
    """And a prompt without any is not measured."""
    names = "abcdefgh"
    ballots = [(p, n, "x > y") for p in "pq" for n in names]
    rankings = Rankings.from_ballots(ballots, [1.0, 0.0] * 4 + [0.0] * 8)
    results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "perpetual_pav")}
    for batch in everything(rankings, bootstrap, 20):
        weights = np.asarray(batch.profiles.weights).reshape(len(batch.prompts), 20, 8).sum(axis=2)
        assert (weights == [[4.0], [0.0]]).all()
    for row in stability.stability(rankings, results, 20).rules:
        assert row.first[0] == row.pairs[0] == 1
        assert np.isnan(row.first[1])
        assert np.isnan(row.pairs[1])
    for half in split_halves(rankings, results, 3).rules:
        assert np.isnan(half.order[1])


def test_halves_divide_the_people_of_every_prompt() -> None:
    rankings = Rankings.from_ballots(
        [*[("p", a, "x > y") for a in "abcde"], *[("q", a, "x > y") for a in "abba"]], repeats="all"
    )
    for batch in everything(rankings, halves, 40):
        B = len(batch.prompts)
        weights = np.asarray(batch.profiles.weights).reshape(B, 20, 2, -1)
        assert (weights.sum(axis=2) == 1).all()
        if rankings.prompt_ids[batch.prompts[0]] == "p":
            assert (np.sort(weights.sum(axis=3)[0]) == [2, 3]).all()
        else:  # both ballots of a person are in the same half
            assert (weights[..., [0, 1]] == weights[..., [3, 2]]).all()
    ballots = replace(rankings, ballot_counts=np.full(rankings.n_ballots, 3))
    for batch in everything(ballots, halves, 10):
        factors = np.asarray(batch.profiles.weights).reshape(len(batch.prompts), 5, 2, -1)
        assert np.allclose(factors.sum(axis=2), 1)


def test_all_ballots_of_a_person_are_drawn_together_if_annotators_are_drawn() -> None:
    rankings = random_rankings(7)
    draw = by_annotator(rankings, 5, 0)
    for factors in factors_of_ballots(rankings, draw, 5, 0):
        for a in range(len(rankings.annotator_ids)):
            assert len(set(factors[rankings.ballot_annotators == a])) == 1
    of_prompts: dict[int, np.ndarray] = {}
    for batch in everything(rankings, draw, 5):
        weights = np.asarray(batch.profiles.weights).reshape(len(batch.prompts), 5, -1)
        of_prompts |= dict(zip(batch.prompts.tolist(), weights, strict=True))
    for r, factors in enumerate(factors_of_ballots(rankings, draw, 5, 0)):
        for p, weights in of_prompts.items():
            part = slice(*rankings.ballot_starts[p : p + 2].tolist())
            assert weights[r].tolist() == (rankings.ballot_weights * factors)[part].tolist()


def test_resamples_depend_on_the_seed_and_not_on_the_number_of_processors() -> None:
    rankings = random_rankings(8, prompts=40)
    results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "perpetual_pav")}

    def measured(processors: int, seed: int) -> list[np.ndarray]:
        with (
            mock.patch.object(resampling, "processors", return_value=processors),
            mock.patch.object(resampling, "CELLS", 2**12),
        ):
            return [
                row.first for row in stability.stability(rankings, results, 20, seed=seed).rules
            ]

    for one, other in zip(measured(1, 0), measured(4, 0), strict=True):
        assert (one == other).all()
    assert (measured(1, 0)[0] != measured(1, 1)[0]).any()


def test_slow_rules_are_measured_on_fewer_prompts_or_resamples_and_it_is_said() -> None:
    rankings = random_rankings(9, prompts=40)
    results = {
        rule: rlchf.aggregate(rankings, rule) for rule in ("stv", "borda", "phragmen_credit")
    }
    with (
        mock.patch.object(stability, "BUDGET", 0.012),
        mock.patch.object(stability, "ACROSS_BUDGET", 0.08),
    ):
        measured = stability.stability(rankings, results, 40)
    rows = {row.rule: row for row in measured.rules}
    assert rows["borda"].prompts == 40
    assert 0 < rows["stv"].prompts < 40
    assert np.isnan(rows["stv"].first).sum() == 40 - rows["stv"].prompts
    assert rows["phragmen_credit"].replicates == 27
    assert f"{rows['stv'].prompts} smallest of 40 prompts" in measured.notes["stv"] or (
        f"on {rows['stv'].prompts} of 40 prompts" in measured.notes["stv"]
    )
    assert "27 of 40 resamples" in measured.notes["phragmen_credit"]
    assert set(measured.notes) == {"stv", "phragmen_credit"}


def test_a_constant_rule_is_perfectly_consistent() -> None:
    """Which is why consistency is shown with its caveat."""
    rankings = random_rankings(10)
    results = {
        rule: rlchf.aggregate(rankings, rule)
        for rule in ("borda", "tests.comparison.test_stability:constant")
    }
    rows = {row.rule: row for row in split_halves(rankings, results, 5).rules}
    assert rows["tests.comparison.test_stability:constant"].mean_order.value == 1
    assert rows["borda"].mean_order.value < 1


def constant(profiles: rlchf.Profiles) -> np.ndarray:
    return np.tile(-np.arange(float(profiles.n_responses)), (profiles.n_prompts, 1))
