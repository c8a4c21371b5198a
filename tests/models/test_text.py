"""Prompts and responses as token ids: what stands in front, and what a chat template refuses."""

import warnings
from typing import Any

import pytest
import torch
from tokenizers import processors

from rlchf.train.models.text import encode_responses, front_ids, prompt_ids
from rlchf.train.models.tiny import fit_supervised
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.reward.model import RewardModel
from tests.support.tiny_models import STORIES, tiny_classifier, tiny_llama, tiny_tokenizer

USER = [{"role": "user", "content": "Hi"}]
WITH_SYSTEM = [{"role": "system", "content": "Be brief."}, *USER]
REFUSING = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{{ m['content'] + '\n' }}{% endfor %}"
)


def in_front(single: str = "<bos> $A", **tokens: str) -> Any:
    """A tokenizer that puts something in front of a text, as those of Llama, Gemma and Mistral do."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<bos>"} | tokens)
    special = [(t, tokenizer.convert_tokens_to_ids(t)) for t in tokenizer.all_special_tokens]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=special
    )
    return tokenizer


def test_a_plain_prompt_begins_as_the_tokenizer_begins_a_text() -> None:
    tokenizer = in_front()
    bos = tokenizer.bos_token_id
    assert prompt_ids(tokenizer, "the fox") == tokenizer("the fox")["input_ids"]
    assert prompt_ids(tokenizer, "the fox")[0] == bos
    assert prompt_ids(tiny_tokenizer(), "the fox") == tiny_tokenizer()("the fox")["input_ids"]
    encoded = encode_prompts(tiny_llama(330), tokenizer, ["the fox", "a dog"], 4)
    assert [ids[0] for ids in encoded] == [bos, bos]
    assert encoded == [prompt_ids(tokenizer, text) for text in ("the fox", "a dog")]


def test_nothing_stands_in_front_twice() -> None:
    tokenizer = in_front()
    assert prompt_ids(tokenizer, "<bos>the fox").count(tokenizer.bos_token_id) == 1
    tokenizer.chat_template = "{{ bos_token }}{{ messages[0]['content'] }}"
    assert prompt_ids(tokenizer, "the fox").count(tokenizer.bos_token_id) == 1
    rows, _ = encode_responses(tokenizer, "the fox", ["yes"], 50)
    assert rows[0].count(tokenizer.bos_token_id) == 1
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    assert tokenizer.bos_token_id not in prompt_ids(tokenizer, "the fox"), "the template decides"


def test_only_what_stands_in_front_is_taken_from_the_tokenizer() -> None:
    tokenizer = in_front("$A <eos>")
    assert front_ids(tokenizer) == []
    assert prompt_ids(tokenizer, "the fox")[-1] != tokenizer.eos_token_id
    tokenizer = in_front("<eos> <bos> $A <eos>")
    assert front_ids(tokenizer) == [tokenizer.eos_token_id, tokenizer.bos_token_id]


def test_policy_and_reward_model_read_a_prompt_alike() -> None:
    tokenizer = in_front()
    rows, cut = encode_responses(tokenizer, "the fox", ["yes", "no, a dog"], 50)
    prompt = prompt_ids(tokenizer, "the fox")
    assert cut == 0
    for row, response in zip(rows, ("yes", "no, a dog"), strict=True):
        text = tokenizer(response, add_special_tokens=False)["input_ids"]
        assert row == [*prompt, *text, tokenizer.eos_token_id]
    rows, cut = encode_responses(tokenizer, "the fox " * 20, ["yes"], 12)
    assert cut == 1
    assert len(rows[0]) == 12
    assert rows[0][0] == tokenizer.bos_token_id, "what is in front stays there"
    model = RewardModel(tiny_classifier(vocab_size=330), tokenizer)
    ids = torch.tensor([[*prompt, *tokenizer("yes", add_special_tokens=False)["input_ids"], 0]])
    expected = model.model(input_ids=ids).logits[0, 0]
    torch.testing.assert_close(model(["the fox"], ["yes"])[0], expected)


def test_an_encoders_classification_token_stands_in_front_once() -> None:
    for single in ("[CLS] $A <eos>", "$A <eos> [CLS]"):
        tokenizer = in_front(single, cls_token="[CLS]")
        text = tokenizer("the foxyes", add_special_tokens=False)["input_ids"]
        rows, _ = encode_responses(tokenizer, "the fox", ["yes"], 50)
        assert rows[0][0] == tokenizer.cls_token_id
        assert rows[0].count(tokenizer.cls_token_id) == 1
        assert tokenizer.decode(rows[0][1:-1]) == tokenizer.decode(text)


def test_supervised_fine_tuning_reads_what_stands_in_front() -> None:
    tokenizer, model = in_front(), tiny_llama(330)
    losses = fit_supervised(model, tokenizer, [("the", "fox")], learning_rate=0.0)
    ids = [
        *prompt_ids(tokenizer, "the"),
        *tokenizer("fox", add_special_tokens=False)["input_ids"],
        0,
    ]
    with torch.no_grad():
        logp = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    start = len(prompt_ids(tokenizer, "the"))
    nll = -logp[torch.arange(len(ids) - 1), torch.tensor(ids[1:])][start - 1 :].mean()
    assert losses == [pytest.approx(nll.item(), rel=1e-5)]


@pytest.mark.skipif(not STORIES.exists(), reason="the story model is not on this machine")
def test_a_story_begins_as_the_model_was_trained() -> None:
    from rlchf.train.models.load import load_policy, load_tokenizer

    policy, tokenizer = load_policy(STORIES), load_tokenizer(STORIES)
    (ids,) = encode_prompts(policy, tokenizer, ["Lily"], 4)
    assert ids == tokenizer("Lily")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id


# -- templates that refuse -------------------------------------------------------------------------


def test_a_template_without_system_messages_gets_them_in_front_of_the_users() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = REFUSING
    with pytest.warns(UserWarning, match="refuses system messages .System role not supported"):
        ids = prompt_ids(tokenizer, WITH_SYSTEM)
    assert tokenizer.decode(ids) == "Be brief.\n\nHi\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tokenizer.decode(prompt_ids(tokenizer, USER)) == "Hi\n"
    with pytest.warns(UserWarning, match="refuses system messages"):
        rows, _ = encode_responses(tokenizer, WITH_SYSTEM, ["Yes"], 50)
    assert tokenizer.decode(rows[0][:-1]) == "Be brief.\n\nHi\nYes"


@pytest.mark.parametrize("system", [[], WITH_SYSTEM[:1]])
def test_a_conversation_that_a_template_refuses_is_refused_with_its_reason(system: Any) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = REFUSING
    prompts = [USER, [*system, *USER, *USER]]
    with pytest.raises(ValueError, match=r"prompt 1: .* refuses the prompt \((roles|System role)"):
        encode_prompts(tiny_llama(), tokenizer, prompts, 4)
