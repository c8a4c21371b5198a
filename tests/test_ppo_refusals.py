"""What PPO refuses."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlchf.train.ppo import PPOConfig, ppo
from tests.ppo_runs import PROMPTS, SMALL, vowels
from tests.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer


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
        ({"updates": 0}, "updates is 0; it must be above 0"),
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
        ({"reference": "uniform", "kl_estimator": "k3"}, "needs a distribution to compare with"),
        ({"stop": "###"}, r'write it as a list, \["###"\]'),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPOConfig(**options)


def test_importing_the_loop_brings_in_neither_peft_nor_the_trainer() -> None:
    code = "import sys, rlchf.train.ppo; print([m for m in sys.modules if m in sys.argv])"
    unwanted = ["peft", "transformers.trainer"]
    found = subprocess.run(
        [sys.executable, "-c", code, *unwanted], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_a_critic_beside_advantages_that_take_none_is_refused(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"advantages": "rloo", "responses_per_prompt": 2})
    args = (tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    with pytest.raises(ValueError, match="advantages is 'rloo', which takes no critic"):
        ppo(tiny_llama(), *args, critic=tiny_classifier())


def test_a_measurement_with_the_name_of_a_figure_is_refused(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    with pytest.raises(ValueError, match="measure returned 'kl', a name that PPO's own"):
        ppo(tiny_llama(), *args, measure=lambda p, r: {"kl": 1.0})


@pytest.mark.parametrize("name", ["clearml", "tensorbord"])
def test_a_tracker_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"report_to": name})
    with pytest.raises(ValueError, match=name):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
