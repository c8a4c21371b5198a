"""Examples and backbones small enough to train a reward model on within a test."""

from pathlib import Path
from typing import Any

import numpy as np

from rlchf.preferences import Ballots, Example
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer

WORDS = ["dog", "girl", "time", "model", "lazy", "little"]


def tiny_backbone(folder: Path, kind: str = "llama", **options: Any) -> Path:
    """A tiny random language model with its tokenizer, in a folder."""
    tokenizer = tiny_tokenizer()
    make = tiny_llama if kind == "llama" else tiny_gpt2
    make(len(tokenizer), **{"scale": 1.0} | options).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def fox_examples(n: int, K: int = 3, seed: int = 0) -> list[Example]:
    """Prompts with one good response, which names the fox; the others tie behind it."""
    rng = np.random.default_rng(seed)

    def text(good: bool) -> str:
        return " ".join(rng.permutation([*rng.choice(WORDS, 2), *(["fox"] if good else [])]))

    ids = [str(k) for k in range(K)]
    return [
        Example(
            str(i),
            "Say something.",
            ids,
            [text(k == i % K) for k in range(K)],
            [1 if k == i % K else 2 for k in range(K)],
        )
        for i in range(n)
    ]


def ragged_examples(n: int, seed: int = 0) -> list[Example]:
    """Prompts of any length with two to four responses, weak orders, weights and three ballots each."""
    rng = np.random.default_rng(seed)

    def text(longest: int) -> str:
        return " ".join(rng.choice(WORDS, rng.integers(1, longest)))

    examples = []
    for i in range(n):
        K = int(rng.integers(2, 5))
        ballots = Ballots(rng.integers(0, K + 1, (3, K)), np.ones(3), ["ann", "bob", "eve"])
        examples.append(
            Example(
                str(i),
                text(12),
                [str(k) for k in range(K)],
                [text(8) for _ in range(K)],
                rng.integers(1, 4, K).tolist(),
                weight=float(rng.integers(1, 4)),
                ballots=ballots,
            )
        )
    return examples
