"""A learning curve of PPO: SmolLM2 with LoRA on a reward model of collective rankings.

    OMP_NUM_THREADS=1 python benchmarks/ppo/ppo_curve.py --out runs/ppo_curve --picture docs/images/ppo.png

fits a reward model to the Kemeny rankings of ``examples/emoji-smollm2.toml`` (six of ten annotators
dislike emojis, all prefer relevant answers), lets PPO raise it under a fixed KL coefficient,
and draws the reward and the divergence of every update from ``metrics.jsonl``.
Takes about ten minutes of one core. A second call with the same folder only draws.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlchf.io.json import read_jsonl
from rlchf.jobs.run import Pipeline
from rlchf.jobs.runfile import read
from rlchf.train.models.load import quieten_transformers
from rlchf.train.ppo import PPOConfig

ROOT = Path(__file__).parents[2]
BOUND = 5.0  # nats per response above which the run would stop
PPO = PPOConfig(
    updates=14, batch_size=24, minibatch_size=8, forward_size=8, ppo_epochs=1, max_new_tokens=24,
    advantages="rloo", responses_per_prompt=2, lora_rank=8, learning_rate=7e-4, lr_schedule="linear",
    kl_coef=0.1, max_kl=BOUND, checkpoint_every=100,
)  # fmt: skip


def fine_tuned(folder: Path) -> list[dict[str, Any]]:
    """PPO's figures, update by update."""
    run = read(ROOT / "examples/emoji-smollm2.toml")
    work = Pipeline(replace(run, reward=replace(run.reward, share_prompt=True), ppo=PPO), folder)
    quieten_transformers()
    work.aggregate()
    work.train_reward_model()
    work.fine_tune()
    return read_jsonl(folder / "policy/metrics.jsonl")


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """The mean reward with its 95 % interval, and the divergence with the bound."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, (above, below) = plt.subplots(1, 2, figsize=(10, 3.8))
    updates = [row["update"] for row in rows]
    means = np.array([row["reward_mean"] for row in rows])
    spread = 1.96 * np.array([row["reward_std"] for row in rows]) / PPO.batch_size**0.5
    above.fill_between(updates, means - spread, means + spread, alpha=0.25, lw=0)
    above.plot(updates, means, marker="o", ms=4)
    above.set_ylabel("score by the reward model")
    above.set_title(f"reward: mean of {PPO.batch_size} responses, 95 % interval")
    below.plot(updates, [row["kl"] for row in rows], marker="o", ms=4, color="C1")
    below.axhline(BOUND, color="0.4", ls="--", lw=1)
    below.annotate(
        "max_kl: the run would stop", (updates[0], BOUND), xytext=(0, 4), color="0.4",
        textcoords="offset points",
    )  # fmt: skip
    below.set_ylabel("nats per response")
    below.set_title("divergence from SmolLM2 as it was")
    below.set_ylim(min(0, below.get_ylim()[0]), 1.25 * max(BOUND, *(row["kl"] for row in rows)))
    for axis in (above, below):
        axis.set_xlabel("update")
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Train, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/ppo_curve"))
    parser.add_argument("--picture", type=Path, help="by default ppo.png in the folder")
    arguments = parser.parse_args()
    rows = fine_tuned(arguments.out)
    picture(rows, arguments.picture or arguments.out / "ppo.png")
    shown = ("update", "reward_mean", "emoji", "kl", "kl_coef")
    for row in rows:
        print({name: round(row[name], 3) for name in shown})


if __name__ == "__main__":
    main()
