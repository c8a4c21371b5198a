"""The reward model: any sequence-classification model, how it reads a text, and what its outputs mean."""

import inspect
import math
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlchf.io.json import read_object
from rlchf.preferences import Example
from rlchf.prompts import Prompt
from rlchf.settings import built
from rlchf.train.lora import ADAPTER
from rlchf.train.models.architectures import padding_side
from rlchf.train.models.checksums import config_checksum, weights_checksum
from rlchf.train.models.devices import check_device
from rlchf.train.models.loading import ModelCode
from rlchf.train.models.padding import pad
from rlchf.train.models.text import encode_responses
from rlchf.train.reward.backbone import (
    give_own_pad_token,
    last_layer,
    load_classifier,
    positions_of,
    reading_options,
    with_precise_head,
)
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.heads import category_moments, category_quantile, mean_and_spread, quantile
from rlchf.train.reward.reading import Row, card_rows, length_limit

SETTINGS = "reward_config.json"
TOKENS = 1 << 14
"""Tokens per forward pass of a model whose maximum length is its own."""


@dataclass(frozen=True)
class Readout:
    """How the outputs (N, n) of a head become rewards, and how uncertain the rewards are.

    Attributes
    ----------
    head
        ``scalar`` (with several outputs, an ensemble), ``mean_variance`` or ``categorical``.
    quantile
        The reward is this quantile of a head with a distribution; 0 is the mean.
    uncertainty_penalty
        The reward of an ensemble is its mean minus this many standard deviations (the lower bound).
    shift
        Subtracted from each output of a scalar head, or from the reward of another head.
    """

    head: str = "scalar"
    quantile: float = 0.0
    uncertainty_penalty: float = 0.0
    shift: tuple[float, ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Readout":
        """From the contents of ``reward_config.json``; the score of a plain model if it is empty."""
        names = [each.name for each in fields(cls) if each.name in settings]
        known = {name: settings[name] for name in names}
        return cls(**known | {"shift": tuple(settings.get("shift", ()))})

    def reward(self, outputs: Tensor) -> Tensor:
        """(N,) reward of each response."""
        mean, spread = self.moments(outputs)
        if self.head == "categorical" and self.quantile:
            return category_quantile(outputs, self.quantile) - self._shift(outputs)[0]
        if self.head == "mean_variance" and self.quantile:
            return quantile(mean, spread, self.quantile)
        return mean - self.uncertainty_penalty * spread if self.uncertainty_penalty else mean

    def moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) mean and standard deviation: of the distribution, or of the ensemble's heads."""
        shift = self._shift(outputs)
        if self.head == "mean_variance":
            mean, spread = mean_and_spread(outputs)
            return mean - shift[0], spread
        if self.head == "categorical":
            mean, variance = category_moments(outputs)
            return mean - shift[0], variance.sqrt()
        scores = outputs - shift if self.shift else outputs
        if scores.shape[1] == 1:
            return scores[:, 0], scores.new_zeros(len(scores))
        return scores.mean(1), scores.std(1)

    def _shift(self, outputs: Tensor) -> Tensor:
        return outputs.new_tensor(self.shift or (0.0,))


class RewardModel:
    """A trained reward model: scores responses to prompts.

    Parameters
    ----------
    model, tokenizer
        A sequence-classification model and its own tokenizer.
    max_length
        Maximum length in tokens of prompt and response; the model's number of positions limits it, and is
        taken by default.
    batch_size
        Texts per forward pass, at most.
    readout
        How the head's outputs become rewards; the one score of a plain model by default.
    foreign
        Whether the model was trained elsewhere, and reads texts as its tokenizer's chat template has them
        (see `rlchf.train.reward.reading.card_rows`), not as `train_reward` does.

    Attributes
    ----------
    truncated
        Number of texts so far that were too long and were read without their beginning.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        max_length: int | None = None,
        batch_size: int = 32,
        readout: Readout | None = None,
        foreign: bool = False,
    ) -> None:
        self.model = with_precise_head(model).eval().requires_grad_(False)
        self.tokenizer = tokenizer
        if model.config.pad_token_id is None:
            give_own_pad_token(tokenizer, model)
        elif model.config.pad_token_id == tokenizer.eos_token_id:
            warnings.warn(
                "the reward model's padding token is its end token, so that its scores do not see "
                "whether a response has ended; that is right only if it was trained this way",
                stacklevel=3,
            )
        self.takes_positions, limit = positions_of(model)
        self.options = reading_options(model)
        self.tokens = TOKENS if max_length is None else None
        if max_length is None:
            max_length = length_limit(model, tokenizer)
        self.max_length = max_length if limit is None else min(max_length, limit)
        self.batch_size, self.foreign = batch_size, foreign
        self.takes_kinds = _takes_kinds(model)
        self.readout = readout or Readout()
        self.truncated = 0

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str | torch.device | None = None,
        *,
        dtype: str = "auto",
        batch_size: int = 32,
        max_length: int = 0,
        attn_implementation: str = "",
        trust_remote_code: bool = False,
    ) -> "RewardModel":
        """Load the folder that `train_reward` wrote, or any scalar sequence-classification model.

        One that was trained elsewhere, which has no ``reward_config.json``, reads texts as its own
        tokenizer joins them, up to its own maximum length, in its own precision.

        Parameters
        ----------
        device
            By default a GPU if there is one; ``"auto"`` spreads the model over all GPUs.
        dtype
            Precision of the weights, such as ``"bfloat16"``; ``"auto"`` is that of the files. The head
            computes in float32.
        batch_size
            Texts per forward pass.
        max_length
            Maximum length in tokens; 0 for the one that the model was trained with, or its own.
        attn_implementation, trust_remote_code
            As `rlchf.train.models.loading.ModelCode` states them.

        Raises
        ------
        ValueError
            If there is no such folder or device, the architecture has no sequence classifier, or the
            model has several outputs and no ``reward_config.json`` says what they mean.
        """
        if device is not None:
            check_device(str(device), "device")
        code = ModelCode(
            attn_implementation=attn_implementation, trust_remote_code=trust_remote_code
        )
        arguments: dict[str, Any] = {"dtype": dtype}
        if device == "auto":
            arguments["device_map"] = "auto"
        file = Path(path) / SETTINGS
        settings = read_settings(file) if file.exists() else {}
        outputs = _outputs(settings) if Path(path, ADAPTER).exists() else None
        loaded = load_classifier(path, outputs, code=code, **arguments)
        model = loaded.model
        if not loaded.has_head:
            raise ValueError(_without_head(model, path))
        if model.config.num_labels != 1 and not settings:
            raise ValueError(
                f"the model in {path} has {model.config.num_labels} outputs, and no {SETTINGS} says "
                "what they mean; give a model with one output, or one that train_reward wrote"
            )
        if settings:
            _check_outputs(model, settings, file)
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device != "auto":
            model = model.to(device)
        length = max_length or (settings.get("max_length", 512) if settings else None)
        readout = Readout.from_settings(settings)
        return cls(model, loaded.tokenizer, length, batch_size, readout, foreign=not settings)

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """Reward of each response to its prompt: (N,) float32 on the CPU."""
        return self.readout.reward(self.outputs(prompts, responses))

    def moments(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> tuple[Tensor, Tensor]:
        """(N,) mean and standard deviation of the reward, over an ensemble's heads or of the distribution
        that the head predicts; the standard deviation of a single score is 0."""
        return self.readout.moments(self.outputs(prompts, responses))

    def score_examples(self, examples: Sequence[Example]) -> list[Tensor]:
        """Rewards of the responses of each example: a list of (K,) tensors."""
        outputs = self.outputs_of(examples)
        if not outputs:
            return []
        flat = self.readout.reward(torch.cat(outputs))
        return list(flat.split([len(example.responses) for example in examples]))

    def outputs(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(N, n) outputs of the head for each response, in float32 on the CPU."""
        pairs = zip(prompts, responses, strict=True)
        return self._read([row for p, r in pairs for row in self._encode(p, [r])])

    def outputs_of(self, examples: Sequence[Example]) -> list[Tensor]:
        """Outputs of the head for the responses of each example: a list of (K, n) tensors."""
        rows = [row for e in examples for row in self._encode(e.prompt, e.responses)]
        return list(self._read(rows).split([len(example.responses) for example in examples]))

    def checksum(self) -> int:
        """A checksum of the weights, the config and the readout, on which the rewards depend."""
        parts = (
            weights_checksum(self.model),
            config_checksum(self.model.config),
            self.readout,
            self.max_length,
            self.foreign,
        )
        return zlib.crc32(repr(parts).encode())

    def _encode(self, prompt: Prompt, responses: Sequence[str]) -> list[Row]:
        if self.foreign:
            rows, cut = card_rows(self.tokenizer, prompt, responses, self.max_length)
        else:
            encoded, cut = encode_responses(self.tokenizer, prompt, responses, self.max_length)
            rows = [Row(ids) for ids in encoded]
        self.truncated += cut
        return rows

    @torch.no_grad()
    def _read(self, rows: Sequence[Row]) -> Tensor:
        outputs = torch.empty(len(rows), self.model.config.num_labels)
        side = padding_side(self.model.config)
        for chosen in self._batches([len(row.ids) for row in rows]):
            batch = pad([rows[n].ids for n in chosen], self.model.config.pad_token_id, side)
            if not self.takes_positions:
                del batch["position_ids"]
            kinds = [rows[n].kinds for n in chosen]
            if self.takes_kinds and None not in kinds:
                batch["token_type_ids"] = pad([k or [] for k in kinds], 0, side)["input_ids"]
            batch = {name: tensor.to(self.model.device) for name, tensor in batch.items()}
            outputs[chosen] = self.model(**batch, **self.options).logits.float().cpu()
        if not outputs.isfinite().all():
            bad = int((~outputs.isfinite()).any(1).sum())
            raise ValueError(
                f"the reward model {self.model.name_or_path} gives NaN or infinity for {bad} of {len(rows)} "
                "texts: its weights are damaged, or too large for their precision; give another, or read it "
                "in float32"
            )
        return outputs

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """The numbers of the texts of each forward pass, shortest first: little padding per batch."""
        by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
        batch: list[int] = []
        for n in by_length:
            full = self.tokens is not None and (len(batch) + 1) * lengths[n] > self.tokens
            if batch and (full or len(batch) == self.batch_size):
                yield batch
                batch = []
            batch.append(n)
        if batch:
            yield batch

    def normalise(self, reference: Sequence[Tensor], scale: bool) -> dict[str, list[float]]:
        """Give the rewards of reference texts mean 0 and, with ``scale``, standard deviation 1.

        The scale goes into the head's weights, and so does the shift if the head has a bias: the plain
        checkpoint then gives normalised scores. Each head of an ensemble is normalised separately, because
        Bradley-Terry does not determine its zero.

        Parameters
        ----------
        reference
            Outputs of the reference texts, from `outputs_of`.
        scale
            Whether to divide by the standard deviation; for scalar heads only.

        Returns
        -------
        The ``mean`` and ``sd`` before, and the ``shift`` that remains for the readout.
        """
        rewards = torch.cat(list(reference))
        if self.readout.head != "scalar":
            rewards = self.readout.reward(rewards)[:, None]
        mean, sd = rewards.double().mean(0), rewards.double().std(0, correction=0)
        shift, head = mean.clone(), last_layer(self.model)
        with torch.no_grad():
            if scale:
                divisor = torch.where(sd > 0, sd, 1.0)
                head.weight.div_(divisor[:, None].to(head.weight))
                if head.bias is not None:
                    head.bias.div_(divisor.to(head.bias))
                shift = shift / divisor
            if head.bias is not None and self.readout.head == "scalar":
                head.bias.sub_(shift.to(head.bias))
                shift = torch.zeros_like(shift)
        remaining = tuple(shift.tolist()) if shift.any() else ()
        self.readout = replace(self.readout, shift=remaining)
        return {"mean": mean.tolist(), "sd": sd.tolist(), "shift": list(remaining)}


def _without_head(model: PreTrainedModel, path: str | Path) -> str:
    """What is wrong with a model that gives no scores: often it is a language model."""
    kinds = [
        kind
        for kind in model.config.architectures or []
        if kind.endswith(("ForCausalLM", "LMHeadModel"))
    ]
    if kinds:
        return (
            f"the model in {path} is a {kinds[0]}, a language model without a head for rewards; make a "
            f"reward model of it by rlchf reward --model {path}"
        )
    return f"the model in {path} has no trained head that gives scores, so it is no reward model"


def _takes_kinds(model: PreTrainedModel) -> bool:
    """Whether the model tells the tokens of a pair's two texts apart."""
    takes = "token_type_ids" in inspect.signature(model.forward).parameters
    return takes and getattr(model.config, "type_vocab_size", 2) != 1


def read_settings(file: Path) -> dict[str, Any]:
    """The settings and figures that `train_reward` wrote, checked.

    Raises
    ------
    ValueError
        If a setting has the wrong type or is out of range; the message names the file.
    """
    settings = read_object(file)
    built(RewardConfig, settings, f"{file}: ", among=True)
    shift = settings.get("shift", [])
    if not isinstance(shift, list) or not all(_is_finite(one) for one in shift):
        raise ValueError(f"{file}: shift is {shift!r}; it must be a list of finite numbers")
    return settings


def _is_finite(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast(float, value))


def _outputs(settings: Mapping[str, Any]) -> int:
    """The number of outputs that settings of a training say; 1 without any."""
    return built(RewardConfig, settings, among=True).outputs


def _check_outputs(model: PreTrainedModel, settings: Mapping[str, Any], file: Path) -> None:
    """Refuse settings of another head than the model's."""
    n, shift = model.config.num_labels, len(settings.get("shift", ()))
    if _outputs(settings) != n:
        raise ValueError(
            f"{file} is of a head with {_outputs(settings)} outputs, and the model has {n}; copy the folder "
            "again"
        )
    if shift not in (0, 1, n):
        raise ValueError(f"{file}: shift has {shift} numbers, and the model has {n} outputs")
