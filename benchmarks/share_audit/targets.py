"""The columns "targets" of the share audit: share targets with the annotators' weights as the shares.

The closed form is the target itself. 2,560 texts of the tiny model are counted, and 640 of SmolLM2. The JSON
has every kind's share, and the KL divergence over the last ten updates beside that of the closed form, which
the texts before PPO give. Two figures tell whether the language is kept: the nats per token of the texts
under the reference, which are then about those of the reference's own texts, and the share of the texts that
are, word for word, what the policy was taught to say to the prompt before PPO, beside the reference's. The
tiny Llama learns at 1e-4 in place of 1e-3, at which noise carried it nats away from the reference.

With ``--seeds`` above 1 each cell is the mean over runs, each with ballots, a reward model, a training and
texts of its own; the interval is that of Student's t over the runs, and "furthest" the largest distance of
a kind's share from its target in any run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from ballots import POPULATIONS
from scene import kind_of
from scipy.stats import t as student

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


def over_seeds(runs: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The cells of a row over the runs with different seeds; those of the only run if there is one."""
    if len(runs) == 1:
        return runs[0]
    return {name: mean_cell([run[name] for run in runs]) for name in runs[0]}


def mean_cell(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over runs, with Student's interval of the share."""
    means = np.array([cell["mean"] for cell in cells])
    half = student.ppf(0.975, len(cells) - 1) * means.std(ddof=1) / len(cells) ** 0.5
    mean: dict[str, Any] = {
        name: float(np.mean([cell[name] for cell in cells]))
        for name, value in cells[0].items()
        if isinstance(value, int | float)
    }
    mean |= {"low": max(0.0, mean["mean"] - half), "high": min(1.0, mean["mean"] + half)}
    if "kinds" in cells[0]:
        mean["kinds"] = [mean_cell(kind) for kind in zip(*(c["kinds"] for c in cells), strict=True)]
    if "runs" in cells[0]:
        mean["runs"] = [run for cell in cells for run in cell["runs"]]
    return mean


def targets_table(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of the columns "targets": all shares, the divergence and the language."""
    lines = [
        "| population | labels by | beta | runs | shares of texts | furthest | nats per text | closed form |"
        " nats per token | as taught (before) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        sizes = np.array(POPULATIONS[row["population"]])
        for name, cell in row["shares"].items():
            if not name.startswith("targets"):
                continue
            furthest = np.abs(np.array(cell["runs"]) - sizes / sizes.sum()).max()
            shares = (f"{k['mean']:.3f} ({k['low']:.2f}-{k['high']:.2f})" for k in cell["kinds"])
            figures = [row["population"], row["rule"], name.split()[1], str(len(cell["runs"]))]
            figures += [", ".join(shares), f"{furthest:.3f}", f"{cell['mean_kl']:.2f}"]
            figures += [f"{cell['closed_form_kl']:.2f}", f"{cell['nats_per_token']:.2f}"]
            figures += [f"{cell['taught']:.2f} ({cell['taught_before']:.2f})"]
            lines.append("| " + " | ".join(figures) + " |")
    return "\n".join(lines)
