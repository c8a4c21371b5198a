"""Settings of `rlchf bench`; reading them needs neither torch nor pyarrow."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass

from rlchf.evaluation.intervals import LEAST
from rlchf.settings import seed_setting, setting
from rlchf.train.models.loading import Reading


@dataclass(frozen=True, kw_only=True)
class BenchJob(Reading):
    """A benchmark's file, and the reward model or the scores that are measured on it."""

    file: str = setting(
        MISSING,
        "jsonl or Parquet with id, prompt, chosen, rejected and subset; - for standard input.",
    )
    reward: str = setting("", "Reward model to score with: a folder, or owner/model on the Hub.")
    scores: str = setting(
        "",
        "Scores made elsewhere, instead of a reward model: jsonl or Parquet with id and scores, those of "
        "chosen before those of rejected.",
    )
    subset: tuple[str, ...] = setting((), "Subset to measure; all by default; repeatable.")
    bootstrap: int = setting(
        1000,
        f"Number of bootstrap replicates for 95 % intervals, {LEAST} or more; 0 for no intervals.",
        at_least=0,
    )
    seed: int = seed_setting("Random seed of the bootstrap.")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            bool(self.reward) == bool(self.scores),
            "give either --reward, a reward model that scores the responses, or --scores, a file of "
            "scores made elsewhere",
        )
        yield (
            0 < self.bootstrap < LEAST,
            f"bootstrap is {self.bootstrap}; give 0 for no intervals, or {LEAST} or more",
        )
