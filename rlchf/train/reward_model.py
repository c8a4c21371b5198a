"""The reward model: any sequence-classification backbone with one output, and how it reads a text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rlchf.preferences import Example
from rlchf.prompts import Prompt
from rlchf.train.text import prompt_ids, response_ids


@dataclass(frozen=True)
class RewardConfig:
    """Settings of the reward model's training.

    Attributes
    ----------
    epochs
        Passes over the training prompts.
    learning_rate
        Peak of the schedule, which warms up over a twentieth of the steps and then falls linearly to 0.
    batch_size
        Prompts (not texts) per step and process.
    max_length
        Tokens of prompt and response together; a longer prompt loses its beginning.
    lora_rank
        Rank of the LoRA adapters, on the layers that peft chooses for the architecture (the attention's
        queries and values, mostly); 0 trains all weights.
    held_out
        Share of the prompts kept for measuring accuracy.
    """

    epochs: float = 3.0
    learning_rate: float = 1e-4
    batch_size: int = 8
    max_length: int = 512
    lora_rank: int = 0
    held_out: float = 0.2
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "batch_size", "max_length"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}; it must be 0 or more and below 1")


def encode(tokenizer: Any, prompt: Prompt, response: str, max_length: int) -> list[int]:
    """Token ids of a prompt and its finished response; what is too long goes from the left."""
    return (prompt_ids(tokenizer, prompt) + response_ids(tokenizer, response))[-max_length:]


def pad(rows: Sequence[list[int]], pad_id: int) -> dict[str, Tensor]:
    """Stack ragged rows into right-padded (N, L) ``input_ids`` and their ``attention_mask``."""
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.tensor(row)
        mask[n, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def load_backbone(path: str | Path, lora_rank: int = 0, seed: int = 0) -> tuple[Any, Any]:
    """A scalar-output model on the backbone in ``path``, and its tokenizer.

    The head starts small (standard deviation 1 / (d + 1), as Stiennon et al. 2020), so that training
    starts from nearly equal scores, and dropout is off, so that a text has one score.
    """
    tokenizer = AutoTokenizer.from_pretrained(path)
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(path, num_labels=1)
    give_own_pad_token(tokenizer, model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for name in [
        name for name in vars(model.config) if "dropout" in name or name.endswith("_pdrop")
    ]:
        if isinstance(getattr(model.config, name), float):
            setattr(model.config, name, 0.0)
    head = model.score if hasattr(model, "score") else model.classifier
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=1 / (head.in_features + 1))
    if lora_rank:
        from peft import LoraConfig, TaskType, get_peft_model

        lora = LoraConfig(task_type=TaskType.SEQ_CLS, r=lora_rank, lora_alpha=2 * lora_rank)
        model = get_peft_model(model, lora)
    return model, tokenizer


def give_own_pad_token(tokenizer: Any, model: Any) -> None:
    """Make the padding token differ from the end token, since classification heads read the last
    token that is not padding: with one token for both they would never see the end of a response."""
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id):
        if tokenizer.unk_token_id not in (None, tokenizer.eos_token_id):
            tokenizer.pad_token = tokenizer.unk_token
        else:
            tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.pad_token_id = tokenizer.pad_token_id


class RewardModel:
    """A trained reward model: scores responses to prompts.

    Parameters
    ----------
    model, tokenizer
        A sequence-classification model with one output, and its own tokenizer.
    max_length
        Tokens of prompt and response together.
    batch_size
        Texts per forward pass.
    """

    def __init__(
        self, model: Any, tokenizer: Any, max_length: int = 512, batch_size: int = 32
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.batch_size = batch_size

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = None) -> "RewardModel":
        """Load the folder that `train_reward` wrote, or any scalar sequence-classification model."""
        model = AutoModelForSequenceClassification.from_pretrained(path)
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        settings = Path(path) / "reward_config.json"
        length = json.loads(settings.read_text())["max_length"] if settings.exists() else 512
        return cls(model.to(device), AutoTokenizer.from_pretrained(path), length)

    @torch.no_grad()
    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """Score each response to the prompt beside it: (N,) float32 on the CPU."""
        rows = [
            encode(self.tokenizer, prompt, response, self.max_length)
            for prompt, response in zip(prompts, responses, strict=True)
        ]
        by_length = sorted(range(len(rows)), key=lambda n: len(rows[n]))  # little padding per batch
        scores = torch.empty(len(rows))
        for start in range(0, len(rows), self.batch_size):
            chosen = by_length[start : start + self.batch_size]
            batch = pad([rows[n] for n in chosen], self.tokenizer.pad_token_id)
            batch = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
            scores[chosen] = self.model(**batch).logits[:, 0].float().cpu()
        return scores

    def score_examples(self, examples: Sequence[Example]) -> list[Tensor]:
        """Score the responses of each example: a list of (K,) tensors."""
        prompts = [example.prompt for example in examples for _ in example.responses]
        flat = self(prompts, [response for example in examples for response in example.responses])
        return list(flat.split([len(example.responses) for example in examples]))
