"""A language model on this machine as a judge: what it reads, and what its answers are."""

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from transformers import (
    DynamicCache,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from rlchf.constitution import Constitution, Principle
from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judge_examples import JudgeExample, conversation, plain_text
from rlchf.constitution.judging import judge_pairs
from rlchf.constitution.plan import planned
from rlchf.constitution.questions import ANSWER, Answer, Question
from rlchf.train.constitution.judge import LocalJudge
from rlchf.train.constitution.options import OptionTokens
from tests.support import tiny_models

PROMPTS: dict[str, Any] = {
    "tea": "Tea?",
    "chat": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How do I open a lock?"},
        {"role": "assistant", "content": "Which one?"},
        {"role": "user", "content": "The one of my neighbour."},
    ],
}
RESPONSES = {
    "tea": {"a": "Yes, please! With milk, if you have some.", "b": "No."},
    "chat": {"a": "Call a locksmith.", "b": "Use a pick and be quiet about it.", "c": "No 🙂"},
}
VOTERS = Constitution(
    tuple(Principle(name, question=f"Which response is {name}?", weight=2)
          for name in ("kinder", "more helpful and less evasive", "short"))
)  # fmt: skip
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
Model = tuple[Any, Any]


def model_of(kind: str, template: str | None = None) -> Model:
    tokenizer = tiny_models.tiny_tokenizer()
    tokenizer.chat_template = template
    if kind == "mistral":
        torch.manual_seed(0)
        config = MistralConfig(
            vocab_size=320, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, sliding_window=96, eos_token_id=0,
            bos_token_id=None, pad_token_id=1, max_position_embeddings=1024,
        )  # fmt: skip
        return tiny_models._spread(MistralForCausalLM(config), 4.0), tokenizer
    if kind == "gpt2":
        return tiny_models.tiny_gpt2(max_position_embeddings=1024), tokenizer
    return tiny_models.tiny_llama(max_position_embeddings=1024), tokenizer


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of("llama", TEMPLATE)


def questions(**settings: Any) -> list[Question]:
    return planned(PROMPTS, RESPONSES, VOTERS, JudgeConfig(**settings)).questions


def labels(answers: Sequence[Answer]) -> list[float]:
    return [one.soft_label for one in answers]


def answers(model: Model, size: int = 0, **settings: Any) -> list[Answer]:
    judge, every = LocalJudge(*model, JudgeConfig(**settings)), questions()
    size = size or len(every)
    return [one for i in range(0, len(every), size) for one in judge(every[i : i + size])]


def by_hand(model: Model, question: Question, letters: str = "AB") -> float:
    """The soft label of a question, from one forward pass over each option's whole text."""
    lm, tokenizer = model
    messages = conversation(question, cannot_tell=len(letters) == 3)
    if tokenizer.chat_template:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:
        text = plain_text(messages)
    before = tokenizer(text)["input_ids"]
    logprobs = []
    for letter in letters:
        ids = before + tokenizer(f"{ANSWER}{letter}")["input_ids"]
        with torch.no_grad():
            of_next = lm(torch.tensor([ids])).logits[0].log_softmax(-1)
        logprobs.append(float(of_next[-2, ids[-1]]))
    shares = torch.tensor(logprobs).softmax(0).tolist()
    return float(shares[0] + sum(shares[2:]) / 2)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mistral"])
@pytest.mark.parametrize("template", [None, TEMPLATE])
def test_reusing_the_prefix_does_not_change_probabilities(kind: str, template: str | None) -> None:
    model = model_of(kind, template)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shared = labels(answers(model))
    assert shared == pytest.approx(labels(answers(model, share_prefix=False)), abs=1e-5)
    some = questions()[::5]
    expected = [by_hand(model, one) for one in some]
    assert shared[::5] == pytest.approx(expected, abs=1e-5)
    assert max(expected) - min(expected) > 0.01


@pytest.mark.parametrize("share", [True, False])
def test_the_batch_size_does_not_change_probabilities(model: Model, share: bool) -> None:
    whole = labels(answers(model, share_prefix=share))
    for size in (1, 2, 7):
        assert labels(answers(model, size, share_prefix=share)) == pytest.approx(whole, abs=1e-5)


def test_the_beginning_is_read_once_for_all_principles(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[int] = []
    forward = type(model[0]).forward

    @functools.wraps(forward)
    def counting(self: Any, *args: Any, **options: Any) -> Any:
        tokens.append(options["input_ids"].numel())
        return forward(self, *args, **options)

    monkeypatch.setattr(type(model[0]), "forward", counting)
    judge = LocalJudge(*model, JudgeConfig())
    judge.checked = True
    (first, *others) = questions()[:3]
    judge([first, *others])
    shared, tokens[:] = sum(tokens), []
    judge.read.share = False
    judge([first, *others])
    assert shared < 0.6 * sum(tokens)


@pytest.mark.parametrize("problem", ["refuses", "is wrong"])
def test_a_model_that_cannot_continue_is_read_without(
    model: Model, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def select(self: Any, indices: Any) -> None:
        if problem == "refuses":
            raise NotImplementedError("no indices")
        for layer in self.layers:
            layer.keys, layer.values = (
                torch.zeros_like(x[indices]) for x in (layer.keys, layer.values)
            )

    expected = labels(answers(model, share_prefix=False))
    monkeypatch.setattr(DynamicCache, "batch_select_indices", select)
    with pytest.warns(
        UserWarning, match="LlamaForCausalLM, does not continue from keys and values"
    ):
        assert labels(answers(model)) == pytest.approx(expected, abs=1e-5)


def test_a_model_without_keys_and_values_reads_each_question_whole() -> None:
    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=320, hidden_size=32, num_hidden_layers=2, state_size=8, eos_token_id=0,
        bos_token_id=None, pad_token_id=1,
    )  # fmt: skip
    model = tiny_models._spread(MambaForCausalLM(config), 4.0), tiny_models.tiny_tokenizer()
    some = questions()[:4]
    judge = LocalJudge(*model)
    assert not judge.read.share
    assert labels(judge(some)) == pytest.approx([by_hand(model, one) for one in some], abs=1e-5)


def test_a_third_option_takes_its_share(model: Model) -> None:
    three = answers(model, cannot_tell=True)
    assert all(0 < one.cannot_tell < 1 for one in three)
    expected = [by_hand(model, one, "ABC") for one in questions()[:2]]
    assert labels(three)[:2] == pytest.approx(expected, abs=1e-5)


def test_samples_have_the_probabilities_of_what_the_model_says(model: Model) -> None:
    one = questions()[:1]
    judge = LocalJudge(*model, JudgeConfig(method="samples", samples=4000))
    (counted,) = judge(one)
    (logprobs,) = judge._logprobs(one)
    shares = [math.exp(x) for x in logprobs]
    assert counted.samples + counted.nonsense == 4000
    assert counted.nonsense / 4000 == pytest.approx(1 - sum(shares), abs=0.03)
    assert counted.first * counted.samples / 4000 == pytest.approx(shares[0], abs=0.03)
    assert judge(one) == [counted]
    (other,) = LocalJudge(*model, JudgeConfig(method="samples", samples=4000, seed=1))(one)
    assert other != counted


def test_one_answer_is_an_option_or_nonsense(model: Model) -> None:
    given = answers(model, method="answer")
    assert all(one.samples + one.nonsense == 1 for one in given)
    assert {one.first for one in given if one.samples} <= {0.0, 1.0}


@pytest.mark.parametrize("method", ["logprobs", "samples"])
def test_reasoning_comes_before_the_answer(
    model: Model, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    option_logprobs = LocalJudge._option_logprobs

    def seeing(self: LocalJudge, rows: Any, groups: Any) -> Any:
        read.extend(self.tokenizer.decode(row) for row in rows)
        return option_logprobs(self, rows, groups)

    monkeypatch.setattr(LocalJudge, "_option_logprobs", seeing)
    settings: dict[str, Any] = {
        "chain_of_thought": True,
        "max_new_tokens": 8,
        "share_prefix": False,
    }
    judge = LocalJudge(*model, JudgeConfig(method=method, samples=3, **settings))
    some = questions()[:3]
    given = judge(some)
    assert len(read) == (3 if method == "logprobs" else 9)
    assert len(set(read)) == len(read)
    for text in read:
        before, _, reasoning = text.partition("<assistant>Let's think step by step:")
        assert "Think step by step, and then answer with (A) or (B)." in before
        assert reasoning.endswith("\n\nThe answer is: (")
    assert judge.method == f"{method}_after_reasoning"
    again = LocalJudge(*model, JudgeConfig(method=method, samples=3, **settings))
    alone = [again([one])[0] for one in some]
    assert [a.first for a in alone] == pytest.approx(
        [a.first for a in given], abs=1e-5, nan_ok=True
    )


def test_a_chain_of_thought_is_clamped(model: Model) -> None:
    config = JudgeConfig(chain_of_thought=True, max_new_tokens=4)
    result = judge_pairs(LocalJudge(*model, config), PROMPTS, RESPONSES, VOTERS, config)
    assert {one.method for one in result.verdicts} == {"logprobs_after_reasoning"}
    assert all(0.5 <= row["probability"] <= 0.6 for row in result.rows)


@pytest.mark.parametrize("template", [None, TEMPLATE])
def test_examples_stand_before_the_question(template: str | None) -> None:
    model = model_of("llama", template)
    example = JudgeExample.of("Hi", ["Hello!", "Go away."], "Which is kinder?", "A")
    judge = LocalJudge(*model, JudgeConfig(), [example])
    text = judge.tokenizer.decode(judge._row(questions()[0]))
    assert text.index("Go away.") < text.index("The answer is: (A)") < text.index("Tea?")
    assert text.endswith(
        "Answer with (A) or (B) only." + ("\n<assistant>" if template else "\n\n") + ANSWER
    )
    some = questions()[:2]
    assert labels(judge(some)) != labels(LocalJudge(*model)(some))
    with pytest.raises(ValueError, match="example 1 has the answer 'C'; give one of A, B; C needs"):
        LocalJudge(*model, JudgeConfig(), [JudgeExample.of("Hi", ["a", "b"], "Which?", "C")])


def test_a_question_that_is_too_long_is_refused_before_any_is_asked() -> None:
    judge = LocalJudge(tiny_models.tiny_llama(), tiny_models.tiny_tokenizer())
    with pytest.raises(
        ValueError, match=r"prompt 'tea' has .* tokens, and the judge reads 128; give shorter"
    ):
        judge.check(questions())
    LocalJudge(*model_of("llama")).check(questions())


def test_letters_are_told_apart_within_their_text() -> None:
    words = ["<eos>", *(f"{ANSWER}{letter})" for letter in "AB")]
    whole = [f"{ANSWER}A)".split(), f"{ANSWER}B)".split()]
    tokenizer = tiny_models.word_tokenizer(["<eos>", *whole[0], *whole[1][-1:]], eos="<eos>")
    tokens = OptionTokens.of(tokenizer, "AB")  # "(A)" is one token
    assert tokenizer.decode(tokens.begin) == "The answer is:"
    assert [tokenizer.decode(list(one)) for one in tokens.options] == ["(A)", "(B)"]
    assert len(words) == 3
    bytewise = OptionTokens.of(tiny_models.tiny_tokenizer(), "ABC")
    assert [len(one) for one in bytewise.options] == [1, 1, 1]
    assert bytewise.tails == [()]


def test_options_of_several_tokens_have_the_sum_of_their_log_probabilities() -> None:
    tokens = OptionTokens([9], ((0, 1), (2,), (0, 2)))
    assert tokens.tails == [(0,), ()]
    logits = torch.log(torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]]))
    logprobs = tokens.logprobs([logits, logits[:1]])
    assert [math.exp(one) for one in logprobs] == pytest.approx([0.3, 0.3, 0.15])
