"""States of responses in a frozen language model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rlchf import Rankings
from rlchf.train.models import states as module
from rlchf.train.models.states import response_states
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer

TEXTS = {
    "p": {"a": "the dog", "b": "a committee votes on what the model should say", "c": "fox"},
    "q": {"x": "once upon a time", "y": "the lazy dog jumps over the fox"},
}
RANKINGS = Rankings.from_ballots([("p", "ann", "a > b > c"), ("q", "ann", "x > y")])
PROMPTS = {"p": "the quick brown", "q": "once"}


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_a_state_does_not_depend_on_the_other_responses(
    make: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().save_pretrained(tmp_path)
    tokenizer = tiny_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    together = response_states(str(tmp_path), RANKINGS, PROMPTS, TEXTS)
    assert together.shape == (5, 32)
    monkeypatch.setattr(module, "TOKENS", 1)  # one response at a time
    assert response_states(str(tmp_path), RANKINGS, PROMPTS, TEXTS) == pytest.approx(
        together, abs=1e-4
    )
    ids = tokenizer("once", add_special_tokens=False)["input_ids"]
    ids += tokenizer("once upon a time", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        model = make()
        outputs = model(input_ids=torch.tensor([[*ids, 0]]), output_hidden_states=True)
    assert np.asarray(outputs.hidden_states[-1][0, -1]) == pytest.approx(together[3], abs=1e-4)


def test_what_is_longer_than_the_model_reads_is_cut_and_it_is_said(tmp_path: Path) -> None:
    tiny_llama(max_position_embeddings=8).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="of 5 responses are longer than 8 tokens"):
        response_states(str(tmp_path), RANKINGS, PROMPTS, TEXTS)
