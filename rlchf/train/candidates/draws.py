"""Texts drawn from a policy, batch by batch, each batch recorded before the next begins."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from rlchf.ids import id_number
from rlchf.train.candidates.config import DrawConfig
from rlchf.train.models.ends import ends_of
from rlchf.train.ppo.sampling import Key, sample

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KINDS = ("independent", "system_prompts", "one_prompt", "answer", "critique", "revision")
"""What is asked of the policy; its index is part of the key of a draw."""


class Draw(NamedTuple):
    """One draw: what is asked, for which prompt, and a number that tells repeated draws apart."""

    kind: str
    prompt_id: str
    number: int

    def key(self, seed: int) -> Key:
        """The seed of the draw; it depends on the prompt's id, and not on the other prompts."""
        return seed, KINDS.index(self.kind), id_number(self.prompt_id), self.number


class Text(NamedTuple):
    """A text that was drawn, and whether it ended by itself."""

    text: str
    finished: bool


Texts = dict[Draw, Text]


class Recorder:
    """Keeps what is drawn, so that a run that was stopped can go on; this one keeps nothing.

    A batch that an earlier run recorded completely is taken from it; any other is drawn again as a whole,
    so that each batch is composed as in a run that was not stopped.
    """

    def begin(self, fingerprint: Mapping[str, int]) -> Texts:
        """What an earlier run drew from the policy and the prompts of this fingerprint."""
        return {}

    def record(self, texts: Texts) -> None:
        """Keep the texts of a batch."""

    def progress(self, done: int, total: int) -> None:
        """Show how many of the texts are drawn that are needed as far as is known."""


class Drawer:
    """Draws texts from a policy; the same draw is made once.

    Parameters
    ----------
    fingerprint
        Of the policy and the prompts, as `rlchf.train.ppo.checks.fingerprint` makes it.
    precision
        A context in which the policy computes, such as ``Accelerator.autocast``.
    total
        Number of all draws, for the progress; 0 if it is not known ahead.
    """

    def __init__(
        self,
        policy: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        config: DrawConfig,
        recorder: Recorder,
        fingerprint: Mapping[str, int],
        precision: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        total: int = 0,
    ) -> None:
        self.policy, self.tokenizer, self.config, self.total = policy, tokenizer, config, total
        self.recorder, self.precision = recorder, precision
        self.ends = ends_of(tokenizer, policy, config.stop_tokens)
        self.texts: Texts = {}
        self.earlier = recorder.begin(fingerprint)

    def __call__(self, encoded: Mapping[Draw, Sequence[int]], max_new_tokens: int = 0) -> Texts:
        """The text of each draw, given the token ids of what is asked."""
        size = self.config.batch_size
        new = [draw for draw in encoded if draw not in self.texts]
        total = max(self.total, len(self.texts) + len(new))
        for start in range(0, len(new), size):
            batch = new[start : start + size]
            if all(draw in self.earlier for draw in batch):
                self.texts |= {draw: self.earlier[draw] for draw in batch}
            else:
                texts = self._sample({draw: encoded[draw] for draw in batch}, max_new_tokens)
                self.recorder.record(texts)
                self.texts |= texts
            self.recorder.progress(len(self.texts), total)
        return {draw: self.texts[draw] for draw in encoded}

    def _sample(self, batch: Mapping[Draw, Sequence[int]], max_new_tokens: int) -> Texts:
        config = self.config
        with self.precision():
            rollout = sample(
                self.policy, self.tokenizer, list(batch.values()),
                [draw.key(config.seed) for draw in batch],
                max_new_tokens=max_new_tokens or config.max_new_tokens, temperature=config.temperature,
                ends=self.ends.tokens, stop_texts=self.ends.texts, top_k=config.top_k, top_p=config.top_p,
            )  # fmt: skip
        texts = map(Text, rollout.texts(self.tokenizer, self.ends.texts), rollout.finished.tolist())
        return dict(zip(batch, texts, strict=True))
