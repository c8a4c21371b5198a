"""Share targets: multipliers from samples, whose text is whose, what is refused, and resumed runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlchf.jobs.ppo_rewards import Rewards
from rlchf.jobs.share_targets import read_targets
from rlchf.optima import share_constrained
from rlchf.train.ppo import PPOConfig, ppo
from rlchf.train.ppo.rewards import MaxMin, ShareTargets, WeightedSum
from rlchf.train.ppo.rewards.kinds import GroupKinds
from tests.support.bandit import Bandit
from tests.support.ppo_runs import PROMPTS, SMALL, lines, weights
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

Label = Callable[[str], object]
EMOJI: dict[str, Label] = {"emoji": lambda text: "🍵" in text}
THREE: dict[str, Label] = {
    "emoji": lambda text: "🍵" in text,
    "brief": lambda text: len(text) < 4,
}


def liking(prompts: list[Any], texts: list[str]) -> list[float]:
    """Plain texts by 5 more, and long ones by 0.1 a letter."""
    return [5.0 * ("🍵" not in text) + 0.1 * len(text) for text in texts]


def asked(count: int) -> list[Any]:
    return ["p"] * count


TEXTS = ["a cup of tea", "tea", "tea 🍵", "a cup 🍵"] * 50


OPTIMUM = share_constrained(
    np.full(4, 0.25), np.array(liking([], TEXTS[:4])), [1, 1, 0, 0], [0.4, 0.6], 0.2
)


def assert_optimal(scores: torch.Tensor) -> None:
    policy = np.exp(scores.numpy() / 0.2)
    np.testing.assert_allclose(policy / policy.sum(), OPTIMUM.policy, atol=1e-3)


def test_on_held_out_prompts_the_scores_are_those_of_the_closed_form() -> None:
    reward = ShareTargets({"r": liking}, {"emoji": 0.4}, EMOJI, beta=0.2)
    reward.fit(asked(200), TEXTS)
    assert reward.expected is not None
    np.testing.assert_allclose(reward.expected.shares, [0.4, 0.6], atol=1e-9)
    assert reward.expected.kl == pytest.approx(OPTIMUM.kl, abs=0.01)
    reward.moves = False
    assert_optimal(reward(asked(4), TEXTS[:4]))


def test_where_the_policy_is_optimal_the_scores_keep_it_there() -> None:
    """The log-ratio to the reference is the score over beta, so that no text gains."""
    reward = ShareTargets({"r": liking}, {"emoji": 0.4}, EMOJI, beta=0.2)
    reward.fit(asked(200), TEXTS)
    counts = (OPTIMUM.policy * 10_000).round().astype(int)
    texts = [text for text, count in zip(TEXTS[:4], counts, strict=True) for _ in range(count)]
    for _ in range(3):
        scores = reward(asked(len(texts)), texts)
    assert_optimal(scores[np.append(0, np.cumsum(counts)[:-1])])


def test_quality_has_the_mean_of_its_kind_taken_off() -> None:
    reward = ShareTargets({"r": liking}, {"emoji": 0.5}, EMOJI, beta=1.0)
    reward.fit(asked(200), TEXTS)
    raised = [reward.multipliers[name] for name in ("other", "other", "emoji", "emoji")]
    scores = reward(asked(4), TEXTS[:4]) - torch.tensor(raised)
    torch.testing.assert_close(scores, torch.tensor([0.45, -0.45, -0.1, 0.1]), atol=1e-4, rtol=0)


def test_too_small_a_share_is_paid_more_from_batch_to_batch() -> None:
    reward = ShareTargets({"r": liking}, {"emoji": 0.5}, EMOJI, beta=1.0)
    reward.fit(asked(200), TEXTS)
    before = reward.multipliers["emoji"]
    first = reward(asked(64), ["tea", "tea", "tea", "tea 🍵"] * 16)
    second = reward(asked(64), ["tea", "tea", "tea", "tea 🍵"] * 16)
    assert second[3] - second[0] > first[3] - first[0]
    assert reward.multipliers["emoji"] > before
    assert reward.figures()["share of emoji"] == 0.25
    balanced = ShareTargets({"r": liking}, {"emoji": 0.5}, EMOJI, beta=1.0)
    balanced.fit(asked(200), TEXTS)
    balanced(asked(4), TEXTS[:4])
    assert balanced.multipliers["emoji"] == pytest.approx(before, abs=1e-9)


def test_the_correction_waits_until_the_shares_are_near_their_targets() -> None:
    """From 0.1 to 0.4 the penalty alone leads; what a correction gathers there would carry it too far."""
    reward = ShareTargets({"r": liking}, {"emoji": 0.4}, EMOJI, beta=1.0)
    reward.fit(asked(200), ["tea"] * 180 + ["tea 🍵"] * 20)
    before = reward.multipliers["emoji"]
    reward(asked(64), ["tea"] * 58 + ["tea 🍵"] * 6)
    assert reward.multipliers["emoji"] == before
    for _ in range(3):
        reward(asked(64), ["tea"] * 42 + ["tea 🍵"] * 22)
    assert reward.multipliers["emoji"] > before


def test_half_of_the_gains_moves_the_multipliers_a_quarter_of_the_way() -> None:
    """The divergence within a kind grows with the square of what the kind's texts have gained."""
    multipliers = []
    for part in (0.0, 0.5, 1.0):
        reward = ShareTargets({"r": liking}, {"emoji": 0.4}, EMOJI, beta=0.2, step=0.0, window=1)
        reward.fit(asked(200), TEXTS)
        within = OPTIMUM.policy / np.array([0.6, 0.6, 0.4, 0.4])
        policy = 0.25 * (1 - part) + 0.5 * within * part  # the gain of a kind is linear in this
        counts = (policy * 100_000).round().astype(int)
        texts = [text for text, count in zip(TEXTS[:4], counts, strict=True) for _ in range(count)]
        reward(asked(len(texts)), texts)
        found = reward.multipliers
        multipliers.append(found["emoji"] - found["other"])
    start, half, end = multipliers
    assert (half - start) / (end - start) == pytest.approx(0.25, abs=0.01)
    assert start == pytest.approx(0.2 * np.log(0.4 / 0.6), abs=1e-3)


def test_each_prompt_may_have_its_own_multipliers() -> None:
    prompts = ["p"] * 100 + ["q"] * 100
    texts = (["tea"] * 9 + ["tea 🍵"]) * 10 + (["tea"] * 1 + ["tea 🍵"] * 9) * 10
    options: dict[str, Any] = {"beta": 0.5, "penalty": 0.0, "step": 0.0}
    shares = {}
    for per_prompt in (False, True):
        reward = ShareTargets(
            {"r": liking}, {"emoji": 0.4}, EMOJI, per_prompt=per_prompt, **options
        )
        reward.fit(prompts, texts)
        for prompt, share in (("p", 0.1), ("q", 0.9)):
            scores = reward([prompt] * 2, ["tea 🍵", "tea"]).double().numpy()
            odds = share / (1 - share) * np.exp((scores[0] - scores[1]) / 0.5)
            shares[per_prompt, prompt] = odds / (1 + odds)
    assert shares[False, "p"] < 0.2
    assert shares[False, "q"] > 0.6
    assert (shares[False, "p"] + shares[False, "q"]) / 2 == pytest.approx(0.4, abs=0.01)
    assert shares[True, "p"] == pytest.approx(0.4, abs=0.02)
    assert shares[True, "q"] == pytest.approx(0.4, abs=0.02)


def test_a_text_is_of_the_first_of_its_labels_in_the_order_of_the_targets() -> None:
    texts = ["🍵", "a cup of tea", "tea", "cups 🍵"] * 20
    for order, share in (("emoji", "brief"), 0.5), (("brief", "emoji"), 0.25):
        reward = ShareTargets({"r": liking}, dict.fromkeys(order, 0.3), THREE, beta=1.0)
        reward.fit(asked(80), texts)
        assert reward.figures()["share of emoji"] == share


# -- kinds by groups -------------------------------------------------------------------------------


def north(prompts: list[Any], texts: list[str]) -> list[float]:
    return [100.0 + len(text) for text in texts]


def south(prompts: list[Any], texts: list[str]) -> list[float]:
    return [-0.01 * len(text) for text in texts]


def test_a_text_is_of_the_group_that_gains_most_from_it_on_any_scale() -> None:
    """South's reward is a hundredth of north's, and always negative."""
    reward = ShareTargets({"north": north, "south": south}, weights=[6, 4], beta=1.0)
    texts = ["tea", "tea", "tea", "a cup of tea"] * 30
    reward.fit(asked(120), texts)
    assert reward.figures()["share of north"] == pytest.approx(0.25)
    assert reward.expected is not None
    np.testing.assert_allclose(reward.expected.shares, [0.6, 0.4], atol=1e-9)


def test_a_soft_kind_divides_a_text_and_a_hard_one_does_not() -> None:
    scores = torch.tensor([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
    hard, soft = GroupKinds(["a", "b"]), GroupKinds(["a", "b"], softness=1.0)
    for kinds in (hard, soft):
        kinds.fit(scores)
    assert hard([], scores).tolist() == [[1, 0], [0, 1], [0.5, 0.5]]
    members = soft([], scores)
    assert members.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert 0.5 < members[0, 0] < 1


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "labels", "message"),
    [
        ({}, EMOJI, "there are no targets"),
        ({"poem": 0.4}, EMOJI, "the target of 'poem' has no label"),
        ({"emoji": 0.7, "brief": 0.7}, THREE, "each must be above 0, and their sum 1 at most"),
        ({"emoji": 0.0}, EMOJI, "each must be above 0"),
        (
            {"emoji": 0.4, "other": 0.4},
            EMOJI,
            r"target of other is 0\.4, and the others leave 0\.6",
        ),
        (None, None, "there is one reward and no label"),
    ],
)
def test_targets_that_make_no_sense_are_refused(targets: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShareTargets({"r": liking}, targets, labels)


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_kind_that_the_reference_never_writes_is_named_before_training(
    share: float, tmp_path: Path
) -> None:
    reward = ShareTargets({"r": liking}, {"emoji": share}, EMOJI, samples=32)
    message = (
        "none of .* samples of the reference is emoji" if share < 1 else "have none of the labels"
    )
    with pytest.raises(ValueError, match=message):
        run(reward, tmp_path)
    assert not lines(tmp_path / "metrics.jsonl")


def test_a_kind_that_is_hardly_ever_written_is_warned_of() -> None:
    reward = ShareTargets({"r": liking}, {"emoji": 0.4}, EMOJI, beta=1.0)
    with pytest.warns(UserWarning, match=r"2 of 100 samples of the reference are emoji"):
        reward.fit(asked(100), ["tea"] * 98 + ["🍵"] * 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"kl_coef": 0.0}, "kl_coef is 0"), ({"reference": "uniform"}, "reference is 'uniform'")],
)
def test_settings_without_a_reference_are_refused(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run(ends_in_e(), tmp_path, **settings)


def test_a_reward_that_is_divided_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="normalise_reward divides the reward"):
        run(ends_in_e(), tmp_path, updates=1, normalise_reward=True)


# -- in a run --------------------------------------------------------------------------------------


def long_texts(prompts: list[Any], texts: list[str]) -> list[float]:
    return [0.1 * len(text) for text in texts]


def ends_in_e(**options: Any) -> ShareTargets:
    labels: dict[str, Label] = {"e": lambda text: "e" in text}
    return ShareTargets({"r": long_texts}, {"e": 0.5}, labels, **{"samples": 64} | options)


def run(reward: Any, out: Path, resume: bool = False, **options: Any) -> Any:
    config = PPOConfig(**SMALL | {"kl_coef": 0.5, "updates": 2} | options)
    return ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, reward, config, out, resume=resume)


def test_a_resumed_run_goes_on_with_the_multipliers(tmp_path: Path) -> None:
    whole = run(ends_in_e(), tmp_path / "whole", updates=4)
    run(ends_in_e(), tmp_path / "parts", updates=2)
    again = ends_in_e()
    parts = run(again, tmp_path / "parts", resume=True, updates=4)
    assert torch.equal(weights(whole), weights(parts))
    assert lines(tmp_path / "whole" / "metrics.jsonl") == lines(
        tmp_path / "parts" / "metrics.jsonl"
    )
    assert again.reference_samples == 0, "it was not fitted anew"
    assert again.expected is None


def test_a_run_does_not_go_on_with_other_targets(tmp_path: Path) -> None:
    run(ends_in_e(), tmp_path, updates=1)
    other = ShareTargets({"r": long_texts}, {"e": 0.2}, {"e": lambda text: "e" in text})
    with pytest.raises(
        ValueError, match=r"targets e=0\.5, other=0\.5, and these are e=0\.2, other=0\.8"
    ):
        run(other, tmp_path, resume=True, updates=2)


def test_shares_and_multipliers_are_logged(tmp_path: Path) -> None:
    run(ends_in_e(), tmp_path)
    row = lines(tmp_path / "metrics.jsonl")[-1]
    assert row["share of e"] + row["share of other"] == pytest.approx(1)
    assert {"multiplier of e", "multiplier of other"} <= row.keys()


def test_evaluation_on_held_out_prompts_moves_no_multiplier(tmp_path: Path) -> None:
    trained = {}
    for name, held_out in {"without": [], "with": ["Lily", "a fox"]}.items():
        config = PPOConfig(**SMALL | {"kl_coef": 0.5, "updates": 2, "evaluate_every": 1})
        reward = ends_in_e()
        ppo(
            tiny_llama(),
            tiny_tokenizer(),
            PROMPTS,
            reward,
            config,
            tmp_path / name,
            held_out=held_out,
        )
        trained[name] = reward.state_dict()
    assert trained["with"] == trained["without"]


def test_within_a_sum_it_is_fitted_and_its_state_is_kept(tmp_path: Path) -> None:
    inner = ends_in_e()
    total = WeightedSum([inner, long_texts], [1.0, 0.0])
    run(total, tmp_path, updates=1)
    assert inner.reference_samples == 0
    assert total.state_dict()["0"]["fitted"]


def test_a_state_within_is_kept() -> None:
    worst = MaxMin({"a": long_texts, "b": liking})
    reward = ShareTargets({"r": worst}, {"emoji": 0.4}, EMOJI, beta=1.0)
    reward.fit(asked(200), TEXTS)
    state = json.loads(json.dumps(reward.state_dict()))
    fresh = ShareTargets({"r": MaxMin({"a": long_texts, "b": liking})}, {"emoji": 0.4}, EMOJI)
    fresh.load_state_dict(state)
    assert torch.equal(fresh(asked(4), TEXTS[:4]), reward(asked(4), TEXTS[:4]))


def test_without_samples_the_first_batch_is_taken_and_warned_of() -> None:
    reward = ShareTargets({"r": liking}, {"emoji": 0.4}, EMOJI, beta=0.2)
    with pytest.warns(UserWarning, match="found from the first batch, 200 texts"):
        reward(asked(200), TEXTS)
    assert reward.reference_samples == 0


# -- targets of the command line -------------------------------------------------------------------


def test_targets_come_from_annotators_weights(tmp_path: Path) -> None:
    people = tmp_path / "annotators.csv"
    people.write_text("annotator_id,weight,taste\na,1,plain\nb,2,plain\nc,1,emoji\nd,1,\n")
    assert read_targets(f"{people}:taste", {}) == {"plain": 0.75, "emoji": 0.25}
    assert read_targets(f"{people}:taste", EMOJI) == {"emoji": 0.25}
    with pytest.raises(ValueError, match="no annotator has 'brief' in the column taste"):
        read_targets(f"{people}:taste", THREE)


def test_targets_come_from_the_first_places_of_a_rules_labels(tmp_path: Path) -> None:
    labels, texts = tmp_path / "aggregated.jsonl", tmp_path / "responses.jsonl"
    rankings = [[["x"], ["y"]], [["y"], ["x"]], [["x", "y"]], [["x"], ["y"]]]
    labels.write_text(
        "".join(
            json.dumps({"prompt_id": str(n), "rule": "kemeny", "ranking": ranking, "ballots": 3})
            + "\n"
            for n, ranking in enumerate(rankings)
        )
    )
    rows = [(str(n), r, t) for n in range(4) for r, t in (("x", "tea"), ("y", "🍵"))]
    texts.write_text(
        "".join(
            json.dumps({"prompt_id": p, "response_id": r, "text": t}) + "\n" for p, r, t in rows
        )
    )
    assert read_targets(str(labels), EMOJI, str(texts)) == {"emoji": 0.375}
    with pytest.raises(ValueError, match="add --target-texts"):
        read_targets(str(labels), EMOJI)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emoji=many", "'emoji=many', which gives no share"),
        ("emoji=0.4,emoji=0.5", "without a name or twice"),
        ("nowhere.jsonl", "'nowhere.jsonl', which is no file"),
    ],
)
def test_targets_of_no_known_form_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_targets(text, {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"targets": "emoji=0.4"}, "--targets is for --combine share_targets"),
        ({"combine": "share_targets"}, "there is one reward and no label"),
        ({"combine": "share_targets", "labels": {"a": "math:sqrt"}}, "needs --targets"),
        (
            {"combine": "share_targets", "labels": {"a": "math:sqrt"}, "targets": "b=0.4"},
            "the target of 'b' has no label",
        ),
        ({"combine": "share_targets", "options": {"stepp": 1}}, "did you mean step"),
    ],
)
def test_the_command_line_refuses_targets_before_any_model_is_read(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Rewards(("tests.ppo.test_share_targets:liking",), **given).check(1)


# -- where training ends ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[0.6, 0.4], [0.5, 0.3, 0.2]])
@pytest.mark.parametrize("beta", [1.0, 0.5, 0.2])
def test_ppo_ends_at_the_closed_form(sizes: list[float], beta: float, tmp_path: Path) -> None:
    """The majority's kind is better by so much that without targets the others would be lost."""
    K = len(sizes)
    bandit, kinds = Bandit(2 * K, scale=2.0), np.arange(2 * K) % K
    rewards = 0.3 * np.random.default_rng(0).normal(size=2 * K) + np.array([1, -1, -2])[kinds]
    optimum = share_constrained(bandit.reference, rewards, kinds, sizes, beta)
    if beta < 1:
        assert optimum.free_shares[-1] < 0.02

    def test_of(k: int) -> Label:
        return lambda text: kinds[bandit.responses.index(text)] == k

    reward = ShareTargets(
        {"kemeny": bandit.rewarding(rewards)},
        {str(k): size for k, size in enumerate(sizes)},
        {str(k): test_of(k) for k in range(K)},
    )
    policy = bandit.train(
        reward, tmp_path, kl_coef=beta, updates=60, learning_rate=5e-3, ppo_epochs=2,
        advantages="rloo", responses_per_prompt=512, lr_schedule="linear",
    )  # fmt: skip
    assert np.abs(policy - optimum.policy).sum() / 2 < 0.02
    shares = [policy[kinds == k].sum() for k in range(K)]
    assert shares == pytest.approx(sizes, abs=0.02)
    assert (policy * np.log(policy / bandit.reference)).sum() < 2 * optimum.kl
