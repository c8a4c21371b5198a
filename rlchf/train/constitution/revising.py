"""Responses that a policy criticises and revises in the light of principles.

References
----------
Y. Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022, section 3.1.
"""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rlchf.constitution.principles import Principle
from rlchf.constitution.revising import Asking, Example, Step, drawn_principle
from rlchf.prompts import Prompt
from rlchf.train.candidates.draws import Draw, Drawer, Recorder, Text
from rlchf.train.constitution.plain import in_turns
from rlchf.train.constitution.revise_config import ReviseConfig
from rlchf.train.models.text import prompt_ids, takes_system
from rlchf.train.ppo.checks import check_vocabulary, fingerprint
from rlchf.train.ppo.prompts import encode_prompts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Revised:
    """Critiques and revisions, and what a reader of them should know.

    Attributes
    ----------
    steps
        For each prompt its first response and its rounds, in this order.
    dropped
        Prompts that were too long for the context.
    counts
        Of all rounds: ``critiques`` asked for, ``empty_critiques``, ``unfinished_critiques``,
        ``revisions``, ``empty_revisions``, ``unfinished_revisions``, ``unchanged_revisions`` (equal to the
        response before), ``with_fewer_examples``; of round 0 ``empty_answers``, ``unfinished_answers``.
    """

    steps: list[Step]
    dropped: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def principles(self) -> Counter[str]:
        """Number of revisions by each principle."""
        return Counter(step.principle for step in self.steps if step.round)


def revise(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Mapping[str, Prompt],
    principles: Sequence[Principle],
    config: ReviseConfig | None = None,
    *,
    examples: Sequence[Example] = (),
    responses: Mapping[str, str] | None = None,
    source: str = "",
    recorder: Recorder | None = None,
    precision: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Revised:
    """Answer prompts, then criticise and revise the answers, round by round.

    What is drawn for a prompt depends on the policy, the settings, the prompt and its id: not on the other
    prompts, their order or, but for rounding, the batch size. A round goes on from the revision of the
    round before, or from the response before it if the revision is empty.

    Parameters
    ----------
    prompts
        The prompts by id.
    principles
        Principles with a revision request; each round draws one of them for each prompt.
    examples
        Worked examples, which stand before each prompt where a critique or a revision is asked for.
    responses
        First responses by prompt id, in place of drawn ones.
    source
        Name of the prompts file, for messages.
    recorder
        Keeps what is drawn, and has what an earlier run drew.
    precision
        A context in which the policy computes.

    Raises
    ------
    ValueError
        If a prompt does not fit the policy; nothing has been drawn then.
    """
    config, recorder = config or ReviseConfig(), recorder or Recorder()
    tokenizer, config, turn_of = in_turns(tokenizer, config)
    asking = Asking(examples, config.critique, takes_system(tokenizer))
    encoder = _Encoder(policy, tokenizer, prompts, principles, config, asking, responses, source)
    drawer = Drawer(
        policy, tokenizer, config, recorder, encoder.fingerprint, precision, total=encoder.draws
    )
    return _Rounds(encoder, drawer, config, turn_of)()


class _Encoder:
    """What is asked as token ids; prompts that are too long are refused or dropped when it is built."""

    def __init__(
        self,
        policy: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        prompts: Mapping[str, Prompt],
        principles: Sequence[Principle],
        config: ReviseConfig,
        asking: Asking,
        responses: Mapping[str, str] | None,
        source: str,
    ) -> None:
        self.policy, self.tokenizer, self.config = policy, tokenizer, config
        self.asking, self.responses = asking, responses
        self.source = f"{source}: " if source else ""
        self.positions: int | None = getattr(policy.config, "max_position_embeddings", None)
        self.principles = {
            prompt_id: [
                drawn_principle(principles, config.seed, prompt_id, step)
                for step in range(1, config.rounds + 1)
            ]
            for prompt_id in prompts
        }
        self.shortened = 0
        needed = {
            prompt_id: self._needed(prompt_id, prompt) for prompt_id, prompt in prompts.items()
        }
        long = [p for p, tokens in needed.items() if tokens > (self.positions or tokens)]
        if long and (config.long_prompts == "refuse" or len(long) == len(prompts)):
            self._refuse(long, needed)
        self.dropped = long
        self.prompts = {p: prompt for p, prompt in prompts.items() if p not in set(long)}
        self.first = self._encoded_prompts()

    def _refuse(self, long: Sequence[str], needed: Mapping[str, int]) -> None:
        others = f" ({len(long)} of {len(needed)} prompts are too long)"
        drop = (
            "" if len(long) == len(needed) else ", or leave long prompts out (--long-prompts drop)"
        )
        raise ValueError(
            f"{self.source}prompt {long[0]!r} takes up to {needed[long[0]]} tokens with examples, response, "
            f"critique and revision, more than the model's {self.positions} positions; lower "
            f"--max-new-tokens, give fewer or no examples (--no-examples){drop}{others * (len(long) > 1)}"
        )

    def _needed(self, prompt_id: str, prompt: Prompt) -> int:
        """Most tokens that a round of a prompt takes, if a text has as many tokens read as written."""
        asked = max(
            len(self._ids(prompt_id, self.asking.for_revision(prompt, "", one)))
            for one in set(self.principles[prompt_id])
        )
        new = self.config.max_new_tokens
        response = new
        if self.responses is not None:
            given = self.tokenizer(self.responses[prompt_id], add_special_tokens=False)
            response = max(new, len(given["input_ids"]))
        return asked + response + new * self.config.critique + new

    def _encoded_prompts(self) -> dict[str, list[int]]:
        names = [f"{self.source}prompt {prompt_id!r}" for prompt_id in self.prompts]
        rows = encode_prompts(
            self.policy,
            self.tokenizer,
            list(self.prompts.values()),
            self.config.max_new_tokens,
            names,
        )
        check_vocabulary(self.policy, rows, [])
        return dict(zip(self.prompts, rows, strict=True))

    def _ids(self, prompt_id: str, conversation: Prompt) -> list[int]:
        try:
            return prompt_ids(self.tokenizer, conversation)
        except ValueError as error:
            raise ValueError(f"{self.source}prompt {prompt_id!r}: {error}") from None

    @property
    def draws(self) -> int:
        """Number of texts to draw."""
        by_round = [
            1 + self.asking.asks_critique(one) for p in self.prompts for one in self.principles[p]
        ]
        return sum(by_round) + len(self.prompts) * (self.responses is None)

    @property
    def fingerprint(self) -> dict[str, int]:
        """Of the policy and of all that it is asked."""
        marks = fingerprint(self.policy, list(self.first.values()))
        told = [
            [asdict(one) for one in self.asking.examples],
            [[p, [asdict(one) for one in self.principles[p]]] for p in self.prompts],
            sorted((self.responses or {}).items()),
        ]
        told_bytes = json.dumps(told, sort_keys=True).encode()
        return marks | {"prompts": zlib.crc32(told_bytes, marks["prompts"])}

    def __call__(self, prompt_id: str, ask: Callable[..., Prompt], *given: Any) -> list[int]:
        """Token ids of what a method of `Asking` says; if they are too many, without the first examples."""
        asking = self.asking
        while True:
            ids = self._ids(prompt_id, ask(asking, self.prompts[prompt_id], *given))
            fits = len(ids) + self.config.max_new_tokens <= (self.positions or len(ids) * 2**31)
            if fits or not asking.examples:
                break
            asking = replace(asking, examples=asking.examples[1:])
        if not fits:
            raise ValueError(
                f"{self.source}prompt {prompt_id!r} has {len(ids)} tokens with what was written to it, with "
                f"{self.config.max_new_tokens} new ones more than the model's {self.positions} positions; "
                "lower max_new_tokens"
            )
        self.shortened += asking is not self.asking
        return ids


@dataclass
class _Rounds:
    """The first responses and the rounds after them, all prompts together."""

    encoder: _Encoder
    drawer: Drawer
    config: ReviseConfig
    turn_of: Callable[[str], str]

    def __call__(self) -> Revised:
        prompts, counts = self.encoder.prompts, Counter[str]()
        answers = self.answers()
        steps = {p: [Step(p, 0, "", "", *answers[p], prompts[p])] for p in prompts}
        counts["empty_answers"] = sum(not text.text for text in answers.values())
        counts["unfinished_answers"] = sum(not text.finished for text in answers.values())
        current = {p: text.text for p, text in answers.items()}
        for number in range(1, self.config.rounds + 1):
            critiques = self.critiques(number, current)
            revisions = self.revisions(number, current, critiques)
            _count(counts, current, critiques, revisions)
            for p, text in revisions.items():
                critique = critiques[p].text if p in critiques else ""
                principle = self.principle(p, number).name
                steps[p].append(Step(p, number, principle, critique, *text, prompts[p]))
                current[p] = text.text or current[p]
        counts["with_fewer_examples"] = self.encoder.shortened
        return Revised([step for p in prompts for step in steps[p]], self.encoder.dropped, counts)

    def principle(self, prompt_id: str, number: int) -> Principle:
        """The principle of a round of a prompt."""
        return self.encoder.principles[prompt_id][number - 1]

    def answers(self) -> dict[str, Text]:
        """The first responses, drawn or given."""
        given, first = self.encoder.responses, self.encoder.first
        if given is not None:
            return {p: Text(given[p].strip(), True) for p in first}
        return self.drawn({Draw("answer", p, 0): ids for p, ids in first.items()})

    def critiques(self, number: int, current: Mapping[str, str]) -> dict[str, Text]:
        """The critiques of a round, of the prompts whose principle asks for one."""
        asked = {}
        for p, response in current.items():
            principle = self.principle(p, number)
            if self.encoder.asking.asks_critique(principle):
                asked[Draw("critique", p, number)] = self.encoder(
                    p, Asking.for_critique, response, principle
                )
        return self.drawn(asked)

    def revisions(
        self, number: int, current: Mapping[str, str], critiques: Mapping[str, Text]
    ) -> dict[str, Text]:
        """The revisions of a round."""
        asked = {}
        for p, response in current.items():
            critique = critiques[p].text if p in critiques else ""
            asked[Draw("revision", p, number)] = self.encoder(
                p, Asking.for_revision, response, self.principle(p, number), critique
            )
        return self.drawn(asked)

    def drawn(self, asked: Mapping[Draw, Sequence[int]]) -> dict[str, Text]:
        """The texts by prompt, without blanks around them and without the other side's turn."""
        return {
            draw.prompt_id: Text(self.turn_of(text), finished)
            for draw, (text, finished) in self.drawer(asked).items()
        }


def _count(
    counts: "Counter[str]",
    current: Mapping[str, str],
    critiques: Mapping[str, Text],
    revisions: Mapping[str, Text],
) -> None:
    """Add a round to the counts."""
    for name, texts in (("critiques", critiques), ("revisions", revisions)):
        counts[name] += len(texts)
        counts[f"empty_{name}"] += sum(not one.text for one in texts.values())
        counts[f"unfinished_{name}"] += sum(not one.finished for one in texts.values())
    counts["unchanged_revisions"] += sum(
        bool(one.text) and one.text == current[p] for p, one in revisions.items()
    )
