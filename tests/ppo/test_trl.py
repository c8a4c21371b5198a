"""What we write, TRL reads: optional, for machines that have trl."""

import functools
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rlchf.io.preference_pairs import write_pairs
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.trainer import train_reward
from tests.support.reward_examples import fox_examples, tiny_backbone

pytestmark = pytest.mark.slow

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

PLAIN: dict[str, Any] = {
    "use_cpu": True, "bf16": False, "report_to": "none", "save_strategy": "no", "disable_tqdm": True,
    "per_device_train_batch_size": 4, "max_steps": 2, "gradient_checkpointing": False,
}  # fmt: skip


@pytest.mark.parametrize("algorithm", ["GRPO", "RLOO"])
def test_trl_takes_the_checkpoint_as_a_reward(algorithm: str, tmp_path: Path) -> None:
    base = tiny_backbone(tmp_path / "base")
    settings = RewardConfig(epochs=1, learning_rate=1e-2, max_length=64, normalise="none")
    train_reward(fox_examples(16), [], base, settings, tmp_path / "reward")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "reward")
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward")
    means: list[float] = []

    def ours(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        texts = [prompt + text for prompt, text in zip(prompts, completions, strict=True)]
        batch = tokenizer(texts, return_tensors="pt", padding=True)
        means.append(float(plain(**batch).logits.mean()))
        return [0.0] * len(prompts)

    config, trainer = getattr(trl, f"{algorithm}Config"), getattr(trl, f"{algorithm}Trainer")
    run = trainer(
        model=str(base),
        reward_funcs=[str(tmp_path / "reward"), ours],
        args=config(
            output_dir=str(tmp_path / "out"), num_generations=4, max_completion_length=8,
            logging_steps=1, beta=0.0, **PLAIN,
        ),
        train_dataset=datasets.Dataset.from_list([{"prompt": "Say something."}] * 8),
    )  # fmt: skip
    run.train()
    rewards = [line["reward"] for line in run.state.log_history if "reward" in line]
    assert len(rewards) == 2
    assert max(map(abs, rewards)) > 1e-3
    assert rewards == pytest.approx(means, abs=1e-4)


def test_the_page_on_dpo_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs/guide/training/dpo.md").read_text(encoding="utf-8")
    code = page.partition("```py\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    for part in tiny_llama(
        ["What is a fox?", "A fox is red.", "A dog."], vocab_size=300, hidden_size=32
    ):
        part.save_pretrained("policy")
    write_pairs(fox_examples(16), "pairs.jsonl", "trl")
    config = functools.partial(trl.DPOConfig, **PLAIN)
    monkeypatch.setattr(trl, "DPOConfig", config)
    namespace: dict[str, Any] = {}
    exec(compile(code, "docs/guide/training/dpo.md", "exec"), namespace)
    assert namespace["trainer"].state.global_step == 2
    assert namespace["trainer"].state.log_history[-1]["train_loss"] > 0
