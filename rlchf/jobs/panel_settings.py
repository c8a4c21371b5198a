"""Settings of `rlchf panel`; reading them needs no pyarrow."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from typing import Literal

from rlchf.people.sortition.selection import Method
from rlchf.settings import Settings, seed_setting, setting

PanelWeights = Literal["hard", "soft", "inverse"]
"""What the weights are, each times the weight that an annotator has.

``hard``: 1 for those drawn, 0 for others. ``soft``: everybody's inclusion probability. ``inverse``: 1 divided
by the inclusion probability for those drawn, 0 for others.
"""


@dataclass(frozen=True, kw_only=True)
class PanelJob(Settings):
    """A pool of annotators, and the panel to draw from it."""

    annotators: str = setting(
        MISSING, "Pool: a table with annotator_id, optional weight, and columns of features."
    )
    quotas: str = setting(
        MISSING,
        "TOML file with a table for each column and lines such as women = [45, 55], the fewest and the "
        "most seats.",
    )
    size: int = setting(MISSING, "Number of seats.", at_least=1)
    out: str = setting(MISSING, "File for the annotators with selected and inclusion_probability.")
    method: Method = setting("leximin", "Method that chooses the inclusion probabilities.")
    weights: PanelWeights = setting(
        "hard", "Weights of the output: 1 or 0, inclusion probabilities, or their inverses."
    )
    same_household: str = setting(
        "", "Column of households, of which a panel has at most one person."
    )
    panels: int = setting(
        1, "Number of panels to draw; further ones in columns selected_2 and so on.", at_least=1,
        at_most=1000,
    )  # fmt: skip
    distribution: str = setting("", "File for all panels of the lottery with their probabilities.")
    seed: int = seed_setting("Random seed of the draw.")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        systematic = self.method == "systematic"
        yield (
            systematic and bool(self.distribution),
            "--distribution is about a lottery over panels; choose --method leximin or maximin",
        )
        yield (
            systematic and bool(self.same_household),
            "--same-household needs a lottery over panels; choose --method leximin or maximin",
        )
