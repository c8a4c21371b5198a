"""A mixture of policies: each prompt is answered by one of several, each its share of the prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlchf.mixtures import apportion, assign
from rlchf.prompts import Prompt
from rlchf.train.ppo.sampling import sample_texts


@dataclass(frozen=True)
class Mixture:
    """Several policies with weights.

    No single policy has to be a compromise: each can be trained on one group's reward, or on one rule's,
    with any price of divergence, and the weights alone decide who gets which share of the texts.

    Attributes
    ----------
    policies
        Causal language models by name, all with the same tokenizer.
    tokenizer
        That tokenizer.
    weights
        Each policy's share, such as the groups' sizes, or what `rlchf.mixtures.committee_weights` says.
    """

    policies: dict[str, Any]
    tokenizer: Any
    weights: dict[str, float]

    def __post_init__(self) -> None:
        if self.policies.keys() != self.weights.keys():
            raise ValueError(
                f"the policies are {', '.join(self.policies)}, but the weights are of "
                f"{', '.join(self.weights)}; give each policy a weight"
            )
        apportion(self.weights, 0)  # refuses weights that are none

    def sample_texts(
        self, prompts: Sequence[Prompt], *, seed: int = 0, **options: Any
    ) -> tuple[list[str], list[str]]:
        """Answer each prompt once; who answers which depends on the seed and their number alone.

        Parameters
        ----------
        seed, options
            Passed on to `rlchf.train.ppo.sampling.sample_texts`.

        Returns
        -------
        texts, names : the responses, and the policy that gave each. Of any number of prompts each policy
        answers as many as `rlchf.mixtures.apportion` gives it.
        """
        names = assign(self.weights, len(prompts), seed)
        texts = [""] * len(prompts)
        for name, policy in self.policies.items():
            own = [n for n, chosen in enumerate(names) if chosen == name]
            asked = [prompts[n] for n in own]
            if own:
                found = sample_texts(policy, self.tokenizer, asked, seed=seed, **options)
                for n, text in zip(own, found, strict=True):
                    texts[n] = text
        return texts, names
