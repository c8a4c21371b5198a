"""Settings of `rlchf constitution judge`; reading them needs neither torch nor pyarrow."""

from dataclasses import MISSING, dataclass

from rlchf.settings import setting
from rlchf.train.models.loading import Loading


@dataclass(frozen=True, kw_only=True)
class JudgeJob(Loading):
    """Responses to judge, the judge, and the constitution."""

    responses: str = setting(MISSING, "Responses file, jsonl with prompt_id, response_id and text.")
    prompts: str = setting(MISSING, "Prompts file, jsonl with prompt_id and prompt.")
    judge: str = setting(
        MISSING,
        "Judge: a language model's folder, smollm2, owner/model on the Hub or tiny; openai:MODEL for a "
        "model behind an endpoint; or module:function.",
    )
    constitution: str = setting(
        "default", "Constitution: a TOML file, or default or bai2022, which come with rlchf."
    )
    examples: str = setting(
        "",
        "Worked examples put before each question: jsonl with prompt, responses, question and answer (A,"
        " B or C).",
        group="Judging",
    )
