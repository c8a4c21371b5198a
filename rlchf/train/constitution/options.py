"""The options of a judge's question as tokens, and their log-probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rlchf.constitution.questions import ANSWER
from rlchf.train.reward.collator import common_beginning

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class OptionTokens:
    """What a judge's turn consists of where it names an option.

    Attributes
    ----------
    begin
        Tokens that all options begin with, such as those of "The answer is: (".
    options
        The tokens that then tell the options apart, mostly one of each.
    """

    begin: list[int]
    options: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase", letters: Sequence[str]) -> "OptionTokens":
        """The tokens of "The answer is: (A)", and so on for each letter.

        The letters are read within the whole text, because "(A" or "A)" may be one token. What all options
        end with says nothing of the choice and is left out.
        """
        texts = [f"{ANSWER}{letter})" for letter in letters]
        rows = [list(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        n = common_beginning(rows)
        options = [tuple(row[n:]) for row in rows]
        while min(map(len, options)) > 1 and len({option[-1] for option in options}) == 1:
            options = [option[:-1] for option in options]
        return cls(rows[0][:n], tuple(options))

    @property
    def tails(self) -> list[tuple[int, ...]]:
        """What is read behind the beginning so that each option's last token follows; mostly nothing."""
        return list(dict.fromkeys(option[:-1] for option in self.options))

    def logprobs(self, read: Sequence[Tensor], temperature: float = 1.0) -> list[float]:
        """The log-probability of each option.

        Parameters
        ----------
        read
            For each tail, the (T, V) logits from the last token of the beginning on.
        """
        of_tail = dict(zip(self.tails, read, strict=True))
        return [
            self._logprob(option, of_tail[option[:-1]] / temperature) for option in self.options
        ]

    @staticmethod
    def _logprob(option: tuple[int, ...], logits: Tensor) -> float:
        logprobs = torch.log_softmax(logits.float(), -1)[range(len(option)), list(option)]
        return float(logprobs.sum())
