"""Sampling candidates: independent, with system prompts, and several in one."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from rlchf.evaluation.diversity import diversity
from rlchf.prompts import Prompt
from rlchf.train.candidates import CandidateConfig, Candidates, sample_candidates
from rlchf.train.candidates.asking import BEGINNING, SYSTEM_PROMPTS, in_template
from rlchf.train.models.text import prompt_ids
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.ppo.sampling import sample
from tests.support import tiny_models

PROMPTS: dict[str, Prompt] = {
    "short": "Tea?",
    "long": "Please tell me in some detail how I boil an egg for a guest.",
    "chat": [{"role": "user", "content": "Hello"}, {"role": "user", "content": "How are you?"}],
}
METHODS = ("independent", "system_prompts", "one_prompt")
Model = tuple[Any, Any]


@pytest.fixture(scope="module")
def model() -> Model:
    policy, tokenizer = tiny_llama(list(map(str, PROMPTS.values())), vocab_size=300, hidden_size=32,
                                   max_length=4096)  # fmt: skip
    return policy, tokenizer


@pytest.fixture
def letters() -> Model:
    """A model of seven letters, which draws each of them often."""
    tokenizer = tiny_models.word_tokenizer(["<eos>", *"abcdefg"], eos="<eos>")
    return tiny_models.tiny_llama(8, hidden=16, layers=1, scale=3.0, pad_token_id=None), tokenizer


def settings(**options: Any) -> CandidateConfig:
    return CandidateConfig(**{"max_new_tokens": 6, "baseline": 0} | options)


def texts(candidates: Candidates) -> dict[str, list[str]]:
    return {p: [one.text for one in listed] for p, listed in candidates.by_prompt.items()}


@dataclass
class Written:
    """What a policy that follows the form writes, in place of a rollout."""

    written: list[str]
    finished: torch.Tensor

    def texts(self, tokenizer: Any, stop_texts: Any = ()) -> list[str]:
        return self.written


def writes(monkeypatch: pytest.MonkeyPatch, lists: Sequence[str]) -> list[int]:
    """Let the policy write these lists in turn where several answers are asked for."""
    given: Iterator[str] = iter(lists)
    lengths = []

    def fake(policy: Any, tokenizer: Any, encoded: Any, keys: Any, **options: Any) -> Any:
        if options["max_new_tokens"] == 6:
            return sample(policy, tokenizer, encoded, keys, **options)
        lengths.append(options["max_new_tokens"])
        return Written([next(given) for _ in encoded], torch.ones(len(encoded), dtype=torch.bool))

    monkeypatch.setattr("rlchf.train.candidates.draws.sample", fake)
    return lengths


@pytest.mark.parametrize("method", METHODS)
def test_candidates_depend_on_no_batch_order_or_other_prompt(model: Model, method: str) -> None:
    config = settings(method=method, batch_size=16)
    expected = texts(sample_candidates(*model, PROMPTS, config))
    assert all(len(set(listed)) == 4 for listed in expected.values())
    backwards = dict(reversed(PROMPTS.items()))
    one_by_one = settings(method=method, batch_size=1)
    assert texts(sample_candidates(*model, backwards, one_by_one)) == expected
    alone = sample_candidates(*model, {"long": PROMPTS["long"]}, config)
    assert texts(alone) == {"long": expected["long"]}
    other = sample_candidates(*model, PROMPTS, settings(method=method, seed=1))
    assert texts(other) != expected


def test_more_candidates_begin_with_the_same(model: Model) -> None:
    four = texts(sample_candidates(*model, PROMPTS, settings()))
    six = texts(sample_candidates(*model, PROMPTS, settings(responses_per_prompt=6)))
    assert {p: listed[:4] for p, listed in six.items()} == four


def test_exact_duplicates_are_merged_and_distinct_ones_drawn_instead(letters: Model) -> None:
    prompts = {f"p{n}": letter for n, letter in enumerate("abcdefg")}
    config = settings(responses_per_prompt=5, max_new_tokens=1)
    merged = sample_candidates(*letters, prompts, config)
    assert merged.drawn == 35
    assert merged.merged > 0
    assert merged.merged == 35 - sum(map(len, texts(merged).values()))
    distinct = sample_candidates(
        *letters, prompts, settings(responses_per_prompt=5, max_new_tokens=1, distinct=True)
    )
    for p, listed in texts(distinct).items():
        assert len(set(listed)) == len(listed) == 5
        assert listed[: len(texts(merged)[p])] == texts(merged)[p]
    assert distinct.drawn > 35


def test_distinct_draws_end(letters: Model) -> None:
    config = settings(responses_per_prompt=12, max_new_tokens=1, distinct=True)
    candidates = sample_candidates(*letters, {"p": "a"}, config)  # there are eight: one is empty
    assert 2 < len(candidates.by_prompt["p"]) <= 8


def test_top_k_and_top_p_draw_from_the_most_probable_tokens(letters: Model) -> None:
    def drawn(**options: Any) -> set[str]:
        config = settings(responses_per_prompt=64, max_new_tokens=1, **options)
        return set(texts(sample_candidates(*letters, {"p": "a"}, config))["p"])

    policy, tokenizer = letters
    order = policy(input_ids=torch.tensor([[1]])).logits[0, -1].softmax(-1).sort(descending=True)
    ranked = [tokenizer.decode([i], skip_special_tokens=True) for i in order.indices.tolist()]
    total = order.values.cumsum(0).tolist()
    assert drawn(top_k=1) == {ranked[0]}
    assert drawn(top_k=2) == set(ranked[:2])
    assert drawn(top_p=(total[0] + total[1]) / 2) == set(ranked[:2])
    assert drawn(top_p=total[0] / 2) == {ranked[0]}
    assert len(drawn()) > 3
    assert drawn(temperature=0.01) == {ranked[0]}


def test_each_candidate_has_another_system_prompt(model: Model) -> None:
    config = settings(method="system_prompts", responses_per_prompt=len(SYSTEM_PROMPTS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        candidates = sample_candidates(*model, PROMPTS, config)
    orders = [[one.asked for one in listed] for listed in candidates.by_prompt.values()]
    assert all(set(order) == set(SYSTEM_PROMPTS) for order in orders)
    assert orders[0] != orders[1], "a response's number should not stand for a system prompt"
    assert {one.method for one in candidates.by_prompt["chat"]} == {"system_prompts"}


def test_a_candidate_is_what_its_system_prompt_gives(model: Model) -> None:
    policy, tokenizer = tiny_models.tiny_llama(300), model[1]
    two = {"kind": "Be kind.", "brief": "Be brief."}
    config = settings(method="system_prompts", responses_per_prompt=3, top_k=1)
    prompts = {"p": "Tea?"}
    listed = sample_candidates(policy, tokenizer, prompts, config, system_prompts=two).by_prompt[
        "p"
    ]
    for one in listed:
        system = {"role": "system", "content": two[one.asked]}
        chat = {"p": [system, {"role": "user", "content": "Tea?"}]}
        alone = sample_candidates(policy, tokenizer, chat, settings(top_k=1))
        assert texts(alone)["p"] == [one.text]
    assert len(listed) == 2, "the third has the first one's system prompt, and the same text"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "has no chat template"),
        ("{{ raise_exception('no system') }}", "without system prompts"),
        ("{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}", "without system"),
    ],
)  # fmt: skip
def test_a_policy_without_system_prompts_reads_them_before_the_text(
    model: Model, template: str | None, said: str
) -> None:
    policy, tokenizer = tiny_llama(["Tea?"], vocab_size=300, hidden_size=32)
    tokenizer.chat_template = template
    if template and "raise" in template:
        rest = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
        refuse = "{% if messages[0]['role'] == 'system' %}" + template + "{% endif %}"
        tokenizer.chat_template = refuse + rest
    config = settings(method="system_prompts", top_k=1)
    with pytest.warns(UserWarning, match=said):
        asked = sample_candidates(policy, tokenizer, {"p": "Tea?"}, config)
    for one in asked.by_prompt["p"]:
        plain = {"p": f"{SYSTEM_PROMPTS[one.asked]}\n\nTea?"}
        assert texts(sample_candidates(policy, tokenizer, plain, settings(top_k=1)))["p"] == [
            one.text
        ]


def test_answers_of_one_prompt(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    four = " one\nAnswer 2: two\nAnswer 3: three\nAnswer 4: four\nAnswer 5: five"
    lengths = writes(monkeypatch, [four] * 3)
    candidates = sample_candidates(*model, PROMPTS, settings(method="one_prompt"))
    assert texts(candidates) == {p: ["one", "two", "three", "four"] for p in PROMPTS}
    assert (candidates.unlisted, candidates.filled, candidates.merged) == ([], 0, 0)
    assert lengths == [4 * (6 + 16)]
    assert {one.method for one in candidates.by_prompt["short"]} == {"one_prompt"}


def test_the_best_attempt_is_filled_with_independent_draws(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [
        " one",
        " uno\nAnswer 2: dos\nAnswer 3: dos",
        " eins\nAnswer 2: eins\nAnswer 3: eins",
    ]
    writes(monkeypatch, written)
    prompts = {"short": PROMPTS["short"]}
    candidates = sample_candidates(*model, prompts, settings(method="one_prompt"))
    independent = texts(sample_candidates(*model, prompts, settings()))["short"]
    assert texts(candidates)["short"] == ["uno", "dos", *independent[:2]]
    methods = [one.method for one in candidates.by_prompt["short"]]
    assert methods == ["one_prompt"] * 2 + ["independent"] * 2
    assert (candidates.unlisted, candidates.filled, candidates.merged) == (["short"], 2, 1)


def test_a_policy_that_does_not_follow_gives_independent_draws(model: Model) -> None:
    candidates = sample_candidates(*model, PROMPTS, settings(method="one_prompt", stop_tokens=()))
    assert candidates.unlisted == list(PROMPTS)
    assert all(len(listed) == 4 for listed in candidates.by_prompt.values())


def test_the_baseline_is_the_diversity_of_independent_draws(model: Model) -> None:
    options = {"method": "system_prompts", "baseline": 2}
    candidates = sample_candidates(*model, PROMPTS, settings(**options))
    independent = sample_candidates(*model, PROMPTS, settings())
    assert candidates.baseline is not None
    first = list(PROMPTS)[:2]
    assert candidates.baseline.prompts == 2
    assert candidates.baseline.independent == diversity(texts(independent)[p] for p in first)
    assert candidates.baseline.diversity == diversity(texts(candidates)[p] for p in first)
    assert candidates.diversity == diversity(texts(candidates).values())
    assert independent.baseline is None


def test_stop_tokens_end_a_candidate(letters: Model) -> None:
    config = settings(responses_per_prompt=20, stop_tokens=["b"])
    listed = sample_candidates(*letters, {"p": "a"}, config).by_prompt["p"]
    assert not any("b" in one.text for one in listed)
    assert {one.finished for one in listed} == {True, False}


def test_a_prompt_that_is_too_long_is_refused_before_anything_is_drawn(model: Model) -> None:
    policy, tokenizer = tiny_llama(["Tea?"], vocab_size=300, hidden_size=32, max_length=64)
    short = {"short": PROMPTS["short"]}
    with pytest.raises(ValueError, match=r"p\.jsonl: prompt 'long' has \d+ tokens"):
        sample_candidates(policy, tokenizer, PROMPTS, settings(), source="p.jsonl")
    with pytest.raises(
        ValueError, match=r"prompt 'short' with the system prompt '\w+' has \d+ tokens"
    ):
        sample_candidates(policy, tokenizer, short, settings(method="system_prompts"))
    with pytest.raises(ValueError, match=r"prompt 'short' in the template has \d+ tokens"):
        sample_candidates(policy, tokenizer, short, settings(method="one_prompt"))


def test_the_positions_hold_the_beginning_of_the_answers_too(model: Model) -> None:
    policy, tokenizer = model
    asking = prompt_ids(tokenizer, in_template("Tea?", 4))
    beginning = tokenizer(BEGINNING)["input_ids"]
    needed = len(asking) + len(beginning) + 4 * (6 + 16)
    config, prompts = settings(method="one_prompt"), {"p": "Tea?"}
    try:
        policy.config.max_position_embeddings = needed
        sample_candidates(policy, tokenizer, prompts, config)
        policy.config.max_position_embeddings = needed - 1
        with pytest.raises(ValueError, match="in the template has"):
            sample_candidates(policy, tokenizer, prompts, config)
    finally:
        policy.config.max_position_embeddings = 4096
