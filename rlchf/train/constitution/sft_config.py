"""Settings of fine-tuning on revisions and helpful samples; reading them needs no torch."""

from collections.abc import Iterator
from dataclasses import dataclass

from rlchf.constitution.mixing import parsed_rounds
from rlchf.settings import setting
from rlchf.train.trainer_config import TrainerConfig


@dataclass(frozen=True)
class SftConfig(TrainerConfig):
    """Settings of fine-tuning on revisions and helpful samples.

    The loss is the mean over the response tokens of
    a step, the end token included.
    """

    rounds: str = setting(
        "all",
        "Rounds whose revisions are learned: all, from round 1; last, of each prompt; or numbers such as "
        "0,1,2, where 0 is the first response.",
        group="Mixture",
    )
    helpful_ratio: float = setting(
        0.0,
        "Number of helpful samples for each revision, for which some of either are left out at random; 0 "
        "takes all of both.",
        at_least=0,
        group="Mixture",
    )
    helpful_samples: int = setting(
        2,
        "Number of responses that the policy samples to each prompt of helpful_prompts.",
        at_least=1,
        group="Mixture",
    )
    max_new_tokens: int = setting(
        256, "Maximum length of a sampled response in tokens.", at_least=1, group="Mixture"
    )
    temperature: float = setting(
        1.0, "Temperature at which helpful responses are sampled.", above=0, group="Mixture"
    )
    sample_size: int = setting(
        16, "Number of helpful responses sampled at a time.", at_least=1, group="Mixture"
    )
    epochs: float = setting(
        1.0, "Number of passes over the texts.", above=0, at_most=1_000_000, group="Training"
    )
    learning_rate: float = setting(
        1e-5, "Peak learning rate.", above=0, at_most=1000, group="Training"
    )
    batch_size: int = setting(
        8, "Texts per forward pass and process.", at_least=1, group="Training"
    )
    max_length: int = setting(
        1024,
        "Maximum length in tokens of prompt and response; a longer prompt loses its beginning.",
        at_least=2,
        group="Training",
    )
    held_out: float = setting(
        0.1, "Fraction of prompts held out.", at_least=0, below=1, group="Training"
    )
    checkpoint_every: int = setting(
        0, "Number of steps between checkpoints; 0 means one epoch.", at_least=0, group="Records"
    )

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """Pairs of whether something is wrong with the settings together, and what would work."""
        parsed_rounds(self.rounds)
        yield from super().contradictions()
