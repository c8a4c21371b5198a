"""Logits behind texts that begin alike: what they share is computed once, and continued."""

from collections.abc import Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rlchf.train.models.padding import pad
from rlchf.train.reward.backbone import positions_of
from rlchf.train.reward.collator import common_beginning

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PrefixReader:
    """Reads logits from a causal language model in evaluation mode.

    Parameters
    ----------
    share
        Whether the keys and values of a common beginning are computed once and reused.
    """

    def __init__(self, model: "PreTrainedModel", pad_id: int, share: bool = True) -> None:
        self.model, self.pad_id = model.eval(), pad_id
        self.takes_positions, self.limit = positions_of(model)
        self.parameters = signature(model.forward).parameters
        self.share = share and "past_key_values" in self.parameters

    @torch.no_grad()
    def __call__(
        self, rows: Sequence[Sequence[int]], groups: Sequence[int], kept: Sequence[int]
    ) -> list[Tensor]:
        """The logits at the last tokens of each row.

        Parameters
        ----------
        rows
            Token ids of N texts.
        groups
            (N,) numbers from 0 in ascending order; texts of one group have a beginning in common.
        kept
            (N,) the number of last tokens of each text whose logits are wanted.

        Returns
        -------
        For each text, (kept, V) logits.
        """
        lists = [list(row) for row in rows]
        prefixes = self._prefixes(lists, groups, kept) if self.share else None
        return (
            self._read(lists, kept)
            if prefixes is None
            else self._continue(lists, groups, kept, prefixes)
        )

    def _prefixes(
        self, rows: list[list[int]], groups: Sequence[int], kept: Sequence[int]
    ) -> list[list[int]] | None:
        """The common beginning of each group; None if one has none, or no group has several texts."""
        if len(set(groups)) == len(rows):
            return None
        prefixes = []
        for group in sorted(set(groups)):
            members = [n for n, one in enumerate(groups) if one == group]
            shared = common_beginning([rows[n] for n in members])
            length = min(shared, *(len(rows[n]) - kept[n] for n in members))
            prefixes.append(rows[members[0]][:length])
        return prefixes if min(map(len, prefixes)) else None

    def _read(self, rows: list[list[int]], kept: Sequence[int]) -> list[Tensor]:
        texts = pad(rows, self.pad_id)
        return self._logits(texts, {"use_cache": False}, [len(row) for row in rows], kept)

    def _continue(
        self,
        rows: list[list[int]],
        groups: Sequence[int],
        kept: Sequence[int],
        prefixes: list[list[int]],
    ) -> list[Tensor]:
        # On the left, so that no padding lies between a beginning and the rest; see the reward collator.
        first = pad(prefixes, self.pad_id, "left")
        device = self.model.device
        read = {name: first[name].to(device) for name in self._names()}
        cache = self.model(**read, use_cache=True, **self._kept([-1])).past_key_values
        owner = torch.tensor(list(groups), device=device)
        cache.batch_select_indices(owner)
        rest = [row[len(prefixes[group]) :] for row, group in zip(rows, groups, strict=True)]
        texts = pad(rest, self.pad_id)
        seen = first["attention_mask"][owner.cpu()]
        texts["attention_mask"] = torch.cat([seen, texts["attention_mask"]], 1)
        texts["position_ids"] = texts["position_ids"] + seen.sum(1, keepdim=True)
        options = {"past_key_values": cache, "use_cache": True}
        return self._logits(texts, options, [len(row) for row in rest], kept)

    def _logits(
        self,
        texts: dict[str, Tensor],
        options: dict[str, Any],
        lengths: Sequence[int],
        kept: Sequence[int],
    ) -> list[Tensor]:
        """The logits at the wanted positions, of which the model computes no others."""
        read = {name: texts[name].to(self.model.device) for name in self._names()}
        options = {name: value for name, value in options.items() if name in self.parameters}
        wanted = [list(range(n - k, n)) for n, k in zip(lengths, kept, strict=True)]
        columns = sorted({position for row in wanted for position in row})
        options |= self._kept(columns)
        if not self._kept([0]):
            columns = list(range(max(lengths)))
        logits = self.model(**read, **options).logits
        place = {position: column for column, position in enumerate(columns)}
        return [logits[n, [place[one] for one in row]] for n, row in enumerate(wanted)]

    def _kept(self, columns: Sequence[int]) -> dict[str, Tensor]:
        if "logits_to_keep" not in self.parameters:
            return {}
        return {"logits_to_keep": torch.tensor(columns, device=self.model.device)}

    def _names(self) -> list[str]:
        names = ["input_ids", "attention_mask"]
        return [*names, "position_ids"] if self.takes_positions else names
