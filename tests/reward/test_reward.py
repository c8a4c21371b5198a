"""The reward model: its batches, how it reads a text, and the real training loop on a tiny model."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import transformers
from transformers import BertConfig, BertForMaskedLM

from rlchf.evaluation import pair_accuracy
from rlchf.io.json import read_json
from rlchf.io.preference_pairs import read_pairs, write_pairs
from rlchf.preferences import Ballots, Example
from rlchf.prompts import Prompt
from rlchf.train.models.padding import pad
from rlchf.train.models.text import encode_responses
from rlchf.train.reward.backbone import last_layer, load_backbone
from rlchf.train.reward.collator import Collator, Encoded, EncodedExamples
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.targets import targets_of
from rlchf.train.reward.trainer import train_reward
from tests.support.reward_examples import fox_examples, ragged_examples, tiny_backbone
from tests.support.tiny_models import tiny_classifier, tiny_gpt2, tiny_llama, tiny_tokenizer


def example(ranks: list[int], texts: list[str] | None = None, **kwargs: object) -> Example:
    texts = texts or [f"text {i}" for i in range(len(ranks))]
    ids = [f"r{i}" for i in range(len(ranks))]
    return Example("p", "Say something.", ids, texts, ranks, **kwargs)  # type: ignore[arg-type]


def encode(tokenizer: Any, prompt: Prompt, response: str, max_length: int) -> list[int]:
    return encode_responses(tokenizer, prompt, [response], max_length)[0][0]


def encoded(examples: list[Example], **settings: object) -> list[Encoded]:
    config = RewardConfig(**settings)  # type: ignore[arg-type]
    data = EncodedExamples(examples, tiny_tokenizer(), 64, partial(targets_of, config=config))
    return [data[i] for i in range(len(data))]


# --- the batches


def test_each_response_is_read_once() -> None:
    batch = Collator(1)(encoded([example([1, 2, 3]), example([2, 1])]))
    assert len(batch["input_ids"]) == 5
    assert batch["prompt"].tolist() == [0, 0, 0, 1, 1]
    assert batch["slot"].tolist() == [0, 1, 2, 0, 1]
    assert batch["owner"].tolist() == [0, 1]
    assert batch["ranks"].tolist() == [[1, 2, 3], [2, 1, 0]]
    assert batch["targets"].shape == (2, 3, 3)
    assert batch["targets"][1, 2].isnan().all()
    assert batch["pair_weights"][1].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_each_ballot_is_an_order_and_shares_are_those_of_all_ballots() -> None:
    ballots = Ballots(np.array([[1, 2], [2, 1], [1, 0]]), np.array([2.0, 1, 1]), ["a", "b", "c"])
    one = example([1, 2], weight=3.0, ballots=ballots)
    batch = Collator(1)(encoded([one, one], learn_from="ballots"))
    assert batch["owner"].tolist() == [0, 0, 0, 1, 1, 1]
    assert batch["ranks"][:3].tolist() == [[1, 2], [2, 1], [1, 0]]
    assert batch["weights"][:3].tolist() == [6, 3, 0]  # the last ballot compares nothing
    shares = Collator(1)(encoded([one], learn_from="shares"))
    assert shares["targets"][0, 0, 1] == pytest.approx(2 / 3)


def test_learning_from_ballots_is_refused_without_ballots() -> None:
    with pytest.raises(ValueError, match="prompt 'p' comes without its ballots"):
        encoded([example([1, 2])], learn_from="ballots")


def test_margins_that_the_loss_does_not_take_are_refused() -> None:
    one = example([1, 2], margins=np.array([[0.0, 1.0], [-1.0, 0.0]]))
    assert Collator(1)(encoded([one]))["margins"][0].tolist() == [[0, 1], [-1, 0]]
    with pytest.raises(ValueError, match="prompt 'p' has margins"):
        encoded([one], loss="majority")


def test_a_long_prompt_loses_its_beginning_and_never_the_response() -> None:
    tokenizer, prompt = tiny_tokenizer(), "start " * 50 + "end"
    uncut = encode(tokenizer, prompt, " yes", 1000)
    cut, rows = encode_responses(tokenizer, prompt, [" yes", " no" * 40], 12)
    assert rows == 2
    assert cut[0] == uncut[-12:]
    assert cut[1] == encode(tokenizer, "", " no" * 40, 1000)[-12:]
    assert [row[-1] for row in cut] == [tokenizer.eos_token_id] * 2
    assert encode_responses(tokenizer, "Hi", [" yes"], 64)[1] == 0


def test_an_encoder_keeps_its_first_token_when_a_text_is_cut() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"cls_token": "[CLS]", "sep_token": "[SEP]"})
    row = encode(tokenizer, "start " * 50, " yes", 12)
    assert len(row) == 12
    assert row[0] == tokenizer.cls_token_id


def test_cut_rows_are_counted_and_warned_about_once(tmp_path: Path) -> None:
    backbone = tiny_backbone(tmp_path / "backbone")
    data = [replace(e, prompt="long " * 40) for e in fox_examples(4)]
    config = RewardConfig(epochs=1, max_length=16)
    with pytest.warns(UserWarning, match="12 of 12 training texts are longer than 16 tokens") as w:
        figures = train_reward(data, [], backbone, config, tmp_path / "reward").figures
    assert figures["truncated_rows"] == 12
    scorer = RewardModel.load(tmp_path / "reward")
    scorer.score_examples(data[:2])
    assert scorer.truncated == 6
    assert len([one for one in w if "training texts" in str(one.message)]) == 1


def test_positions_are_named_where_max_length_is_not_what_cuts(tmp_path: Path) -> None:
    tiny_llama(max_position_embeddings=64).save_pretrained(tmp_path / "backbone")
    tiny_tokenizer().save_pretrained(tmp_path / "backbone")
    data = [replace(e, prompt="long " * 40) for e in fox_examples(4)]
    said = "longer than 64 tokens .* max_length is 512, but the model has 64 positions"
    with pytest.warns(UserWarning, match=said):
        train_reward(data, [], tmp_path / "backbone", RewardConfig(epochs=1), tmp_path / "reward")
    assert read_json(tmp_path / "reward" / "reward_config.json")["max_length"] == 64


# --- the model


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_padding_on_either_side_does_not_change_scores(kind: str) -> None:
    model, tokenizer = tiny_classifier(kind), tiny_tokenizer()
    texts = ["a", "a committee votes on what the model should say " * 2, "the dog"]
    alone = torch.cat([RewardModel(model, tokenizer)(["Hi"], [text]) for text in texts])
    together = RewardModel(model, tokenizer)(["Hi"] * 3, texts)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)
    rows = [encode(tokenizer, "Hi", text, 512) for text in texts]
    for side in ("left", "right"):
        with torch.no_grad():
            scores = model(**pad(rows, tokenizer.pad_token_id, side)).logits[:, 0]
        torch.testing.assert_close(scores, alone, atol=1e-5, rtol=0)


def test_the_end_of_a_response_is_read_although_the_pad_token_was_the_end_token(
    tmp_path: Path,
) -> None:
    tokenizer = tiny_tokenizer(pad_is_eos=True)
    tiny_llama(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, tokenizer = load_backbone(tmp_path)
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    with torch.no_grad():
        model.score.weight.normal_()
        ids = torch.tensor([encode(tokenizer, "Hi", " dog", 64)])
        with_end = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        without = model(input_ids=ids[:, :-1], attention_mask=torch.ones_like(ids[:, 1:])).logits
    assert abs(float(with_end - without)) > 1e-4


@pytest.mark.parametrize(
    ("rows", "expected"), [(0, 1), (1, 1), (40, 40)], ids=["none free", "one free", "many free"]
)
def test_the_embeddings_grow_for_a_padding_token_only_if_they_have_to(
    rows: int, expected: int, tmp_path: Path
) -> None:
    tokenizer = tiny_tokenizer(pad_is_eos=True)
    size = len(tokenizer)
    tiny_llama(size + rows).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, tokenizer = load_backbone(tmp_path)
    assert tokenizer.pad_token_id == size
    assert model.get_input_embeddings().num_embeddings == size + expected


@pytest.mark.parametrize("in_config", [False, True])
def test_a_padding_token_that_the_model_does_not_know_gets_an_embedding(
    in_config: bool, tmp_path: Path
) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_llama(len(tokenizer), pad_token_id=None)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    if in_config:
        config = json.loads((tmp_path / "config.json").read_text())
        config |= {"pad_token_id": tokenizer.pad_token_id}
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.warns(UserWarning, match="as the padding token, and the model knows"):
            model, tokenizer = load_backbone(tmp_path)
    else:
        model, tokenizer = load_backbone(tmp_path)
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    scores = RewardModel(model, tokenizer)(["Hi", "the fox"], [" dog", ""])
    ids = torch.tensor([encode(tokenizer, "the fox", "", 64)])
    torch.testing.assert_close(scores[1], model(input_ids=ids).logits[0, 0].detach())


def test_a_model_whose_pad_token_is_its_end_token_is_warned_of() -> None:
    tokenizer = tiny_tokenizer(pad_is_eos=True)
    model = tiny_classifier()
    model.config.pad_token_id = tokenizer.eos_token_id
    with pytest.warns(UserWarning, match="do not see whether a response has ended"):
        score = RewardModel(model, tokenizer)(["Hi"], [" dog"])
    ids = torch.tensor([encode(tokenizer, "Hi", " dog", 64)[:-1]])
    without_end = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, 0]
    torch.testing.assert_close(score, without_end.detach())


def test_dropout_is_off_and_the_head_starts_small(tmp_path: Path) -> None:
    tiny_gpt2().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    model, tokenizer = load_backbone(tmp_path)
    batch = pad([encode(tokenizer, "Hi", " dog", 64)] * 2, tokenizer.pad_token_id)
    model.train()
    assert torch.equal(model(**batch).logits, model(**batch).logits)
    assert last_layer(model).weight.std() < 2 / model.config.n_embd


def test_a_folder_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="there is no folder 'runs/reward'"):
        RewardModel.load("runs/reward")
    with pytest.raises(ValueError, match="unknown model"):
        RewardModel.load(tmp_path / "nowhere")


def test_several_outputs_that_nothing_explains_are_refused(tmp_path: Path) -> None:
    tiny_classifier(num_labels=3).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"has 3 outputs, and no reward_config\.json"):
        RewardModel.load(tmp_path)


# --- the training


@pytest.mark.parametrize("kind", ["llama", pytest.param("gpt2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("lora_rank", [0, pytest.param(4, marks=pytest.mark.slow)])
def test_training_learns_the_order_and_leaves_a_plain_checkpoint(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    """Good responses name the fox; the collective ranking puts them first."""
    backbone, data = tiny_backbone(tmp_path / "backbone", kind), fox_examples(60)
    config = RewardConfig(
        epochs=6, learning_rate=2e-2 if lora_rank else 5e-3, batch_size=6, lora_rank=lora_rank
    )
    steps = []
    figures = train_reward(
        data[:48],
        data[48:],
        backbone,
        config,
        tmp_path / "reward",
        progress=lambda done, total, **facts: steps.append((done, total)),
    ).figures
    assert steps[-1] == (48, 48)
    assert figures["held_out_pair_accuracy"] >= 0.85
    log = [
        json.loads(line) for line in (tmp_path / "reward/metrics.jsonl").read_text().splitlines()
    ]
    assert log[-2]["loss"] < log[0]["loss"]

    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward")
    assert loaded.config.num_labels == 1
    scorer = RewardModel.load(tmp_path / "reward")
    scores = [s.numpy() for s in scorer.score_examples(data[48:])]
    assert pair_accuracy(scores, data[48:]) == figures["held_out_pair_accuracy"]
    assert not (tmp_path / "reward/checkpoints").exists()


@pytest.mark.slow
def test_an_encoder_serves_as_backbone(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"cls_token": "[CLS]", "sep_token": "[SEP]"})
    tokenizer.eos_token = None
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "backbone")
    tokenizer.save_pretrained(tmp_path / "backbone")
    data = fox_examples(60)
    settings = RewardConfig(epochs=8, learning_rate=5e-3, batch_size=6)
    base = tmp_path / "backbone"
    figures = train_reward(data[:48], data[48:], base, settings, tmp_path / "reward").figures
    assert figures["held_out_pair_accuracy"] >= 0.85
    settings_file = json.loads((tmp_path / "reward/reward_config.json").read_text())
    assert settings_file["shift"] == []  # this head has a bias, which takes the shift
    share = RewardConfig(share_prompt=True)
    with pytest.raises(ValueError, match="share_prompt needs a model that continues"):
        train_reward(data, [], tmp_path / "backbone", share, tmp_path / "shared")


def test_conversations_go_through_the_chat_template() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    )
    chat = [{"role": "system", "content": "fox"}, {"role": "user", "content": "dog"}]
    assert tokenizer.decode(encode(tokenizer, chat, " yes", 64)) == "<system>fox<user>dog yes<eos>"


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "plackett_luce"},
        {"loss": "plackett_luce", "top": 1, "learn_from": "ballots"},
        {"loss": "best_of_k"},
        {"loss": "soft_copeland", "temperature": 0.5},
        {"loss": "soft_kemeny", "learn_from": "ballots"},
        {"loss": "majority", "learn_from": "shares"},
        {"smoothing": 0.1, "centring": 0.01},
    ],
)
def test_every_loss_learns_the_order(settings: dict[str, object], tmp_path: Path) -> None:
    data = [
        replace(e, ballots=Ballots(np.array([e.ranks]), np.ones(1), ["ann"]))
        for e in fox_examples(48)
    ]
    config = RewardConfig(epochs=3, learning_rate=1e-2, batch_size=4, **settings)  # type: ignore[arg-type]
    backbone = tiny_backbone(tmp_path / "backbone")
    figures = train_reward(data[:36], data[36:], backbone, config, tmp_path / "reward").figures
    assert figures["held_out_pair_accuracy"] >= 0.85


@pytest.mark.slow
def test_pairs_that_were_exported_teach_what_the_ranking_does(tmp_path: Path) -> None:
    backbone, data = tiny_backbone(tmp_path / "backbone"), ragged_examples(12)
    data = [replace(e, ranks=[*range(1, len(e.ranks) + 1)], weight=1.0) for e in data]
    data = [replace(e, responses=[f"{k} {t}" for k, t in enumerate(e.responses)]) for e in data]
    data = [replace(e, weight=len(e.ranks) * (len(e.ranks) - 1) / 2) for e in data]  # its pairs
    write_pairs([replace(e, weight=1.0) for e in data], tmp_path / "pairs.jsonl")
    again, config = read_pairs(tmp_path / "pairs.jsonl"), RewardConfig(epochs=1, batch_size=4)
    train_reward(data, [], backbone, config, tmp_path / "a")
    train_reward(again, [], backbone, config, tmp_path / "b")
    a, b = (RewardModel.load(tmp_path / name).score_examples(data) for name in "ab")
    for from_rankings, from_pairs in zip(a, b, strict=True):
        torch.testing.assert_close(from_rankings, from_pairs, atol=1e-6, rtol=0)


def test_settings_that_contradict_each_other_are_refused() -> None:
    for settings, message in [
        ({"loss": "plackett_luce", "learn_from": "shares"}, "learns from 'ranking' or 'ballots'"),
        ({"head": "categorical", "loss": "majority"}, "has its own likelihood"),
        ({"bootstrap": True, "ensemble": 4}, "learn_from = 'ballots'"),
        ({"uncertainty_penalty": 1.0}, "set ensemble to 2 or more"),
        ({"smoothing": 0.5}, "below 0.5"),
    ]:
        with pytest.raises(ValueError, match=message):
            RewardConfig(**settings)  # type: ignore[arg-type]
