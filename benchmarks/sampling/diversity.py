"""Diversity of the candidates that each method of `rlchf sample` gives.

    OMP_NUM_THREADS=1 python benchmarks/sampling/diversity.py --policy smollm2

Samples four responses to each of the first prompts of the emoji example by each method, and prints their
diversity, the exact duplicates, and how many prompts got all their answers from one prompt. With
``--show`` also the responses to the first prompt.
"""

import argparse
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import get_args

from rlchf.io import read_prompts
from rlchf.train.candidates.config import CandidateConfig, Method
from rlchf.train.candidates.sampling import sample_candidates
from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
from rlchf.train.models.tiny import tiny_llama

PROMPTS = Path(__file__).parents[2] / "examples/emoji/prompts.jsonl"


def main() -> None:
    """Sample by each method, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policy", default="smollm2")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--top-p", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    quieten_transformers()
    prompts = dict(islice(read_prompts(PROMPTS).items(), args.prompts))
    if args.policy == "tiny":
        policy, tokenizer = tiny_llama(list(map(str, prompts.values())), max_length=1 << 14)
    else:
        policy, tokenizer = load_policy(args.policy), load_tokenizer(args.policy)
    print(
        f"{args.policy}, {args.tokens} tokens, temperature {args.temperature}, top-p {args.top_p}\n"
    )
    print(
        "| method | diversity | duplicates merged | prompts answered in full by one prompt | words |"
    )
    print("|---|---|---|---|---|")
    for method in get_args(Method):
        config = CandidateConfig(
            method=method, max_new_tokens=args.tokens, temperature=args.temperature, top_p=args.top_p,
            batch_size=32, baseline=0, seed=args.seed,
        )  # fmt: skip
        began = time.perf_counter()
        candidates = sample_candidates(policy, tokenizer, prompts, config)
        seconds = time.perf_counter() - began
        every = [one for listed in candidates.by_prompt.values() for one in listed]
        listed = f"{len(prompts) - len(candidates.unlisted)} of {len(prompts)}"
        words = sum(len(one.text.split()) for one in every) / len(every)
        print(
            f"| {method} | {candidates.diversity:.3f} | {candidates.merged} of {candidates.drawn} | "
            f"{listed if method == 'one_prompt' else ''} | {words:.0f} |",
            flush=True,
        )
        counts = Counter(one.method for one in every)
        if args.show:
            print(f"{seconds:.0f} s; drawn as {dict(counts)}")
            for one in next(iter(candidates.by_prompt.values())):
                print(f"--- {one.method} {one.asked}\n{one.text}\n")


if __name__ == "__main__":
    main()
