"""Share targets as a reward of TRL: their settings, their multipliers, and what is warned of."""

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from rlchf.integrations.trl import reward

GRPO: dict[str, Any] = {"beta": 0.5, "num_generations": 4, "scale_rewards": "none"}


def vowels(prompts: list[Any], responses: list[str]) -> list[float]:
    return [float(sum(c in "aeiou" for c in text)) for text in responses]


def is_short(text: str) -> bool:
    return len(text) < 5


SHORT: dict[str, Any] = {
    "combine": "share_targets",
    "targets": {"short": 0.5},
    "labels": {"short": is_short},
}
TEXTS = ["aa", "eee", "oi", "a long one", "another one"] * 20


def test_share_targets_take_targets_labels_and_beta_and_are_pickled() -> None:
    shares = reward(vowels, beta=0.5, **SHORT)
    with pytest.warns(UserWarning, match="found from the first batch, 100 texts"):
        first = shares(prompts=["p"] * 100, completions=TEXTS)
    again = pickle.loads(pickle.dumps(shares))
    second = shares(prompts=["p"] * 100, completions=TEXTS)
    assert again(prompts=["p"] * 100, completions=TEXTS) == second
    assert first[3] - first[0] < second[3] - second[0], "too few long texts are paid more"
    with pytest.raises(ValueError, match="'target'; did you mean"):
        reward(vowels, combine="share_targets", target={"short": 0.5})


def test_share_targets_are_fitted_to_samples_and_log_shares_and_multipliers() -> None:
    chat = [[{"role": "assistant", "content": text}] for text in TEXTS]
    shares = reward(vowels, config=SimpleNamespace(**GRPO), **SHORT).fit(["p"] * 100, chat)
    logged: dict[str, float] = {}
    shares(prompts=["p"] * 100, completions=TEXTS, log_metric=logged.__setitem__)  # and no warning
    assert logged["rewards/share_targets/share of short"] == 0.6
    multipliers = [
        logged[f"rewards/share_targets/multiplier of {name}"] for name in ("short", "other")
    ]
    assert multipliers[0] < multipliers[1], "0.6 of the texts are short, and 0.5 should be"
    with pytest.raises(ValueError, match="vowels learns nothing from samples; leave fit out"):
        reward(vowels).fit(["p"], ["a"])


def test_the_trainers_settings_give_beta_and_the_number_of_completions() -> None:
    shares = reward(vowels, config=SimpleNamespace(**GRPO), **SHORT)
    direct = reward(vowels, beta=0.5, **SHORT)
    for one in (shares, direct):
        one.fit(["p"] * 100, TEXTS)
    batch: dict[str, Any] = {"prompts": ["p"] * 5, "completions": TEXTS[:5]}
    assert shares(**batch) == direct(**batch)
    vote = reward(vowels, combine="gdpo", config=SimpleNamespace(**GRPO | {"num_generations": 2}))
    a, b, c, d = vote(prompts=["p"] * 4, completions=["a", "b", "aa", "bbb"])
    assert (a, b) == pytest.approx((c, d), rel=1e-3), "two groups of two"


@pytest.mark.parametrize(
    ("combine", "settings", "message"),
    [
        (
            "share_targets",
            {"scale_rewards": "group"},
            "scale_rewards 'group' divides them .* further from the reference",
        ),
        ("share_targets", {"scale_rewards": "batch"}, "scale_rewards 'batch' divides them"),
        ("share_targets", {"normalize_advantages": True}, "normalize_advantages divides them"),
        (
            "win_share",
            {"scale_rewards": True},
            "win_share keeps shares by .* no share is then kept",
        ),
        (
            "gdpo",
            {"scale_rewards": "group"},
            "divides their sum by its standard deviation once more",
        ),
    ],
)
def test_settings_that_divide_the_scores_are_warned_of(
    combine: str, settings: dict[str, Any], message: str
) -> None:
    given = SHORT if combine == "share_targets" else {"combine": combine}
    with pytest.warns(UserWarning, match=message):
        reward(vowels, config=SimpleNamespace(**GRPO | settings), **given)
    reward(
        vowels, combine="sum", config=SimpleNamespace(**GRPO | settings)
    )  # a warning would be an error


@pytest.mark.parametrize(
    ("beta", "given", "message"),
    [
        (0.0, {}, "beta of the trainer is 0, from which no multipliers"),
        (0.2, {"beta": 0.5}, "beta is 0.5, and that of the trainer is 0.2; leave beta out"),
    ],
)
def test_a_trainer_without_the_kl_penalty_of_the_multipliers_is_refused(
    beta: float, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        reward(vowels, config=SimpleNamespace(**GRPO | {"beta": beta}), **SHORT, **given)
