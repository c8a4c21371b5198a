"""The columns "targets" of the share audit: share targets with the annotators' weights as the shares.

The closed form is the target itself. 2,560 texts of the tiny model are counted, and 640 of SmolLM2. The JSON
has every kind's share, the KL divergence over the last ten updates beside that of the closed form, which the
texts before PPO give, and the nats per token of the texts under the reference: where the language is kept,
they are about those of the reference's own texts. The tiny Llama learns at 1e-4 in place of 1e-3, at which
noise carried it nats away from the reference.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scene import kind_of

from rlchf.train.ppo.rewards import ShareTargets
from rlchf.train.ppo.rewards.reference_samples import Samples
from rlchf.train.ppo.shaping import Reward


def share_targets(kinds: list[str], sizes: list[int], reward: Reward) -> ShareTargets:
    """The reward model's reward, with the annotators' weights as the shares of the kinds."""

    def label(kind: str) -> Callable[[str], bool]:
        return lambda text: kind_of(text, kinds) == kind

    shares = {kind: size / sum(sizes) for kind, size in zip(kinds, sizes, strict=True)}
    return ShareTargets({"reward": reward}, shares, {kind: label(kind) for kind in kinds})


def language(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean KL divergence per text over some updates, and nats per token under the reference."""
    kl = float(np.mean([row["kl"] for row in rows]))
    length = float(np.mean([row["response_length"] for row in rows]))
    entropy = float(np.mean([row["entropy"] for row in rows]))
    return {"mean_kl": kl, "nats_per_token": entropy + kl / length}


def closed_form_kl(
    texts: Sequence[tuple[str, str]],
    scores: Sequence[float],
    kinds: list[str],
    targets: np.ndarray,
    beta: float,
) -> float:
    """The divergence of the closed form, from the prompts, texts and scores before PPO."""
    numbers = [kinds.index(kind_of(text, kinds)) for _, text in texts]
    members = torch.eye(len(kinds), dtype=torch.float64)[numbers]
    values = torch.tensor(scores, dtype=torch.float64)
    samples = Samples([prompt for prompt, _ in texts], values, members, beta)
    return samples.solve(torch.from_numpy(targets), kinds).kl
