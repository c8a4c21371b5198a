"""RewardBench 2: worked cases, the textbook definitions, and scores that are refused."""

import math
import random
from itertools import pairwise

import pytest

from rlchf.evaluation.benchmark_prompts import SUBSETS, BenchmarkPrompt
from rlchf.evaluation.rewardbench2 import TERMS, RewardBench2, rewardbench2
from tests.oracles import rewardbench2 as oracle
from tests.support.rewardbench2 import random_bench


def prompt(id: str, subset: str = "Math", correct: int = 1, incorrect: int = 3) -> BenchmarkPrompt:
    return BenchmarkPrompt(id, subset, "?", ["right"] * correct, ["wrong"] * incorrect)


PAIRS = [
    prompt("tied:0", "Ties", 3, 2),
    prompt("ref:0", "Ties", 1, 2),
    prompt("tied:1", "Ties", 2, 1),
    prompt("ref:1", "Ties", 1, 1),
]


def values(figures: RewardBench2) -> dict[str, float]:
    return {one.name: one.value for one in [*figures.subsets, *figures.ties, *figures.others]}


def test_equal_best_scores_share_the_credit() -> None:
    """Four prompts: a win, a win shared by two, one shared by four, a loss: (1 + 1/2 + 1/4 + 0) / 4."""
    scores = [[2.0, 1, 0, 0], [2.0, 2, 1, 0], [1.0, 1, 1, 1], [0.0, 1, 1, 1]]
    figures = rewardbench2([prompt(str(n)) for n in range(4)], scores)
    assert values(figures) == {"Math": 0.4375}
    assert figures.equal_best == 2
    assert figures.mean is None


def test_the_ties_score_of_a_worked_case() -> None:
    """Pair 0: spread 3 - 2 = 1, margin 2 - 0.5 = 1.5, reference margin 0.75; pair 1: 0.5, 1, 4.

    Both pairs are accurate, both margins are above the spread, but with the reference prompt only that of
    pair 1 is. Margin score: (tanh(0.75 / 1 - 1) + tanh(1 / 0.5 - 1)) / 2.
    """
    scores = [[3.0, 2.0, 2.5, 0.5, -1.0], [1.0, 0.25, 0.0], [2.0, 1.5, 0.5], [4.0, 0.0]]
    figures = values(rewardbench2(PAIRS, scores))
    margin_score = (math.tanh(-0.25) + math.tanh(1)) / 2
    assert [figures[name] for name in TERMS] == pytest.approx([1, 1, 1, 0.5, margin_score])
    assert figures["Ties"] == pytest.approx(0.3 + 0.3 + 0.2 + 0.1 + 0.01 * margin_score)


def test_a_correct_score_that_only_equals_an_incorrect_one_is_not_accurate() -> None:
    scores = [[3.0, 2.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0]]
    figures = values(rewardbench2(PAIRS, scores))
    assert (figures["tied_accuracy"], figures["ref_accuracy"]) == (0.5, 0.5)


def test_equal_correct_scores_have_the_largest_margin_score_and_all_equal_scores_none() -> None:
    apart = rewardbench2(PAIRS, [[1.0, 1, 1, 0, 0], [1.0, 0, 0], [1.0, 1, 0], [1.0, 0]])
    assert values(apart)["Ties"] == pytest.approx(1.01)
    equal = rewardbench2(PAIRS, [[0.0] * len(one.responses) for one in PAIRS])
    assert values(equal) == {"Ties": 0, **dict.fromkeys(TERMS, 0)}
    below = rewardbench2(PAIRS, [[0.0, 0, 0, 1, 1], [0.0, 1, 1], [0.0, 0, 1], [0.0, 1]])
    assert values(below)["correctness_margin_score"] == -1


def test_the_figures_are_those_of_the_textbook_definitions() -> None:
    seen = set()
    for seed in range(200):
        prompts, scores = random_bench(random.Random(seed))
        rows = [
            (one.id, one.subset, len(one.chosen), row)
            for one, row in zip(prompts, scores, strict=True)
        ]
        figures = rewardbench2(prompts, scores, replicates=0)
        found = values(figures)
        for name in SUBSETS[:-1]:
            assert found[name] == pytest.approx(oracle.accuracy(rows, name), abs=1e-12)
        terms = oracle.ties_terms(rows)
        assert [found[name] for name in TERMS] == pytest.approx(terms, abs=1e-12)
        assert found["Ties"] == pytest.approx(oracle.ties_score(rows), abs=1e-12)
        assert figures.mean is not None
        assert figures.mean.value == pytest.approx(sum(found[s] for s in SUBSETS) / 6, abs=1e-12)
        seen |= {round(value, 6) for value in terms}
    assert len(seen) > 50


def test_a_prompt_without_its_partner_counts_for_the_accuracy_alone() -> None:
    alone = [*PAIRS, prompt("tied:7", "Ties", 2, 1)]
    scores = [[1.0, 1, 1, 0, 0], [1.0, 0, 0], [1.0, 1, 0], [1.0, 0], [0.0, 0.0, 1.0]]
    figures = rewardbench2(alone, scores)
    found = values(figures)
    assert found["tied_accuracy"] == pytest.approx(2 / 3)
    assert found["correctness_preferred"] == 1
    assert [one.weight for one in (figures.subsets[-1], *figures.ties)] == [5, 3, 2, 2, 2, 2]


def test_intervals_hold_the_figures_and_narrow_with_more_prompts() -> None:
    widths = []
    for pairs in (4, 400):
        prompts, scores = random_bench(random.Random(1), pairs)
        figures = rewardbench2(prompts, scores, replicates=200)
        assert figures.mean is not None
        for one in (*figures.ties, figures.subsets[-1]):
            assert one.low <= one.value <= one.high
        widths.append(figures.subsets[-1].high - figures.subsets[-1].low)
        again = rewardbench2(prompts, scores, replicates=200)
        assert again.to_dict() == figures.to_dict()
    assert all(wide > 3 * narrow for wide, narrow in pairwise(widths))


def test_another_subset_stands_by_itself_and_one_prompt_has_no_interval() -> None:
    figures = rewardbench2([prompt("0", "Poetry")], [[1.0, 0, 0, 0]])
    (poetry,) = figures.others
    assert (poetry.name, poetry.value) == ("Poetry", 1)
    assert math.isnan(poetry.low)
    assert figures.to_dict()["others"][0]["low"] is None
    assert figures.subsets == []


def test_scores_and_prompts_that_cannot_be_measured_are_refused() -> None:
    fine = [[0.0] * len(one.responses) for one in PAIRS]
    for scores, problem in (
        ([*fine[:3], [math.nan, 0.0]], "prompt 'ref:1' of Ties has the score nan; give finite"),
        ([*fine[:3], [0.0]], "has 2 responses and 1 scores"),
        (fine[:3], "there are scores of 3 prompts, and 4 prompts"),
    ):
        with pytest.raises(ValueError, match=problem):
            rewardbench2(PAIRS, scores)
    for prompts, problem in (
        ([], "there is no prompt"),
        ([PAIRS[0], PAIRS[0]], "'tied:0' of Ties is there twice"),
        ([PAIRS[0], PAIRS[3]], "no tied prompt with its reference prompt"),
    ):
        with pytest.raises(ValueError, match=problem):
            rewardbench2(prompts, [[0.0] * len(one.responses) for one in prompts])
