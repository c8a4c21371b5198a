"""What Adam's eps does to the steps of PPO, by the number of weights that are trained.

    OMP_NUM_THREADS=1 python benchmarks/ppo/adam_eps.py --policy smollm2

The gradient's norm is clipped, so that the gradient of a single weight falls with the square root of the
number of weights, and eps, which Adam adds to the root of its mean square, weighs more. The script trains a
policy for some updates, takes Adam's moments, and computes the steps that they give with several eps: as they
are, and with the gradients of a policy of more weights and the same norm.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.ppo import PPO, PPOConfig, Setup

PROMPTS = ["How do I bake bread?", "What should I cook tonight?", "Tell me a story.", "Say hello."]
SIZES = (0, 1e9, 8e9, 7e10)  # 0: the policy as it is
EPSILONS = (1e-5, 1e-6, 1e-8)


def moments(name: str, lora_rank: int, updates: int) -> tuple[Tensor, Tensor]:
    """Bias-corrected mean of the gradient, and root of the mean square, of each weight that was trained."""
    if name == "tiny":
        policy, tokenizer = tiny_llama(PROMPTS)
    else:
        policy, tokenizer = load_policy(name), load_tokenizer(name)
    config = PPOConfig(
        updates=updates, batch_size=8, minibatch_size=8, forward_size=4, max_new_tokens=16,
        lora_rank=lora_rank, learning_rate=1e-4 if lora_rank else 1e-6, max_kl=1e9,
    )  # fmt: skip

    def vowels(prompts: list[Prompt], responses: list[str]) -> list[float]:
        return [sum(c in "aeiou" for c in text) / 10 for text in responses]

    with tempfile.TemporaryDirectory() as out:
        run = PPO(Setup(policy, tokenizer, PROMPTS, vowels, config, Path(out)))
        for _ in range(updates):
            batch, metrics, _ = run.collect()
            run.complete(metrics | run.optimise(batch))
    group = run.optimizer.param_groups[0]
    states = [run.optimizer.state[p] for p in group["params"] if p in run.optimizer.state]
    steps, (beta1, beta2) = float(states[0]["step"]), group["betas"]
    mean = torch.cat([state["exp_avg"].flatten() for state in states]) / (1 - beta1**steps)
    square = torch.cat([state["exp_avg_sq"].flatten() for state in states]) / (1 - beta2**steps)
    return mean, square.sqrt()


def main() -> None:
    """Train, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--policy", default="tiny")
    parser.add_argument("--updates", type=int, default=4)
    arguments = parser.parse_args()
    quieten_transformers()
    headings = [f"eps {eps:g}" for eps in EPSILONS]
    table = Table("trained", "weights", "root mean square gradient", *headings, box=None)
    for lora_rank in (0, 16):
        mean, root = moments(arguments.policy, lora_rank, arguments.updates)
        for size in SIZES if not lora_rank else (0, 4.2e7):  # rank 16 on all layers of 8B
            shrink = (mean.numel() / size) ** 0.5 if size else 1.0
            typical = shrink * root.square().mean().sqrt()
            shares = [_share(mean * shrink, root * shrink, eps) for eps in EPSILONS]
            table.add_row(
                f"LoRA, rank {lora_rank}" if lora_rank else "all",
                f"{size or mean.numel():.2g}", f"{typical:.1e}", *(f"{share:.2f}" for share in shares),
            )  # fmt: skip
    Console().print(table)


def _share(mean: Tensor, root: Tensor, eps: float) -> float:
    """Root mean square of the steps with this eps, divided by that without any."""
    moved = root > 0
    with_eps, without = (mean[moved] / (root[moved] + each) for each in (eps, 0.0))
    return float((with_eps.square().mean() / without.square().mean()).sqrt())


if __name__ == "__main__":
    main()
