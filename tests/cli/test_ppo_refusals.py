"""What `rlchf ppo` refuses before it writes anything."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.idle import idle_settings
from tests.support.cli import refused, rlchf
from tests.support.ppo_jobs import arguments, job_folder, tune, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    for folder in job_folder(tmp_path_factory.mktemp("ppo")):
        for name, generation in GENERATION.items():
            shutil.copytree(folder / "policy", folder / name)
            (folder / name / "generation_config.json").write_text(generation)
        yield folder


GENERATION = {
    "torn": "{not json",
    "listed": "[0]",
    "ended": '{"eos_token_id": [0, 99999]}',
    "greedy": '{"do_sample": false, "temperature": 0.5}',
}
"""Policies whose generation_config.json is wrong."""
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
        ({"policy": "torn"}, "torn/generation_config.json is not JSON"),
        ({"policy": "listed"}, "listed/generation_config.json holds"),
        ({"policy": "ended"}, "ended/generation_config.json: eos_token_id names 99999"),
        ({"policy": "greedy"}, 'correct greedy/generation_config.json, .* "do_sample": true'),
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
        (
            {"reward": ("policy",)},
            "in policy is a LlamaForCausalLM, a language model without .* rlchf reward --model",
        ),
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


IDLE = "which does nothing: it is for"
READ = "which is for reward models, and every reward is a function; leave it out"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--save-last", 2], f"save_last is 2, {IDLE} the policies that save_every writes"),
        (["--evaluate-every", 2], f"evaluate_every is 2, {IDLE} held-out prompts"),
        (["--kl-coef-end", 0.1], f"kl_coef_end is 0.1, {IDLE} the linear schedule"),
        (["--kl-horizon", 5], f"kl_horizon is 5, {IDLE} the adaptive and the linear schedule"),
        (["--kl-schedule-target", 5], f"kl_schedule_target is 5.0, {IDLE} the adaptive schedule"),
        (["--vllm-memory", 0.5], f"vllm_memory is 0.5, {IDLE} the sampler vllm"),
        (["--sampler", "continuous", "--sample-size", 9], f"{IDLE} the sampler generate"),
        (["--advantages", "rloo", "-n", 2, "--gamma", 0.9], f"gamma is 0.9, {IDLE} gae"),
        (["--advantages", "grpo", "-n", 2, "--no-whiten"], f"whiten is False, {IDLE} estimators"),
        (["--reward-device", "cpu"], f"reward_device is 'cpu', {READ}"),
        (["--reward-device", "cpu", "--critic", "alike"], f"reward_device is 'cpu', {READ}"),
        (["--reward-dtype", "bfloat16"], f"reward_dtype is 'bfloat16', {READ}"),
        (["--reward-max-length", 9], f"reward_max_length is 9, {READ}"),
        (["--reward-batch-size", 9], f"reward_batch_size is 9, {READ}"),
        (["--prompt-tokens", 9], "prompt_tokens is for --plan; leave it out"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    folder: Path, tmp_path: Path, more: list[object], message: str
) -> None:
    done = rlchf(*arguments("--reward", "tastes:vowels", "--out", tmp_path / "out", *more))
    assert message in refused(done)
    assert not list(tmp_path.iterdir())


def test_settings_that_do_something_beside_others_are_not_refused() -> None:
    config = PPOConfig(
        save_every=2, save_last=1, evaluate_every=2, kl_schedule="linear", kl_coef_end=0.1, kl_horizon=5,
        value_clip=0.1, gamma=0.9, sample_size=8,
    )  # fmt: skip
    assert not list(idle_settings(config, PPOConfig(), held_out=True))
    adaptive = PPOConfig(kl_schedule="adaptive", kl_schedule_target=2.0, kl_horizon=5)
    assert not list(idle_settings(adaptive, PPOConfig(), held_out=False))


def test_every_setting_that_may_be_idle_is_a_setting() -> None:
    changed: dict[str, Any] = {
        "save_last": 1, "evaluate_every": 1, "kl_schedule_target": 1.0, "kl_coef_end": 1.0, "kl_horizon": 1,
        "vllm_memory": 0.1, "value_learning_rate": 1.0, "value_clip": 1.0, "whiten": False, "gamma": 0.1,
        "gae_lambda": 0.1,
    }  # fmt: skip
    idle = PPOConfig(**changed, advantages="rloo", responses_per_prompt=2)
    names = [name for name, _ in idle_settings(idle, PPOConfig(), held_out=False)]
    assert sorted(names) == sorted(changed)
    assert not list(idle_settings(idle, idle, held_out=False)), "those of a run that goes on"


def test_a_run_that_has_done_its_updates_is_refused_and_left_as_it_is(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    tune(out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for more in ((), ("--clip", 0.1), ("--updates", 1, "--clip", 0.1), ("--updates", 3)):
        said = refused(rlchf("ppo", "--resume", out, *more))
        assert f"the run in {out} has done 3 updates already; to go on, set updates" in said
        assert "(--updates) to 4 or more" in said
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    drawn = rlchf("ppo", "--resume", out, "--plot")
    assert drawn.returncode == 0, drawn.stderr
    assert (out / "metrics.png").exists()
    done = rlchf("ppo", "--resume", out, "--updates", 4)
    assert done.returncode == 0, done.stderr
    assert "update 4" in done.stdout


def test_a_stopped_run_does_not_go_on_with_fewer_updates_than_are_done(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    tune(out)
    (out / "config.json").unlink()  # killed while the policy was written
    said = refused(rlchf("ppo", "--resume", out, "--updates", 2))
    assert "has done 3 updates already" in said
    done = rlchf("ppo", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert (out / "config.json").exists()


def test_a_stopped_run_keeps_settings_that_do_nothing_now(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tune(out, save_every=2, save_last=1)
    done = rlchf("ppo", "--resume", out, "--updates", 4, "--save-every", 0)
    assert done.returncode == 0, done.stderr
    said = refused(rlchf("ppo", "--resume", out, "--updates", 5, "--save-last", 2))
    assert "save_last is 2, which does nothing" in said
