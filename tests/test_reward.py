"""The reward model: its loss, its batches, and the real training loop on a tiny model."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import transformers

from rlchf.preferences import Example
from rlchf.train.losses import bradley_terry
from rlchf.train.reward import Collator, accuracy, train_reward
from rlchf.train.reward_model import (
    RewardConfig,
    RewardModel,
    encode,
    load_backbone,
)
from tests.tiny_models import tiny_classifier, tiny_gpt2, tiny_llama, tiny_tokenizer


def example(ranks: list[int], texts: list[str] | None = None, **kwargs: object) -> Example:
    texts = texts or [f"text {i}" for i in range(len(ranks))]
    ids = [f"r{i}" for i in range(len(ranks))]
    return Example("p", "Say something.", ids, texts, ranks, **kwargs)  # type: ignore[arg-type]


def targets_of(*rankings: list[int]) -> torch.Tensor:
    return torch.from_numpy(np.stack([example(ranks).pair_targets() for ranks in rankings])).float()


# --- the loss


def test_two_responses_give_the_textbook_bradley_terry_loss() -> None:
    scores = torch.tensor([[1.3, -0.4]])
    loss = bradley_terry(scores, targets_of([1, 2]), torch.ones(1))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1.7)))


def test_a_tie_pulls_two_scores_together() -> None:
    scores = torch.tensor([[0.7, 0.0]], requires_grad=True)
    bradley_terry(scores, targets_of([1, 1]), torch.ones(1)).backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] > 0 > scores.grad[0, 1]
    equal = torch.zeros((1, 2), requires_grad=True)
    bradley_terry(equal, targets_of([1, 1]), torch.ones(1)).backward()
    assert equal.grad is not None
    assert equal.grad.abs().max() == 0


def test_a_soft_target_is_reached_at_its_logit() -> None:
    targets = torch.tensor([[[torch.nan, 0.8], [0.2, torch.nan]]])
    scores = torch.zeros((1, 2), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scores], max_iter=200, tolerance_grad=1e-12)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = bradley_terry(scores, targets.double(), torch.ones(1, dtype=torch.float64))
        loss.backward()
        return loss

    optimizer.step(closure)
    gap = float((scores[0, 0] - scores[0, 1]).detach())
    assert gap == pytest.approx(math.log(0.8 / 0.2), abs=1e-4)


def test_weight_two_equals_two_copies() -> None:
    scores = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    targets = targets_of([1, 2, 3], [2, 1, 1])
    weighted = bradley_terry(scores, targets, torch.tensor([2.0, 1.0]))
    copied = bradley_terry(scores[[0, 0, 1]], targets[[0, 0, 1]], torch.ones(3))
    torch.testing.assert_close(weighted, copied)


def test_the_order_of_the_responses_does_not_change_the_loss() -> None:
    scores = torch.randn(1, 4, generator=torch.Generator().manual_seed(1))
    targets, order = targets_of([2, 1, 3, 3]), [3, 1, 0, 2]
    shuffled = bradley_terry(scores[:, order], targets[:, order][:, :, order], torch.ones(1))
    torch.testing.assert_close(bradley_terry(scores, targets, torch.ones(1)), shuffled)


def test_padded_responses_do_not_change_the_loss() -> None:
    scores, targets = torch.tensor([[0.3, -1.0]]), targets_of([1, 2])
    wide = torch.full((1, 3, 3), torch.nan)
    wide[:, :2, :2] = targets
    padded = bradley_terry(torch.tensor([[0.3, -1.0, 99.0]]), wide, torch.ones(1))
    torch.testing.assert_close(bradley_terry(scores, targets, torch.ones(1)), padded)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="weights"):
        bradley_terry(torch.zeros(2, 3), torch.zeros(2, 3, 3), torch.ones(2, 1))


def test_pooled_bradley_terry_orders_as_borda() -> None:
    rng = np.random.default_rng(0)
    checked = 0
    for _ in range(30):
        ballots = np.array([rng.permutation(4) for _ in range(7)])  # (V, K) place of each response
        borda = (3 - ballots).sum(0)
        if len(set(borda)) < 4:
            continue
        wins = (ballots[:, :, None] < ballots[:, None, :]).mean(0)
        if ((wins == 0) & ~np.eye(4, dtype=bool)).any():
            continue  # a response that always loses to another has no finite score
        targets = torch.from_numpy(np.where(np.eye(4, dtype=bool), np.nan, wins))[None]
        scores = torch.zeros((1, 4), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([scores], max_iter=300, line_search_fn="strong_wolfe")

        def closure(
            scores: torch.Tensor = scores, targets: torch.Tensor = targets,
            optimizer: torch.optim.LBFGS = optimizer,
        ) -> torch.Tensor:  # fmt: skip
            optimizer.zero_grad()
            loss = bradley_terry(scores, targets, torch.ones(1, dtype=torch.float64))
            loss.backward()
            return loss

        optimizer.step(closure)
        assert np.argsort(borda).tolist() == scores.detach()[0].argsort().tolist()
        checked += 1
    assert checked >= 5


# --- the batches


def test_each_response_is_read_once() -> None:
    collator = Collator(tiny_tokenizer(), 64)
    batch = collator([example([1, 2, 3]), example([2, 1])])
    assert len(batch["input_ids"]) == 5
    assert batch["prompt"].tolist() == [0, 0, 0, 1, 1]
    assert batch["slot"].tolist() == [0, 1, 2, 0, 1]
    assert batch["targets"].shape == (2, 3, 3)
    assert batch["targets"][1, 2].isnan().all()


def test_a_long_prompt_loses_its_beginning_and_never_the_response() -> None:
    tokenizer = tiny_tokenizer()
    whole = encode(tokenizer, "start " * 50 + "end", " yes", 1000)
    cut = encode(tokenizer, "start " * 50 + "end", " yes", 12)
    assert cut == whole[-12:]
    assert cut[-1] == tokenizer.eos_token_id


# --- the model


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_padding_does_not_change_scores(kind: str) -> None:
    model, tokenizer = tiny_classifier(kind), tiny_tokenizer()
    texts = ["a", "a committee votes on what the model should say " * 2, "the dog"]
    alone = torch.cat([RewardModel(model, tokenizer)(["Hi"], [text]) for text in texts])
    together = RewardModel(model, tokenizer)(["Hi"] * 3, texts)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


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


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("lora_rank", [0, 4])
def test_training_learns_the_order_and_leaves_a_plain_checkpoint(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    """Good responses name the fox; the collective ranking puts them first."""
    backbone, tokenizer = tmp_path / "backbone", tiny_tokenizer()
    model = (tiny_llama if kind == "llama" else tiny_gpt2)(len(tokenizer), scale=1.0)
    model.save_pretrained(backbone)
    tokenizer.save_pretrained(backbone)
    rng = np.random.default_rng(0)
    words = ["dog", "girl", "time", "model", "lazy", "little"]

    def text(good: bool) -> str:
        chosen = list(rng.choice(words, 2)) + (["fox"] if good else [])
        return " ".join(rng.permutation(chosen))

    data = [
        example(
            [1, 2, 2] if n % 2 else [2, 1, 2], [text(n % 2 == 1), text(n % 2 == 0), text(False)]
        )
        for n in range(60)
    ]
    config = RewardConfig(
        epochs=6, learning_rate=2e-2 if lora_rank else 5e-3, batch_size=6, lora_rank=lora_rank
    )
    steps = []
    final = train_reward(
        data[:48], data[48:], backbone, config, tmp_path / "reward",
        progress=lambda done, total, **facts: steps.append((done, total)),
    )  # fmt: skip
    assert steps[-1] == (48, 48)
    assert final["held_out_pair_accuracy"] >= 0.85
    log = [
        json.loads(line) for line in (tmp_path / "reward/metrics.jsonl").read_text().splitlines()
    ]
    assert log[-2]["loss"] < log[0]["loss"]

    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward")
    assert loaded.config.num_labels == 1
    scorer = RewardModel.load(tmp_path / "reward")
    held_out = accuracy(scorer.score_examples(data[48:]), data[48:])
    assert held_out == final["held_out_pair_accuracy"]
    assert not (tmp_path / "reward/checkpoints").exists()


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    backbone, tokenizer = tmp_path / "backbone", tiny_tokenizer()
    tiny_llama(len(tokenizer)).save_pretrained(backbone)
    tokenizer.save_pretrained(backbone)
    data = [example([1, 2], ["the fox", f"dog {n}"]) for n in range(8)]
    weights = []
    for name in "ab":
        train_reward(data, [], backbone, RewardConfig(epochs=1, batch_size=4), tmp_path / name)
        weights.append(RewardModel.load(tmp_path / name).model.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
