"""The critic and the reference of a PPO run."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    OPTConfig,
    OPTForCausalLM,
    OPTForSequenceClassification,
)

from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo
from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.objectives import token_logprobs
from rlchf.train.ppo.responses import Rollout, response_logits
from rlchf.train.ppo.sampling import sample_texts
from rlchf.train.reward.model import Readout, RewardModel
from tests.support.ppo_runs import (
    MODELS,
    PROMPTS,
    SMALL,
    experience,
    lines,
    rollouts,
    vowels,
    weights,
)
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer


@pytest.mark.slow
def test_the_critic_fits_a_constant_and_leaves_the_policy_alone(tmp_path: Path) -> None:
    policy = tiny_llama()
    before = weights(policy).clone()
    config = PPOConfig(
        **SMALL
        | {"updates": 40, "learning_rate": 0.0, "value_learning_rate": 3e-2, "gae_lambda": 1.0}
    )
    ppo(policy, tiny_tokenizer(), PROMPTS, lambda p, r: [2.5] * len(r), config, tmp_path)
    errors = [row["value_loss"] for row in lines(tmp_path / "metrics.jsonl")]
    assert errors[0] > 1.5
    assert errors[-1] < 0.01 * errors[0]
    assert torch.equal(weights(policy), before)
    run = PPO(Setup(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path))
    critic = run.model.critic
    assert critic is not None
    critic.load_state_dict(load_file(tmp_path / "critic.safetensors"))
    rollout = run.draw()[1]
    with torch.no_grad():
        values = run.model(rollout, 1.0)[1][rollout.response_mask]
    torch.testing.assert_close(values, torch.full_like(values, 2.5), atol=0.5, rtol=0)
    assert values.mean().item() == pytest.approx(2.5, abs=0.1)


def test_a_value_that_has_moved_further_than_the_clip_counts_with_the_worse_error(
    tmp_path: Path,
) -> None:
    options = {
        "value_clip": 0.5,
        "gae_lambda": 1.0,
        "ppo_epochs": 1,
        "minibatch_size": 16,
        "learning_rate": 0.0,
    }
    run, batch, _ = experience(tmp_path, **options)
    mask = batch.rollout.response_mask
    critic = run.model.critic
    assert isinstance(critic, torch.nn.Linear)
    critic.bias.data.fill_(2.0)  # from values of 0
    value_loss = run.optimise(batch)["value_loss"]
    returns = batch.returns[mask]
    worse = torch.maximum((2.0 - returns).square(), (0.5 - returns).square()) / 2
    assert worse.mean() > ((2.0 - returns).square() / 2).mean() + 0.1
    assert value_loss == pytest.approx(worse.mean().item(), rel=1e-5)


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_value_gradients_stop_at_the_critic(lora_rank: int) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    model = ActorCritic(policy, lora_rank)
    critic = model.critic
    assert isinstance(critic, torch.nn.Linear)
    model(rollout, 1.0)[1].square().sum().backward()
    assert all(p.grad is None for p in model.policy.parameters())
    (model(rollout, 1.0)[1] - 1).square().sum().backward()
    assert critic.weight.grad is not None
    assert critic.weight.grad.any()


@pytest.mark.parametrize("own_trunk", [False, True])
def test_values_do_not_see_the_token_they_are_the_baseline_of(own_trunk: bool) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    model = ActorCritic(policy, 0, tiny_classifier() if own_trunk else None)
    if isinstance(model.critic, torch.nn.Linear):
        torch.nn.init.normal_(model.critic.weight)
    values = model(rollout, 1.0)[1]
    changed = rollout.ids.clone()
    changed[:, -4] = 50  # the 7th of 10 response tokens
    rest = (rollout.attention_mask, rollout.response_mask, rollout.finished)
    again = model(Rollout(changed, *rest), 1.0)[1]
    assert torch.equal(again[:, :7], values[:, :7])
    assert not torch.isclose(again[:, 7], values[:, 7]).any()


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_reference_stays_while_the_policy_moves(lora_rank: int, tmp_path: Path) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    with torch.no_grad():
        before = response_logits(policy, rollout)[0]
    config = PPOConfig(**SMALL | {"lora_rank": lora_rank, "learning_rate": 1e-2})
    run = PPO(Setup(policy, tokenizer, PROMPTS, vowels, config, tmp_path))
    for _ in range(2):
        run.optimise(run.collect()[0])
    with torch.no_grad():
        expected = token_logprobs(before, rollout.responses)
        assert torch.equal(run.model.reference_logprobs(rollout, 1.0), expected)
        assert (response_logits(run.model.policy, rollout)[0] - before).abs().max() > 0.05


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_result_is_a_plain_checkpoint_of_the_trained_policy(
    lora_rank: int, tmp_path: Path
) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    before = sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8)
    config = PPOConfig(**SMALL | {"lora_rank": lora_rank, "learning_rate": 1e-2})
    trained = ppo(policy, tokenizer, PROMPTS, vowels, config, tmp_path)
    assert not any("lora" in name for name, _ in trained.named_parameters())
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    loaded_tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    after = sample_texts(loaded, loaded_tokenizer, PROMPTS, max_new_tokens=8)
    assert after == sample_texts(trained, tokenizer, PROMPTS, max_new_tokens=8)
    assert after != before
    assert torch.equal(weights(loaded), weights(trained))
    assert (tmp_path / "critic.safetensors").exists()
    assert not (tmp_path / "policy.new").exists()


# -- a critic with a trunk of its own --------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_a_critic_from_the_reward_model_begins_with_its_scores(kind: str) -> None:
    policy, classifier = MODELS[kind](), tiny_classifier(kind, seed=5)
    rollout = rollouts(policy, tiny_tokenizer())
    values = ActorCritic(policy, 0, classifier)(rollout, 1.0)[1]
    width = rollout.ids.shape[1] - 10
    assert values.std() > 0.1
    for row in range(len(rollout)):
        for t in (0, 4):
            prefix = rollout.ids[row, : width + t][rollout.attention_mask[row, : width + t]]
            expected = classifier(input_ids=prefix[None]).logits[0, 0]
            torch.testing.assert_close(values[row, t], expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("outputs", "readout"),
    [
        (1, Readout(shift=(0.7,))),
        (3, Readout(shift=(0.7, -0.2, 0.1), uncertainty_penalty=0.5)),
        (2, Readout("mean_variance", quantile=0.2, shift=(0.7,))),
        (5, Readout("categorical", shift=(0.7,))),
    ],
    ids=["scalar", "ensemble", "quantile", "categorical"],
)
def test_a_critic_begins_with_the_reward_that_the_reward_model_pays(
    outputs: int, readout: Readout
) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    model = RewardModel(tiny_classifier(seed=5, num_labels=outputs), tokenizer, readout=readout)
    rollout = rollouts(policy, tokenizer)
    values = ActorCritic(policy, 0, model)(rollout, 1.0)[1]
    width = rollout.ids.shape[1] - 10
    for row in range(len(rollout)):
        for t in (0, 4):
            prefix = rollout.ids[row, : width + t][rollout.attention_mask[row, : width + t]]
            expected = readout.reward(model.model(input_ids=prefix[None]).logits)[0]
            torch.testing.assert_close(values[row, t], expected, atol=2e-4, rtol=1e-4)
    assert model.readout == readout


def test_a_critic_may_have_a_padding_token_that_the_policy_does_not_know() -> None:
    policy, classifier = tiny_llama(), tiny_classifier(seed=5)
    rollout = rollouts(policy, tiny_tokenizer())
    expected = ActorCritic(policy, 0, classifier)(rollout, 1.0)[1]
    classifier.resize_token_embeddings(321, mean_resizing=False)
    assert torch.equal(ActorCritic(policy, 0, classifier)(rollout, 1.0)[1], expected)


@pytest.mark.parametrize("own_trunk", [False, True])
def test_a_critic_reads_states_that_are_narrower_than_the_layers(own_trunk: bool) -> None:
    """As those of OPT-350m, which are projected to the width of the embeddings."""
    config = OPTConfig(
        vocab_size=320, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=128, word_embed_proj_dim=16, do_layer_norm_before=False,
        pad_token_id=1, bos_token_id=0, eos_token_id=0, num_labels=1,
    )  # fmt: skip
    torch.manual_seed(0)
    policy = OPTForCausalLM(config).eval()
    classifier = OPTForSequenceClassification(config).eval() if own_trunk else None
    model = ActorCritic(policy, 0, classifier)
    rollout = rollouts(policy, tiny_tokenizer())
    values = model(rollout, 1.0)[1]
    assert values.shape == rollout.response_mask.shape
    assert values.any() == own_trunk
    (values - 1).square().sum().backward()
    assert all(p.grad is None for p in model.policy.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("lora_rank", [0, 4])
def test_a_critic_of_its_own_learns_and_the_reward_model_stays(
    lora_rank: int, tmp_path: Path
) -> None:
    tokenizer, classifier = tiny_tokenizer(), tiny_classifier(seed=5)
    reward = RewardModel(classifier, tokenizer)
    before = weights(classifier).clone()
    config = PPOConfig(
        **SMALL | {"value_learning_rate": 1e-3, "lora_rank": lora_rank, "updates": 4}
    )
    args = (tokenizer, PROMPTS, reward, config)
    run = PPO(Setup(tiny_llama(), *args, tmp_path, critic=classifier))
    start = weights(run.model.critic).clone()
    run.optimise(run.collect()[0])
    assert torch.equal(weights(classifier), before)
    assert all(p.grad is None for p in classifier.parameters())
    moved = (weights(run.model.critic) - start).abs()
    assert (moved > 0).float().mean() > 0.5, "the trunk learns too"
    critics = []
    for name, updates in (("whole", [4]), ("parts", [2, 4])):
        for count in updates:
            args = (tokenizer, PROMPTS, reward, replace(config, updates=count))
            ppo(tiny_llama(), *args, tmp_path / name, critic=classifier, resume=True)
        critics.append((tmp_path / name / "critic.safetensors").read_bytes())
    assert critics[0] == critics[1]
    assert torch.equal(weights(classifier), before)


def test_a_critic_of_another_architecture_or_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="GPT2Model with 320 tokens, and the policy a LlamaModel"):
        ActorCritic(tiny_llama(), 0, tiny_classifier("gpt2"))
    with pytest.raises(ValueError, match="with 300 tokens, and the policy a LlamaModel with 320"):
        ActorCritic(tiny_llama(), 0, tiny_classifier("llama", 300))
