"""What PPO refuses."""

import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, get_peft_model

from rlchf.train.ppo import PPOConfig, Setup, ppo
from rlchf.train.ppo.rewards import GDPO, VoterPreferences, WinShare
from rlchf.train.resumable import training_arguments
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from tests.support.ppo_runs import PROMPTS, SMALL, vowels
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0] * 7, r"shape \(7,\) for 8 responses"),
        ([[1.0]] * 8, r"shape \(8, 1\) for 8 responses"),
        ([1.0, math.nan] * 4, "the reward of response 1 is nan"),
        ([1.0] * 7 + [math.inf], "the reward of response 7 is inf"),
    ],
)
def test_rewards_of_the_wrong_shape_or_not_finite_are_refused(
    scores: list[float], message: str, tmp_path: Path
) -> None:
    config = PPOConfig(**SMALL)
    with pytest.raises(ValueError, match=message):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, lambda p, r: scores, config, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 10, "minibatch_size": 4}, "batch_size 10 is not a multiple"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be above 0"),
        ({"updates": 0}, "updates is 0; it must be 1 or more"),
        ({"max_kl": math.nan}, "max_kl is nan; it must be above 0"),
        ({"entropy_coef": -1.0}, "entropy_coef is -1.0; it must be 0 or more"),
        (
            {"responses_per_prompt": 3},
            "minibatch_size 16 is not a multiple of responses_per_prompt",
        ),
        ({"advantages": "rloo"}, "set responses_per_prompt to 2 or more"),
        (
            {"advantages": "grpo", "responses_per_prompt": 2, "critic_warmup": 1},
            "no critic to warm up",
        ),
        ({"kl_in": "loss"}, "kl_estimator is 'k1', whose gradient is 0 on average; choose 'k2'"),
        ({"kl_schedule": "adaptive", "kl_coef": 0.0}, "kl_coef is 0, which no factor changes"),
        (
            {"kl_estimator": "k2"},
            "'k2', which there drives the policy away from the reference.*'k1'",
        ),
        (
            {"kl_estimator": "k3", "kl_in": "reward"},
            "'k3', which there drives .* or kl_in = 'loss'",
        ),
        ({"reference": "uniform", "kl_estimator": "k3"}, "needs a distribution to compare with"),
        ({"stop_tokens": "###"}, r'write it as a list, \["###"\]'),
        (
            {"reference": "Policy"},
            "reference is 'Policy'; choose from policy, uniform; did you mean",
        ),
        ({"kl_in": "rewards"}, "kl_in is 'rewards'; choose from reward, loss"),
        ({"kl_schedule": "adaptve"}, "kl_schedule is 'adaptve'; .* did you mean adaptive"),
        ({"lr_schedule": "cosine"}, "lr_schedule is 'cosine'; choose from constant, linear"),
        ({"advantages": "geae"}, "advantages is 'geae'; choose from gae, rloo, grpo"),
        ({"learning_rate": "1e-4"}, "learning_rate is '1e-4'; it must be of type float"),
        ({"batch_size": 8.0}, "batch_size is 8.0; it must be of type int"),
        ({"gamma": 5.0}, "gamma is 5.0; it must be 1 at most"),
        ({"missing_eos_penalty": -5.0}, "missing_eos_penalty is -5.0; it must be 0 or more"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPOConfig(**options)


def unmendable(policy: Any) -> Any:
    policy.generation_config.temperature = 0.5  # without do_sample
    policy.generation_config.top_p = 0.6
    return policy


def with_generation(**values: Any) -> Any:
    policy = tiny_llama()
    for name, value in values.items():
        setattr(policy.generation_config, name, value)
    return policy


def adapted(policy: Any) -> Any:
    return get_peft_model(policy, LoraConfig(r=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": {"updates": 3}}, "config is a dict; give a PPOConfig"),
        ({"prompts": "Hi there"}, "prompts is one string; give a list"),
        ({"prompts": []}, "there are no prompts"),
        ({"reward": "length"}, "reward is 'length'; give a RewardModel, or a function"),
        ({"critic": "reward/"}, "critic is 'reward/'; give a model, such as a RewardModel"),
        ({"policy": adapted(tiny_llama())}, r"has adapters already; merge them \(policy.merge_and"),
        (
            {"policy": unmendable(tiny_llama())},
            r"could not be saved with its generation_config \(`temperature`: `do_sample` is not set .*; "
            r'`top_p`: .* generation_config.json in its folder, for instance by "do_sample": true',
        ),
        (
            {"policy": with_generation(eos_token_id=[0, 99999])},
            "generation_config: eos_token_id names 99999, and the policy has tokens from 0 to 319",
        ),
        (
            {"policy": with_generation(do_sample=True, temperature=-1.0)},
            "generation_config: temperature is -1.0; it must be above 0",
        ),
        (
            {"policy": with_generation(do_sample=False, temperature=-1.0)},
            "generation_config: temperature is -1.0; it must be above 0",
        ),
        (
            {"policy": with_generation(do_sample=True, top_p="most")},
            "generation_config: top_p is 'most'; it must be a number",
        ),
        (
            {"policy": tiny_llama(70)},
            r"makes token \d+ of a prompt, and the policy knows 70 tokens",
        ),
        (
            {"measure": lambda p, r: 0.5},
            "measure returned 0.5; it must return numbers by their names",
        ),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_trained(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    arguments = {
        "policy": tiny_llama(), "tokenizer": tiny_tokenizer(), "prompts": PROMPTS, "reward": vowels,
        "config": PPOConfig(**SMALL), "out": tmp_path / "out",
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        ppo(**arguments | changes)
    if "measure" not in changes:
        assert not (tmp_path / "out").exists()


def test_a_reward_model_is_taken_as_a_critic(tmp_path: Path) -> None:
    tokenizer, config = tiny_tokenizer(), PPOConfig(**SMALL | {"updates": 1})
    reward_model = RewardModel(tiny_classifier(seed=4), tokenizer)
    for name, critic in (("model", reward_model.model), ("reward model", reward_model)):
        args = (tiny_llama(), tokenizer, PROMPTS, vowels, config, tmp_path / name)
        ppo(*args, critic=critic)
    one, other = (tmp_path / name / "critic.safetensors" for name in ("model", "reward model"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("learning_rate", "value_learning_rate", "warned"),
    [(1e-5, 1e-3, True), (1e-4, 1e-3, True), (1e-3, 1e-3, False), (1e-5, 1e-4, False)],
)
def test_a_learning_rate_too_large_for_a_whole_critic_is_warned_of(
    learning_rate: float, value_learning_rate: float, warned: bool, tmp_path: Path
) -> None:
    rates = {"learning_rate": learning_rate, "value_learning_rate": value_learning_rate}
    args = (tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL | rates), tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Setup(*args)
        assert not any("critic" in str(one.message) for one in caught)
        Setup(*args, critic=tiny_classifier())
    told = [str(one.message) for one in caught if "critic" in str(one.message)]
    assert told == (
        [
            "the critic is a whole model, and value_learning_rate is 0.001, which suits a linear layer; "
            "a model usually needs about 1e-05"
        ]
        * warned
    )


@pytest.mark.parametrize("options", [{"advantages": "grpo"}, {"normalise_reward": True}])
def test_settings_that_lose_the_shares_are_warned_of(
    options: dict[str, Any], tmp_path: Path
) -> None:
    people = VoterPreferences([vowels, lambda p, r: [float(len(text)) for text in r]], [6, 4])
    config = PPOConfig(**SMALL | {"updates": 1, "responses_per_prompt": 2} | options)
    args = (tiny_tokenizer(), PROMPTS, WinShare(people), config, tmp_path)
    with pytest.warns(
        UserWarning, match="WinShare keeps the shares at a KL coefficient of 1, and .* no share"
    ):
        ppo(tiny_llama(), *args)


def test_a_second_normalisation_of_gdpo_is_warned_of(tmp_path: Path) -> None:
    shared = SMALL | {"updates": 1, "responses_per_prompt": 2}
    both = GDPO([vowels, lambda p, r: [-float(len(text)) for text in r]], [1, 1])
    args = (tiny_tokenizer(), PROMPTS, both)
    with pytest.warns(UserWarning, match="GDPO normalises .* once more; choose 'rloo'"):
        ppo(tiny_llama(), *args, PPOConfig(**shared, advantages="grpo"), tmp_path / "grpo")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ppo(tiny_llama(), *args, PPOConfig(**shared, advantages="rloo"), tmp_path / "rloo")


@pytest.mark.slow
def test_importing_the_loop_brings_in_neither_peft_nor_the_trainer() -> None:
    code = "import sys, rlchf.train.ppo.loop; print([m for m in sys.modules if m in sys.argv])"
    unwanted = ["peft", "transformers.trainer"]
    done = subprocess.run(
        [sys.executable, "-c", code, *unwanted], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_critic_beside_advantages_that_take_none_is_refused(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"advantages": "rloo", "responses_per_prompt": 2})
    args = (tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    with pytest.raises(ValueError, match="advantages is 'rloo', which takes no critic"):
        ppo(tiny_llama(), *args, critic=tiny_classifier())


def test_a_measurement_with_the_name_of_a_figure_is_refused(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    with pytest.raises(ValueError, match="measure returned 'kl', a name that PPO's own"):
        ppo(tiny_llama(), *args, measure=lambda p, r: {"kl": 1.0})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "clearml",
            r"report_to \(--report-to\): clearml is not installed; pip install clearml, or",
        ),
        ("tensorbord", r"no tracker 'tensorbord'; did you mean tensorboard\?$"),
        ("papyrus", "no tracker 'papyrus'; choose from tensorboard, wandb, or none$"),
    ],
)
def test_a_tracker_that_is_not_there_is_refused(name: str, message: str, tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"report_to": name})
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=message):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clearml", "clearml is not installed; pip install clearml"),
        ("tensorbord", r"no tracker 'tensorbord'; did you mean tensorboard\?$"),
    ],
)
def test_a_trainer_of_transformers_refuses_such_a_tracker_too(
    name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        training_arguments(RewardConfig(report_to=name), tmp_path, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr_warmup": 3}, "lr_warmup is 3 and updates is 3, so that the learning rates rise to"),
        ({"critic_warmup": 4}, "critic_warmup is 4 and updates is 3, so that the policy does not"),
        ({"lr_warmup": 2, "critic_warmup": 2}, ""),
        ({"updates": 1, "lr_warmup": 1}, ""),
    ],
)
def test_a_run_that_ends_before_its_warm_up_is_warned_of(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config = PPOConfig(**SMALL | options)
        Setup(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    said = [str(one.message) for one in caught if "warmup" in str(one.message)]
    assert len(said) == bool(message)
    assert all(message in one for one in said)


def test_a_run_does_not_go_on_to_fewer_updates_than_it_has_done(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, vowels)
    ppo(tiny_llama(), *args, PPOConfig(**SMALL), tmp_path)
    before = (tmp_path / "ppo_config.json").read_bytes()
    with pytest.raises(ValueError, match="has done 3 updates already; to go on, set updates"):
        ppo(tiny_llama(), *args, PPOConfig(**SMALL | {"updates": 2}), tmp_path, resume=True)
    assert (tmp_path / "ppo_config.json").read_bytes() == before
