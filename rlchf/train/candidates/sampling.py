"""Candidate responses to prompts, sampled independently or asked to differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING
from unicodedata import normalize

from rlchf.evaluation.diversity import diversity
from rlchf.prompts import Prompt
from rlchf.train.candidates.asking import BEGINNING, SYSTEM_PROMPTS, TEMPLATE, listed_answers
from rlchf.train.candidates.config import CandidateConfig
from rlchf.train.candidates.draws import Draw, Drawer, Recorder
from rlchf.train.candidates.encoding import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ATTEMPTS = 3
"""Times that a policy is asked for n different answers in one."""
ROUNDS = 10
"""Times that duplicates are replaced by further draws."""


@dataclass(frozen=True)
class Candidate:
    """A response for annotators to rank.

    Attributes
    ----------
    text
        The response.
    method
        How it was drawn, as in `CandidateConfig.method`.
    asked
        The name of its system prompt; "" without one.
    finished
        Whether it ended within the maximum length.
    """

    text: str
    method: str
    asked: str = ""
    finished: bool = True


@dataclass(frozen=True)
class Baseline:
    """The diversity of the first prompts' responses, and that of as many independent draws."""

    prompts: int
    diversity: float
    independent: float


@dataclass(frozen=True)
class Candidates:
    """The candidates of each prompt.

    Attributes
    ----------
    by_prompt
        For each prompt id its distinct candidates, in the order of their draws.
    drawn
        Number of candidates before exact duplicates were merged.
    unlisted
        Prompts whose one prompt for n answers did not give n different ones.
    filled
        Number of independent draws in place of answers that it did not give.
    baseline
        The comparison with independent draws; None without one.
    """

    by_prompt: dict[str, list[Candidate]]
    drawn: int
    unlisted: list[str] = field(default_factory=list)
    filled: int = 0
    baseline: Baseline | None = None

    @property
    def merged(self) -> int:
        """Number of candidates that were exact duplicates of another one of their prompt."""
        return self.drawn - sum(map(len, self.by_prompt.values()))

    @property
    def diversity(self) -> float:
        """Mean distance of two candidates of a prompt; see `rlchf.evaluation.diversity`."""
        return diversity([one.text for one in listed] for listed in self.by_prompt.values())


def sample_candidates(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Mapping[str, Prompt],
    config: CandidateConfig | None = None,
    *,
    system_prompts: Mapping[str, str] = SYSTEM_PROMPTS,
    template: str = TEMPLATE,
    source: str = "",
    recorder: Recorder | None = None,
    precision: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Candidates:
    """Sample candidates for annotators to rank.

    A candidate depends on the policy, the settings, its prompt and its prompt's id: not on the other prompts,
    their order or, but for rounding, the batch size.

    Parameters
    ----------
    prompts
        The prompts by id.
    system_prompts
        System prompts by name, for the method ``system_prompts``.
    template
        The one prompt for several answers; see `rlchf.train.candidates.asking`.
    source
        Name of the prompts file, for messages.
    recorder
        Keeps what is drawn, and has what an earlier run drew.
    precision
        A context in which the policy computes.

    Raises
    ------
    ValueError
        If a prompt does not fit the policy; nothing has been sampled then.
    """
    config, recorder = config or CandidateConfig(), recorder or Recorder()
    encoder = Encoder(policy, tokenizer, prompts, config, system_prompts, template, source)
    drawer = Drawer(policy, tokenizer, config, recorder, encoder.fingerprint, precision)
    return _Sampling(encoder, drawer, config)(list(prompts))


def merged(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates without exact duplicates, of which the first stays.

    Texts that differ only in white space around them or in Unicode composition are duplicates.

    Examples
    --------
    >>> [one.text for one in merged([Candidate("yes", ""), Candidate("no", ""), Candidate("yes ", "")])]
    ['yes', 'no']
    """
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        first.setdefault(normalize("NFC", candidate.text).strip(), candidate)
    return list(first.values())


@dataclass(frozen=True)
class _Sampling:
    encoder: Encoder
    drawer: Drawer
    config: CandidateConfig

    def __call__(self, prompt_ids: Sequence[str]) -> Candidates:
        config, n = self.config, self.config.responses_per_prompt
        one_prompt = config.method == "one_prompt"
        pools = self.lists(prompt_ids) if one_prompt else {p: [] for p in prompt_ids}
        lacking = {p: n - len(merged(pool)) for p, pool in pools.items()}
        drawn = dict.fromkeys(prompt_ids, 0)  # single draws
        self.fill(pools, lacking, drawn)
        for _ in range(ROUNDS if config.distinct else 0):
            lacking_now = {p: n - len(merged(pool)) for p, pool in pools.items()}
            if not any(lacking_now.values()):
                break
            self.fill(pools, lacking_now, drawn)
        unlisted = [p for p, count in lacking.items() if count] if one_prompt else []
        by_prompt = {p: merged(pool) for p, pool in pools.items()}
        return Candidates(
            by_prompt,
            drawn=sum(map(len, pools.values())),
            unlisted=unlisted,
            filled=sum(drawn.values()) if one_prompt else 0,
            baseline=self.baseline(by_prompt),
        )

    def fill(
        self,
        pools: dict[str, list[Candidate]],
        lacking: Mapping[str, int],
        drawn: dict[str, int],
    ) -> None:
        """Add single draws to the pools of the prompts that lack some; ``drawn`` counts them."""
        kind = "system_prompts" if self.config.method == "system_prompts" else "independent"
        draws = [Draw(kind, p, drawn[p] + i) for p, count in lacking.items() for i in range(count)]
        for candidate, draw in zip(self.singles(draws), draws, strict=True):
            pools[draw.prompt_id].append(candidate)
            drawn[draw.prompt_id] += 1

    def singles(self, draws: Sequence[Draw]) -> list[Candidate]:
        """One candidate for each draw."""
        texts = self.drawer({draw: self.encoder(draw) for draw in draws})
        return [
            Candidate(
                texts[draw].text,
                draw.kind,
                self.encoder.system_name(draw) if draw.kind == "system_prompts" else "",
                texts[draw].finished,
            )
            for draw in draws
        ]

    def lists(self, prompt_ids: Sequence[str]) -> dict[str, list[Candidate]]:
        """Each prompt's answers to the one prompt: those of the attempt with the most different ones."""
        n = self.config.responses_per_prompt
        best: dict[str, list[Candidate]] = {p: [] for p in prompt_ids}
        for attempt in range(ATTEMPTS):
            short = [p for p in prompt_ids if len(merged(best[p])) < n]
            draws = [Draw("one_prompt", p, attempt) for p in short]
            texts = self.drawer(
                {draw: self.encoder(draw) for draw in draws}, self.encoder.list_tokens
            )
            for draw, (text, finished) in texts.items():
                answers = listed_answers(BEGINNING + text, finished)[:n]
                listed = [Candidate(answer, "one_prompt") for answer in answers]
                if len(merged(listed)) > len(merged(best[draw.prompt_id])):
                    best[draw.prompt_id] = listed
        return best

    def baseline(self, by_prompt: Mapping[str, list[Candidate]]) -> Baseline | None:
        """The comparison with independent draws on the first prompts."""
        if self.config.method == "independent" or not self.config.baseline:
            return None
        first = list(islice(by_prompt, self.config.baseline))
        n = self.config.responses_per_prompt
        draws = [Draw("independent", p, number) for p in first for number in range(n)]
        singles = self.singles(draws)
        independent = [merged(singles[i : i + n]) for i in range(0, len(singles), n)]
        return Baseline(
            len(first),
            diversity([one.text for one in by_prompt[p]] for p in first),
            diversity([one.text for one in listed] for listed in independent),
        )
