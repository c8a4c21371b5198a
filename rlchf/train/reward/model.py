"""The reward model: any sequence-classification model, and how it reads a text."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rlchf.preferences import Example
from rlchf.prompts import Prompt
from rlchf.train.models.load import model_folder
from rlchf.train.models.text import encode, encode_responses
from rlchf.train.reward.backbone import give_own_pad_token, last_layer, load_backbone, positions_of
from rlchf.train.reward.collator import pad
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.readout import Readout

__all__ = ["RewardConfig", "RewardModel", "encode", "load_backbone", "pad"]

SETTINGS = "reward_config.json"


class RewardModel:
    """A trained reward model: scores responses to prompts.

    Parameters
    ----------
    model, tokenizer
        A sequence-classification model and its own tokenizer.
    max_length
        Tokens of prompt and response together; never more than the model has positions for.
    batch_size
        Texts per forward pass.
    readout
        How the head's outputs become rewards; the one score of a plain model by default.

    Attributes
    ----------
    truncated
        How many texts so far were too long and were read without their beginning.
    """

    def __init__(
        self, model: Any, tokenizer: Any, max_length: int = 512, batch_size: int = 32,
        readout: Readout | None = None,
    ) -> None:  # fmt: skip
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        if model.config.pad_token_id is None:
            give_own_pad_token(tokenizer, model)
        elif model.config.pad_token_id == tokenizer.eos_token_id:
            warnings.warn(
                "the reward model's padding token is its end token, so that its scores do not see "
                "whether a response has ended; that is right only if it was trained so",
                stacklevel=3,
            )
        self.takes_positions, limit = positions_of(model)
        self.max_length = max_length if limit is None else min(max_length, limit)
        self.batch_size = batch_size
        self.readout = readout or Readout()
        self.truncated = 0

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = None) -> "RewardModel":
        """Load the folder that `train_reward` wrote, or any scalar sequence-classification model.

        Raises
        ------
        ValueError
            If there is no such folder, or the model has several outputs and no ``reward_config.json``
            says what they mean.
        """
        model = AutoModelForSequenceClassification.from_pretrained(model_folder(path))
        file = Path(path) / SETTINGS
        settings = json.loads(file.read_text()) if file.exists() else {}
        if model.config.num_labels != 1 and not settings:
            raise ValueError(
                f"the model in {path} has {model.config.num_labels} outputs, and no {SETTINGS} says "
                "what they mean; give a model with one output, or one that train_reward wrote"
            )
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        tokenizer = AutoTokenizer.from_pretrained(path)
        readout = Readout.from_settings(settings)
        return cls(model.to(device), tokenizer, settings.get("max_length", 512), readout=readout)

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """Reward of each response to the prompt beside it: (N,) float32 on the CPU."""
        return self.readout.reward(self.outputs(prompts, responses))

    def moments(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> tuple[Tensor, Tensor]:
        """(N,) mean reward, and its standard deviation: how far an ensemble's heads are from one
        another, or the spread that a head with a distribution sees; 0 for a single score."""
        return self.readout.moments(self.outputs(prompts, responses))

    def score_examples(self, examples: Sequence[Example]) -> list[Tensor]:
        """Rewards of the responses of each example: a list of (K,) tensors."""
        outputs = self.outputs_of(examples)
        if not outputs:
            return []
        flat = self.readout.reward(torch.cat(outputs))
        return list(flat.split([len(example.responses) for example in examples]))

    def outputs(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(N, n) what the head itself says of each response, in float32 on the CPU."""
        each = zip(prompts, responses, strict=True)
        return self._read([row for p, r in each for row in self._encode(p, [r])])

    def outputs_of(self, examples: Sequence[Example]) -> list[Tensor]:
        """(K, n) what the head itself says of each example's responses."""
        rows = [row for e in examples for row in self._encode(e.prompt, e.responses)]
        return list(self._read(rows).split([len(example.responses) for example in examples]))

    def _encode(self, prompt: Prompt, responses: Sequence[str]) -> list[list[int]]:
        rows, cut = encode_responses(self.tokenizer, prompt, responses, self.max_length)
        self.truncated += cut
        return rows

    @torch.no_grad()
    def _read(self, rows: Sequence[list[int]]) -> Tensor:
        by_length = sorted(range(len(rows)), key=lambda n: len(rows[n]))  # little padding per batch
        outputs = torch.empty(len(rows), self.model.config.num_labels)
        for start in range(0, len(rows), self.batch_size):
            chosen = by_length[start : start + self.batch_size]
            batch = pad([rows[n] for n in chosen], self.model.config.pad_token_id)
            if not self.takes_positions:
                del batch["position_ids"]
            batch = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
            outputs[chosen] = self.model(**batch).logits.float().cpu()
        return outputs

    def normalise(self, reference: Sequence[Tensor], scale: bool) -> dict[str, list[float]]:
        """Give the rewards of reference texts mean 0 and, if asked to, standard deviation 1.

        What the head can hold goes into its weights, so that whoever loads the plain checkpoint has it
        too: the scale always, the shift where it has a bias. Each head of an ensemble is normalised by
        itself, since Bradley-Terry says nothing of its zero.

        Parameters
        ----------
        reference
            What `outputs_of` gave for the reference texts.
        scale
            Whether to divide by the standard deviation, too; of scalar heads only.

        Returns
        -------
        ``mean`` and ``sd`` found, and the ``shift`` that is left for the readout to take.
        """
        found = torch.cat(list(reference))
        if self.readout.head != "scalar":
            found = self.readout.reward(found)[:, None]
        mean, sd = found.double().mean(0), found.double().std(0, correction=0)
        shift, head = mean.clone(), last_layer(self.model)
        with torch.no_grad():
            if scale:
                by = torch.where(sd > 0, sd, 1.0)
                head.weight.div_(by[:, None].to(head.weight))
                if head.bias is not None:
                    head.bias.div_(by.to(head.bias))
                shift = shift / by
            if head.bias is not None and self.readout.head == "scalar":
                head.bias.sub_(shift.to(head.bias))
                shift = torch.zeros_like(shift)
        left = tuple(shift.tolist()) if shift.any() else ()
        self.readout = replace(self.readout, shift=left)
        return {"mean": mean.tolist(), "sd": sd.tolist(), "shift": list(left)}
