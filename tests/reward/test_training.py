"""Training a reward model: batches, resuming, weights, and the model that it returns."""

import json
import os
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from rlchf.preferences import Ballots, Example
from rlchf.train.order import PromptSampler
from rlchf.train.resumable import last_checkpoint, training_arguments
from rlchf.train.reward.backbone import load_backbone
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import make_trainer, train_reward
from tests.support.processes import run_module
from tests.support.reward_examples import ragged_examples, tiny_backbone
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

GROUPS = {"ann": "old", "bob": "old", "eve": "new"}
CASES: dict[str, dict[str, Any]] = {
    "plain": {"checkpoint_every": 3},
    "worst-group": {
        "checkpoint_every": 3,
        "learn_from": "ballots",
        "group_dro_step": 0.5,
        "group_by_length": True,
        "lora_rank": 2,
        "gradient_accumulation": 2,
    },
}


def train(folder: Path, data: list[Example], name: str, **settings: Any) -> dict[str, Tensor]:
    """Train on a tiny Llama and return the weights."""
    if not (folder / "backbone").exists():
        tiny_backbone(folder / "backbone")
    options = {key: settings.pop(key) for key in ("resume", "progress") if key in settings}
    config = RewardConfig(**{"epochs": 2, "batch_size": 4, "learning_rate": 5e-3} | settings)
    groups = GROUPS if config.group_dro_step else None
    train_reward(data, [], folder / "backbone", config, folder / name, groups=groups, **options)
    state: dict[str, Tensor] = RewardModel.load(folder / name).model.state_dict()
    return state


def examples_of(case: str) -> list[Example]:
    """So many that an epoch has five steps."""
    return ragged_examples(4 * 5 * CASES[case].get("gradient_accumulation", 1))


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((one[key] - other[key]).abs().max()) for key in one)


# --- the same weights, whatever the batches


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    data = ragged_examples(8)
    weights = [train(tmp_path, data, name, seed=3) for name in "ab"]
    assert distance(*weights) == 0
    assert distance(weights[0], train(tmp_path, data, "c", seed=4)) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"centring": 0.1},
        {"learn_from": "ballots", "loss": "plackett_luce"},
        {"ensemble": 2, "learn_from": "shares", "loss": "majority"},
    ],
)
def test_gradient_accumulation_gives_the_weights_of_one_large_batch(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    data = ragged_examples(11)  # the last step is not full
    large = train(tmp_path, data, "large", batch_size=4, **settings)
    parts = train(tmp_path, data, "parts", batch_size=1, gradient_accumulation=4, **settings)
    assert distance(large, parts) < 2e-5  # Adam magnifies the order of a sum
    other = train(tmp_path, data, "other", batch_size=2, gradient_accumulation=3, **settings)
    assert distance(large, other) > 1e-4


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("lora_rank", [0, 2])
def test_reading_each_prompt_once_gives_the_same_scores(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    """The loss of the first step, before anything is learned, and its gradient are the same."""
    tiny_backbone(tmp_path / "backbone", kind)
    data, results = ragged_examples(8), []
    for share in (False, True):
        model, tokenizer = load_backbone(tmp_path / "backbone", lora_rank)
        config = RewardConfig(share_prompt=share, lora_rank=lora_rank)
        trainer = make_trainer(model, tokenizer, data, [], config, tmp_path / "checkpoints")
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(8)])
        assert ("prefix_ids" in batch) is share
        loss, outputs = trainer.compute_loss(model, batch, return_outputs=True)
        loss.backward()
        gradient = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        results.append((outputs.logits.detach(), torch.cat(gradient)))
    for separate, shared in zip(*results, strict=True):
        assert separate.std() > 1e-4
        torch.testing.assert_close(shared, separate, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_weight_of_two_is_two_copies(tmp_path: Path) -> None:
    data = ragged_examples(4)
    data = [replace(e, weight=1.0) for e in data]
    copied = train(tmp_path, [*data, data[0]], "copied", batch_size=5)
    weighted = train(tmp_path, [replace(data[0], weight=2.0), *data[1:]], "weighted", batch_size=5)
    assert distance(copied, weighted) < 2e-5


# --- stopped and resumed


@pytest.mark.slow
def test_adam_and_the_warm_up_are_as_the_settings_say(tmp_path: Path) -> None:
    tiny_backbone(tmp_path / "backbone")
    given = {"lr_warmup": 4, "adam_beta1": 0.5, "adam_beta2": 0.6, "adam_eps": 1e-5}
    usual: dict[str, float] = {}
    found = {}
    for name, settings in (("given", given), ("usual", usual)):
        config = RewardConfig(epochs=2, batch_size=4, lr_schedule="constant", **settings)  # type: ignore[arg-type]
        model, tokenizer = load_backbone(tmp_path / "backbone")
        data = ragged_examples(40)  # an epoch has ten steps
        trainer = make_trainer(model, tokenizer, data, [], config, tmp_path / "unused")
        trainer.create_optimizer_and_scheduler(num_training_steps=20)
        group = trainer.optimizer.param_groups[0]
        rates = []
        for _ in range(6):
            rates.append(trainer.lr_scheduler.get_last_lr()[0] / config.learning_rate)
            trainer.optimizer.step()
            trainer.lr_scheduler.step()
        found[name] = (*group["betas"], group["eps"], *rates)
    assert found["given"] == pytest.approx((0.5, 0.6, 1e-5, 0, 0.25, 0.5, 0.75, 1, 1))
    assert found["usual"] == pytest.approx((0.9, 0.999, 1e-8, 0, 1, 1, 1, 1, 1))


@pytest.mark.parametrize(("value", "steps"), [(0, 0), (0.5, 10), (1, 1), (7, 7), (0.05, 1)])
def test_a_warm_up_is_a_number_of_steps_or_a_fraction(
    value: float, steps: int, tmp_path: Path
) -> None:
    config = RewardConfig(epochs=2, batch_size=4, lr_warmup=value)
    assert training_arguments(config, tmp_path, 40).warmup_steps == steps


def test_a_warm_up_that_cannot_be_is_refused_and_one_without_an_end_warned_of(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match=r"lr_warmup is 2\.5; give a whole number of steps"):
        RewardConfig(lr_warmup=2.5)
    with pytest.warns(UserWarning, match="lr_warmup is 30 and training has 20 steps"):
        training_arguments(RewardConfig(epochs=2, batch_size=4, lr_warmup=30), tmp_path, 40)


def test_a_killed_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    """Killed in its second epoch, two steps after a checkpoint, and beside one half written."""
    run_module("tests.reward.test_training", tmp_path, TOKENIZERS_PARALLELISM="false")
    for case, settings in CASES.items():
        uninterrupted = train(tmp_path, examples_of(case), f"{case}-whole", **settings)
        checkpoints = tmp_path / case / "checkpoints"
        (checkpoints / "checkpoint-7").mkdir()
        (checkpoints / "checkpoint-7/trainer_state.json").write_text('{"global_st')
        last = last_checkpoint(checkpoints)
        assert last is not None
        assert last.name == "checkpoint-6"
        assert not (tmp_path / case / "config.json").exists()
        steps: list[int] = []
        resumed = train(
            tmp_path,
            examples_of(case),
            case,
            resume=True,
            progress=lambda done, total, steps=steps, **facts: steps.append(done),
            **settings,
        )
        assert steps == [7, 8, 9, 10]
        assert distance(uninterrupted, resumed) == 0
        assert not checkpoints.exists()


def test_without_resume_an_old_checkpoint_is_not_taken_up(tmp_path: Path) -> None:
    data, steps = ragged_examples(8), []
    old = tmp_path / "new/checkpoints/checkpoint-9"
    old.mkdir(parents=True)
    (old / "trainer_state.json").write_text('{"global_step": 9}')
    train(tmp_path, data, "new", progress=lambda done, total, **facts: steps.append(done))
    assert steps == [1, 2, 3, 4]


def test_early_stopping_keeps_the_best_weights(tmp_path: Path) -> None:
    """The held-out order is the reverse of the training order, so that learning makes it worse."""
    texts, ids = ["the fox", "a dog"], ["a", "b"]
    data = [Example(str(i), "Say.", ids, texts, [1, 2]) for i in range(8)]
    tiny_backbone(tmp_path / "backbone")
    held_out = [replace(example, ranks=[2, 1]) for example in data]
    config = RewardConfig(epochs=20, batch_size=4, learning_rate=1e-3, early_stopping=2)
    steps = []
    train_reward(
        data,
        held_out,
        tmp_path / "backbone",
        config,
        tmp_path / "reward",
        progress=lambda done, total, **facts: steps.append(done),
    )
    assert steps[-1] == 6  # the first epoch is the best, and two more are not better
    lines = (tmp_path / "reward/metrics.jsonl").read_text().splitlines()
    losses = [row["held_out_loss"] for row in map(json.loads, lines) if "held_out_loss" in row]
    assert losses == sorted(losses)
    a, b = RewardModel.load(tmp_path / "reward").score_examples(data[:1])[0]
    loss = -torch.nn.functional.logsigmoid(b - a)
    assert float(loss) == pytest.approx(losses[0], abs=1e-5)


# --- weights of groups


@pytest.mark.slow
def test_the_worst_group_counts_more(tmp_path: Path) -> None:
    """Nine annotators want the fox and one does not: the mean follows the nine, the worst group not."""
    annotators = [f"v{i}" for i in range(10)]
    ranks = np.array([[1, 2]] * 9 + [[2, 1]])
    ballots = Ballots(ranks, np.ones(10), annotators)
    one = Example("p", "Say.", ["a", "b"], ["the fox", "a dog"], [1, 2], ballots=ballots)
    data = [replace(one, prompt_id=str(i)) for i in range(16)]
    groups = {a: "few" if a == "v9" else "many" for a in annotators}
    tiny_backbone(tmp_path / "backbone")
    gaps = []
    for step in (0.0, 1.0):
        config = RewardConfig(
            epochs=20, batch_size=8, learning_rate=5e-3, learn_from="ballots", group_dro_step=step
        )
        train_reward(data, [], tmp_path / "backbone", config, tmp_path / f"{step}", groups=groups)
        a, b = RewardModel.load(tmp_path / f"{step}").score_examples(data[:1])[0].tolist()
        gaps.append(a - b)
    assert gaps[0] == pytest.approx(np.log(9), abs=0.3)
    assert abs(gaps[1]) < 0.5


# --- trackers and precision


@pytest.mark.slow
def test_tensorboard_and_bfloat16(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    data = ragged_examples(8)
    train(tmp_path, data, "reward", report_to="tensorboard", bf16=True, lr_schedule="cosine")
    assert list((tmp_path / "reward/runs").rglob("events.out.tfevents*"))
    exact = train(tmp_path, data, "exact", lr_schedule="cosine")
    assert exact["score.weight"].dtype == torch.float32


# --- what training returns


@pytest.mark.parametrize(
    "settings",
    [
        {"bf16": True},
        {"lora_rank": 2, "normalise": "scale"},
        {"head": "mean_variance", "quantile": 0.1},
        {"ensemble": 2, "uncertainty_penalty": 1.0, "max_length": 12},
    ],
)
@pytest.mark.filterwarnings("ignore:.*training texts are longer")
@pytest.mark.slow
def test_the_model_that_training_returns_scores_as_the_one_on_disk(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """The backbone's padding token is its end token, so training adds one of its own."""
    tokenizer = tiny_tokenizer(pad_is_eos=True)
    tiny_llama(len(tokenizer), scale=1.0).save_pretrained(tmp_path / "backbone")
    tokenizer.save_pretrained(tmp_path / "backbone")
    data = ragged_examples(16)
    config = RewardConfig(epochs=1, batch_size=4, learning_rate=5e-3, **settings)
    out = tmp_path / "reward"
    trained = train_reward(data[:12], data[12:], tmp_path / "backbone", config, out)
    assert trained.model is not None
    loaded = RewardModel.load(out)
    assert (loaded.max_length, loaded.readout) == (trained.model.max_length, trained.model.readout)
    assert_equal_scores(trained.held_out_scores, loaded.score_examples(data[12:]))
    assert_equal_scores(trained.model.score_examples(data), loaded.score_examples(data))


def assert_equal_scores(one: list[Tensor], other: list[Tensor]) -> None:
    assert torch.cat(one).std() > 0
    assert [scores.tolist() for scores in one] == [scores.tolist() for scores in other]


# --- the order of the prompts


def test_every_prompt_comes_once_per_epoch_in_a_new_order() -> None:
    sampler = PromptSampler(10, seed=0, multiple=4)
    first = list(sampler)
    assert sorted(first[:10]) == list(range(10))
    assert all(i >= 10 for i in first[10:])  # fillers that count for nothing
    assert len(first) == len(sampler) == 12
    assert first == list(sampler)
    sampler.set_epoch(1)
    assert first != list(sampler)


def test_batches_by_length_have_less_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 640).tolist()

    def padded(order: list[int]) -> int:
        return sum(8 * max(lengths[i] for i in order[n : n + 8]) for n in range(0, 640, 8))

    by_length = list(PromptSampler(640, 0, lengths=lengths, batch_size=8))
    assert Counter(by_length) == Counter(range(640))
    assert padded(by_length) < 1.1 * sum(lengths)
    assert padded(list(PromptSampler(640, 0))) > 1.5 * sum(lengths)
    assert max(lengths) in [lengths[i] for i in by_length[:8]]


def main(folder: Path) -> None:
    """Train each case in a process that dies two steps after the checkpoint of step 6."""
    torch.set_num_threads(1)

    def die(done: int, total: int, **facts: float) -> None:
        if done == 8:
            os.kill(os.getpid(), signal.SIGKILL)

    for case, settings in CASES.items():
        child = os.fork()
        if child == 0:
            train(folder, examples_of(case), case, progress=die, **settings)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


if __name__ == "__main__":
    main(Path(sys.argv[1]))
