"""The order in which a training takes its examples."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class PromptSampler(Sampler[int]):
    """The prompts of an epoch in an order that depends on the seed and the epoch alone.

    A training that was stopped within an epoch therefore continues with the prompts it has not seen.

    Parameters
    ----------
    n
        Number of prompts.
    seed
        Random seed of the order.
    multiple
        The epoch is filled up to a multiple of this with prompts ``n + i``, which have weight 0.
    lengths
        When given, batches of ``batch_size`` prompts have similar lengths and come in random order.
    """

    def __init__(
        self,
        n: int,
        seed: int,
        *,
        multiple: int = 1,
        lengths: Sequence[int] | None = None,
        batch_size: int = 1,
    ) -> None:
        self.n, self.seed, self.multiple = n, seed, multiple
        self.lengths, self.batch_size, self.epoch = lengths, batch_size, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the next epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.n // self.multiple) * self.multiple

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(self.n, generator=generator).tolist()
        if self.lengths is not None:
            order = self._by_length(order, self.lengths, generator)
        yield from order
        yield from (self.n + order[i % self.n] for i in range(len(self) - self.n))

    def _by_length(
        self, order: list[int], lengths: Sequence[int], generator: torch.Generator
    ) -> list[int]:
        """Sort, longest first, within pools of 32 batches, and shuffle the batches.

        The longest batch comes first, so that too little memory shows at once; an incomplete one comes last.
        """
        pool = 32 * self.batch_size
        batches: list[list[int]] = []
        for start in range(0, self.n, pool):
            longest_first = sorted(
                order[start : start + pool], key=lengths.__getitem__, reverse=True
            )
            batches += [
                longest_first[i : i + self.batch_size]
                for i in range(0, len(longest_first), self.batch_size)
            ]
        *complete, last = batches
        complete.sort(key=lambda batch: -lengths[batch[0]])
        first, rest = complete[:1], complete[1:]
        shuffled = [rest[i] for i in torch.randperm(len(rest), generator=generator).tolist()]
        return [i for batch in [*first, *shuffled, last] for i in batch]
