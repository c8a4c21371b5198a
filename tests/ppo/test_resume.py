"""Stopping a PPO run and going on with it."""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo
from rlchf.train.ppo import optimise as optimise_module
from rlchf.train.ppo.checkpoint import append_rows, keep_rows
from rlchf.train.ppo.objectives import policy_loss
from rlchf.train.ppo.rewards import LoggedReward, Vote
from rlchf.train.reward.model import Readout, RewardModel
from tests.support.ppo_runs import PROMPTS, SMALL, lines, noisy, vowels, weights
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer


def stopping(at: int, stop: Callable[[], None]) -> Callable[..., Tensor]:
    """`noisy`, except that it calls `stop` on the given call."""
    calls = 0

    def reward(prompts: list[Any], responses: list[str]) -> Tensor:
        nonlocal calls
        calls += 1
        scores = noisy(prompts, responses)
        if calls == at:
            stop()
        return scores

    return reward


def interrupt() -> None:
    raise KeyboardInterrupt


def crash() -> None:
    raise OSError("the reward's server is gone")


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


STOPPED: dict[str, Any] = SMALL | {
    "updates": 5,
    "checkpoint_every": 2,
    "lr_schedule": "linear",
}


@pytest.fixture(
    scope="module", params=[0, pytest.param(2, marks=pytest.mark.slow)], ids=["full", "lora"]
)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PPOConfig, Path, Tensor]:
    """A run that nothing stops: its settings, its folder and the weights it ends with."""
    config, out = (
        PPOConfig(**STOPPED | {"lora_rank": request.param}),
        tmp_path_factory.mktemp("ppo"),
    )
    return config, out, weights(ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, out))


@pytest.mark.parametrize(
    ("stop", "error", "saved"),
    [
        (interrupt, KeyboardInterrupt, 3),  # in the fourth update: back to the third
        (crash, OSError, 3),  # nor does an error of the reward lose an update that is complete
        (terminate, KeyboardInterrupt, 4),  # the update in progress is finished
        (press_ctrl_c, KeyboardInterrupt, 4),
    ],
)
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    whole: tuple[PPOConfig, Path, Tensor],
    stop: Callable[[], None],
    error: type[BaseException],
    saved: int,
    tmp_path: Path,
) -> None:
    config, expected, expected_weights = whole
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    out = tmp_path
    with pytest.raises(error):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, stopping(4, stop), config, out)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert torch.load(out / "checkpoint" / "state.pt")["done"] == saved
    assert not (out / "config.json").exists(), "a policy is there only when it is finished"
    with (out / "samples.jsonl").open("ab") as file:
        file.write('{"update": 5, "response": "é'.encode()[:-1])  # as a kill leaves it
    resumed = ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, out, resume=True)
    assert torch.equal(weights(resumed), expected_weights)
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert lines(out / name) == lines(expected / name)
    critics = [folder / "critic.safetensors" for folder in (out, expected)]
    assert critics[0].read_bytes() == critics[1].read_bytes()


@pytest.mark.slow
def test_a_finished_run_can_be_given_more_updates(tmp_path: Path) -> None:
    def run(updates: int, out: Path) -> Tensor:
        config = PPOConfig(**SMALL | {"updates": updates})
        policy = tiny_llama()
        return weights(ppo(policy, tiny_tokenizer(), PROMPTS, noisy, config, out, resume=True))

    short = run(2, tmp_path / "parts")
    assert torch.equal(run(2, tmp_path / "parts"), short), "nothing left to do"
    assert torch.equal(run(4, tmp_path / "parts"), run(4, tmp_path / "whole"))


def test_rows_are_kept_whatever_line_breaks_are_in_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    rows = [{"update": i, "response": "a\u2028b\x85c\r\nd\x0c"} for i in (1, 2, 3)]
    append_rows(path, rows)
    keep_rows(path, 2)
    assert lines(path) == rows[:2]


def test_a_policy_is_in_the_folder_only_while_its_run_is_finished(tmp_path: Path) -> None:
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    assert (tmp_path / "config.json").exists()
    reward = stopping(1, interrupt)
    with pytest.raises(KeyboardInterrupt):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, reward, PPOConfig(**SMALL), tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_a_run_that_is_not_resumed_starts_afresh(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL)
    first = weights(ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path))
    again = weights(ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path))
    assert torch.equal(first, again)
    assert [row["update"] for row in lines(tmp_path / "metrics.jsonl")] == [1, 2, 3]


def test_resuming_with_other_settings_is_refused_by_name(tmp_path: Path) -> None:
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    other = PPOConfig(**SMALL | {"kl_coef": 0.2, "temperature": 0.5})
    with pytest.raises(ValueError, match=r"temperature=1\.0 and cannot .* temperature=0\.5"):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, other, tmp_path, resume=True)


@pytest.mark.slow
def test_a_resumed_run_may_learn_at_other_rates_and_with_another_kl_coefficient(
    tmp_path: Path,
) -> None:
    def run(**options: Any) -> Tensor:
        config = PPOConfig(**SMALL | options)
        policy = tiny_llama()
        return weights(ppo(policy, tiny_tokenizer(), PROMPTS, noisy, config, tmp_path, resume=True))

    def critic() -> bytes:
        return (tmp_path / "critic.safetensors").read_bytes()

    before, values = run(), critic()
    assert torch.equal(run(updates=4, learning_rate=0.0, kl_coef=0.2), before)
    assert critic() != values
    values = critic()
    assert not torch.equal(
        run(updates=5, learning_rate=1e-3, value_learning_rate=0.0, kl_coef=0.3), before
    )
    assert critic() == values
    coefficients = [row["kl_coef"] for row in lines(tmp_path / "metrics.jsonl")]
    assert coefficients == [0.05, 0.05, 0.05, 0.2, 0.3]
    assert json.loads((tmp_path / "ppo_config.json").read_text())["kl_coef"] == 0.3


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"learning_rate": 1e-3}, None),  # as if nothing had changed
        ({"kl_coef": 0.7}, 0.7),
        ({"kl_schedule_target": 50.0}, None),  # it counts from the next update on
        ({"kl_schedule": "fixed"}, 0.2),
        ({"kl_schedule": "linear", "kl_coef_end": 1.2, "kl_horizon": 4}, 0.2 + 0.5),
    ],
)
def test_an_adaptive_kl_coefficient_goes_on_unless_it_is_set_anew(
    changed: dict[str, Any], expected: float | None, tmp_path: Path
) -> None:
    adaptive = {
        "kl_schedule": "adaptive",
        "kl_schedule_target": 0.01,
        "kl_horizon": 2,
        "kl_coef": 0.2,
    }
    config = PPOConfig(**SMALL | adaptive | {"updates": 2})
    args = (tiny_tokenizer(), PROMPTS, vowels)
    ppo(tiny_llama(), *args, config, tmp_path)
    carried = torch.load(tmp_path / "checkpoint" / "state.pt")["carried"][0]["kl_coef"]
    assert carried != 0.2
    ppo(tiny_llama(), *args, replace(config, updates=3, **changed), tmp_path, resume=True)
    row = lines(tmp_path / "metrics.jsonl")[2]
    assert row["kl_coef"] == pytest.approx(carried if expected is None else expected)


@pytest.mark.slow
def test_an_interrupted_save_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = PPOConfig(**SMALL | {"updates": 4, "checkpoint_every": 1})
    saved = torch.save
    calls = 0

    def half(state: Any, path: Path) -> None:
        nonlocal calls
        calls += 1
        saved(state, path)
        if calls == 3:
            path.write_bytes(path.read_bytes()[:1000])
            raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path / "parts")
    assert torch.load(tmp_path / "parts" / "checkpoint" / "state.pt")["done"] == 2
    args = (tiny_tokenizer(), PROMPTS, noisy, config)
    resumed = ppo(tiny_llama(), *args, tmp_path / "parts", resume=True)
    assert torch.equal(weights(resumed), weights(ppo(tiny_llama(), *args, tmp_path / "whole")))


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def broken(*args: Any) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        loss, clipped = policy_loss(*args)
        return loss * (math.nan if calls == 10 else 1), clipped  # 4 calls an update

    monkeypatch.setattr(optimise_module, "policy_loss", broken)
    config = PPOConfig(**SMALL | {"updates": 4, "checkpoint_every": 1})
    policy = tiny_llama()
    with pytest.raises(
        FloatingPointError, match="update 3: the loss or its gradient is not a finite"
    ):
        ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    assert weights(policy).isfinite().all()
    state = torch.load(tmp_path / "checkpoint" / "state.pt")
    assert state["done"] == 2
    assert all(w.isfinite().all() for w in state["weights"].values())


def test_a_run_without_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no prompts"):
        ppo(tiny_llama(), tiny_tokenizer(), [], vowels, PPOConfig(**SMALL), tmp_path)


def test_the_loop_runs_outside_the_main_thread(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL | {"updates": 1}), tmp_path)
    thread = threading.Thread(target=lambda: ppo(tiny_llama(), *args))
    thread.start()
    thread.join()
    assert (tmp_path / "config.json").exists()


class Growing:
    """A reward with a state: each batch is worth more than the one before."""

    def __init__(self, stop_at: int = 0) -> None:
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, prompts: list[Any], responses: list[str]) -> Tensor:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        return self.calls * noisy(prompts, responses)

    def state_dict(self) -> dict[str, int]:
        return {"calls": self.calls}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.calls = state["calls"]


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [1, 4])
@pytest.mark.parametrize(
    "options",
    [
        {"critic_warmup": 3},
        {"advantages": "rloo", "responses_per_prompt": 2, "kl_in": "loss", "kl_estimator": "k2"},
    ],
)
def test_kl_coefficient_moments_and_the_rewards_state_are_resumed_too(
    options: dict[str, Any], stop_at: int, tmp_path: Path
) -> None:
    adaptive = {
        "kl_schedule": "adaptive",
        "kl_schedule_target": 0.01,
        "kl_horizon": 2,
        "kl_coef": 0.2,
    }
    config = PPOConfig(**STOPPED | adaptive | {"normalise_reward": True} | options)
    args = (tiny_tokenizer(), PROMPTS)
    whole = ppo(tiny_llama(), *args, Growing(), config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        ppo(tiny_llama(), *args, Growing(stop_at), config, tmp_path / "parts")
    parts = ppo(tiny_llama(), *args, Growing(), config, tmp_path / "parts", resume=True)
    assert torch.equal(weights(parts), weights(whole))
    rows = lines(tmp_path / "whole" / "metrics.jsonl")
    assert lines(tmp_path / "parts" / "metrics.jsonl") == rows
    assert len({row["kl_coef"] for row in rows}) == 5, "the KL coefficient has moved"


@pytest.mark.slow
def test_a_policy_beyond_the_maximum_kl_is_not_saved(tmp_path: Path) -> None:
    config = PPOConfig(
        **STOPPED | {"updates": 50, "learning_rate": 3e-3, "checkpoint_every": 1, "max_kl": 1.0}
    )
    args = (tiny_tokenizer(), PROMPTS, vowels)
    with pytest.raises(
        FloatingPointError,
        match=r"update \d+: the KL divergence is .* and max_kl is 1; resume from the last checkpoint",
    ):
        ppo(tiny_llama(), *args, config, tmp_path)
    rows = lines(tmp_path / "metrics.jsonl")
    assert 2 < len(rows) < 50
    assert all(row["kl"] <= 1 for row in rows)
    done = len(rows)  # after which the policy was too far off
    state = torch.load(tmp_path / "checkpoint" / "state.pt")
    assert state["done"] == done - 1
    assert not (tmp_path / "checkpoint" / "previous.pt").exists()
    slower = replace(config, learning_rate=1e-5, max_kl=math.inf, updates=done + 1)
    ppo(tiny_llama(), *args, slower, tmp_path, resume=True)
    assert len(lines(tmp_path / "metrics.jsonl")) == done + 1
    assert not (tmp_path / "checkpoint" / "previous.pt").exists()


def test_a_run_without_a_checkpoint_within_the_maximum_kl_is_to_begin_anew(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"checkpoint_every": 1, "max_kl": 1e-9})
    with pytest.raises(
        FloatingPointError, match=r"update 2: .* begin anew .* no checkpoint before"
    ):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)


def test_a_kl_divergence_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    with pytest.raises(FloatingPointError, match="update 1: the KL divergence is nan nats"):
        PPO(Setup(tiny_llama(), *args)).check_kl(math.nan)


@pytest.mark.slow
def test_a_kill_between_two_files_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    config = PPOConfig(**STOPPED)
    args = (tiny_tokenizer(), PROMPTS, noisy)
    with pytest.raises(OSError, match="server"):
        ppo(tiny_llama(), *args[:2], stopping(4, crash), config, tmp_path / "parts")
    folder = tmp_path / "parts" / "checkpoint"
    (folder / "state.pt").rename(folder / "previous.pt")
    parts = ppo(tiny_llama(), *args, config, tmp_path / "parts", resume=True)
    assert torch.equal(weights(parts), weights(ppo(tiny_llama(), *args, config, tmp_path / "a")))


def test_a_run_goes_on_only_from_the_policy_and_the_prompts_it_began_with(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 2})
    policy, more = tiny_llama(), replace(config, updates=3)
    ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    with pytest.raises(ValueError, match=r"the policy is not the one .* load that one again"):
        ppo(policy, tiny_tokenizer(), PROMPTS, vowels, more, tmp_path, resume=True)
    with pytest.raises(ValueError, match=r"the prompts, .* are not those with which the run began"):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS[:4], vowels, more, tmp_path, resume=True)
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, more, tmp_path, resume=True)
    assert len(lines(tmp_path / "metrics.jsonl")) == 3


@pytest.mark.parametrize("combined", [False, True])
def test_a_reward_model_that_was_fitted_again_is_noticed(combined: bool, tmp_path: Path) -> None:
    """The same weights and readout wherever they were loaded from, and alone or among others."""
    config = PPOConfig(**SMALL | {"updates": 2, "responses_per_prompt": 2})

    def reward(seed: int = 4, **readout: Any) -> Any:
        model = RewardModel(
            tiny_classifier(seed=seed), tiny_tokenizer(), readout=Readout(**readout)
        )
        model.model.config._name_or_path = str(tmp_path / str(time.monotonic_ns()))
        return Vote([LoggedReward(model), vowels], "borda") if combined else model

    def run(reward: Any, updates: int = 3) -> None:
        more = replace(config, updates=updates)
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, reward, more, tmp_path, resume=True)

    run(reward(), updates=2)
    for other in (reward(seed=5), reward(shift=(0.5,))):
        with pytest.raises(
            ValueError, match="a reward model is not the one with which the run began"
        ):
            run(other)
    run(reward())
    assert len(lines(tmp_path / "metrics.jsonl")) == 3


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 2})
    args = (tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    ppo(tiny_llama(), *args)
    (tmp_path / "checkpoint" / "state.pt").write_bytes(b"junk\n")
    with pytest.raises(ValueError, match=r"state\.pt is damaged .*; begin anew"):
        ppo(tiny_llama(), *args, resume=True)


def test_an_error_of_the_reward_says_what_is_saved(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, stopping(3, crash), PPOConfig(**STOPPED), tmp_path)
    with pytest.raises(OSError, match="server is gone") as caught:
        ppo(tiny_llama(), *args)
    assert caught.value.__notes__ == [f"2 updates are saved in {tmp_path}, and can be resumed"]


def test_a_maximum_gradient_norm_of_0_clips_nothing(tmp_path: Path) -> None:
    trained = []
    for norm in (0.0, 1e9):
        config = PPOConfig(**SMALL | {"max_grad_norm": norm})
        args = (tiny_tokenizer(), PROMPTS, vowels, config, tmp_path / str(norm))
        trained.append(weights(ppo(tiny_llama(), *args)))
    assert torch.equal(*trained)
    assert not torch.equal(trained[0], weights(tiny_llama()))


def test_a_checkpoint_without_a_newer_setting_has_its_default(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 1})
    args = (tiny_tokenizer(), PROMPTS, vowels)
    ppo(tiny_llama(), *args, config, tmp_path)
    file = tmp_path / "checkpoint" / "state.pt"
    state = torch.load(file)
    del state["config"]["long_prompts"]
    torch.save(state, file)
    more = replace(config, updates=2)
    with pytest.raises(ValueError, match="run with long_prompts='refuse' and cannot be resumed"):
        ppo(tiny_llama(), *args, replace(more, long_prompts="drop"), tmp_path, resume=True)
    ppo(tiny_llama(), *args, more, tmp_path, resume=True)
    assert len(lines(tmp_path / "metrics.jsonl")) == 2
