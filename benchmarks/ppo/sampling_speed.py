"""Speed of sampling: batches of `model.generate`, and continuous batching.

    OMP_NUM_THREADS=1 python benchmarks/ppo/sampling_speed.py --policy smollm2

Samples the same 64 responses of up to 96 tokens to the first prompts of the emoji example both ways,
in float32: once to the end, and once with stop tokens that make the lengths differ.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rlchf.io import read_prompts
from rlchf.train.models.ends import end_ids
from rlchf.train.models.load import load_policy, load_tokenizer
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.samplers import SAMPLERS

PROMPTS = Path(__file__).parents[2] / "examples/emoji/prompts.jsonl"
STOP_TOKENS = {"tiny": "etaoin", "smollm2": ".!?"}
COMPARED = ("generate", "continuous")
COUNT, NEW = 64, 96


def main() -> None:
    """Sample both ways, and print how fast."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policy", choices=STOP_TOKENS, default="tiny")
    name = parser.parse_args().policy
    prompts = list(read_prompts(PROMPTS).values())[:COUNT]
    if name == "tiny":
        policy, tokenizer = tiny_llama([str(prompt) for prompt in prompts], vocab_size=300)
    else:
        policy, tokenizer = load_policy(name), load_tokenizer(name)
    encoded = encode_prompts(policy, tokenizer, prompts, NEW)
    keys = [(0, number) for number in range(COUNT)]
    for sampler in COMPARED:  # loading and compiling, before the clock starts
        SAMPLERS[sampler](NEW)(
            policy, tokenizer, encoded[:2], keys[:2], max_new_tokens=2, temperature=1.0, ends=[0]
        )
    for stop in ("", STOP_TOKENS[name]):
        ends = end_ids(tokenizer, list(stop))
        for sampler in COMPARED:
            began = time.process_time()
            rollout = SAMPLERS[sampler](NEW)(
                policy, tokenizer, encoded, keys, max_new_tokens=NEW, temperature=1.0, ends=ends
            )
            seconds = time.process_time() - began
            lengths = rollout.lengths.double()
            print(
                f"{name}, stop {stop!r}, {sampler}: {lengths.sum() / seconds:.0f} tokens per CPU second; "
                f"lengths {lengths.mean():.0f} on average, {lengths.max():.0f} at most"
            )


if __name__ == "__main__":
    main()
