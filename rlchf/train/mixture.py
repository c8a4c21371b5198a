"""A mixture of policies: each prompt is answered by one of several, each its share of the prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlchf.mixtures import apportion, assign
from rlchf.prompts import Prompt
from rlchf.train.ppo.sampling import sample_texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Mixture:
    """Several policies with weights.

    No single policy has to be a compromise: each can be trained on one group's reward, or on one rule's,
    with any KL coefficient, and the weights alone decide each policy's share of the texts.

    Attributes
    ----------
    policies
        Causal language models by name, all with the same tokenizer.
    tokenizer
        That tokenizer.
    weights
        Each policy's share, such as the groups' sizes, or those of `rlchf.mixtures.committee_weights`.
    """

    policies: "dict[str, PreTrainedModel]"
    tokenizer: "PreTrainedTokenizerBase"
    weights: dict[str, float]

    def __post_init__(self) -> None:
        if self.policies.keys() != self.weights.keys():
            raise ValueError(
                f"the policies are {', '.join(self.policies)}, but the weights are of "
                f"{', '.join(self.weights)}; give each policy a weight"
            )
        apportion(self.weights, 0)  # checks the weights

    def sample_texts(
        self, prompts: Sequence[Prompt], *, seed: int = 0, **options: Any
    ) -> tuple[list[str], list[str]]:
        """Answer each prompt once; which policy does depends on the seed and the number of prompts alone.

        Parameters
        ----------
        seed, options
            Passed on to `rlchf.train.ppo.sampling.sample_texts`.

        Returns
        -------
        texts, names : the responses, and the name of the policy of each. Each policy answers as many
        prompts as `rlchf.mixtures.apportion` gives it.
        """
        names = assign(self.weights, len(prompts), seed)
        texts = [""] * len(prompts)
        for name, policy in self.policies.items():
            rows = [n for n, chosen in enumerate(names) if chosen == name]
            if rows:
                its_prompts = [prompts[n] for n in rows]
                answers = sample_texts(policy, self.tokenizer, its_prompts, seed=seed, **options)
                for n, text in zip(rows, answers, strict=True):
                    texts[n] = text
        return texts, names
