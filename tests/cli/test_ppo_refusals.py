"""What `rlchf ppo` refuses before it writes anything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import refused, rlchf
from tests.support.ppo_jobs import arguments, job_folder, tune, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    yield from job_folder(tmp_path_factory.mktemp("ppo"))


BOTH: dict[str, Any] = {"reward": ("tastes:vowels", "tastes:brief")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kl_coeff": 1}, "no setting 'kl_coeff'; did you mean kl_coef"),
        ({"gamma": "high"}, "gamma is 'high'; it must be of type float"),
        ({"kl_in": "los"}, "kl_in is 'los'; choose from reward, loss; did you mean loss"),
        ({"stop_tokens": 5}, r"stop_tokens is 5; write it as a list, \[5\]"),
        ({"stop_tokens": [""]}, "'' is no text; give texts that appear in a response"),
        ({"batch_size": 10}, "batch_size 10 is not a multiple of minibatch_size 4"),
        ({"config": "nowhere.toml"}, "nowhere.toml: there is no such file"),
        ({"config": "tastes.py"}, "tastes.py is not a TOML file"),
        ({"policy": "nowhere"}, "unknown model 'nowhere'"),
        ({"policy": "alike"}, "'alike' is a LlamaForSequenceClassification, which writes no text"),
        ({"prompts": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"prompts": "bad.jsonl"}, r"bad.jsonl, line 2: there is no key 'prompt'"),
        (
            {"prompts": "long.jsonl"},
            r"long.jsonl: prompt 'p2' has \d+ tokens, with 6 new ones more",
        ),
        ({"reward": ("nowhere",)}, "reward 'nowhere' is no folder; give a reward model's folder"),
        ({"reward": ("tastes:no",)}, "'tastes:no', which names no function .*no attribute 'no'"),
        ({"reward": ("tastes:number",)}, "'tastes:number', an int; name a function"),
        ({"reward": ("empty",)}, "reward folder 'empty' has no config.json"),
        ({"reward": ("conditioned",)}, "is conditioned on annotator features"),
        ({"reward": ("policy",)}, "the model in policy has 2 outputs"),
        ({"reward": ("reward", "reward")}, "reward 'reward' is given twice"),
        (BOTH, "there are 2 rewards; choose by --combine how they become one: sum, vote, max_min"),
        (BOTH | {"combine": "sum", "weights": "1"}, "1 weights for 2 rewards; give one for each"),
        (
            BOTH | {"combine": "sum", "weights": "1;2"},
            "--weights is '1;2'; write a number for each",
        ),
        (
            BOTH | {"combine": "max_min", "weights": "1,2"},
            "--combine max_min takes no weights; leave --weights out",
        ),
        (BOTH | {"combine": "self_play", "weights": "1,0"}, "a voter's weight is 0"),
        (
            {"weights": "2"},
            "--weights are for several rewards combined into one; choose how by --combine",
        ),
        (BOTH | {"combine": "vote"}, "--combine vote needs --rule"),
        (BOTH | {"combine": "sum", "rule": "borda"}, "--rule borda is the rule of a vote"),
        (BOTH | {"combine": "vote", "rule": "bordda"}, "did you mean borda"),
        (BOTH | {"combine": "vote", "rule": "borda", "option": {"k": 1}}, "has no option 'k'"),
        (BOTH | {"combine": "vote", "rule": "borda"}, "set --responses-per-prompt to 2 or more"),
        (BOTH | {"combine": "max_min", "option": {"stepp": 1}}, "'stepp'; did you mean step"),
        (
            BOTH | {"combine": "max_min", "option": {"step": "x"}},
            "option step is 'x'; it must be of",
        ),
        ({"option": {"step": 1}}, "a reward as it is has no option 'step'; it has none"),
        ({"label": {"short": "tastes:tall"}}, "label short is 'tastes:tall', which names no"),
        ({"report_to": "tensorbord"}, "tensorbord"),
        ({"critic": "nowhere"}, "critic 'nowhere' is no folder; give a reward model's folder"),
        ({"critic": "conditioned"}, "is conditioned on annotator features"),
        (
            {"critic": "reward"},
            r"--critic reward and --policy policy do not fit: the critic is a GPT2Model with \d+",
        ),
        ({"critic": "renumbered"}, "--critic renumbered and --policy policy .* number the tokens"),
        (
            {"critic": "alike", "advantages": "rloo", "responses_per_prompt": 2},
            "advantages is 'rloo', which takes no critic; leave --critic out",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    write(folder / "bad.jsonl", [{"prompt_id": "a", "prompt": "Hi"}, {"prompt_id": "b"}])
    long = [{"prompt_id": "p1", "prompt": "fox"}, {"prompt_id": "p2", "prompt": "z" * 130}]
    write(folder / "long.jsonl", long)
    for name in ("empty", "conditioned"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "conditioned" / "config.json").write_text("{}")
    (folder / "conditioned" / "conditioning.json").write_text("{}")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        tune(tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


def test_a_sampler_that_is_not_installed_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlchf.train.ppo.samplers.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="'vllm', which is not installed"):
        tune(tmp_path / "out", sampler="vllm")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--kl-coeff", 1], "No such option: --kl-coeff"),
        (["--gamma", "high"], "Invalid value for '--gamma'"),
        (["--label", "short"], "'short' lacks a value; write it as name=value"),
        (["--weights", "1;2"], "--weights is '1;2'; write a number for each"),
        (["--resume", "nowhere"], "--resume reads policy from the folder"),
    ],
)
def test_what_the_command_cannot_read_is_refused(
    folder: Path, tmp_path: Path, more: list[object], message: str
) -> None:
    reward = ("--reward", "tastes:vowels", "--reward", "tastes:brief", "--combine", "sum")
    done = rlchf(*arguments(*reward, "--out", tmp_path / "out", *more))
    assert message in refused(done)
    assert not list(tmp_path.iterdir())
