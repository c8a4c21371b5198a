"""The reward model's batches: every response once, and which prompts and orders the scores belong to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rlchf.preferences import Example
from rlchf.train.models.padding import pad
from rlchf.train.models.text import encode_responses, text_front
from rlchf.train.reward.targets import Targets

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False)
class Encoded:
    """One prompt's responses as token ids, and what is known of their order."""

    rows: list[list[int]]
    targets: Targets


class EncodedExamples(Dataset[Encoded]):
    """Examples, tokenised once before the training.

    Index ``n + i`` is example ``i`` again with weight 0; it fills up a last batch that processes share.

    Attributes
    ----------
    truncated
        Number of rows that were longer than ``max_length`` and lost their beginning.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
        targets_of: Callable[[Example], Targets],
    ) -> None:
        self.items: list[Encoded] = []
        self.truncated = 0
        front = text_front(tokenizer)
        for example in examples:
            texts = example.responses
            rows, cut = encode_responses(tokenizer, example.prompt, texts, max_length, front)
            self.items.append(Encoded(rows, targets_of(example)))
            self.truncated += cut

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Encoded:
        if index < len(self.items):
            return self.items[index]
        item = self.items[index - len(self.items)]
        return replace(item, targets=item.targets.without_weight())

    def tokens(self) -> list[int]:
        """Total number of tokens of each prompt's rows."""
        return [sum(map(len, item.rows)) for item in self.items]


@dataclass(frozen=True)
class Collator:
    """Make one batch of `Encoded` prompts with any numbers of responses.

    Attributes
    ----------
    pad_id
        The model's padding token.
    share_prompt
        Whether the common beginning of a prompt's rows is a row of its own, to be read once.
    side
        The side on which rows are padded.
    """

    pad_id: int
    share_prompt: bool = False
    side: str = "right"

    def __call__(self, items: Sequence[Encoded]) -> dict[str, Tensor]:
        """The batch: ``N`` rows (responses), ``B`` prompts, ``R`` orders.

        Returns
        -------
        ``input_ids``, ``attention_mask``, ``position_ids`` (N, L); ``prompt``, ``slot`` (N,), the position
        of a row's score in (B, K); ``owner`` (R,), the prompt of each order; ``ranks`` (R, K),
        ``targets``, ``pair_weights``, ``margins`` (R, K, K), ``weights``, ``group`` (R,) and ``draws``
        (R, E) of the orders. If prompts are shared, ``prefix_ids`` and ``prefix_mask`` (B, P) are the
        common beginnings of the prompts' rows, ``input_ids`` the rest, and ``attention_mask`` (N, P + L)
        covers both.
        """
        counts = [len(item.rows) for item in items]
        K, orders = max(counts), [item.targets for item in items]
        R = sum(len(o.weights) for o in orders)
        ranks = np.zeros((R, K), dtype=np.int64)
        targets = np.full((R, K, K), np.nan, dtype=np.float32)
        pair_weights = np.zeros((R, K, K), dtype=np.float32)
        margins = np.zeros((R, K, K), dtype=np.float32)
        r = 0
        for o, n in zip(orders, counts, strict=True):
            of_prompt = slice(r, r := r + len(o.weights))
            ranks[of_prompt, :n] = o.ranks
            targets[of_prompt, :n, :n] = o.targets
            pair_weights[of_prompt, :n, :n] = o.pair_weights
            margins[of_prompt, :n, :n] = o.margins
        return {
            **self._texts([item.rows for item in items]),
            "prompt": torch.repeat_interleave(torch.arange(len(items)), torch.tensor(counts)),
            "slot": torch.cat([torch.arange(n) for n in counts]),
            "owner": torch.tensor([b for b, o in enumerate(orders) for _ in o.weights]),
            "ranks": torch.from_numpy(ranks),
            "targets": torch.from_numpy(targets),
            "pair_weights": torch.from_numpy(pair_weights),
            "margins": torch.from_numpy(margins),
            "weights": torch.from_numpy(np.concatenate([o.weights for o in orders])),
            "group": torch.from_numpy(np.concatenate([o.groups for o in orders])),
            "draws": torch.from_numpy(np.concatenate([o.draws for o in orders])),
        }

    def _texts(self, rows: Sequence[list[list[int]]]) -> dict[str, Tensor]:
        lengths = [common_beginning(of_prompt) for of_prompt in rows]
        if not self.share_prompt or min(lengths) == 0:
            return pad([row for of_prompt in rows for row in of_prompt], self.pad_id, self.side)
        # On the left, so that no padding lies between a prompt and its responses: a window of attention
        # counts it, and so do models without position ids.
        beginnings = [r[0][:n] for r, n in zip(rows, lengths, strict=True)]
        prefix = pad(beginnings, self.pad_id, "left")
        rest = pad([row[n:] for r, n in zip(rows, lengths, strict=True) for row in r], self.pad_id)
        counts = torch.tensor([len(of_prompt) for of_prompt in rows])
        seen = prefix["attention_mask"].repeat_interleave(counts, 0)  # (N, P)
        return {
            "prefix_ids": prefix["input_ids"],
            "prefix_mask": prefix["attention_mask"],
            "input_ids": rest["input_ids"],
            "attention_mask": torch.cat([seen, rest["attention_mask"]], 1),
            "position_ids": rest["position_ids"] + seen.sum(1, keepdim=True),
        }


def common_beginning(rows: Sequence[list[int]]) -> int:
    """Number of tokens that all rows begin with; at least one token of each row is left.

    Examples
    --------
    >>> common_beginning([[1, 2, 3, 4], [1, 2, 4]]), common_beginning([[1, 2], [1, 2, 3]])
    (2, 1)
    """
    first, n = rows[0], min(map(len, rows)) - 1
    for row in rows[1:]:
        n = next((i for i in range(n) if row[i] != first[i]), n)
    return n
