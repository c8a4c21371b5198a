"""NeMo RL: the rows of its PreferenceDataset."""

from collections.abc import Sequence

from rlchf.io.trainers import Row, Target
from rlchf.io.trainers._rows import answer, messages
from rlchf.pairs import Pair


def nemo_rl_rows(pairs: Sequence[Pair], names: Sequence[str]) -> list[Row]:
    """``context``, and two ``completions`` of which the one with rank 0 is preferred.

    The format has room for more, but the preprocessor refuses more than two, and equal ranks.
    """
    return [
        {
            "context": messages(pair.prompt),
            "completions": [
                {"rank": rank, "completion": [answer(text)]}
                for rank, text in enumerate((pair.chosen, pair.rejected))
            ],
        }
        for pair in pairs
    ]


TARGET = Target(
    name="nemo_rl",
    reader="PreferenceDataset",
    rows=nemo_rl_rows,
    holds=frozenset(),
    kinds=("jsonl", "parquet"),
)
