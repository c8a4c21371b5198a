"""The command `rlchf constitution sft`, and the training behind it."""

import contextlib
import json
import os
import signal
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from transformers import AutoModelForCausalLM

from rlchf.io.json import read_json, read_jsonl
from rlchf.train.candidates import draws
from rlchf.train.constitution.sft import (
    SupervisedTrainer,
    fine_tune,
    initial_policy,
    make_trainer,
)
from rlchf.train.constitution.sft_config import SftConfig
from rlchf.train.constitution.texts import EncodedTexts, Text
from rlchf.train.models.load import load_policy, load_tokenizer
from rlchf.train.models.supervised import Collator, response_nll
from rlchf.train.models.text import prompt_ids
from rlchf.train.ppo.sampling import sample_texts
from tests.support.cli import Done, refused, rlchf
from tests.support.tiny_models import TEXTS, tiny_gpt2, tiny_llama, tiny_tokenizer

TEMPLATE = "{% for m in messages %}{{ m['content'] + '\n' }}{% endfor %}"
DATA = [
    Text(f"Say {word}.", " ".join([word] * n), "helpful" if n > 3 else "revision")
    for n, word in enumerate(("fox", "dog", "girl", "time", "model", "lazy"), start=1)
]
ROW = {"prompt_id": "a", "round": 1, "revision": "b", "prompt": "c"}
SETTINGS: dict[str, Any] = {"learning_rate": 5e-3, "batch_size": 2, "held_out": 0.0}


def save_policy(folder: Path, template: str | None = TEMPLATE, make: Any = tiny_llama) -> Path:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    make(len(tokenizer), scale=1.0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("models") / "policy")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    return state


def independent_loss(policy: Path, texts: list[Text]) -> float:
    """The mean over all response tokens, text by text, without padding."""
    model, tokenizer = load_policy(policy), load_tokenizer(policy)
    total, tokens = 0.0, 0
    for text in texts:
        prompt = prompt_ids(tokenizer, text.prompt)
        answer = tokenizer(text.response)["input_ids"] + [tokenizer.eos_token_id] * text.finished
        with torch.no_grad():
            logits = model(torch.tensor([prompt + answer])).logits[0].double()
        for position, token in enumerate(answer, start=len(prompt) - 1):
            total -= float(logits[position].log_softmax(0)[token])
        tokens += len(answer)
    return total / tokens


def test_the_loss_of_the_first_step_is_that_of_the_response_tokens(
    policy: Path, tmp_path: Path
) -> None:
    cut = [*DATA[:-1], replace(DATA[-1], finished=False)]
    config = SftConfig(**SETTINGS | {"batch_size": 2, "gradient_accumulation": 3})
    figures = fine_tune(cut, DATA[:4], policy, config, tmp_path / "out")
    first = read_jsonl(tmp_path / "out" / "metrics.jsonl")[0]
    assert first["loss"] == pytest.approx(independent_loss(policy, cut), rel=1e-5)
    before = {n: figures[f"held_out_loss{n}_before"] for n in ("", "_revision", "_helpful")}
    for name, part in (("", DATA[:4]), ("_revision", DATA[:3]), ("_helpful", DATA[3:4])):
        assert before[name] == pytest.approx(independent_loss(policy, part), rel=1e-5)
    assert figures["held_out_loss"] == pytest.approx(
        independent_loss(tmp_path / "out", DATA[:4]), rel=1e-5
    )


def test_padding_does_not_change_the_loss(policy: Path) -> None:
    model, tokenizer = initial_policy(policy, SftConfig())
    data = EncodedTexts(DATA, tokenizer, tokenizer.eos_token_id, 64)
    with torch.no_grad():
        together = response_nll(model, Collator(1)([*data.items]))
        for number, item in enumerate(data.items):
            alone = response_nll(model, Collator(1)([item]))[0]
            row = together[number]
            assert row[: len(alone)] == pytest.approx(alone, abs=1e-6)
            assert not row[len(alone) :].any()
            assert not alone[: len(item[0]) - 1].any(), "the prompt should not be learned"
            assert (alone[len(item[0]) - 1 :] > 0).all(), "its end token included"


def test_batches_of_a_step_do_not_change_the_weights(policy: Path, tmp_path: Path) -> None:
    for name, size, accumulation in (("one", 6, 1), ("three", 2, 3)):
        config = SftConfig(
            **SETTINGS | {"batch_size": size, "gradient_accumulation": accumulation, "epochs": 3}
        )
        fine_tune(DATA, [], policy, config, tmp_path / name)
    one, three = weights(tmp_path / "one"), weights(tmp_path / "three")
    assert all(torch.allclose(one[name], three[name], atol=1e-4) for name in one)


@pytest.mark.parametrize("template", [TEMPLATE, None])
def test_a_response_that_is_learned_alone_is_given_greedily(
    template: str | None, tmp_path: Path
) -> None:
    folder = save_policy(tmp_path / "policy", template)
    text = Text(TEXTS[1], TEXTS[0])
    config = SftConfig(learning_rate=1e-2, batch_size=1, epochs=60)
    with pytest.warns(match="no chat template") if template is None else nullcontext():
        fine_tune([text], [], folder, config, tmp_path / "out")
    model, tokenizer = load_policy(tmp_path / "out"), load_tokenizer(tmp_path / "out")
    (said,) = sample_texts(model, tokenizer, [text.prompt], max_new_tokens=60, temperature=1e-4)
    assert said == text.response
    if template is None:
        shown = tokenizer.decode(prompt_ids(tokenizer, "Hi"))
        assert shown == "Human:\nHi\n\nAssistant:\n", "other commands should give prompts likewise"


class Steps:
    """The steps of a training, which is stopped at one of them."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.done: list[int] = []

    def __call__(self, done: int, total: int, **facts: float) -> None:
        self.done.append(done)
        if done == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("llama", {}),
        pytest.param("gpt2", {"checkpoint_every": 1}, marks=pytest.mark.slow),
        ("llama", {"lora_rank": 2, "lora_dropout": 0.1}),
    ],
)
def test_a_stopped_training_goes_on_to_the_same_weights(
    kind: str, more: dict[str, Any], tmp_path: Path
) -> None:
    folder = save_policy(tmp_path / "policy", make=tiny_gpt2 if kind == "gpt2" else tiny_llama)
    config, whole = SftConfig(**SETTINGS | {"epochs": 2} | more), Steps()
    fine_tune(DATA, DATA[:2], folder, config, tmp_path / "whole", progress=whole)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(DATA, DATA[:2], folder, config, tmp_path / "stopped", progress=Steps(2))
    rest = Steps()
    fine_tune(DATA, DATA[:2], folder, config, tmp_path / "stopped", resume=True, progress=rest)
    assert rest.done == whole.done[2:]
    for name in ("model.safetensors", "metrics.jsonl", "sft_config.json"):
        one, other = ((tmp_path / run / name).read_bytes() for run in ("whole", "stopped"))
        assert one == other


def test_a_training_goes_on_with_the_same_texts_only(policy: Path, tmp_path: Path) -> None:
    config = SftConfig(**SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(DATA, [], policy, config, tmp_path / "out", progress=Steps(1))
    with pytest.raises(
        ValueError, match=r"the examples \(revisions, helpful samples, or what of them"
    ):
        fine_tune(DATA[1:], [], policy, config, tmp_path / "out", resume=True)
    other = replace(config, learning_rate=1.0)
    with pytest.raises(ValueError, match=r"began with learning_rate=0\.005 and cannot go on"):
        fine_tune(DATA, [], policy, other, tmp_path / "out", resume=True)


def test_adapters_are_trained_and_merged(policy: Path, tmp_path: Path) -> None:
    config = SftConfig(**SETTINGS | {"lora_rank": 2, "lora_targets": ("q_proj",)})
    fine_tune(DATA, [], policy, config, tmp_path / "out")
    before, after = weights(policy), weights(tmp_path / "out")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "q_proj" in name}
    assert (tmp_path / "out" / "adapter" / "adapter_config.json").exists()
    merged = load_policy(tmp_path / "out" / "adapter").state_dict()
    assert all(torch.allclose(after[name], merged[name], atol=1e-6) for name in after)


def test_weights_in_bfloat16_are_trained_in_float32_steps(policy: Path, tmp_path: Path) -> None:
    from rlchf.train.models.loading import Loading

    config = SftConfig(**SETTINGS | {"learning_rate": 1e-5, "gradient_checkpointing": True})
    fine_tune(DATA, [], policy, config, tmp_path / "out", loading=Loading(dtype="bfloat16"))
    assert {tensor.dtype for tensor in weights(tmp_path / "out").values()} == {torch.bfloat16}


def test_texts_that_are_too_long_lose_the_beginning_of_their_prompt(policy: Path) -> None:
    model, tokenizer = initial_policy(policy, SftConfig())
    long = [Text("the quick brown fox " * 20, "dog"), Text("Hi", "lazy dog " * 60), DATA[0]]
    with pytest.warns() as caught:
        trainer, _ = make_trainer(
            model, tokenizer, long, [], SftConfig(max_length=32), Path("unused")
        )
    said = " ".join(str(one.message) for one in caught)
    assert "1 of 3 training texts are longer than 32 tokens and lose the beginning" in said
    assert "1 of 3 training texts have a response of 32 tokens or more and are left out" in said
    prompt, response = trainer.train_dataset[0]
    assert len(prompt) + len(response) == 32
    assert tokenizer.decode(response) == "dog<eos>"


def test_where_the_positions_end_a_larger_max_length_is_no_advice(tmp_path: Path) -> None:
    path = save_policy(tmp_path / "short", make=partial(tiny_llama, max_position_embeddings=32))
    long = [Text("the quick brown fox " * 20, "dog"), Text("Hi", "lazy dog " * 60), DATA[0]]
    with pytest.warns() as caught:
        fine_tune(long, [], path, SftConfig(**SETTINGS | {"max_length": 64}), tmp_path / "out")
    said = [str(one.message) for one in caught if "training texts" in str(one.message)]
    assert len(said) == 2
    assert all("max_length is 64, but the model has 32 positions" in one for one in said)
    assert read_json(tmp_path / "out" / "sft_config.json")["max_length"] == 32


# --- the command


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_texts(folder: Path) -> None:
    rows = [
        {"prompt_id": f"p{p}", "round": n, "principle": "polite" * (n > 0), "critique": "",
         "revision": f"the dog {p} {n}" if (p, n) != (1, 2) else "", "finished": (p, n) != (2, 2),
         "prompt": f"Say {p}."}
        for p in range(4)
        for n in range(3)
    ]  # fmt: skip
    jsonl(folder / "revisions.jsonl", rows)
    jsonl(folder / "helpful.jsonl", [{"prompt": f"Help {n}", "text": "Yes."} for n in range(3)])
    jsonl(folder / "prompts.jsonl", [{"prompt_id": "h", "prompt": "Help!"}])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_texts(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(policy: object, *more: object) -> Done:
    return rlchf(
        "constitution", "sft", "revisions.jsonl", "--policy", policy, "--batch-size", 2,
        "--learning-rate", 1e-3, *more,
    )  # fmt: skip


def test_revisions_are_mixed_with_helpful_samples(policy: Path, folder: Path) -> None:
    done = run(
        policy, "--helpful", "helpful.jsonl", "--helpful-ratio", 0.5, "--held-out", 0.2, "--out",
        "model", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 of 8 revisions are empty and are left out" in done.stderr
    assert "1 of 7 revisions are left out, for a ratio of 0.5 helpful samples" in done.stderr
    assert "1 of 9 texts were cut off, and are learned without an end" in done.stderr
    figures = json.loads(done.stdout)
    assert figures["revisions"] + figures["helpful"] + figures["held_out_texts"] == 9
    settings = read_json("model/sft_config.json")
    assert settings["held_out_loss"] == figures["held_out_loss"]
    assert settings["helpful_ratio"] == 0.5
    assert read_json("model/job.json")["revisions"] == "revisions.jsonl"
    assert {path.name for path in folder.iterdir()} & {"model.partial"} == set()
    ppo = rlchf(
        "ppo", "--policy", "model", "--prompts", "prompts.jsonl", "--reward",
        "builtins:max", "--out", "ppo", "--plan",
    )  # fmt: skip
    assert ppo.returncode == 0, ppo.stderr


def test_the_policy_samples_what_is_helpful(policy: Path, folder: Path) -> None:
    done = run(
        policy, "--helpful-prompts", "prompts.jsonl", "--helpful-samples", 3, "--max-new-tokens", 5,
        "--rounds", "last", "--held-out", 0, "--out", "model",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    samples = read_jsonl("model/helpful.jsonl")
    assert [row["prompt"] for row in samples] == ["Help!"] * 3
    assert len({row["response"] for row in samples}) == 3
    assert "learned 3 revisions and 3 helpful samples, 1 to a revision" in done.stdout
    jsonl(folder / "answers.jsonl", [{"prompt_id": "h", "response_id": "r1", "text": "Yes."}])
    done = run(
        policy, "--helpful-prompts", "prompts.jsonl", "--helpful", "answers.jsonl", "--rounds", 0,
        "--out", "again",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (folder / "again" / "helpful.jsonl").exists()


OPTIONS = ("--helpful-prompts", "prompts.jsonl", "--max-new-tokens", 5, "--checkpoint-every", 1)


@pytest.fixture(scope="module")
def whole(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a command that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    write_texts(folder)
    with contextlib.chdir(folder):
        assert run(policy, *OPTIONS, "--out", "whole").returncode == 0
    return folder / "whole"


@pytest.mark.parametrize("at", [-1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 3))])
def test_a_killed_command_goes_on_to_the_same_bytes(
    policy: Path, whole: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Killed at once, without a checkpoint of the step in progress, or (-1) while it samples."""
    with monkeypatch.context() as patched:
        take = SupervisedTrainer.training_step

        def step(self: Any, *args: Any, **more: Any) -> Any:
            if self.state.global_step == at:
                raise KeyboardInterrupt
            return take(self, *args, **more)

        def drawn(*args: Any, **more: Any) -> Any:
            raise KeyboardInterrupt

        patched.setattr(SupervisedTrainer, "training_step", step)
        if at < 0:
            patched.setattr(draws, "sample", drawn)
        done = run(policy, *OPTIONS, "--out", "stopped")
    assert done.returncode == 130
    assert "go on with: rlchf constitution sft --resume stopped" in done.stderr
    assert not (folder / "stopped").exists()
    assert "holds a training that was stopped" in refused(run(policy, *OPTIONS, "--out", "stopped"))
    done = rlchf("constitution", "sft", "--resume", "stopped")
    assert done.returncode == 0, done.stderr
    for path in whole.iterdir():
        assert path.read_bytes() == (folder / "stopped" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "out is missing: Folder for the policy"),
        (["--out", "o", "--rounds", "0,9"], "rounds is '0,9', and the revisions have no round 9"),
        (["--out", "o", "--rounds", "first"], "rounds is 'first'; give all, last, or numbers"),
        (
            ["--out", "o", "--helpful-ratio", 1],
            "helpful_ratio is 1, and there are no helpful samples",
        ),
        (
            ["--out", "o", "--helpful-samples", 3],
            "helpful_samples is 3, which is for helpful samples",
        ),
        (["--out", "o", "--temperature", 0.5], "draws, and there are no helpful_prompts; leave it"),
        (
            ["--out", "o", "--helpful", "helpful.jsonl", "--sample-size", 4],
            "sample_size is 4, which is for helpful samples that the policy draws, and they are given by",
        ),
        (["--out", "o", "--attn-implementation", "foo"], "'foo'; choose from eager,"),
        (["--out", "o", "--policy", "tiny", "--attn-implementation", "foo"], "'foo'; choose from"),
        (
            ["--out", "o", "--helpful", "prompts.jsonl"],
            "no key 'response' or 'text' among prompt_id",
        ),
        (["--out", "o", "--report-to", "wand"], "names no tracker 'wand'; did you mean wandb?"),
        (["--out", "o", "--policy", "nothing"], "unknown model 'nothing'"),
        (["--out", "o", "--lora-alpha", 2], "lora_alpha is for LoRA, and lora_rank is 0"),
        (["--out", "helpful.jsonl"], "helpful.jsonl is there already"),
        (["--resume", "o"], "--resume reads revisions from the folder"),
    ],
)
def test_wrong_usage_is_one_sentence_and_writes_nothing(
    policy: Path, folder: Path, more: list[object], said: str
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert said in refused(run(policy, *more))
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"prompt_id": "a", "response_id": "b", "text": "c"}], "no key 'round' among prompt_id, res"),
        ([ROW | {"round": "1"}], "the round is '1'; give 0, 1, 2"),
        ([ROW | {"revision": ["b"]}], "line 1: the text is"),
        ([ROW | {"finished": 1}], "finished is '1'; give true or false"),
        ([ROW, ROW], "round 1 of prompt 'a' is on line 1 too; keep one of them"),
        ([], "revisions.jsonl: the file is empty"),
    ],
)  # fmt: skip
def test_revisions_of_another_shape_are_refused(
    policy: Path, folder: Path, rows: list[dict[str, Any]], said: str
) -> None:
    jsonl(folder / "revisions.jsonl", rows)
    assert said in refused(run(policy, "--out", "model"))


def test_there_is_nothing_to_go_on_with(folder: Path) -> None:
    message = refused(rlchf("constitution", "sft", "--resume", "model"))
    assert "model holds no training to go on with" in message


def test_a_tiny_policy_is_made_for_the_job(folder: Path) -> None:
    done = run("tiny", "--lora-rank", 2, "--held-out", 0, "--out", "model")
    assert done.returncode == 0, done.stderr
    assert not {"base", "adapter"} & {path.name for path in Path("model").iterdir()}
    assert load_policy("model").num_parameters() > 0
