"""The prompts of a run: which of them fit, and in which order they come."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.train.models.text import prompt_ids
from rlchf.train.ppo import PPO, PPOConfig, Setup
from rlchf.train.ppo.prompts import fit_prompts, prompt_at
from tests.models.test_text import in_front
from tests.support.ppo_runs import PROMPTS, SMALL, vowels
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer

LONG = "a committee votes on " * 30


def test_prompts_come_in_the_order_of_a_permutation_per_epoch() -> None:
    for seed, count in ((0, 7), (3, 1), (5, 12)):
        expected = [
            int(i)
            for epoch in range(3)
            for i in np.random.default_rng((seed, 3, epoch)).permutation(count)
        ]
        assert [prompt_at(p, count, seed) for p in range(3 * count)] == expected
        assert [prompt_at(p, count, seed) for p in reversed(range(3 * count))] == expected[::-1]


def test_an_epochs_order_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    generator = np.random.default_rng

    def counting(seed: Any) -> Any:
        made.append(seed)
        return generator(seed)

    monkeypatch.setattr(np.random, "default_rng", counting)
    for position in range(40, 140):  # 100 prompts, with a batch across two epochs
        prompt_at(position, 100, seed=97)
    assert made == [(97, 3, 0), (97, 3, 1)]


def setup(tmp_path: Path, prompts: list[Any], policy: Any = None, **options: Any) -> Setup:
    config = PPOConfig(**SMALL | options)
    return Setup(policy or tiny_llama(), tiny_tokenizer(), prompts, vowels, config, tmp_path)


def test_a_prompt_that_is_too_long_is_refused_by_name_and_counted(tmp_path: Path) -> None:
    message = "prompt 1 has .* tokens, with 6 new ones more than the model's 128 positions; shorten"
    with pytest.raises(ValueError, match=message + ".* drop or truncate_left$"):
        setup(tmp_path, ["the fox", LONG])
    with pytest.raises(ValueError, match=r"\(2 of 3 prompts are too long\)"):
        setup(tmp_path, ["the fox", LONG, LONG])
    with pytest.raises(ValueError, match=r"prompt 1 has .* tokens, more than max_prompt_length 8;"):
        setup(tmp_path, ["the", "the quick brown fox jumps over"], max_prompt_length=8)
    with pytest.raises(ValueError, match=r"positions; shorten the prompt or lower max_new_tokens$"):
        setup(tmp_path, ["the"], max_new_tokens=200, long_prompts="drop")


def test_prompts_that_are_too_long_are_dropped_and_counted(tmp_path: Path) -> None:
    prompts = ["the fox", LONG, "a dog", LONG + "!"]
    with pytest.warns(UserWarning, match="2 of 4 prompts are longer than 122 tokens, and are left"):
        inputs = setup(tmp_path, prompts, tiny_gpt2(), long_prompts="drop")
    assert inputs.prompts == ["the fox", "a dog"]
    assert len(inputs.encoded) == 2
    run = PPO(inputs)
    assert set(run.draw()[0]) == {"the fox", "a dog"}
    with pytest.raises(ValueError, match=r"1 of 1 prompts are longer .* so that none is left"):
        setup(tmp_path, [LONG], long_prompts="drop")


def test_prompts_that_are_too_long_lose_their_beginning_and_are_counted(tmp_path: Path) -> None:
    options = {"long_prompts": "truncate_left", "max_prompt_length": 9}
    with pytest.warns(UserWarning, match="1 of 2 prompts are longer than 9 tokens, and the policy"):
        inputs = setup(tmp_path, ["the fox", LONG], **options)
    whole = prompt_ids(tiny_tokenizer(), LONG)
    assert inputs.encoded == [prompt_ids(tiny_tokenizer(), "the fox"), whole[-9:]]
    assert inputs.prompts == ["the fox", LONG], "the reward reads all of it"
    prompts, rollout = PPO(inputs).draw()
    width = rollout.ids.shape[1] - rollout.response_mask.shape[1]
    assert (LONG in prompts, width) == (True, 9)


def test_what_stands_in_front_of_a_prompt_survives_its_truncation() -> None:
    tokenizer, bos = in_front(), in_front().bos_token_id
    with pytest.warns(UserWarning, match="1 of 1 prompts"):
        fitted = fit_prompts(
            tiny_llama(330), tokenizer, [LONG], 4, max_prompt_length=6, long_prompts="truncate_left"
        )
    assert fitted.encoded == [[bos, *prompt_ids(tokenizer, LONG)[-5:]]]
    assert (fitted.truncated, fitted.dropped) == (1, 0)


def test_prompts_that_fit_are_as_they_were(tmp_path: Path) -> None:
    plain = setup(tmp_path, PROMPTS)
    for choice in ("drop", "truncate_left"):
        other = setup(tmp_path, PROMPTS, long_prompts=choice, max_prompt_length=60)
        assert (other.encoded, other.prompts) == (plain.encoded, PROMPTS)
