"""Reward models of others are read as their cards say, at their own length and precision."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
import transformers
from tokenizers import processors
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.reading import UNLIMITED, length_limit
from tests.support.cli import rlchf as call
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer

CHATML = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<eos>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
PROMPTS = ["the fox", "what should the model say", "once upon a time"]
RESPONSES = ["it jumps over the lazy dog", "no", "a committee votes"]


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def chat_model(folder: Path, length: int = 128, **options: Any) -> Path:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = CHATML
    model = tiny_classifier(max_position_embeddings=length, **options)
    return save(folder, model, tokenizer)


def encoder(folder: Path, kind: str = "DebertaV2", **options: Any) -> Path:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"cls_token": "[CLS]", "sep_token": "[SEP]"})
    tokenizer.eos_token = None
    special = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=special
    )
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, pad_token_id=tokenizer.pad_token_id,
        num_labels=1, **options,
    )  # fmt: skip
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 1)
    save(folder, model, tokenizer)
    file = folder / "tokenizer_config.json"  # as a tokenizer of the kind says
    names = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
    file.write_text(json.dumps(json.loads(file.read_text()) | names))
    return folder


def plain(folder: Path, *texts: Any, **options: Any) -> float:
    """What the model says of one text, without this package."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = AutoTokenizer.from_pretrained(folder)(*texts, return_tensors="pt", **options)
    with torch.no_grad():
        return float(model(**inputs).logits)


def plain_chat(folder: Path, prompt: str, response: str) -> float:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    return plain(folder, text, add_special_tokens=False)


def test_a_chat_model_reads_the_whole_conversation_by_its_template(tmp_path: Path) -> None:
    folder = chat_model(tmp_path)
    expected = [plain_chat(folder, p, r) for p, r in zip(PROMPTS, RESPONSES, strict=True)]
    model = RewardModel.load(folder)
    assert model(PROMPTS, RESPONSES).tolist() == pytest.approx(expected, abs=1e-5)
    chats = [[{"role": "user", "content": prompt}] for prompt in PROMPTS]
    assert model(chats, RESPONSES).tolist() == pytest.approx(expected, abs=1e-5)
    own = RewardModel(model.model, model.tokenizer)(PROMPTS, RESPONSES)
    assert float((own - torch.tensor(expected)).abs().max()) > 0.01  # another format, other scores


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("DebertaV2", {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
        ("Bert", {}),
        ("Roberta", {"type_vocab_size": 1}),
    ],
)
def test_an_encoder_reads_question_and_answer_as_a_pair(
    kind: str, options: dict[str, Any], tmp_path: Path
) -> None:
    folder = encoder(tmp_path, kind, **options)
    more = {"return_token_type_ids": False} if kind == "Roberta" else {}
    expected = [plain(folder, p, r, **more) for p, r in zip(PROMPTS, RESPONSES, strict=True)]
    model = RewardModel.load(folder)
    assert model(PROMPTS, RESPONSES).tolist() == pytest.approx(expected, abs=1e-5)
    chats: list[Any] = [[{"role": "user", "content": prompt}] for prompt in PROMPTS]
    assert model(chats, RESPONSES).tolist() == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="reads pairs of a question and an answer"):
        model([chats[0] * 2], RESPONSES[:1])


def test_a_pair_that_is_too_long_loses_the_beginning_of_its_question(tmp_path: Path) -> None:
    model = RewardModel.load(encoder(tmp_path, "Bert"))
    assert model.max_length == 64
    question, answer = "a very very long question " * 20, "the lazy dog"
    (row,) = model._encode(question, [answer])
    assert len(row.ids) == len(row.kinds or []) == 64
    whole = model.tokenizer(question, answer)["input_ids"]
    length = len(model.tokenizer(answer)["input_ids"]) - 1  # with its separator
    assert row.ids[0] == whole[0]
    assert row.ids[1:] == whole[-63:]
    (row,) = model._encode("why", [answer * 40])
    assert row.ids[:2] == [whole[0], model.tokenizer.sep_token_id]
    assert row.ids[-length:] == whole[-length:]
    assert model.truncated == 2


def test_a_model_reads_up_to_its_own_length_and_says_what_was_cut(tmp_path: Path) -> None:
    """Two texts that differ at their start only, which 512 tokens would not show."""
    folder = chat_model(tmp_path / "long", length=4096)
    ends = "of the lazy dog and the fox " * 60
    prompts = ["good " + ends, "bad " + ends]
    model = RewardModel.load(folder)
    assert model.max_length == 4096
    scores = model(prompts, ["yes", "yes"])
    assert float((scores[0] - scores[1]).abs()) > 1e-3
    expected = [plain_chat(folder, prompt, "yes") for prompt in prompts]
    assert scores.tolist() == pytest.approx(expected, abs=1e-4)
    assert model.truncated == 0

    short = chat_model(tmp_path / "short", length=128)
    rows = [{"prompt": prompt, "response": "yes"} for prompt in [*prompts, "Hi"]]
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = call("score", short, texts)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    message = f"2 of 3 texts are longer than the 128 tokens that {short} reads"
    assert message in " ".join(done.stderr.split())
    assert "longer than" not in call("score", folder, texts).stderr


def test_the_smallest_stated_limit_counts_and_placeholders_do_not() -> None:
    tokenizer, model = tiny_tokenizer(), tiny_classifier(max_position_embeddings=2048)
    assert tokenizer.model_max_length > 10**20
    assert length_limit(model, tokenizer) == 2048
    tokenizer.model_max_length = 1000
    assert length_limit(model, tokenizer) == 1000
    bloom = transformers.BloomForSequenceClassification(
        transformers.BloomConfig(vocab_size=320, hidden_size=32, n_layer=1, n_head=4)
    )
    assert length_limit(bloom, tiny_tokenizer()) == UNLIMITED


def test_few_long_texts_share_a_forward_pass(tmp_path: Path) -> None:
    model = RewardModel.load(chat_model(tmp_path, length=4096))
    assert [len(batch) for batch in model._batches([4000] * 6)] == [4, 2]
    assert [len(batch) for batch in model._batches([10] * 40)] == [32, 8]
    assert list(model._batches([5000])) == [[0]]
    own = RewardModel(model.model, model.tokenizer, 4096)
    assert [len(batch) for batch in own._batches([4000] * 40)] == [32, 8]


def test_a_model_is_read_in_its_own_precision(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = CHATML
    save(tmp_path, tiny_classifier().to(torch.bfloat16), tokenizer)
    model = RewardModel.load(tmp_path)
    assert model.model.dtype == torch.bfloat16
    scores = model(PROMPTS, RESPONSES)
    expected = [plain_chat(tmp_path, p, r) for p, r in zip(PROMPTS, RESPONSES, strict=True)]
    assert scores.dtype == torch.float32
    assert scores.tolist() == pytest.approx(expected, abs=0.1)


def test_a_template_that_refuses_a_conversation_is_named(tmp_path: Path) -> None:
    folder = chat_model(tmp_path)
    model = RewardModel.load(folder)
    model.tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(ValueError, match=r"refuses a conversation \(System role not supported\)"):
        model(["Hi"], ["Hello"])


def test_a_language_model_is_no_reward_model(tmp_path: Path) -> None:
    """Its head would be random."""
    for labels in (1, 2):
        save(tmp_path, tiny_llama(num_labels=labels), tiny_tokenizer())
        with pytest.raises(
            ValueError, match=r"is a LlamaForCausalLM, a language model .* by rlchf reward --model"
        ):
            RewardModel.load(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["LlamaModel"]}))
    with pytest.raises(ValueError, match="has no trained head that gives scores"):
        RewardModel.load(tmp_path)
