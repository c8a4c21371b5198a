"""What ends a response: end tokens of tokenizer and checkpoint, stop tokens and stop texts."""

from pathlib import Path
from typing import Any

import pytest
import torch

from rlchf.train.candidates import CandidateConfig, sample_candidates
from rlchf.train.models.ends import Ends, checkpoint_ends, closing_token, ends_of
from rlchf.train.models.tiny import fit_supervised
from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo, sample_texts
from rlchf.train.ppo.continuous import sample_continuous
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import Rollout, first_stop
from rlchf.train.ppo.sampling import sample, with_stop_texts
from rlchf.train.ppo.stop_texts import cut_at_stop_texts
from tests.support.bigrams import bigram
from tests.support.ppo_runs import PROMPTS, SMALL, lines, vowels
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

TURNS = (
    "{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'assistant' %} <eot> "
    "{% else %} {% endif %}{% endfor %}"
)


def closing_its_turn(**options: Any) -> tuple[Any, Any]:
    """A policy that says yes and closes its turn by a token that is not its tokenizer's, then babbles on."""
    words = ["<unk>", "<pad>", "<eos>", "<eot>", "hi", "yes", "junk"]
    after = {"hi": "yes", "yes": "<eot>", "<eot>": "junk", "junk": "junk"}
    tokens = {"eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    policy, tokenizer = bigram(words, after, special=["<eot>"], **tokens | options)
    policy.generation_config.eos_token_id = [2, 3]
    return policy, tokenizer


def test_an_end_token_of_the_checkpoint_ends_a_response_in_ppo(tmp_path: Path) -> None:
    policy, tokenizer = closing_its_turn()
    read: list[str] = []

    def reward(prompts: list[Any], responses: list[str]) -> list[float]:
        read.extend(responses)
        return [1.0] * len(responses)

    config = PPOConfig(
        updates=1, batch_size=4, minibatch_size=4, max_new_tokens=8, learning_rate=0.0
    )
    ppo(policy, tokenizer, ["hi"], reward, config, tmp_path)
    assert read == ["yes"] * 4
    row = lines(tmp_path / "metrics.jsonl")[0]
    assert (row["eos_share"], row["response_length"]) == (1.0, 2.0)


def test_it_ends_texts_and_candidates_too() -> None:
    policy, tokenizer = closing_its_turn()
    assert sample_texts(policy, tokenizer, ["hi"], max_new_tokens=8) == ["yes"]
    rollout = sample_continuous(policy, tokenizer, [[4]], [(0,)], max_new_tokens=8)
    assert rollout.texts(tokenizer) == ["yes"]
    candidates = sample_candidates(
        policy, tokenizer, {"p": "hi"}, CandidateConfig(max_new_tokens=8)
    )
    assert [one.text for one in candidates.by_prompt["p"]] == ["yes"]
    assert candidates.by_prompt["p"][0].finished


def test_the_ends_are_those_of_tokenizer_checkpoint_and_stop() -> None:
    policy, tokenizer = closing_its_turn()
    assert ends_of(tokenizer, policy, ["junk", 2]) == Ends([2, 3, 6])
    assert ends_of(tokenizer) == Ends([2])
    policy.generation_config.eos_token_id = 3
    assert ends_of(tokenizer, policy) == Ends([2, 3])
    policy.generation_config.eos_token_id = [999, 3]
    assert checkpoint_ends(policy) == [3], "a token without an embedding is never drawn"
    policy.generation_config = None
    assert ends_of(tokenizer, policy) == Ends([2])


def test_supervised_fine_tuning_closes_a_turn_as_the_template_does() -> None:
    policy, tokenizer = closing_its_turn(chat_template=TURNS)
    assert closing_token(tokenizer, policy) == 3
    assert closing_token(tokenizer) == 2, "no checkpoint says that the turn's end is an end"
    tokenizer.chat_template = None
    assert closing_token(tokenizer, policy) == 2
    tokenizer.chat_template = TURNS
    losses = fit_supervised(policy, tokenizer, [("hi", "yes")], learning_rate=0.0)
    assert losses[0] < 1e-3, "the policy writes yes and closes its turn"


# -- stop texts ------------------------------------------------------------------------------------


def responses(sampler: Any, texts: tuple[str, ...], n: int = 40) -> tuple[Rollout, list[str]]:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    encoded = encode_prompts(policy, tokenizer, [PROMPTS[i % 5] for i in range(n)], 24)
    keys = [(0, i) for i in range(n)]
    rollout = with_stop_texts(sampler, texts)(
        policy, tokenizer, encoded, keys, max_new_tokens=24, temperature=1.0, ends=[0]
    )
    return rollout, rollout.texts(tokenizer, texts)


def test_a_text_of_several_tokens_ends_a_response_where_it_first_appears() -> None:
    tokenizer = tiny_tokenizer()
    plain, free = responses(sample, ())
    common = [text[i : i + 3] for text in free for i in range(len(text) - 3)]
    readable = [part for part in common if part.isprintable() and "\ufffd" not in part]
    several = [part for part in readable if len(tokenizer(part)["input_ids"]) > 1]
    stops = tuple(dict.fromkeys(several[::9]))
    rollout, texts = responses(sample, stops)
    hits = [first_stop(text, stops) for text in free]
    assert sum(hit is not None for hit in hits) >= 4
    for row, (hit, text, whole) in enumerate(zip(hits, texts, free, strict=True)):
        assert text == whole[:hit]
        length = int(rollout.lengths[row])
        ids = rollout.responses[row, :length].tolist()
        assert ids == plain.responses[row, :length].tolist()
        if hit is None:
            assert length == plain.lengths[row]
            continue
        assert rollout.finished[row]
        assert first_stop(tokenizer.decode(ids), stops) is not None
        assert first_stop(tokenizer.decode(ids[:-1]), stops) is None, "no token too many"
    assert torch.equal(rollout.response_mask.sum(1), rollout.lengths)
    assert torch.equal(
        rollout.attention_mask[:, -rollout.response_mask.shape[1] :], rollout.response_mask
    )


def test_every_sampler_ends_at_a_stop_text() -> None:
    _, free = responses(sample, ())
    stops = tuple(text[4:8] for text in free if "\ufffd" not in text[4:8])[:5]
    expected, texts = responses(sample, stops)

    def another(*args: Any, **options: Any) -> Rollout:
        return sample(*args, **options)

    for sampler in (another, sample_continuous):
        rollout, others = responses(sampler, stops)
        assert others == texts
        assert torch.equal(rollout.lengths, expected.lengths)
        assert torch.equal(rollout.finished, expected.finished)
        mask = expected.response_mask
        assert torch.equal(rollout.responses[mask], expected.responses[mask])


def test_generate_stops_once_all_responses_have_their_stop_text() -> None:
    words = ["<unk>", "<eos>", "a", "b", "c"]
    policy, tokenizer = bigram(
        words, {"a": "b", "b": "c", "c": "a"}, eos_token="<eos>", pad_token="<eos>"
    )
    steps: list[object] = []
    policy.register_forward_pre_hook(lambda *seen: steps.append(seen))
    rollout = sample(
        policy, tokenizer, [[2], [3]], [(0,), (1,)], max_new_tokens=30, stop_texts=["c a"]
    )
    assert len(steps) < 8
    assert rollout.texts(tokenizer, ["c a"]) == ["b ", ""]
    assert rollout.lengths.tolist() == [3, 2]
    assert rollout.finished.tolist() == [True, True]


def test_a_stop_text_before_the_end_token_counts_and_one_behind_it_does_not() -> None:
    tokenizer = tiny_tokenizer()
    stop = tokenizer("fox, no")["input_ids"]
    eos = tokenizer.eos_token_id
    a = tokenizer("a")["input_ids"]
    rows = [[*a, *stop, *a, eos], [*a, eos, *stop], [*a, *a, *a]]
    rollout = cut_at_stop_texts(Rollout.of([[5]] * 3, rows, [eos]), tokenizer, ["fox, no"])
    assert rollout.lengths.tolist() == [1 + len(stop), 2, 3]
    assert rollout.finished.tolist() == [True, True, False]
    assert rollout.texts(tokenizer, ["fox, no"]) == ["a", "a", "aaa"]


def test_the_reward_reads_no_stop_text_and_the_score_is_paid_at_its_last_token(
    tmp_path: Path,
) -> None:
    _, free = responses(sample, ())
    stops = tuple(text[2:5] for text in free if "\ufffd" not in text[2:5])
    settings = SMALL | {"max_new_tokens": 12, "stop_tokens": stops, "gae_lambda": 1.0}
    config = PPOConfig(**settings | {"whiten": False, "missing_eos_penalty": 3.0})
    run = PPO(Setup(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path))
    assert run.setup.ends.texts
    batch, metrics, samples = run.collect()
    rollout = batch.rollout
    ended = rollout.finished & (rollout.responses.gather(1, rollout.lengths[:, None] - 1)[:, 0] > 0)
    assert ended.any(), "by a stop text"
    texts = rollout.texts(run.tokenizer, run.setup.ends.texts)
    assert [row["response"] for row in samples] == texts[:4]
    assert not any(stop in text for stop in run.setup.ends.texts for text in texts)
    scores = torch.tensor(vowels([], texts)) - 3.0 * ~rollout.finished
    torch.testing.assert_close(batch.returns[:, 0], scores)
    assert metrics["eos_share"] == rollout.finished.float().mean().item()


@pytest.mark.parametrize("stop", ["fox, no", "\n\nUser:"])
def test_candidates_and_texts_end_at_stop_texts(stop: str) -> None:
    tokenizer = tiny_tokenizer()
    assert ends_of(tokenizer, None, [stop, stop]) == Ends([0], (stop,))
    words = ["<unk>", "<eos>", "a", "b", "c"]
    policy, other = bigram(
        words, {"a": "b", "b": "c", "c": "a"}, eos_token="<eos>", pad_token="<eos>"
    )
    options: dict[str, Any] = {"max_new_tokens": 9, "stop_tokens": ("c a",)}
    assert sample_texts(policy, other, ["a"], **options) == ["b "]
    candidates = sample_candidates(policy, other, {"p": "a"}, CandidateConfig(**options))
    assert [(one.text, one.finished) for one in candidates.by_prompt["p"]] == [("b ", True)]
