"""Rows of judgements as `rlchf constitution judge` writes them, made by a simulated judge."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from rlchf.constitution.judgements import Judgements
from rlchf.constitution.principles import Principle
from rlchf.constitution.questions import Judge, Question
from rlchf.io.judgements import judgement

WORDS = (
    "kind",
    "please",
    "stupid",
    "doctor",
    "first",
    "however",
    "perhaps",
    "poison",
    "rice",
    "water",
)


def texts(n_prompts: int, n_responses: int = 2, seed: int = 0) -> dict[str, dict[str, str]]:
    """Random responses to prompts, a few words each and now and then an emoji."""
    rng = np.random.default_rng(seed)
    responses: dict[str, dict[str, str]] = {}
    for p in range(n_prompts):
        responses[f"p{p}"] = {}
        for r in range(n_responses):
            words = rng.choice(WORDS, size=rng.integers(3, 9)).tolist()
            emoji = " 🍚" * bool(rng.random() < 0.4)
            responses[f"p{p}"][f"r{r}"] = f"{' '.join(words)} {p} {r}{emoji}"
    return responses


def judged(
    judge: Judge,
    principles: Sequence[str],
    responses: Mapping[str, Mapping[str, str]],
    *,
    orders: Sequence[int] = (0, 1),
    weights: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Comparisons of every pair by every principle, asked in the given orders."""
    rows = []
    for prompt, by_id in responses.items():
        for first, second in combinations(sorted(by_id), 2):
            for name in principles:
                shown = [math.nan, math.nan]
                nonsense, silent = 0, 0.0
                principle = Principle(name, question=f"Which is more {name}?")
                for order in orders:
                    pair = (first, second) if order == 0 else (second, first)
                    key = (prompt, *pair, name)
                    one = Question(prompt, by_id[pair[0]], by_id[pair[1]], principle, key)
                    (answer,) = judge([one])
                    soft = answer.soft_label
                    shown[order] = soft if order == 0 else 1 - soft
                    nonsense += answer.nonsense
                    silent += answer.cannot_tell / len(orders)
                rows.append(row(prompt, name, first, second, shown, nonsense, silent))
                rows[-1]["weight"] = (weights or {}).get(name, 1.0)
    return rows


def row(
    prompt: str,
    name: str,
    first: str,
    second: str,
    shown: Sequence[float],
    nonsense: int,
    silent: float,
) -> dict[str, Any]:
    """One line of the file."""
    known = [one for one in shown if not math.isnan(one)]
    soft = sum(known) / len(known) if known else math.nan
    chosen, rejected = (first, second) if not soft < 0.5 else (second, first)
    return {
        "prompt_id": prompt, "annotator_id": name, "chosen": chosen, "rejected": rejected,
        "tie": soft == 0.5, "weight": 1.0, "method": "function",
        "probability": None if math.isnan(soft) else max(soft, 1 - soft),
        "shown_first": None if math.isnan(shown[0]) else shown[0],
        "shown_second": None if math.isnan(shown[1]) else shown[1],
        "cannot_tell": silent, "nonsense": nonsense,
    }  # fmt: skip


def judgements(rows: Sequence[Mapping[str, Any]]) -> Judgements:
    """The rows as the reader makes them."""
    return Judgements.of([judgement(dict(one), "row") for one in rows])
