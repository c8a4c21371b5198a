"""Settings of a slate."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rlchf.constitution.choosing.ballots import Unseen
from rlchf.constitution.choosing.consensus import Consensus
from rlchf.constitution.choosing.estimates import Estimate
from rlchf.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class SlateConfig(Settings):
    """How many statements are elected, and by what."""

    k: int | None = setting(None, "Number of statements on the slate.", at_least=1)
    words: int | None = setting(
        None, "Number of words that the statements may have together, in place of -k.", at_least=1
    )
    rule: str = setting(
        "equal_shares",
        "Voting rule that reads approvals (see rlchf rules), or group_informed_consensus.",
    )
    option: dict[str, Any] = setting({}, "Option of the rule; repeatable.")
    consensus: Consensus = setting(
        "product", "Definition of group-informed consensus.", group="Votes"
    )
    estimate: Estimate = setting(
        "lower",
        "Estimate of the share that would agree, for those who did not vote.",
        group="Votes",
    )
    unseen: Unseen = setting(
        "fill",
        "What an unseen statement is on a ballot: filled in as expected of the group, or neutral.",
        group="Votes",
    )
    duplicates: float = setting(
        0.85,
        "Similarity of words from which two statements are near-duplicates, of which one can win.",
        above=0,
        at_most=1,
        group="Votes",
    )
    min_votes: int = setting(
        1, "Number of votes without which a statement cannot win.", at_least=1, group="Votes"
    )
    seed: int = setting(0, "Random seed.", at_least=0)

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """What does not go together."""
        yield (
            (self.k is None) == (self.words is None),
            "give either -k, the number of statements, or --words, how many words they may have",
        )
