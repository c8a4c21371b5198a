"""Judging without a model: known answers, draws, and what becomes of nonsense."""

import itertools
import math
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import rlchf
from rlchf.constitution import Constitution, Principle
from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judging import (
    NonsenseError,
    answer_of_logprobs,
    average_orders,
    clamp,
    judge_pairs,
    soft_label_of_logprobs,
)
from rlchf.constitution.plan import batches, planned
from rlchf.constitution.questions import Answer, Question

PROMPTS = {"tea": "Tea?", "lock": "How do I open a lock?"}
RESPONSES = {
    "tea": {"a": "Yes, please!", "b": "No."},
    "lock": {"a": "Call a locksmith.", "b": "Use a pick.", "c": "Break the door, now."},
}


def constitution(**weights: float) -> Constitution:
    return Constitution(
        tuple(Principle(name, question=f"Which is more {name}?", weight=weight)
              for name, weight in weights.items())
    )  # fmt: skip


def taste(question: Question) -> float:
    """The probability that a judge without position bias prefers the first response."""
    sign = -1 if question.principle.name == "brief" else 1
    gap = sign * (len(question.first) - len(question.second)) / 64
    return 0.5 + max(min(gap, 0.25), -0.25)


def fair(questions: Sequence[Question]) -> list[float]:
    return [taste(one) for one in questions]


def judged(judge: Any, voters: Constitution, **settings: Any) -> Any:
    return judge_pairs(judge, PROMPTS, RESPONSES, voters, JudgeConfig(**settings))


def test_log_probabilities_of_minus_one_and_minus_two_give_0_7311() -> None:
    assert soft_label_of_logprobs([-1.0, -2.0]) == pytest.approx(0.7311, abs=5e-5)
    assert soft_label_of_logprobs([-1001.0, -1002.0]) == pytest.approx(0.7311, abs=5e-5)


def test_cannot_tell_is_half_for_each() -> None:
    answer = answer_of_logprobs([math.log(0.3), math.log(0.1), math.log(0.2)])
    assert (answer.first, answer.cannot_tell) == pytest.approx((0.5, 1 / 3))
    assert answer.soft_label == pytest.approx(2 / 3)


def test_a_clamp_turns_0_97_into_0_60() -> None:
    assert clamp(0.97, (0.4, 0.6)) == 0.6
    assert clamp(0.03, (0.4, 0.6)) == 0.4
    (row,) = judge_pairs(
        lambda questions: [0.97 if one.first == "yes" else 0.03 for one in questions],
        {"p": "?"}, {"p": {"a": "yes", "b": "no"}}, constitution(kind=1),
        JudgeConfig(chain_of_thought=True),
    ).rows  # fmt: skip
    assert (row["probability"], row["chosen"]) == (0.6, "a")
    assert (row["shown_first"], row["shown_second"]) == (0.97, 0.97)


@given(st.integers(-24, 24), st.integers(-24, 24))
def test_averaging_orders_cancels_an_additive_bias_exactly(gap: int, bias: int) -> None:
    # As fractions of a power of two, sums of which floating-point numbers hold exactly.
    taste, favour = 0.5 + gap / 128, bias / 128
    assert average_orders(taste + favour, 1 - ((1 - taste) + favour)) == taste


def test_a_planted_position_bias_is_gone_from_the_labels_and_is_reported() -> None:
    def biased(questions: Sequence[Question]) -> list[float]:
        return [taste(one) + 0.125 for one in questions]

    voters = constitution(long=1, brief=1)
    with_bias, without = judged(biased, voters), judged(fair, voters)
    assert [one.probability for one in with_bias.verdicts] == [
        one.probability for one in without.verdicts
    ]
    assert with_bias.position_bias == 0.125
    assert without.position_bias == 0
    assert with_bias.verdicts[0].shown_first == without.verdicts[0].shown_first + 0.125


def test_rankings_of_principles_are_read_as_those_of_annotators() -> None:
    rows = judged(fair, constitution(long=2, brief=1)).rows
    rankings = rlchf.Rankings.from_frame(rows)
    assert rankings.annotator_ids == ["long", "brief"]
    assert rlchf.aggregate(rankings, rule="borda").ranking("tea") == [["a"], ["b"]]
    row = rows[0]
    assert row == {
        "prompt_id": "tea", "annotator_id": "long", "chosen": "a", "rejected": "b", "tie": False,
        "weight": 2.0, "probability": row["probability"], "method": "function",
        "shown_first": row["probability"], "shown_second": row["probability"], "cannot_tell": 0.0,
        "nonsense": 0,
    }  # fmt: skip


@pytest.mark.parametrize("rule", ["borda", "kemeny", "copeland"])
def test_a_principle_with_all_the_weight_decides_alone(rule: str) -> None:
    alone = judged(fair, constitution(brief=1)).rows
    heavy = judged(fair, constitution(long=1e-6, brief=1, wordy=1e-6)).rows
    results = [
        rlchf.aggregate(rlchf.Rankings.from_frame(rows), rule=rule) for rows in (alone, heavy)
    ]
    for prompt_id in PROMPTS:
        assert results[0].ranking(prompt_id) == results[1].ranking(prompt_id)
    assert results[0].ranking("tea") == [["b"], ["a"]]


def test_sampling_one_principle_is_a_random_dictatorship() -> None:
    weights = {"long": 5.0, "brief": 3.0, "kind": 2.0}
    prompts = {f"p{i}": "?" for i in range(2000)}
    responses = {name: {"a": "yes, I do", "b": "no"} for name in prompts}
    judged = judge_pairs(
        fair, prompts, responses, constitution(**weights), JudgeConfig(sample_one=True, seed=3)
    )
    drawn = Counter(row["annotator_id"] for row in judged.rows)
    assert len(judged.rows) == 2000
    assert {row["weight"] for row in judged.rows} == {1.0}
    assert chisquare([drawn[one] for one in weights], [1000, 600, 400]).pvalue > 0.05
    # What is chosen has the distribution of the ballot of a dictator drawn by weight.
    chosen = Counter(row["chosen"] for row in judged.rows)
    assert chisquare([chosen["a"], chosen["b"]], [1400, 600]).pvalue > 0.05
    # Draws on different prompts are independent: neighbours are as often alike as chance has it.
    names = [row["annotator_id"] for row in judged.rows]
    same = sum(a == b for a, b in itertools.pairwise(names))
    expected = 1999 * (0.5**2 + 0.3**2 + 0.2**2)
    assert chisquare([same, 1999 - same], [expected, 1999 - expected]).pvalue > 0.05


def test_what_is_drawn_does_not_depend_on_other_prompts_or_the_order_of_files() -> None:
    voters = constitution(long=1, brief=1, kind=1)
    config = JudgeConfig(sample_one=True, orders="one", pairs="2", seed=7)
    whole = planned(PROMPTS, RESPONSES, voters, config)
    turned = {name: dict(reversed(texts.items())) for name, texts in reversed(RESPONSES.items())}
    again = planned(PROMPTS, turned, voters, config)
    assert {one.key for one in whole.questions} == {one.key for one in again.questions}
    part = planned({"lock": PROMPTS["lock"]}, {"lock": RESPONSES["lock"]}, voters, config)
    assert {one.key for one in part.questions} < {one.key for one in whole.questions}
    assert len(part.comparisons) == 2
    other = planned(PROMPTS, RESPONSES, voters, JudgeConfig(orders="one", seed=8))
    assert {one.orders for one in other.comparisons} == {(0,), (1,)}


def test_questions_that_begin_alike_are_asked_together() -> None:
    voters = constitution(long=1, brief=1, kind=1)
    plan = planned(PROMPTS, RESPONSES, voters, JudgeConfig())
    assert str(plan) == (
        "24 questions about 4 pairs of 2 prompts x 3 principles x 2 orders, with 8 distinct beginnings"
    )
    for size, expected in ((7, [6, 6, 6, 6]), (3, [3] * 8), (2, [2, 1] * 8), (100, [24])):
        sizes = [len(batch) for batch in batches(plan.questions, size)]
        assert sizes == expected
    assert [q for b in batches(plan.questions, 5) for q in b] == plan.questions


def test_a_principle_may_have_a_judge_of_its_own() -> None:
    voters = Constitution(
        (
            Principle("brief", question="Shorter?", judge="second"),
            Principle("long", question="Longer?"),
        )
    )
    asked: list[str] = []

    def second(questions: Sequence[Question]) -> list[Answer]:
        asked.extend(one.principle.name for one in questions)
        return [Answer(1.0) if one.first < one.second else Answer(0.0) for one in questions]

    both = judge_pairs(fair, PROMPTS, RESPONSES, voters, judges={"second": second})
    assert set(asked) == {"brief"}
    assert {
        one.probability for one in both.verdicts if one.comparison.principle.name == "brief"
    } <= {0, 1}
    with pytest.raises(ValueError, match="there is no judge 'second', which a principle names"):
        judge_pairs(fair, PROMPTS, RESPONSES, voters)


def test_nonsense_is_counted_and_left_out() -> None:
    def odd(questions: Sequence[Question]) -> list[Any]:
        answers: dict[tuple[str, ...], Any] = {
            ("tea", "a", "b", "long"): None,
            ("tea", "b", "a", "long"): Answer(0.3, nonsense=2, samples=3),
            ("lock", "a", "b", "long"): Answer(math.nan, nonsense=5),
            ("lock", "b", "a", "long"): math.nan,
        }
        return [answers.get(one.key, 0.75) for one in questions]

    with pytest.warns(
        UserWarning, match="9 of 16 answers to 8 questions named no option"
    ) as caught:
        result = judged(odd, constitution(long=1))
    assert (
        "1 of 4 comparisons have no other answer and are left out, 1 have an answer in one order"
        in str(caught[0].message)
    )
    assert (result.left_out, result.one_order, result.nonsense) == (1, 1, 9)
    row = result.rows[0]
    assert (row["shown_first"], row["shown_second"], row["nonsense"]) == (None, 0.7, 3)
    assert (row["probability"], row["chosen"]) == (0.7, "a")
    assert not any({row["chosen"], row["rejected"]} == {"a", "b"} for row in result.rows[1:])


def test_a_judge_that_says_nothing_but_nonsense_is_refused() -> None:
    with pytest.raises(NonsenseError, match="none of the judge's 8 answers to 8 questions names"):
        judged(lambda questions: [None for _ in questions], constitution(long=1))


def test_an_even_label_is_a_tie() -> None:
    result = judged(lambda questions: [0.7 for _ in questions], constitution(long=1))
    assert result.ties == 4
    assert {(row["tie"], row["probability"], row["chosen"]) for row in result.rows[:1]} == {
        (True, 0.5, "a")
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            [1.5],
            "judge answers 1.5 about prompt 'tea' by principle 'long'; give a probability from 0",
        ),
        (
            [Answer(0.8, 0.4)],
            "answers 0.8, and 0.4 for cannot tell, about prompt 'tea' by principle",
        ),
        (["A"], "the judge answers 'A' about prompt 'tea' by principle 'long'; give a probability"),
        ([0.5, 0.5], "the judge gives 2 answers to 1 question; give one to each"),
        ([], "the judge gives 0 answers to 1 question; give one to each"),
        (None, "the judge returns None; return a probability or an Answer to each question"),
    ],
)
def test_a_judge_that_answers_wrongly_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        judged(lambda _: given, constitution(long=1), batch_size=1)


def test_arrays_of_probabilities_are_taken() -> None:
    result = judged(lambda questions: np.array(fair(questions)), constitution(long=1))
    assert result.rows == judged(fair, constitution(long=1)).rows


def test_prompts_without_a_pair_are_named() -> None:
    responses = {"tea": {"a": "yes"}, "lock": RESPONSES["lock"]}
    with pytest.warns(UserWarning, match="1 of 2 prompts, such as 'tea', has fewer than two"):
        judge_pairs(fair, PROMPTS, responses, constitution(long=1))
    with pytest.raises(ValueError, match="no prompt has two responses to compare"):
        judge_pairs(fair, PROMPTS, {"tea": {"a": "yes"}}, constitution(long=1))
    with pytest.raises(ValueError, match="the prompts lack 'new', one of 1 prompt with responses"):
        judge_pairs(fair, PROMPTS, {"new": {"a": "x", "b": "y"}}, constitution(long=1))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"pairs": "0"},
            "pairs is '0'; give all, or the number of pairs of each prompt, 1 or more",
        ),
        ({"pairs": "some"}, "pairs is 'some'"),
        ({"clamp": "0.6,0.4"}, "clamp is '0.6,0.4'; give two numbers from 0 to 1 around 0.5"),
        ({"clamp": "0.4"}, "clamp is '0.4'"),
        ({"method": "guess"}, "method is 'guess'"),
        ({"samples": 0}, "samples is 0; it must be 1 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        JudgeConfig(**settings)


@given(st.lists(st.floats(-50, 0), min_size=2, max_size=3))
def test_probabilities_of_options_sum_to_one_and_turn_with_them(logprobs: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = answer_of_logprobs(logprobs)
        turned = answer_of_logprobs([logprobs[1], logprobs[0], *logprobs[2:]])
    assert answer.first + turned.first + answer.cannot_tell == pytest.approx(1)
    assert answer.soft_label + turned.soft_label == pytest.approx(1)
