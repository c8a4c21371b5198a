"""Folders of models that are damaged or mean harm: one sentence, and no code of theirs is run."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlchf.train.models import chat_templates
from rlchf.train.models.load import load_policy, load_tokenizer
from rlchf.train.models.pretrained import not_numbers
from rlchf.train.models.text import prompt_ids
from rlchf.train.reward.model import RewardModel
from tests.support.cli import refused, rlchf
from tests.support.ppo_jobs import job_folder

Damage = Callable[[Path], object]
WEIGHTS = "model.safetensors"
CODE = "import pathlib\npathlib.Path({mark!r}).touch()\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from job_folder(tmp_path_factory.mktemp("untrusted"))


@pytest.fixture
def policy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "policy", tmp_path / "model"))


@pytest.fixture
def reward(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "alike", tmp_path / "model"))


def write(name: str, content: str | bytes) -> Damage:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def cut(name: str, size: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def remove(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()

    return damage


def config(**values: object) -> Damage:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def weights(change: Callable[[dict[str, torch.Tensor], str], object]) -> Damage:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        change(tensors, next(name for name in tensors if "q_proj" in name))
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    return damage


def no_numbers(tensors: dict[str, torch.Tensor], name: str) -> None:
    tensors[name][0, 0] = float("nan")


DAMAGES: list[tuple[Damage, str]] = [
    (cut(WEIGHTS, 0), "model.safetensors is damaged"),
    (cut(WEIGHTS, 5), "model.safetensors is damaged"),
    (cut(WEIGHTS, 20_000), "model.safetensors is damaged"),
    (write(WEIGHTS, "version https://git-lfs.github.com/spec/v1\n"), "model.safetensors is damaged"),
    (write(WEIGHTS, b"\n\0\0\0\0\0\0\0[1,2,3]   "), "model.safetensors is damaged"),
    (remove(WEIGHTS), "no file named model.safetensors"),
    (weights(lambda tensors, name: tensors.pop(name)), "q_proj.weight are missing"),
    (
        weights(lambda tensors, name: tensors.update({name: torch.zeros(3, 5)})),
        "q_proj.weight do not fit its config.json",
    ),
    (weights(no_numbers), "q_proj.weight are not numbers"),
    (write("config.json", ""), "config.json is not JSON"),
    (write("config.json", "[1]"), "config.json holds '[1]', and must hold a JSON object"),
    (write("config.json", "[" * 100_000), "config.json is not JSON"),
    (write("config.json", b"\xff\xfe\xfd"), "config.json"),
    (write("config.json", '{"model_type": "llama"}'), "describes 6,"),
    (config(model_type=["llama"]), "cannot be read"),
    (config(model_type="no_such"), "cannot be read"),
    (config(vocab_size="many"), "cannot be read"),
    (config(vocab_size=-3), "cannot be read"),
    (config(vocab_size=10**15), "describes "),
    (config(vocab_size=10**22), "cannot be read"),
    (config(num_attention_heads=0), "cannot be read"),
    (config(num_hidden_layers=4), "are missing"),
    (config(hidden_act="no_such"), "cannot be read"),
    (config(pad_token_id="x"), "cannot be read"),
    (config(dtype="float99"), "cannot be read"),
    (cut("tokenizer.json", 200), "the tokenizer of"),
    (write("tokenizer.json", "{}"), "the tokenizer of"),
    (write("tokenizer.json", b"\xff"), "the tokenizer of"),
    (write("tokenizer_config.json", "[]"), "tokenizer_config.json holds '[]'"),
    (write("tokenizer_config.json", '{"eos_token": 3}'), "the tokenizer of"),
    (write("adapter_config.json", "{"), "adapter_config.json is not JSON"),
    (write("adapter_config.json", "{}"), "has no adapter_model.safetensors"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(DAMAGES)))
def test_a_damaged_model_is_refused_in_one_sentence(
    number: int, policy: Path, tmp_path: Path
) -> None:
    damage, problem = DAMAGES[number]
    reward = Path(shutil.copytree("alike", tmp_path / "reward"))
    damage(policy)
    damage(reward)
    with pytest.raises(ValueError, match=re.escape(problem)) as raised:
        load_policy(policy), load_tokenizer(policy)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=re.escape(problem)):
        RewardModel.load(reward)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1]", "must hold a JSON object"),
        ("{", "is not JSON"),
        ('{"max_length": "x"}', "max_length is 'x'"),
        ('{"max_length": 0}', "max_length is 0; it must be 1 or more"),
        ('{"head": "no_such"}', "head is 'no_such'; choose from"),
        ('{"head": "categorical"}', "of a head with 10 outputs, and the model has 1"),
        ('{"shift": "x"}', "shift is 'x'"),
        ('{"shift": [1, 2, 3]}', "shift has 3 numbers"),
        ('{"shift": [NaN]}', "shift is [nan]; it must be a list of finite numbers"),
        ('{"quantile": []}', "quantile is []"),
    ],
)
def test_damaged_settings_of_a_reward_model_are_refused(
    text: str, problem: str, reward: Path
) -> None:
    (reward / "reward_config.json").write_text(text)
    with pytest.raises(ValueError, match=re.escape(problem)) as raised:
        RewardModel.load(reward)
    assert "reward_config.json" in str(raised.value)


def test_scores_that_are_no_numbers_are_not_written(reward: Path, tmp_path: Path) -> None:
    weights(lambda tensors, name: tensors["score.weight"].fill_(3e38))(reward)
    assert not not_numbers(RewardModel.load(reward).model)
    (tmp_path / "texts.jsonl").write_text('{"prompt": "the", "response": "fox"}\n')
    done = rlchf("score", reward, tmp_path / "texts.jsonl", "--out", tmp_path / "out.jsonl")
    assert "gives NaN or infinity for 1 of 1 texts" in refused(done)
    assert not (tmp_path / "out.jsonl").exists()


# --- code


class Touch:
    """What touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def with_code(folder: Path, mark: Path) -> None:
    names = {
        "AutoConfig": "evil.C",
        "AutoModelForCausalLM": "evil.M",
        "AutoTokenizer": ["evil.T", None],
    }
    names |= {"AutoModelForSequenceClassification": "evil.M"}
    config(model_type="evil", auto_map=names)(folder)
    path = folder / "tokenizer_config.json"
    told = json.loads(path.read_text()) | {"tokenizer_class": "T", "auto_map": names}
    path.write_text(json.dumps(told))
    (folder / "evil.py").write_text(CODE.format(mark=str(mark)))


@pytest.mark.parametrize("command", ["score", "sample"])
def test_code_of_a_model_is_not_run_and_nobody_is_asked(
    command: str, policy: Path, tmp_path: Path
) -> None:
    mark, files = tmp_path / "mark", tmp_path / "files.jsonl"
    with_code(policy, mark)
    files.write_text('{"prompt_id": "p", "prompt": "the", "response": "fox"}\n')
    given: dict[str, tuple[object, ...]] = {
        "score": ("score", policy, files, "--out", tmp_path / "o.jsonl"),
        "sample": ("sample", "--policy", policy, "--prompts", files, "--out", tmp_path / "o.jsonl"),
    }
    done = rlchf(*given[command], stdin="y\ny\ny\n")
    assert done.returncode == 2
    assert "set trust_remote_code (--trust-remote-code)" in done.stderr
    assert "[y/N]" not in done.stdout + done.stderr
    assert not mark.exists()
    assert not (tmp_path / "o.jsonl").exists()


def test_pickled_weights_are_read_as_weights_only(policy: Path, tmp_path: Path) -> None:
    tensors: dict[str, Any] = dict(load_file(policy / WEIGHTS))
    before = load_policy(policy).state_dict()
    (policy / WEIGHTS).unlink()
    torch.save(tensors, policy / "pytorch_model.bin")
    after = load_policy(policy).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    torch.save(tensors | {"more": Touch(tmp_path / "mark")}, policy / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match=r"pickled with more than weights, .* save it as safetensors"
    ):
        load_policy(policy)
    (policy / "pytorch_model.bin").write_text("hello" * 10_000)
    with pytest.raises(ValueError, match="cannot be read"):
        load_policy(policy)
    assert not (tmp_path / "mark").exists()


def test_a_name_on_the_hub_that_cannot_be_asked_brings_a_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"no local folder .* give the folder .*HF_HUB_OFFLINE=1"):
        load_policy("owner/nosuch")


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}", "{% for %}", "{{ messages.__class__.__mro__ }}", "{{ 1 / 0 }}",
        "{{ messages + 3 }}", "{% for i in range(999999999) %}{% endfor %}", "{% include '/etc/passwd' %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ a.b.c }}",
    ],
)  # fmt: skip
def test_a_chat_template_that_fails_is_a_sentence(template: str, policy: Path) -> None:
    tokenizer = load_tokenizer(policy)
    tokenizer.chat_template = template
    with pytest.raises(ValueError, match="chat template refuses the prompt"):
        prompt_ids(tokenizer, "Hi")


def test_a_chat_template_that_does_not_end_is_stopped(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_templates, "SECONDS", 0.2)
    loop = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    (policy / "chat_template.jinja").write_text(loop)
    with pytest.raises(ValueError, match=r"does not end in 0\.2 s of processor time"):
        prompt_ids(load_tokenizer(policy), "Hi")


def test_models_are_loaded_by_one_door() -> None:
    package = Path(chat_templates.__file__).parents[2]
    callers = {
        path.name
        for path in package.rglob("*.py")
        if re.search(r"\.from_pretrained\(\S", path.read_text())
    }
    doors = {"pretrained.py", "smollm2.py"}  # the second reads the wheel's own file
    assert callers <= doors
