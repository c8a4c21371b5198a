"""Judging: every principle compares the responses to every prompt, two at a time.

References
----------
Y. Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022, section 4.1.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rlchf.constitution.judge_config import JudgeConfig, Limits
from rlchf.constitution.judged import DIGITS, Judged, Verdict
from rlchf.constitution.plan import Key, Plan, batches, planned
from rlchf.constitution.principles import Constitution
from rlchf.constitution.questions import Answer, Judge, Question
from rlchf.display import counted
from rlchf.prompts import Prompt

Probabilities: TypeAlias = Callable[[Sequence[Question]], Sequence[float | None]]
"""A judge that gives the probability that the first response is preferred, None for no answer."""


def soft_label_of_logprobs(logprobs: Sequence[float]) -> float:
    """Probability of the first of two options, normalised; half of a third one's, "cannot tell", is added.

    Examples
    --------
    >>> round(soft_label_of_logprobs([-1.0, -2.0]), 4)
    0.7311
    """
    return answer_of_logprobs(logprobs).soft_label


def answer_of_logprobs(logprobs: Sequence[float]) -> Answer:
    """The answer of a judge that gives the options (A), (B) and perhaps (C) these log-probabilities.

    Log-probabilities that are no numbers, or all minus infinity, are nonsense.

    Examples
    --------
    >>> import math
    >>> round(answer_of_logprobs([math.log(0.3), math.log(0.1), math.log(0.1)]).first, 4)
    0.6
    """
    largest = max(logprobs)
    if any(math.isnan(one) for one in logprobs) or math.isinf(largest):
        return Answer(math.nan, nonsense=1)
    weights = [math.exp(one - largest) for one in logprobs]
    shares = [one / sum(weights) for one in weights]
    return Answer(shares[0], cannot_tell=sum(shares[2:]))


def clamp(probability: float, limits: Limits | None) -> float:
    """A probability within limits, because a judge is surer than it is right.

    Examples
    --------
    >>> clamp(0.97, (0.4, 0.6)), clamp(0.97, None)
    (0.6, 0.97)
    """
    return probability if limits is None else min(max(probability, limits[0]), limits[1])


def average_orders(first: float | None, second: float | None) -> float:
    """Mean probability of a response that is shown first once and second once.

    Parameters
    ----------
    first, second
        Probability that it is preferred when it is shown first and when it is shown second; None where
        there is no answer.

    Returns
    -------
    The mean of those that are there; not a number if neither is.

    Examples
    --------
    A judge that adds 0.25 to whatever is shown first:

    >>> average_orders(0.5 + 0.25, 0.5 - 0.25), average_orders(None, 0.3)
    (0.5, 0.3)
    """
    known = [one for one in (first, second) if one is not None]
    return sum(known) / len(known) if known else math.nan


WANTED = "give a probability from 0 to 1, an Answer, or None for no answer"
"""What a judge may answer, for messages."""


class NonsenseError(ValueError):
    """No answer names an option."""


class Recorder:
    """Keeps answers, so that judging that was stopped can go on; this one keeps nothing.

    A batch that an earlier run recorded completely is taken from it; any other is asked again as a whole,
    so that each batch is composed as in a run that was not stopped.
    """

    def earlier(self) -> Mapping[Key, Answer]:
        """What an earlier run recorded."""
        return {}

    def record(self, answers: Mapping[Key, Answer]) -> None:
        """Keep the answers of a batch."""

    def progress(self, done: int, total: int) -> None:
        """Show how many of the questions are answered."""


def judge_pairs(
    judge: Judge | Probabilities,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    constitution: Constitution,
    config: JudgeConfig | None = None,
    *,
    judges: Mapping[str, Judge | Probabilities] | None = None,
) -> Judged:
    """Let a judge compare the responses to each prompt in the name of each principle.

    Parameters
    ----------
    judge
        A function of questions: it gives an `Answer` to each, or the probability that the first response
        is preferred.
    prompts, responses
        The prompts by id; for each prompt's id, texts by response id.
    judges
        The judges of principles that have one of their own, by its name (`Principle.judge`).

    Raises
    ------
    ValueError
        If there is nothing to judge, a judge is missing, or no answer names an option.

    Examples
    --------
    >>> from rlchf.constitution import Principle
    >>> brief = Constitution((Principle("brief", question="Which response is shorter?"),))
    >>> def shorter(questions):
    ...     return [0.9 if len(one.first) < len(one.second) else 0.1 for one in questions]
    >>> answers = {"p": {"a": "Good morning!", "b": "Hi!"}}
    >>> judged = judge_pairs(shorter, {"p": "Hello"}, answers, brief)
    >>> judged.rows[0]["chosen"], judged.rows[0]["probability"]
    ('b', 0.9)
    """
    config = config or JudgeConfig()
    plan = planned(prompts, responses, constitution, config)
    return judge_plan(plan, {"": judge, **(judges or {})}, config)


def judge_plan(
    plan: Plan,
    judges: Mapping[str, Judge | Probabilities],
    config: JudgeConfig,
    recorder: Recorder | None = None,
    *,
    default: str = "",
) -> Judged:
    """Ask all questions of a plan.

    Parameters
    ----------
    judges
        By name; ``""`` is the judge of principles without one of their own.
    default
        What messages call that judge.

    Raises
    ------
    ValueError
        If a judge is missing, answers with no probabilities, or gives nonsense only.
    """
    recorder = recorder or Recorder()
    for name in plan.judges:
        if name not in judges:
            raise ValueError(
                f"there is no judge {name!r}, which a principle names; give it by judges"
            )
    answers: dict[Key, Answer] = {}
    earlier = recorder.earlier()
    for batch in batches(plan.questions, config.batch_size):
        keys = [question.key for question in batch]
        if all(key in earlier for key in keys):
            given = {key: earlier[key] for key in keys}
        else:
            name = batch[0].principle.judge
            answered = _asked(judges[name], name or default, batch)
            given = dict(zip(keys, answered, strict=True))
            recorder.record(given)
        answers |= given
        recorder.progress(len(answers), len(plan.questions))
    methods = {name: str(getattr(judges[name], "method", "function")) for name in plan.judges}
    return _judged(plan, answers, methods, config)


def _asked(judge: Judge | Probabilities, name: str, questions: Sequence[Question]) -> list[Answer]:
    """The answers of a judge to some questions, checked."""
    called = f"the judge {name!r}" if name else "the judge"
    given = judge(questions)
    try:
        values = list(given)
    except TypeError:
        raise ValueError(
            f"{called} returns {given!r}; return a probability or an Answer to each question"
        ) from None
    if len(values) != len(questions):
        raise ValueError(
            f"{called} gives {counted(len(values), 'answer')} to {counted(len(questions), 'question')}; "
            "give one to each"
        )
    return [as_answer(value, called, one) for value, one in zip(values, questions, strict=True)]


def as_answer(value: Any, called: str, question: Question) -> Answer:
    """What a judge returned for a question as an `Answer`; a number is the first response's probability.

    None, and what is not a number, is nonsense.

    Raises
    ------
    ValueError
        If it is something else, or no probability.
    """
    about = f"prompt {question.key[0]!r}" if question.key else "a question"
    about += f" by principle {question.principle.name!r}"
    if not isinstance(value, Answer):
        try:
            value = Answer(math.nan if value is None else float(value))
        except (TypeError, ValueError):
            raise ValueError(f"{called} answers {value!r} about {about}; {WANTED}") from None
    answer: Answer = value
    if math.isnan(answer.first):
        return Answer(math.nan, nonsense=max(answer.nonsense, 1))
    rest = 1 + 1e-9 - answer.cannot_tell
    if not (0 <= answer.first <= rest and 0 <= answer.cannot_tell <= 1):
        raise ValueError(
            f"{called} answers {answer.first:g} about {about}; {WANTED}"
            if not answer.cannot_tell
            else f"{called} answers {answer.first:g}, and {answer.cannot_tell:g} for cannot tell, about "
            f"{about}; give probabilities from 0 to 1, of 1 together at most"
        )
    return answer


def _judged(
    plan: Plan, answers: Mapping[Key, Answer], methods: Mapping[str, str], config: JudgeConfig
) -> Judged:
    """The judgements that follow from the answers; warnings say what is left out."""
    verdicts, one_order = [], 0
    for comparison in plan.comparisons:
        given = {order: answers[comparison.key(order)] for order in comparison.orders}
        nonsense = sum(one.nonsense for one in given.values())
        sensible = {order: one for order, one in given.items() if not math.isnan(one.first)}
        if not sensible:
            continue
        one_order += len(sensible) < len(given)
        shown = [_of_smaller(sensible.get(order), order) for order in (0, 1)]
        clamped = [None if one is None else clamp(one, config.limits) for one in shown]
        told = sum(one.cannot_tell for one in sensible.values()) / len(sensible)
        verdicts.append(
            Verdict(
                comparison, round(average_orders(clamped[0], clamped[1]), DIGITS), shown[0], shown[1],
                round(told, DIGITS), nonsense, methods[comparison.principle.judge],
            )
        )  # fmt: skip
    total = sum(one.nonsense for one in answers.values())
    count = sum(one.count for one in answers.values())
    judged = Judged(verdicts, len(plan.comparisons), len(plan.questions), total, one_order, count)
    _warn(judged)
    return judged


def _of_smaller(answer: Answer | None, order: int) -> float | None:
    """Probability of the response with the smaller id, which is shown first in order 0."""
    if answer is None:
        return None
    label = answer.soft_label
    return round(label if order == 0 else 1 - label, DIGITS)


def _warn(judged: Judged) -> None:
    """Warn of nonsense, and refuse if there is nothing else."""
    if not judged.verdicts:
        raise NonsenseError(
            f"none of the judge's {counted(judged.answers, 'answer')} to "
            f"{counted(judged.questions, 'question')} names an option; try another judge, method logprobs, "
            "or examples of questions with their answers"
        )
    if judged.nonsense:
        warnings.warn(
            f"{judged.nonsense:,} of {counted(judged.answers, 'answer')} to "
            f"{counted(judged.questions, 'question')} named no option and are left out; "
            f"{judged.left_out} of {judged.comparisons} comparisons have no other answer and are left out, "
            f"{judged.one_order} have an answer in one order only, so that no position bias is averaged out",
            stacklevel=4,
        )
