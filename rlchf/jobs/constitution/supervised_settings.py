"""Settings of the jobs of the supervised stage, as their commands take them."""

from dataclasses import MISSING, dataclass

from rlchf.settings import setting
from rlchf.train.models.loading import Loading

SHIPPED, NONE = "default", "none"


@dataclass(frozen=True, kw_only=True)
class ReviseJob(Loading):
    """The policy that revises its responses, its prompts, and the principles."""

    policy: str = setting(
        MISSING,
        "Language model that answers, criticises and revises: a folder, smollm2, owner/model on the Hub, or "
        "tiny.",
    )
    constitution: str = setting(
        "default", "Constitution: a TOML file, or default or bai2022, which come with rlchf."
    )
    prompts: str = setting(MISSING, "Prompts file, jsonl with prompt_id and prompt.")
    responses: str = setting(
        "",
        "First responses, one to each prompt, in place of sampled ones: jsonl with prompt_id, "
        "response_id and text.",
    )
    examples: str = setting(
        SHIPPED,
        "TOML file of worked critiques and revisions that are shown to the policy; default for the five that "
        "come with rlchf, none for none.",
    )
    responses_out: str = setting(
        "", "jsonl file for the revisions as responses: prompt_id, response_id and text."
    )


@dataclass(frozen=True, kw_only=True)
class SftJob(Loading):
    """The policy to fine-tune, the revisions, and the helpful samples among them."""

    policy: str = setting(
        MISSING, "Language model to fine-tune: a folder, smollm2, owner/model on the Hub, or tiny."
    )
    revisions: str = setting(MISSING, "jsonl file from rlchf constitution revise.")
    helpful: str = setting(
        "",
        "Helpful samples: jsonl with prompt and response (or text), or with prompt_id and text beside "
        "--helpful-prompts.",
    )
    helpful_prompts: str = setting(
        "",
        "Prompts of --helpful, or prompts that the policy answers before it is fine-tuned: jsonl with "
        "prompt_id and prompt.",
    )
