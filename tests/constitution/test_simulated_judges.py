"""Simulated judges: each planted property against its known answer."""

import math

import numpy as np
import pytest

from rlchf.constitution.correlation import correlations, effective_voters
from rlchf.constitution.position import position_bias
from rlchf.constitution.principles import Principle
from rlchf.constitution.questions import Answer, Question
from rlchf.constitution.reliability import judge_reliability, shares_of
from rlchf.io.constitutions import read_constitution
from rlchf.options import function_named
from rlchf.rankings import Rankings
from rlchf.simulate.judges import SimulatedJudge, hard_label_correlation
from rlchf.simulate.planted import UTILITIES, default_judge, words
from tests.support.constitutions import judged, judgements, texts


def ask(judge: SimulatedJudge, first: str, second: str, name: str = "brief", n: int = 0) -> Answer:
    principle = Principle(name, question="Which is shorter?")
    (answer,) = judge([Question(f"Hi {n}", first, second, principle, (str(n), first))])
    return answer


def brief(text: str) -> float:
    return -float(len(text))


def flat(text: str) -> float:
    return 0.0


def test_the_probability_is_the_logistic_of_the_difference_in_utility() -> None:
    judge = SimulatedJudge({"brief": brief}, temperature=2)
    assert ask(judge, "abc", "a").first == pytest.approx(1 / (1 + math.exp(1)))
    assert ask(judge, "a", "abc").first == pytest.approx(1 / (1 + math.exp(-1)))


@pytest.mark.parametrize("bias", [0.1, -0.2, 0.45])
def test_averaging_orders_cancels_a_bias_on_the_probability_exactly(bias: float) -> None:
    responses = texts(40)
    utilities = {"kind": words("kind"), "brief": brief}
    judge = SimulatedJudge(utilities, noise=1, position_bias=bias)
    limits = abs(bias), 1 - abs(bias)
    plain = SimulatedJudge(utilities, noise=1)
    labels = judgements(judged(judge, list(utilities), responses))
    without = judgements(judged(plain, list(utilities), responses))
    np.testing.assert_allclose(
        labels.soft_labels, np.clip(without.soft_labels, *limits), atol=1e-15
    )
    found = position_bias(labels)[0]
    assert found.bias.value == pytest.approx(bias)
    assert found.remaining == 0


def test_a_bias_on_the_logit_adds_to_it() -> None:
    judge = SimulatedJudge({"brief": brief}, position_bias=0.7, bias_on="logit")
    for first, second, logit in (("aa", "a", -0.3), ("a", "aa", 1.7)):
        assert ask(judge, first, second).first == pytest.approx(1 / (1 + math.exp(-logit)))


@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
def test_shared_noise_correlates_the_principles_as_planted(rho: float) -> None:
    names = [f"k{n}" for n in range(6)]
    judge = SimulatedJudge(dict.fromkeys(names, flat), temperature=1e-3, noise=1, correlation=rho)
    labels = judgements(judged(judge, names, texts(700), orders=[0]))
    rho_hard = hard_label_correlation(rho)
    table = correlations(labels).soft[np.triu_indices(6, 1)]
    assert table.mean() == pytest.approx(rho_hard, abs=0.03)
    voters = effective_voters(labels, replicates=40)
    assert voters.value == pytest.approx(6 / (1 + 5 * rho_hard), rel=0.06)


def test_soft_labels_far_from_the_bounds_have_the_planted_correlation() -> None:
    judge = SimulatedJudge({"x": flat, "y": flat}, temperature=10, noise=1, correlation=0.6)
    labels = judgements(judged(judge, ["x", "y"], texts(1500), orders=[0]))
    assert correlations(labels).soft[0, 1] == pytest.approx(0.6, abs=0.03)


def test_noise_is_the_same_for_both_orders() -> None:
    judge = SimulatedJudge({"brief": brief}, noise=3)
    for n in range(20):
        there, back = ask(judge, "abc", "ab", n=n), ask(judge, "ab", "abc", n=n)
        assert there.first + back.first == pytest.approx(1)
    assert len({ask(judge, "abc", "ab", n=n).first for n in range(20)}) == 20


def test_answers_depend_on_the_question_alone() -> None:
    responses = texts(20)
    everything = dict(
        temperature=0.5, noise=1, correlation=0.5, nonsense=0.2, cannot_tell=0.2, samples=5
    )
    names = ["kind", "brief"]
    judge = SimulatedJudge({"kind": words("kind"), "brief": brief}, **everything)  # type: ignore[arg-type]
    rows = judged(judge, names, responses)
    backwards = judged(judge, names[::-1], dict(reversed(responses.items())))

    def key(row: dict[str, object]) -> tuple[str, str]:
        return str(row["prompt_id"]), str(row["annotator_id"])

    assert sorted(rows, key=key) == sorted(backwards, key=key)
    other = SimulatedJudge({"kind": words("kind"), "brief": brief}, seed=1, **everything)  # type: ignore[arg-type]
    assert judged(other, names, responses) != rows


def test_nonsense_and_cannot_tell_come_at_their_rates() -> None:
    judge = SimulatedJudge({"brief": brief}, nonsense=0.2, cannot_tell=0.25)
    answers = [ask(judge, "abc", "ab", n=n) for n in range(2000)]
    assert np.mean([math.isnan(one.first) for one in answers]) == pytest.approx(0.2, abs=0.03)
    told = [one for one in answers if not one.nonsense]
    assert np.mean([one.cannot_tell for one in told]) == pytest.approx(0.25, abs=0.03)
    assert {one.soft_label for one in told if one.cannot_tell} == {0.5}


def test_counted_samples_are_near_the_probability() -> None:
    judge = SimulatedJudge({"brief": brief}, samples=4)
    answers = [ask(judge, "a", "ab", n=n) for n in range(1000)]
    assert {one.first for one in answers} == {0, 0.25, 0.5, 0.75, 1}
    assert np.mean([one.first for one in answers]) == pytest.approx(
        1 / (1 + math.exp(-1)), abs=0.02
    )


def test_a_judge_without_noise_agrees_with_its_planted_truth() -> None:
    responses = texts(40, 3)
    names = ["kind", "with_emojis"]
    judge = SimulatedJudge(UTILITIES, temperature=0.5)
    truth = Rankings.from_frame(list(judge.truth(responses, names)), "long")
    labels = judgements(judged(judge, names, responses))
    found = judge_reliability(labels, {name: shares_of(truth, name) for name in names}, {}, {})
    assert {row.accuracy.value for row in found} == {1.0}
    assert found[-1].name == "all principles"


def test_the_shipped_judge_knows_every_principle_of_the_default_constitution() -> None:
    names = read_constitution("default").names
    assert set(names) == set(UTILITIES)
    judge = function_named("rlchf.simulate.planted:default_judge", "judge")
    labels = judgements(judged(judge, names, texts(5)))
    assert labels.usable.all()
    assert judge is default_judge


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0}, "temperature is 0; give a number from 0 to inf"),
        ({"correlation": 1.5}, "correlation is 1.5; give a number from 0 to 1"),
        ({"position_bias": 0.6}, "position_bias is 0.6; on a probability give -0.5 to 0.5"),
        ({"bias_on": "odds"}, "bias_on is 'odds'; choose from logit, probability"),
    ],
)
def test_settings_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulatedJudge({"brief": brief}, **options)  # type: ignore[arg-type]


def test_a_principle_without_a_utility_is_refused_unless_others_have_one() -> None:
    with pytest.raises(ValueError, match="no utility of principle 'wise'; it has those of brief"):
        ask(SimulatedJudge({"brief": brief}), "a", "b", name="wise")
    assert ask(SimulatedJudge({}, others=flat), "a", "b", name="wise").first == 0.5
