"""OpenRLHF: the rows of its RewardDataset, which its reward and DPO trainings share."""

from rlchf.io.trainers import Target
from rlchf.io.trainers._rows import preference_rows

TARGET = Target(
    name="openrlhf",
    reader="RewardDataset",
    rows=preference_rows,
    holds=frozenset({"text", "margin"}),
    kinds=("jsonl", "parquet"),
)
