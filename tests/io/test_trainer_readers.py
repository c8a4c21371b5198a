"""The trainers' own readers take what `rlchf pairs` writes: optional, for machines that have them.

TRL trains on it for two steps; of the others the reader of preference data runs.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.cli import rlchf

datasets = pytest.importorskip("datasets")
pytest.importorskip("torch")

pytestmark = pytest.mark.slow

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
BALLOTS = ("a > b > c", "a > c > b", "b > a > c")
PLAIN: dict[str, Any] = {
    "use_cpu": True, "bf16": False, "report_to": "none", "save_strategy": "no", "disable_tqdm": True,
    "per_device_train_batch_size": 4, "per_device_eval_batch_size": 4, "max_steps": 2, "max_length": 64,
    "gradient_checkpointing": False, "logging_steps": 1,
}  # fmt: skip


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pairs(folder: Path, to: str, form: str, *more: str, out: str = "out", n: int = 8) -> Path:
    """Pairs of `n` prompts, a quarter of them held out, made by the command line."""
    names = [f"p{i}" for i in range(n)]
    system = [{"role": "system", "content": "Be kind."}]

    def prompt(name: str) -> Any:
        text = f"Greet {name}. "
        return text if form == "text" else [*system, {"role": "user", "content": text}]

    ballots = [
        {"prompt_id": name, "annotator_id": str(v), "response_id": response, "rank": rank}
        for name in names
        for v, ballot in enumerate(BALLOTS)
        for rank, response in enumerate(ballot.split(" > "), start=1)
    ]
    rankings = write(folder / "rankings.jsonl", ballots)
    prompts = write(
        folder / "prompts.jsonl", [{"prompt_id": p, "prompt": prompt(p)} for p in names]
    )
    texts = {"a": "the quick brown fox", "b": "a little girl", "c": "no"}
    responses = write(
        folder / "responses.jsonl",
        [
            {"prompt_id": name, "response_id": response, "text": f"{text} {name}"}
            for name in names
            for response, text in texts.items()
        ],
    )
    aggregated = folder / "aggregated.jsonl"
    done = rlchf("aggregate", rankings, "--rule", "borda", "--out", aggregated)
    assert done.returncode == 0, done.stderr
    done = rlchf(
        "pairs", aggregated, "--prompts", prompts, "--responses", responses, "--rankings", rankings,
        "--to", to, "--out", folder / out, "--held-out", "0.25", *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / out


def tokenizer() -> Any:
    from tests.support.tiny_models import tiny_tokenizer

    made = tiny_tokenizer()
    made.chat_template = TEMPLATE
    return made


def policy(folder: Path) -> Path:
    """A tiny Llama with random weights, and its tokenizer with a chat template."""
    from rlchf.train.models.tiny import tiny_llama

    model, made = tiny_llama(
        ["the quick brown fox", "a little girl"], vocab_size=300, hidden_size=32
    )
    made.chat_template = TEMPLATE
    for part in (model, made):
        part.save_pretrained(folder / "policy")
    return folder / "policy"


@pytest.mark.parametrize("form", ["text", "chat"])
@pytest.mark.parametrize("to", ["trl", "hf"])
def test_trl_trains_a_reward_model_on_the_pairs(to: str, form: str, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    out = pairs(tmp_path, to, form, "--margins", "scores")
    loaded = loaded_parts(out)
    base = policy(tmp_path)
    made = AutoTokenizer.from_pretrained(base)
    trainer = trl.RewardTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(
            base, num_labels=1, pad_token_id=made.pad_token_id
        ),
        args=trl.RewardConfig(output_dir=str(tmp_path / "trained"), **PLAIN),
        train_dataset=loaded["train"],
        eval_dataset=loaded["test"],
        processing_class=made,
    )
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
    assert batch["margin"].tolist() == [2.0, 4.0, 2.0]  # Borda counts are 5, 3 and 1
    trainer.train()
    assert trainer.state.global_step == 2
    assert all(math.isfinite(line["loss"]) for line in trainer.state.log_history if "loss" in line)
    assert math.isfinite(trainer.evaluate()["eval_loss"])


@pytest.mark.parametrize("form", ["text", "chat"])
@pytest.mark.parametrize("to", ["trl", "hf"])
def test_trl_trains_a_policy_on_the_pairs(to: str, form: str, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")

    loaded = loaded_parts(pairs(tmp_path, to, form, "--margins", "scores"))
    trainer = trl.DPOTrainer(
        model=str(policy(tmp_path)),
        args=trl.DPOConfig(output_dir=str(tmp_path / "trained"), **PLAIN),
        train_dataset=loaded["train"],
        eval_dataset=loaded["test"],
    )
    trainer.train()
    assert trainer.state.global_step == 2
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[0] == pytest.approx(math.log(2), abs=0.01)  # policy and reference are the same
    assert math.isfinite(trainer.evaluate()["eval_loss"])


def loaded_parts(out: Path) -> Any:
    """The parts of a folder by `datasets`: by its card where it has one."""
    loaded = datasets.load_dataset(str(out), cache_dir=str(out.parent / "cache"))
    assert {name: len(part) for name, part in loaded.items()} == {"train": 18, "test": 6}
    return loaded


def test_datasets_reads_rankings_and_soft_labels(tmp_path: Path) -> None:
    out = pairs(tmp_path, "hf", "chat", "--pairs", "ranked")
    loaded = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded[0]["ranks"] == [1, 2, 3]
    assert loaded[0]["completions"][0][0]["content"].startswith("the quick")
    out = pairs(tmp_path, "hf", "text", "--learn-from", "shares", out="soft")
    loaded = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded[0]["probability"] == 2 / 3


@pytest.mark.parametrize("form", ["text", "chat"])
@pytest.mark.parametrize("is_dpo", [False, True])
def test_openrlhf_reads_the_pairs(is_dpo: bool, form: str, tmp_path: Path) -> None:
    module = pytest.importorskip("openrlhf.datasets.reward_dataset", exc_type=ImportError)
    blending_datasets = pytest.importorskip("openrlhf.datasets.utils").blending_datasets
    data = SimpleNamespace(
        prompt_key="prompt", chosen_key="chosen", rejected_key="rejected",
        apply_chat_template=form == "chat",
    )  # fmt: skip
    strategy = SimpleNamespace(
        args=SimpleNamespace(data=data), print=print, is_rank_0=lambda: False
    )
    out = pairs(tmp_path, "openrlhf", form, "--margins", "scores")
    rows = blending_datasets(str(out / "train.jsonl"), None, strategy, dataset_split="train")
    read = module.RewardDataset(rows, tokenizer(), 128, strategy, is_dpo=is_dpo, num_processors=1)
    assert len(read) == 18
    system = "<system>Be kind.<eos>" if form == "chat" else ""
    assert read.prompts[0].startswith(f"{system}<user>Greet p" if form == "chat" else "Greet p")
    assert read.chosens[0].startswith("the quick")
    assert read.rejects[0].startswith("a little")
    if not is_dpo:
        assert list(read.extras)[:3] == [2.0, 4.0, 2.0]
    assert len(read.collate_fn([read[0], read[1]])) == 5


@pytest.mark.parametrize("form", ["text", "chat"])
def test_axolotl_reads_the_pairs(form: str, tmp_path: Path) -> None:
    pytest.importorskip(
        "axolotl.prompt_strategies.bradley_terry.chat_template", exc_type=ImportError
    )
    yaml = pytest.importorskip("yaml")
    load_reward = pytest.importorskip("axolotl.prompt_strategies.bradley_terry").load
    load_dpo = pytest.importorskip("axolotl.prompt_strategies.dpo").load
    DictDefault = pytest.importorskip("axolotl.utils.dict").DictDefault
    out, made = pairs(tmp_path, "axolotl", form), tokenizer()

    def configuration(name: str) -> Any:
        settings = yaml.safe_load((out / name).read_text())
        return DictDefault(settings | {"chat_template": "tokenizer_default", "sequence_len": 128})

    cfg = configuration("dpo.yaml")
    for key, rows in (("datasets", 18), ("test_datasets", 6)):
        (one,) = cfg[key]
        part = datasets.load_dataset(one.ds_type, data_files=one.path, split=one.split)
        assert len(part) == rows
    transform, options = load_dpo(cfg.datasets[0]["type"], cfg, dataset_idx=0)
    read = part.map(lambda row: transform(row, tokenizer=made), **options)
    system = "<system>Be kind.<eos>" if form == "chat" else ""
    assert read[0]["prompt"].startswith(f"{system}<user>Greet p")
    assert read[0]["prompt"].endswith("<assistant>")
    assert read[0]["chosen"].startswith("the quick")
    assert read[0]["rejected"].startswith("a little")

    cfg = configuration("reward.yaml")
    kind = cfg.datasets[0]["type"].removeprefix("bradley_terry.")
    row = load_reward(kind, made, cfg, cfg.datasets[0]).tokenize_prompt(part[0])
    assert made.decode(row["chosen_ids"]).startswith(f"{system}<user>Greet p")
    assert "the quick" in made.decode(row["chosen_ids"])
    assert "a little" in made.decode(row["rejected_ids"])


@pytest.mark.parametrize("form", ["text", "chat"])
def test_llama_factory_reads_the_pairs(form: str, tmp_path: Path) -> None:
    loader = pytest.importorskip("llamafactory.data.loader", exc_type=ImportError)
    out = pairs(tmp_path, "llama_factory", form)
    data_args = SimpleNamespace(
        dataset_dir=str(out), media_dir=str(out), streaming=False, max_samples=None,
        preprocessing_num_workers=None, overwrite_cache=True,
    )  # fmt: skip
    for name, rows in (("train", 18), ("test", 6)):
        read = loader._get_merged_dataset(
            [name],
            SimpleNamespace(cache_dir=str(tmp_path / "cache"), hf_hub_token=None),
            data_args,
            SimpleNamespace(local_process_index=0, seed=0),
            "rm",
        )
        assert len(read) == rows
    assert read[0]["_system"] == ("Be kind." if form == "chat" else "")
    assert [turn["role"] for turn in read[0]["_prompt"]] == ["user"]
    chosen, rejected = (turn["content"] for turn in read[0]["_response"])
    assert chosen.startswith("the quick")
    assert rejected.startswith("a little")


@pytest.mark.parametrize("form", ["text", "chat"])
def test_nemo_rl_reads_the_pairs(form: str, tmp_path: Path) -> None:
    module = pytest.importorskip(
        "nemo_rl.data.datasets.preference_datasets.preference_dataset", exc_type=ImportError
    )
    processors = pytest.importorskip("nemo_rl.data.processors", exc_type=ImportError)
    interfaces = pytest.importorskip("nemo_rl.data.interfaces", exc_type=ImportError)
    out = pairs(tmp_path, "nemo_rl", form)
    read = module.PreferenceDataset(str(out / "train.jsonl"), split="train").dataset
    assert len(read) == 18
    spec = interfaces.TaskDataSpec(task_name="pairs")
    row = processors.preference_preprocessor(read[0], spec, tokenizer(), 128, 0)
    assert row["loss_multiplier"] == 1.0
    assert "the quick" in row["message_log_chosen"][-1]["content"]
    assert "a little" in row["message_log_rejected"][-1]["content"]


@pytest.mark.parametrize("form", ["text", "chat"])
def test_tinker_cookbook_reads_the_pairs(form: str, tmp_path: Path) -> None:
    module = pytest.importorskip(
        "tinker_cookbook.preference.preference_datasets", exc_type=ImportError
    )
    out = pairs(tmp_path, "tinker", form)
    builder = module.ComparisonBuilderFromJsonl(
        train_path=str(out / "train.jsonl"), test_path=str(out / "test.jsonl")
    )
    train, test = builder.get_labeled_comparisons()
    assert (len(train), len(test)) == (18, 6)
    assert {one.label for one in train} == {"A"}
    first = train[0].comparison
    assert first.prompt_conversation[-1]["content"].startswith("Greet p")
    assert first.completion_A[0]["content"].startswith("the quick")
    assert first.completion_B[0]["content"].startswith("a little")
