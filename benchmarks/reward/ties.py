"""What a reward model gains on the subset Ties of RewardBench 2 by learning from ties.

    python benchmarks/reward/ties.py

A tiny Llama with random weights learns which words are of a kind: a prompt asks for one thing of a kind,
three responses are of it and three are not. It is trained on the same texts three times, which differ in
what the training signal says of the correct responses:

- ties: they are tied, in a ranking of all six;
- pairs: nothing, because only pairs of a correct and an incorrect response are given.

It is then measured on prompts in wordings that it has not seen, by the score of Ties and its terms.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rlchf.evaluation.benchmark_prompts import BenchmarkPrompt
from rlchf.evaluation.rewardbench2 import TERMS, rewardbench2
from rlchf.preferences import Example, order_targets
from rlchf.train.models import tiny_llama
from rlchf.train.reward import RewardConfig, train_reward

KINDS = {
    "fruit": "apple pear plum fig cherry mango lemon peach grape melon",
    "animal": "horse goose trout wasp otter lizard camel mouse eagle frog",
    "metal": "iron copper tin zinc lead nickel silver gold cobalt mercury",
    "month": "January March April May June July August October November December",
}
TRAINED = ("Name one {}.", "Give me one {}.", "Tell me one {}.", "Which {} do you like?")
HELD_OUT = ("I need one {}.", "One {}, please.")
SIGNALS = {
    "ties, Bradley-Terry": ("ties", "bradley_terry"),
    "ties, Plackett-Luce": ("ties", "plackett_luce"),
    "pairs, Bradley-Terry": ("pairs", "bradley_terry"),
}
DRAWS, CORRECT, INCORRECT = 12, 3, 3


def drawn(rng: np.random.Generator, kind: str, n: int) -> tuple[list[str], list[str]]:
    """Words of a kind, and words of others."""
    others = [word for name, words in KINDS.items() if name != kind for word in words.split()]
    correct = rng.choice(KINDS[kind].split(), n, replace=False)
    return list(map(str, correct)), list(map(str, rng.choice(others, INCORRECT, replace=False)))


def examples(signal: str, seed: int) -> Iterator[Example]:
    """The training examples of a signal; their texts are the same for all signals."""
    rng = np.random.default_rng(seed)
    ids = [f"r{n}" for n in range(CORRECT + INCORRECT)]
    for template in TRAINED:
        for kind in KINDS:
            for n in range(DRAWS):
                correct, incorrect = drawn(rng, kind, CORRECT)
                ranks = [1] * CORRECT + [CORRECT + 1] * INCORRECT
                targets = order_targets(np.array(ranks))
                if signal == "pairs":
                    targets[targets == 0.5] = np.nan
                yield Example(
                    f"{kind}-{template}-{n}", template.format(kind), ids, correct + incorrect,
                    list(map(int, ranks)), targets=targets if signal == "pairs" else None,
                )  # fmt: skip


def benchmark(seed: int) -> list[BenchmarkPrompt]:
    """Pairs of a tied prompt and a reference prompt."""
    rng = np.random.default_rng((seed, 2))
    prompts = []
    for n, (template, kind) in enumerate((t, k) for t in HELD_OUT for k in KINDS for _ in range(8)):
        for name, size in (("tied", 5), ("ref", 1)):
            texts = drawn(rng, kind, size)
            prompts.append(BenchmarkPrompt(f"{name}:{n}", "Ties", template.format(kind), *texts))
    return prompts


def measured(signal: str, loss: str, seed: int, epochs: float) -> list[float]:
    """The Ties score and its terms."""
    train = list(examples(signal, seed))
    prompts = benchmark(seed)
    texts = [text for one in train for text in (str(one.prompt), *one.responses)]
    config = RewardConfig(
        epochs=epochs, learning_rate=1e-3, loss=loss, seed=seed, normalise="scale"
    )
    with tempfile.TemporaryDirectory() as folder:
        model, tokenizer = tiny_llama(texts, seed=seed)
        model.save_pretrained(f"{folder}/base")
        tokenizer.save_pretrained(f"{folder}/base")
        trained = train_reward(train, [], f"{folder}/base", config, Path(folder) / "reward")
    read = trained.model
    assert read is not None  # as it is in other processes than the first
    scores = [read([one.prompt] * len(one.responses), one.responses).tolist() for one in prompts]
    figures = rewardbench2(prompts, scores, replicates=0)
    return [figures.subsets[0].value, *(one.value for one in figures.ties)]


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=float, default=16)
    given = parser.parse_args()
    print("| training signal | Ties | lowest | highest |", " | ".join(TERMS), "|")
    for name, (signal, loss) in SIGNALS.items():
        rows = np.array([measured(signal, loss, seed, given.epochs) for seed in range(given.seeds)])
        scores = rows[:, 0]
        figures = [scores.mean(), scores.min(), scores.max(), *rows[:, 1:].mean(axis=0)]
        print(f"| {name} |", " | ".join(f"{value:.3f}" for value in figures), "|", flush=True)


if __name__ == "__main__":
    main()
