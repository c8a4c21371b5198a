"""Settings of `rlchf simulate`; reading them needs no pyarrow."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from typing import Any

from rlchf.settings import Settings, seed_setting, setting


@dataclass(frozen=True, kw_only=True)
class SimulateJob(Settings):
    """A statistical culture, the size of the dataset drawn from it, and the files to write."""

    culture: str = setting(
        MISSING,
        "Statistical culture: impartial, mallows, urn, euclidean, plackett_luce, groups, single_peaked "
        "or stratification; or tastes, in which annotators with given tastes rank the texts of "
        "--responses-from.",
    )
    option: dict[str, Any] = setting({}, "Option of the culture, as name=value; repeatable.")
    prompts: int | None = setting(None, "Number of prompts; by default 100.", at_least=1)
    annotators: int = setting(10, "Number of annotators.", at_least=1)
    responses: int | None = setting(
        None, "Number of responses to each prompt; by default 4.", at_least=2
    )
    per_prompt: int | None = setting(
        None,
        "Number of annotators who vote on each prompt, drawn for each; by default all.",
        at_least=1,
    )
    per_ballot: int | None = setting(
        None,
        "Number of responses that each ballot names, drawn for each; by default all.",
        at_least=2,
    )
    tie_probability: float = setting(
        0.0,
        "Probability that a response is tied with the next one of its ballot.",
        at_least=0,
        at_most=1,
    )
    seed: int = seed_setting()
    out: str = setting(
        MISSING,
        "Rankings file (csv, tsv, parquet or jsonl by its name, - for standard output); or a new folder for "
        "rankings, annotators, prompts and responses.",
    )
    prompts_from: str = setting("", "Prompts file of the responses in --responses-from.")
    responses_from: str = setting("", "Responses file with the texts that annotators rank.")
    annotators_out: str = setting("", "File for the annotators with their planted features.")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        texts = bool(self.prompts_from or self.responses_from)
        yield (
            (self.culture == "tastes") != bool(self.prompts_from and self.responses_from),
            "annotators with stated tastes rank texts: give --culture tastes with --prompts-from and "
            "--responses-from, or leave out all three",
        )
        numbers = (self.prompts, self.responses, self.tie_probability or None)
        yield (
            texts and any(number is not None for number in numbers),
            "the prompts and responses are those of the files, and ties those of equal scores; leave out "
            "--prompts, --responses and --tie-probability",
        )
        yield (
            bool(self.annotators_out) and self.annotators_out == self.out,
            "--out and --annotators-out are the same file; give two",
        )
