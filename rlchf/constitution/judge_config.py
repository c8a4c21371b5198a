"""Settings of judging pairs of responses by principles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rlchf.settings import Settings, seed_setting, setting

Method = Literal["logprobs", "samples", "answer"]
Limits = tuple[float, float]
CLAMP: Limits = (0.4, 0.6)
"""The limits of probabilities after a chain of thought, as in Bai et al. (2022), and of one answer."""


@dataclass(frozen=True)
class JudgeConfig(Settings):
    """Questions to a judge, and the settings that turn its answers into soft labels."""

    method: Method = setting(
        "logprobs",
        "Form of a model's answer: log-probabilities of the options, counted samples, or one answer.",
    )
    samples: int = setting(
        5, "Number of answers to each question, for method samples.", at_least=1, group="Judging"
    )
    chain_of_thought: bool = setting(
        False, "Reasoning that the judge writes before it answers.", group="Judging"
    )
    cannot_tell: bool = setting(
        False, 'A third option, (C), "I cannot tell", half for each response.', group="Judging"
    )
    clamp: str = setting(
        "",
        "Least and greatest probability of a response, such as 0.4,0.6, or none; by default 0.4,0.6 for "
        "chain_of_thought and for method answer, else none.",
        group="Judging",
    )
    orders: Literal["both", "one"] = setting(
        "both",
        "Orders in which two responses are shown: both, whose probabilities are averaged, or one drawn at "
        "random for each question.",
        group="Questions",
    )
    pairs: str = setting(
        "all",
        "Number of pairs drawn from the responses to each prompt, or all.",
        group="Questions",
    )
    sample_one: bool = setting(
        False,
        "One principle for each pair, drawn with the weights as probabilities, as in Bai et al. (2022); "
        "by default every principle judges every pair.",
        group="Questions",
    )
    temperature: float = setting(
        1.0, "Temperature of sampled answers and of reasoning.", above=0, group="Sampling"
    )
    max_new_tokens: int = setting(
        256, "Maximum length of the reasoning in tokens.", at_least=1, group="Sampling"
    )
    share_prefix: bool = setting(
        True,
        "Keys and values of conversation and options computed once and reused for all principles.",
        group="Sampling",
    )
    batch_size: int = setting(
        16, "Number of questions asked at a time.", at_least=1, group="Sampling"
    )
    seed: int = seed_setting(group="Sampling")

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """Combinations of settings that do not fit, and texts that are no numbers."""
        yield (
            self.pairs != "all" and not (self.pairs.isdecimal() and int(self.pairs) > 0),
            f"pairs is {self.pairs!r}; give all, or the number of pairs of each prompt, 1 or more",
        )
        yield (
            self.clamp not in ("", "none") and _limits(self.clamp) is None,
            f"clamp is {self.clamp!r}; give two numbers from 0 to 1 around 0.5, such as 0.4,0.6, or none",
        )

    @property
    def pairs_per_prompt(self) -> int | None:
        """Number of pairs drawn from each prompt's responses; None for all."""
        return None if self.pairs == "all" else int(self.pairs)

    @property
    def limits(self) -> Limits | None:
        """Least and greatest probability of a response; None for no clamp.

        Examples
        --------
        >>> JudgeConfig().limits, JudgeConfig(chain_of_thought=True).limits
        (None, (0.4, 0.6))
        >>> JudgeConfig(method="answer", clamp="0.2,0.8").limits
        (0.2, 0.8)
        """
        if self.clamp:
            return _limits(self.clamp)
        return CLAMP if self.chain_of_thought or self.method == "answer" else None

    @property
    def label(self) -> str:
        """How a model's answers are got, in the judgements' column ``method``.

        Examples
        --------
        >>> JudgeConfig(method="samples", chain_of_thought=True).label
        'samples_after_reasoning'
        """
        return self.method + ("_after_reasoning" if self.chain_of_thought else "")


def _limits(text: str) -> Limits | None:
    """The two numbers of a clamp; None for none, and for what is no clamp."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        return None
    return (low, high) if 0 <= low <= 0.5 <= high <= 1 else None
