"""TRL: the explicit-prompt preference format."""

from rlchf.io.trainers import Target
from rlchf.io.trainers._rows import preference_rows

TARGET = Target(
    name="trl",
    reader="RewardTrainer, DPOTrainer and the like",
    rows=preference_rows,  # of the numbers RewardTrainer reads the margin, which must be in every row
    holds=frozenset({"text", "margin"}),
    kinds=("jsonl", "parquet"),
)
