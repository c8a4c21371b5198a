"""Settings of manipulation and influence; reading them needs no pyarrow."""

from dataclasses import dataclass

from rlchf.axioms.manipulation.outcomes import Criterion
from rlchf.jobs.settings import GroupedRankings
from rlchf.settings import setting

HEADING = "Manipulation and influence"


@dataclass(frozen=True, kw_only=True)
class ManipulationSettings(GroupedRankings):
    """Settings of the measures of manipulation and influence."""

    manipulation: bool = setting(
        False,
        "Measurement of manipulation: how often one voter, a coalition and near-clones gain, and the "
        "damage.",
        group=HEADING,
    )
    influence: bool = setting(
        False,
        "Measurement of influence: each annotator of the file, and each group, is left out in turn.",
        group=HEADING,
    )
    criterion: Criterion = setting(
        "pairs",
        "Aim of manipulators: pairs ordered as on their ballots, or a first response high on their "
        "ballots.",
        group=HEADING,
    )
    tried: int = setting(
        200,
        "Largest number of prompts on which manipulation is tried, drawn at random; of a culture as many as "
        "--elections at most.",
        at_least=1,
        group=HEADING,
    )
    coalition: float = setting(
        0.1, "Share of a prompt's ballots that act together.", above=0, at_most=1, group=HEADING
    )
    copies: int = setting(
        3, "Number of near-clones of a response.", at_least=1, at_most=1000, group=HEADING
    )
    noise: float = setting(
        0.1,
        "Probability that a near-clone is one place away from its response on a ballot.",
        at_least=0,
        at_most=1,
        group=HEADING,
    )
