"""tinker-cookbook: the rows of its ComparisonBuilderFromJsonl."""

from collections.abc import Sequence

from rlchf.io.trainers import Row, Target
from rlchf.io.trainers._rows import answer, messages
from rlchf.pairs import Pair


def tinker_rows(pairs: Sequence[Pair], names: Sequence[str]) -> list[Row]:
    """A labelled comparison: A is the chosen response; the reader swaps the two at random."""
    return [
        {
            "comparison": {
                "prompt_conversation": messages(pair.prompt),
                "completion_A": [answer(pair.chosen)],
                "completion_B": [answer(pair.rejected)],
            },
            "label": "Tie" if pair.tied else "A",
        }
        for pair in pairs
    ]


TARGET = Target(
    name="tinker",
    reader="ComparisonBuilderFromJsonl",
    rows=tinker_rows,
    holds=frozenset({"tie"}),
    of_ties="the label 'Tie' is for preference models; tinker-cookbook's DPO takes B for the chosen one "
    "there, so leave ties out for DPO with --near-ties drop",
)
