"""What ``architectures.py`` tries with each architecture: a cell is one function.

A function takes the folder of a tiny model and a folder to write to, and returns the largest difference
between two ways that should agree, with the tolerance; it raises what rlchf raises.
"""

import json
import shutil
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

import rlchf
from rlchf.jobs.ppo import run_ppo
from rlchf.jobs.settings import PPOJob
from rlchf.preferences import Example
from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
from rlchf.train.models.text import encode_responses
from rlchf.train.ppo import PPOConfig, ppo
from rlchf.train.ppo.objectives import token_logprobs
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import response_logits
from rlchf.train.ppo.sampling import sample
from rlchf.train.reward.backbone import last_layer, load_backbone, load_classifier
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import make_trainer, train_reward

PROMPTS = [
    "Who may vote?",
    "Name a soup.",
    "Tell the council why the two neighbours at the end of the street disagree about a tree.",
    "Why do leaves fall?",
    "Count the votes of the north and of the south, and say how many there are in all.",
    "Hi.",
]
RESPONSES = [
    "Every speaker, and the neighbours who listen to both.",
    "no",
    "Salt saves water; patience saves a pot.",
    "When the council votes, a large tree is what it hears :)",
]
TOLERANCE = 1e-4
PACKAGE = Path(rlchf.__file__).parent


class Difference(NamedTuple):
    """Two ways that should agree: by how much they differ, what may be, and what differs."""

    largest: float
    tolerance: float = TOLERANCE
    what: str = ""


def examples() -> list[Example]:
    """Each prompt with four responses, whose order changes from prompt to prompt."""
    ids = [str(k) for k in range(len(RESPONSES))]
    return [
        Example(f"p{n}", prompt, ids, RESPONSES, [1 + (k + n) % 4 for k in range(4)])
        for n, prompt in enumerate(PROMPTS)
    ]


def length(prompts: list[Any], responses: list[str]) -> list[float]:
    """A reward that tells most responses apart."""
    return [len(text) / 10 + 0.1 * sum(letter in "aeiou" for letter in text) for text in responses]


# -- reward models ---------------------------------------------------------------------------------


def fitted(model: Path, out: Path, lora_rank: int = 0) -> RewardModel:
    """A reward model after two steps, as it is in memory; its folder is `out`."""
    if not (out / "config.json").exists():
        settings = RewardConfig(
            epochs=1, batch_size=3, learning_rate=1e-2, lora_rank=lora_rank, normalise="centre",
            held_out=0.0,
        )  # fmt: skip
        trained = train_reward(examples(), [], model, settings, out)
        assert trained.model is not None
        return trained.model
    return RewardModel.load(out, "cpu")


def scores(model: RewardModel) -> Tensor:
    """The rewards of all responses to all prompts."""
    rows = [(prompt, text) for prompt in PROMPTS for text in RESPONSES]
    prompts, texts = (list(column) for column in zip(*rows, strict=True))
    return model(prompts, texts)


def relative(expected: Tensor, other: Tensor) -> Difference:
    """By how many of their standard deviations two ways to score the same texts differ."""
    spread = min(expected.std(), other.std())
    if not spread > 0:
        return Difference(float("inf"), what="all texts have the same score")
    return Difference(float((expected - other).abs().max() / spread), 1e-3)


def reward(model: Path, folder: Path, lora_rank: int = 0) -> Difference:
    """Two steps of the reward model: the saved one scores as the trained one, and its head has learnt.

    Under LoRA the parts of a head that the checkpoint has, such as ModernBERT's, stay as they are.
    """
    out = folder / ("reward-lora" if lora_rank else "reward")
    shutil.rmtree(out, ignore_errors=True)  # a later cell may have come first
    trained = fitted(model, out, lora_rank)
    saved = RewardModel.load(out, "cpu")
    start, _ = load_backbone(model, 0, 0, 1)
    base = start.base_model_prefix
    inside = {id(each) for each in getattr(start, base, start).parameters()}
    heads = {n: each for n, each in start.named_parameters() if id(each) not in inside}
    if lora_rank:
        new = load_classifier(model, 1).missing
        heads = {name: each for name, each in heads.items() if name in new}
    after = dict(saved.model.named_parameters())
    still = [
        name for name, each in heads.items()
        if each.shape == after[name].shape and torch.equal(each, after[name]) and each.dim() > 1
    ]  # fmt: skip
    if still:
        return Difference(float("inf"), what=f"the head does not learn: {', '.join(still)}")
    return relative(scores(saved), scores(trained))


def reward_lora(model: Path, folder: Path) -> Difference:
    """The same with LoRA of rank 4, merged when it is saved."""
    return reward(model, folder, 4)


def padding(model: Path, folder: Path) -> Difference:
    """Scores of texts in batches with padding, and one at a time."""
    made = fitted(model, folder / "reward")
    together = scores(made)
    made.batch_size = 1
    return relative(scores(made), together)


def plain_load(model: Path, folder: Path) -> Difference:
    """Scores of `RewardModel`, and of transformers alone, which is given no positions."""
    out = folder / "reward"
    made = fitted(model, out)
    alone = AutoModelForSequenceClassification.from_pretrained(out).eval()
    tokenizer = AutoTokenizer.from_pretrained(out)
    shift = (json.loads((out / "reward_config.json").read_text()).get("shift") or [0.0])[0]
    values = []
    for prompt in PROMPTS:
        rows, _ = encode_responses(tokenizer, prompt, RESPONSES, made.max_length)
        with torch.no_grad():
            values += [alone(torch.tensor([row])).logits[0, 0].item() - shift for row in rows]
    return relative(torch.tensor(values), scores(made))


def share_prompt(model: Path, folder: Path) -> Difference:
    """Outputs and gradients with each prompt read once, and read with each response."""
    results = []
    for share in (False, True):
        made, tokenizer = load_backbone(model, 0, 0)
        with torch.no_grad():
            last_layer(made).weight.mul_(30)  # so that there is something to differ
        settings = RewardConfig(share_prompt=share, batch_size=3)
        trainer = make_trainer(made, tokenizer, examples(), [], settings, folder / "shared")
        batch = trainer.data_collator([trainer.train_dataset[n] for n in range(3)])
        made.zero_grad()
        loss, outputs = trainer.compute_loss(made, batch, return_outputs=True)
        loss.backward()
        gradients = [p.grad.flatten() for p in made.parameters() if p.grad is not None]
        gradient = torch.cat(gradients)
        results.append((outputs.logits.detach(), gradient / gradient.norm()))
    (alone, gradient), (shared, of_shared) = results
    difference = (alone - shared).abs().max() / alone.abs().max().clamp(min=1)
    return Difference(max(float(difference), float((gradient - of_shared).abs().max())), 1e-3)


# -- policies --------------------------------------------------------------------------------------


def policy_padding(model: Path, folder: Path) -> Difference:
    """Log-probabilities of responses in a batch of prompts padded on the left, and one at a time."""
    policy, tokenizer = load_policy(model).eval(), load_tokenizer(model)
    encoded = encode_prompts(policy, tokenizer, PROMPTS, 8)
    keys = [(7, n) for n in range(len(encoded))]
    rollout = sample(policy, tokenizer, encoded, keys, max_new_tokens=8)
    largest = 0.0
    with torch.no_grad():
        logp = token_logprobs(response_logits(policy, rollout)[0], rollout.responses)
        for row in range(len(rollout)):
            ids = rollout.ids[row][rollout.attention_mask[row]][None]
            n = int(rollout.lengths[row])
            alone = token_logprobs(policy(ids).logits[:, -n - 1 : -1], ids[:, -n:])[0]
            largest = max(largest, float((logp[row, :n] - alone).abs().max()))
    return Difference(largest, 2e-4)


SMALL: dict[str, Any] = {
    "updates": 2, "batch_size": 8, "minibatch_size": 4, "forward_size": 2, "max_new_tokens": 8,
    "learning_rate": 1e-2, "kl_coef": 0.02, "max_kl": 1e9,
}  # fmt: skip


def tuned(model: Path, out: Path, given: Any = length, **options: Any) -> tuple[Any, list[Any]]:
    """The policy after a small run of PPO, and the run's metrics."""
    policy, tokenizer = load_policy(model), load_tokenizer(model)
    trained = ppo(policy, tokenizer, PROMPTS, given, PPOConfig(**SMALL | options), out)
    return trained, [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def ppo_full(model: Path, folder: Path, lora_rank: int = 0) -> Difference:
    """Two updates of PPO: the first ratio is 1, KL begins at 0, and plain transformers load the result."""
    out = folder / ("ppo-lora" if lora_rank else "ppo")
    trained, metrics = tuned(model, out, lora_rank=lora_rank)
    ratio = max(row["first_ratio_error"] for row in metrics)
    if ratio:
        return Difference(ratio, 0.0, "the first ratio")
    if abs(metrics[0]["kl"]) > TOLERANCE:
        return Difference(abs(metrics[0]["kl"]), what="the first KL divergence")
    ids = torch.tensor([load_tokenizer(model)(PROMPTS[0], add_special_tokens=False)["input_ids"]])
    loaded = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    with torch.no_grad():
        after, saved, before = (
            each.eval()(ids).logits for each in (trained, loaded, load_policy(model))
        )
    if torch.equal(after, before):
        return Difference(float("inf"), what="nothing was learnt")
    return Difference(float((after - saved).abs().max()))


def ppo_lora(model: Path, folder: Path) -> Difference:
    """The same with LoRA of rank 4, merged when it is saved."""
    return ppo_full(model, folder, 4)


def critic(model: Path, folder: Path) -> Difference:
    """PPO from files with a reward model fitted from the policy's folder, and the critic from it."""
    out = folder / "reward"
    fitted(model, out)
    prompts = folder / "prompts.jsonl"
    rows = [{"prompt_id": str(n), "prompt": prompt} for n, prompt in enumerate(PROMPTS)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = PPOJob(policy=str(model), prompts=str(prompts), reward=(str(out),), critic=str(out))
    settings = PPOConfig(**SMALL | {"updates": 1, "value_learning_rate": 1e-4})
    (row,) = run_ppo(job, settings, folder / "critic")
    return Difference(row["first_ratio_error"], 0.0, "the first ratio")


def continuous(model: Path, folder: Path) -> Difference:
    """Responses that continuous batching draws, and those of `generate`: the share that differs."""
    drawn: dict[str, list[str]] = {}
    for sampler in ("generate", "continuous"):
        texts: list[str] = []

        def kept(prompts: list[Any], responses: list[str], texts: list[str] = texts) -> list[float]:
            texts += responses
            return length(prompts, responses)

        tuned(model, folder / sampler, kept, updates=1, sampler=sampler)
        drawn[sampler] = texts
    pairs = list(zip(drawn["generate"], drawn["continuous"], strict=True))
    other = sum(one != two for one, two in pairs)
    return Difference(other / len(pairs), 0.0, f"{other} of {len(pairs)} responses")


CELLS: dict[str, Callable[[Path, Path], Difference]] = {
    "reward": reward,
    "reward LoRA": reward_lora,
    "padding": padding,
    "plain load": plain_load,
    "share_prompt": share_prompt,
    "policy padding": policy_padding,
    "PPO": ppo_full,
    "PPO LoRA": ppo_lora,
    "critic": critic,
    "continuous": continuous,
}
"""The cells of an architecture by the names of their columns."""

OF_POLICIES = ("policy padding", "PPO", "PPO LoRA", "critic", "continuous")
"""Those that a model which writes no text does not have."""


class Result(NamedTuple):
    """The result of one cell."""

    state: str
    """``ok``, ``differs``, ``refused`` with a sentence of ours, ``failed`` with any other error."""
    detail: str
    """The largest difference, or what was said."""


def result_of(cell: str, model: Path, folder: Path) -> Result:
    """Try one cell, whatever happens in it."""
    quieten_transformers()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            difference = CELLS[cell](model, folder)
    except Exception as error:
        sentence = _sentence(error, model, folder)
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        if isinstance(error, ValueError) and raised_in.is_relative_to(PACKAGE):
            return Result("refused", sentence)
        return Result("failed", f"{type(error).__name__}: {sentence}")
    if difference.largest <= difference.tolerance:
        return Result("ok", f"{difference.largest:.1e}")
    what = f" ({difference.what})" if difference.what else ""
    return Result("differs", f"{difference.largest:.1e}{what}")


def _sentence(error: Exception, model: Path, folder: Path) -> str:
    """An error on one line, without the names of temporary folders."""
    text = " ".join(str(error).split())
    return text.replace(str(model), "policy").replace(f"{folder}/", "")
