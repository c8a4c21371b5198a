"""Sampling, and reading the policy at what it sampled."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from rlchf.train.models.ends import end_ids
from rlchf.train.models.load import load_policy
from rlchf.train.ppo import PPOConfig, ppo
from rlchf.train.ppo.objectives import token_logprobs
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import Rollout, response_logits
from rlchf.train.ppo.sampling import sample, sample_texts, uniforms
from tests.support.ppo_runs import MODELS, PROMPTS, SMALL, lines, rollouts, vowels
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer, word_tokenizer


@pytest.mark.parametrize("kind", MODELS)
def test_padding_does_not_change_log_probabilities(kind: str) -> None:
    policy, tokenizer = MODELS[kind](), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer, ends=[0, *range(7, 70)])
    assert len(set(rollout.lengths.tolist())) > 2, "the responses should, too"
    padded = token_logprobs(response_logits(policy, rollout)[0], rollout.responses)
    assert not rollout.attention_mask[:, 0].all(), "the prompts should differ in length"
    for row in range(len(rollout)):
        ids = rollout.ids[row][rollout.attention_mask[row]][None]
        length = int(rollout.lengths[row])
        plain = policy(input_ids=ids).logits[:, -length - 1 : -1]
        expected = token_logprobs(plain, ids[:, -length:])[0]
        torch.testing.assert_close(padded[row, :length], expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("temperature", [0.7, 1.3])
@pytest.mark.parametrize("kind", MODELS)
def test_sampled_tokens_come_from_the_distributions_that_are_trained(
    kind: str, temperature: float
) -> None:
    policy, tokenizer = MODELS[kind](), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer, temperature=temperature)
    logits, _ = response_logits(policy, rollout, temperature)
    u = uniforms([(7, i) for i in range(len(PROMPTS))], 10)[:, : logits.shape[1], None]
    tokens = torch.searchsorted(logits.softmax(-1).cumsum(-1), u, right=True)[..., 0]
    mask = rollout.response_mask
    assert torch.equal(tokens[mask], rollout.responses[mask])


def test_samples_have_the_frequencies_of_the_policy_at_its_temperature() -> None:
    tokenizer = word_tokenizer(["<eos>", *"abcdefg"], eos="<eos>")
    policy = tiny_llama(8, hidden=16, layers=1, pad_token_id=None)
    n = 4000
    rollout = sample(
        policy, tokenizer, [[1]] * n, [(i,) for i in range(n)], max_new_tokens=1, temperature=0.5
    )
    p = (policy(input_ids=torch.tensor([[1]])).logits[0, -1] / 0.5).softmax(-1).detach()
    assert 0.2 < p.max() < 0.9
    frequencies = rollout.responses[:, 0].bincount(minlength=8) / n
    assert ((frequencies - p).abs() < 4 * (p * (1 - p) / n).sqrt() + 1e-3).all()


def test_the_checkpoints_own_generation_settings_do_not_reach_the_samples() -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    expected = sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8)
    settings = policy.generation_config
    settings.do_sample, settings.temperature, settings.top_k, settings.top_p = True, 0.1, 1, 0.1
    settings.repetition_penalty, settings.no_repeat_ngram_size, settings.min_new_tokens = 9.0, 1, 8
    settings.suppress_tokens, settings.num_beams = list(range(100, 300)), 3
    assert sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8) == expected
    assert policy.generation_config is settings
    assert settings.top_k == 1


@pytest.mark.parametrize("kind", MODELS)
def test_a_response_does_not_depend_on_its_batch(kind: str) -> None:
    policy, tokenizer = MODELS[kind]().train(), tiny_tokenizer()

    def texts(batch_size: int, seed: int = 0) -> list[str]:
        return sample_texts(
            policy, tokenizer, PROMPTS, n_per_prompt=3, batch_size=batch_size,
            max_new_tokens=8, seed=seed,
        )  # fmt: skip

    assert texts(1) == texts(4) == texts(15)
    assert len(set(texts(15))) > 12
    assert texts(15) != texts(15, seed=1)
    assert policy.training, "sampling switches dropout off for a while, not for good"


def test_progress_of_sampling_reaches_its_total() -> None:
    steps: list[tuple[int, int]] = []
    sample_texts(
        tiny_llama(), tiny_tokenizer(), PROMPTS, n_per_prompt=2, batch_size=4, max_new_tokens=2,
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize("pad_is_eos", [True, False])
def test_a_response_ends_with_its_first_end_token_whatever_the_padding(pad_is_eos: bool) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer(pad_is_eos=pad_is_eos)
    eos, pad = 0, tokenizer.pad_token_id
    assert (eos == pad) == pad_is_eos
    a, b, c = tokenizer("abc")["input_ids"]
    responses = [[a, b, eos, pad], [1, a, 1, c], [eos, pad, pad, pad]]  # 1 is a token like another
    policy.generate = lambda ids, **_: torch.cat([ids, torch.tensor(responses)], 1)
    rollout = sample(policy, tokenizer, [[a], [b, c], [c]], [(0,)] * 3, max_new_tokens=4)
    assert rollout.response_mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    assert rollout.attention_mask[:, :2].tolist() == [[0, 1], [1, 1], [0, 1]]
    assert torch.equal(rollout.attention_mask[:, 2:], rollout.response_mask)
    assert rollout.finished.tolist() == [True, False, True]
    assert rollout.lengths.tolist() == [3, 4, 1]
    assert rollout.texts(tokenizer)[::2] == ["ab", ""]
    assert torch.equal(rollout[1:].ids, rollout.ids[1:])


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        (["fine", ""], "prompt 1 has no tokens"),
        (["a b " * 100], "prompt 0 has .* tokens, with 10 new ones more than the model's 128"),
    ],
)
def test_prompts_that_the_model_cannot_take_are_named(prompts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_prompts(tiny_gpt2(), tiny_tokenizer(), prompts, 10)


def test_a_tokenizer_without_an_end_token_is_refused() -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    tokenizer.eos_token = None
    assert end_ids(tokenizer, model=policy) == [0], "the checkpoint has one"
    policy.generation_config.eos_token_id = None
    with pytest.raises(ValueError, match="no end-of-sequence token"):
        sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=2)


@pytest.mark.parametrize("in_config", [False, True])
def test_a_padding_token_that_the_policy_does_not_know_changes_nothing(
    in_config: bool, tmp_path: Path
) -> None:
    policy, tokenizer = tiny_llama(pad_token_id=None), tiny_tokenizer()
    expected = sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8, stop_tokens=range(7, 40))
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert tokenizer.pad_token_id >= policy.config.vocab_size - 5
    policy.resize_token_embeddings(tokenizer.pad_token_id)
    policy.save_pretrained(tmp_path / "policy")
    if in_config:
        file = tmp_path / "policy" / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"pad_token_id": 320}))
        with pytest.warns(UserWarning, match="names token 320 as the padding token"):
            policy = load_policy(tmp_path / "policy")
    options: dict[str, Any] = {"max_new_tokens": 8, "stop_tokens": range(7, 40)}
    assert sample_texts(policy, tokenizer, PROMPTS, **options) == expected
    config = PPOConfig(**SMALL | {"updates": 1, "stop_tokens": tuple(range(7, 40))})
    ppo(policy, tokenizer, PROMPTS, vowels, config, tmp_path / "out")


# -- end tokens and other samplers -----------------------------------------------------------------


def test_a_stop_token_ends_a_response_and_is_not_part_of_its_text() -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    plain = sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=12)
    encoded = encode_prompts(policy, tokenizer, PROMPTS, 12)
    keys = [(0, 1, i, 0) for i in range(len(PROMPTS))]
    free = sample(policy, tokenizer, encoded, keys, max_new_tokens=12)
    assert free.texts(tokenizer) == plain
    row = int((free.lengths > 5).nonzero()[0, 0])
    stop = int(free.responses[row, 4])
    stopped = sample(policy, tokenizer, encoded, keys, max_new_tokens=12, ends=[0, stop])
    first = free.responses[row].tolist().index(stop)
    assert stopped.lengths[row] == first + 1
    assert stopped.finished[row]
    assert stopped.responses[row, first] == stop
    assert stopped.texts(tokenizer)[row] == tokenizer.decode(free.responses[row, :first])


def test_stop_tokens_are_texts_of_one_token_or_ids() -> None:
    tokenizer = tiny_tokenizer()
    (newline,) = tokenizer("\n")["input_ids"]
    assert end_ids(tokenizer) == [0]
    assert end_ids(tokenizer, ["\n", 5, 0, 5]) == [0, newline, 5]


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ("", "'' is no text; give texts that appear in a response"),
        ("a<eos>", "'a<eos>' contains the special token '<eos>', .* give that token alone"),
        (9999, "9999 is no token"),
    ],
)
def test_other_stop_tokens_are_refused(stop: str | int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        end_ids(tiny_tokenizer(), [stop])


def token_by_token(
    policy: Any, tokenizer: Any, encoded: Any, keys: Any, *, max_new_tokens: int,
    temperature: float, ends: Any,
) -> Rollout:  # fmt: skip
    """A sampler that knows neither batches nor padding, as an engine of its own would stand in."""
    responses = []
    for ids, numbers in zip(encoded, uniforms(keys, max_new_tokens), strict=True):
        row = list(ids)
        for u in numbers:
            logits = policy(input_ids=torch.tensor([row])).logits[0, -1].detach()
            total = (logits / temperature).softmax(-1).cumsum(-1)
            row.append(int(torch.searchsorted(total, u * total[-1:], right=True)))
        responses.append(row[len(ids) :])  # with what comes after its end
    return Rollout.of(encoded, responses, ends)


def test_another_sampler_of_the_same_distribution_gives_the_same_samples(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 2, "max_new_tokens": 12, "stop_tokens": (" the", 7)})
    tokenizer = tiny_tokenizer()
    samples = []
    for name, sampler in (("ours", sample), ("theirs", token_by_token)):
        args = (tiny_llama().double(), tokenizer, PROMPTS, vowels, config, tmp_path / name)
        ppo(*args, sampler=sampler)
        samples.append(lines(tmp_path / name / "samples.jsonl"))
    for row, other in zip(*samples, strict=True):
        assert other == pytest.approx(row, abs=1e-9)


def test_a_response_without_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="response 1 has no tokens"):
        Rollout.of([[1], [2]], [[3], []], ends=[0])
