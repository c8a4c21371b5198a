"""The settings of loading, from the command line to the models and the files that are left."""

import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rlchf.jobs import run as pipeline
from rlchf.jobs.runfile import read
from rlchf.train.models import devices
from rlchf.train.models.load import load_policy
from rlchf.train.models.loading import LOADING, Loading
from rlchf.train.reward.model import RewardModel
from tests.support.cli import refused, rlchf
from tests.support.ppo_jobs import arguments, job_folder
from tests.support.ppo_runs import lines

HALF = ("--dtype", "bfloat16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from job_folder(tmp_path_factory.mktemp("loading"))


def dtypes(out: Path) -> set[torch.dtype]:
    return {tensor.dtype for tensor in load_file(out / "model.safetensors").values()}


def size(out: Path) -> int:
    return (out / "model.safetensors").stat().st_size


@pytest.mark.parametrize("more", [[], ["--lora-rank", 4]])
def test_a_policy_is_read_and_saved_in_bfloat16(
    more: list[object], folder: Path, tmp_path: Path
) -> None:
    load_policy("policy").bfloat16().save_pretrained(tmp_path / "half")
    load_tokenizer_into(tmp_path / "half")
    out = tmp_path / "out"
    given = arguments("--reward", "tastes:vowels", "--policy", tmp_path / "half", *more)
    done = rlchf(*given, *HALF, "--gradient-checkpointing", "--out", out)
    assert done.returncode == 0, done.stderr
    assert dtypes(out) == {torch.bfloat16}
    assert size(out) < 1.1 * size(tmp_path / "half")
    assert lines(out / "metrics.jsonl")[0]["first_ratio_error"] == 0
    assert json.loads((out / "job.json").read_text())["dtype"] == "bfloat16"


def load_tokenizer_into(folder: Path) -> None:
    from rlchf.train.models.load import load_tokenizer

    load_tokenizer("policy").save_pretrained(folder)


def test_reward_models_of_ppo_are_read_as_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    models: list[RewardModel] = []
    load = RewardModel.load.__func__  # type: ignore[attr-defined]

    def noted(cls: Any, path: Any, device: Any = None, /, **options: Any) -> RewardModel:
        device = options.pop("device", device)
        asked.append({"path": str(path), "device": device, **options})
        models.append(load(cls, path, device, **options))
        return models[-1]

    monkeypatch.setattr(RewardModel, "load", classmethod(noted))
    options = ("--reward-dtype", "bfloat16", "--reward-device", "cpu", "--reward-batch-size", 3)
    more = ("--reward-max-length", 20, "--attn-implementation", "eager", "--updates", 1)
    given = arguments("--reward", "alike", "--critic", "alike", *options, *more)
    done = rlchf(*given, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    reward, critic = asked
    assert (reward["device"], critic["device"]) == ("cpu", None)
    for model in models:
        assert (model.model.dtype, model.batch_size, model.max_length) == (torch.bfloat16, 3, 20)
        assert model.model.config._attn_implementation == "eager"


def test_4_bits_need_adapters(folder: Path, tmp_path: Path) -> None:
    given = arguments("--reward", "tastes:vowels", "--load-in-4bit", "--out", tmp_path / "out")
    done = rlchf(*given)
    assert (done.returncode, "set lora_rank" in done.stderr) == (2, True)
    done = rlchf(*given, "--policy", "tiny", "--lora-rank", 4)
    assert (done.returncode, "not for a tiny one" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_candidates_are_sampled_in_bfloat16(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlchf.jobs import draws
    from rlchf.jobs import sample as job

    found: list[torch.dtype] = []
    load = draws.load_sampler

    def noted(*args: Any) -> Any:
        loaded = load(*args)
        found.append(loaded[0].dtype)
        return loaded

    monkeypatch.setattr(job, "load_sampler", noted)
    given = ("sample", "--policy", "policy", "--prompts", "prompts.jsonl", "--max-new-tokens", 4)
    done = rlchf(*given, *HALF, "--out", tmp_path / "responses.jsonl")
    assert done.returncode == 0, done.stderr
    assert found == [torch.bfloat16]


# --- reward models


def rankings(folder: Path) -> list[object]:
    """Rankings of two responses to each of eight prompts, as arguments."""
    rows, prompts, responses = ["prompt_id,annotator_id,response_id,rank"], [], []
    for p in range(8):
        prompts.append(json.dumps({"prompt_id": f"p{p}", "prompt": "the fox " * (p % 3 + 1)}))
        for rank, text in enumerate(("the quick fox", "a lazy dog"), 1):
            row = {"prompt_id": f"p{p}", "response_id": f"r{rank}", "text": text}
            responses.append(json.dumps(row))
            rows.append(f"p{p},ann,r{rank},{rank}")
    for name, made in (
        ("rankings.csv", rows), ("prompts.jsonl", prompts), ("responses.jsonl", responses),
    ):  # fmt: skip
        (folder / name).write_text("\n".join(made) + "\n")
    files = ("--prompts", folder / "prompts.jsonl", "--responses", folder / "responses.jsonl")
    return [folder / "rankings.csv", *files]


def test_a_reward_model_is_trained_and_scores_in_bfloat16(folder: Path, tmp_path: Path) -> None:
    out, more = tmp_path / "reward", ("--epochs", 1, "--gradient-checkpointing", *HALF)
    given = ("reward", *rankings(tmp_path), "--model", folder / "policy", *more)
    done = rlchf(*given, "--out", out)
    assert done.returncode == 0, done.stderr
    assert dtypes(out) == {torch.bfloat16}
    assert json.loads((out / "job.json").read_text())["dtype"] == "bfloat16"
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"prompt": "the fox", "response": "the quick fox"}) + "\n")
    scores = []
    for options in ((), ("--dtype", "float32", "--device", "cpu", "--batch-size", 1)):
        done = rlchf("score", out, texts, *options)
        assert done.returncode == 0, done.stderr
        scores.append(json.loads(done.stdout)["score"])
    assert scores[0] == pytest.approx(scores[1], abs=0.05)


# --- whole runs


def run_file(folder: Path, name: str = "tiny", **model: Any) -> Path:
    rankings(folder)
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in model.items())
    path = folder / "run.toml"
    path.write_text(
        f"""
        [data]
        rankings = "rankings.csv"
        prompts = "prompts.jsonl"
        responses = "responses.jsonl"
        [model]
        name = "{name}"
        epochs = 1
        {settings}
        [reward]
        epochs = 1
        [ppo]
        updates = 1
        batch_size = 4
        minibatch_size = 4
        max_new_tokens = 4
        [label]
        texts = 8
        """
    )
    return path


def test_a_run_loads_all_of_its_models_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moved:
        device = torch.device("cpu")

    moved: list[object] = []
    model = run_file(tmp_path, dtype="bfloat16", reward_dtype="float32", reward_batch_size=5)
    work = pipeline.start(model, out=tmp_path / "run")
    load = load_policy

    def noted(*args: Any) -> Any:
        policy = load(*args)
        to = policy.to

        def move(device: Any) -> Any:
            moved.append((policy.dtype, device))
            return to(device)

        policy.to = move
        return policy

    monkeypatch.setattr(pipeline, "load_policy", noted)
    monkeypatch.setattr(pipeline, "process", Moved)
    work()
    assert moved == [(torch.bfloat16, Moved.device)] * 2  # sampled from before and after PPO
    for part in ("base", "reward", "policy"):
        assert dtypes(tmp_path / "run" / part) == {torch.bfloat16}
    job = json.loads((tmp_path / "run" / "policy" / "job.json").read_text())
    assert (job["dtype"], job["reward_dtype"], job["reward_batch_size"]) == (
        "bfloat16",
        "float32",
        5,
    )


def test_a_run_file_gives_every_setting_of_loading_to_the_reward_model(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "dtype": "bfloat16",
        "attn_implementation": "eager",
        "trust_remote_code": True,
    }
    run = read(run_file(tmp_path, **values))
    job = run.reward_job("tiny")
    assert {name: getattr(job, name) for name in LOADING} == values | {"load_in_4bit": False}
    with pytest.raises(ValueError, match="not for a tiny one"):
        read(run_file(tmp_path, load_in_4bit=True))
    with pytest.raises(ValueError, match=r"set \[reward\] lora_rank"):
        read(run_file(tmp_path, load_in_4bit=True, name="smollm2"))


# --- devices and attention


@pytest.mark.parametrize("device", ["cuda:77", "foo", "meta"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_loaded(
    device: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"prompt": "the fox", "response": "a dog"}) + "\n")
    people = tmp_path / "people.csv"
    people.write_text("annotator_id,likes\na,dogs\n")
    _, *files = rankings(tmp_path)
    out = tmp_path / "out"
    monkeypatch.setattr(torch.nn.Module, "to", None)  # nothing is moved
    for name, given in (
        ("reward_device", arguments("--reward", "reward", "--out", out, "--reward-device", device)),
        ("device", ["score", "reward", texts, "--device", device]),
        ("device", ["jury", "reward", *files, "--annotators", people, "--device", device]),
    ):
        said = refused(rlchf(*given))
        assert f"{name} is '{device}', " in said
        assert "choose " in said
    assert not out.exists()


def test_devices_that_are_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [torch.device("cuda", n) for n in range(2)])
    for name in ("", "auto", "cpu", "cuda", "cuda:1"):
        devices.check_device(name, "device")
    with pytest.raises(
        ValueError, match=r"and this machine has cuda:0, cuda:1; choose cpu, cuda:0,"
    ):
        devices.check_device("cuda:2", "device")
    monkeypatch.setattr(devices, "devices", list)
    with pytest.raises(
        ValueError, match="and torch finds no GPU here; choose cpu or auto, or leave"
    ):
        devices.check_device("cuda", "device")


def test_a_reward_model_is_not_read_for_a_device_that_is_not_there(folder: Path) -> None:
    with pytest.raises(ValueError, match="device is 'foo', which names no device"):
        RewardModel.load(folder / "reward", "foo")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("foo", "attn_implementation is 'foo'; choose from eager, "),
        ("sdpaa", "did you mean sdpa?"),
        ("flash_attention_2", "attn_implementation is 'flash_attention_2', with which '"),
    ],
)
@pytest.mark.parametrize("model", ["tiny", "policy"])
def test_attention_that_a_model_has_not_is_refused_before_anything_is_read(
    model: str, name: str, message: str, folder: Path, tmp_path: Path
) -> None:
    if find_spec("flash_attn") and name in message:
        pytest.skip("flash_attn is installed")
    out, how = tmp_path / "out", ("--attn-implementation", name)
    given = arguments("--reward", "tastes:vowels", "--out", out, *how)
    files = rankings(tmp_path)
    said = [
        rlchf(*given, "--policy", model),
        rlchf("reward", *files, "--model", model, "--out", out, *how),
        rlchf("sample", "--policy", model, "--prompts", files[2], "--out", f"{out}.jsonl", *how),
    ]
    for done in said:
        assert message in refused(done)
    with pytest.raises(ValueError, match=re.escape(message)):
        pipeline.start(
            run_file(
                tmp_path,
                str(folder / model) if model != "tiny" else model,
                attn_implementation=name,
            )
        )
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_tiny_model_computes_with_the_attention_that_is_asked_for() -> None:
    from rlchf.train.models.arguments import as_loaded
    from tests.support.tiny_models import tiny_llama

    model = as_loaded(tiny_llama(), Loading(attn_implementation="eager"))
    assert model.config._attn_implementation == "eager"
