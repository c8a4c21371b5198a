"""A simulated jury from files to files: the job of `rlchf jury`."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlchf.aggregation import check_options
from rlchf.io import read_annotators, read_prompts, read_responses, table_format, write_rankings
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import JuryJob
from rlchf.jury.conditioning import Conditioning, with_annotator
from rlchf.jury.panels import Jury, jury
from rlchf.prompts import Prompt

if TYPE_CHECKING:
    from rlchf.train.reward.model import RewardModel


def run_jury(job: JuryJob) -> Jury:
    """Let a simulated jury rank the responses and write its decision.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong; nothing has been written then.
    """
    if job.out == job.ballots:
        raise ValueError(
            f"the collective rankings and the ballots both go to {job.out}; name two files"
        )
    check_paths([job.prompts, job.responses, job.annotators], [job.out, job.ballots])
    for path in filter(None, (job.out, job.ballots)):
        table_format(path)
    check_options(job.rule, job.option)
    from rlchf.train.models.devices import check_device
    from rlchf.train.models.pretrained import check_attention_name
    from rlchf.train.reward.model import RewardModel

    check_device(job.device, "device")
    check_attention_name(job)
    conditioning = Conditioning.load(job.model)
    prompts, responses = read_prompts(job.prompts), read_responses(job.responses)
    annotators = read_annotators(job.annotators)
    model = RewardModel.load(job.model, **job.reading)
    longest = max(conditioning.texts(annotators).values(), key=len)
    _warn_of_truncation(model, prompts, responses, longest)
    with stage(f"a jury on {len(responses)} prompts", quiet=True) as tick:
        decision = jury(
            model, prompts, responses, annotators, conditioning=conditioning, rule=job.rule,
            options=job.option, size=job.size, groups=job.group, tolerance=job.tolerance, noisy=job.noisy,
            seed=job.seed, progress=tick,
        )  # fmt: skip
    if job.ballots:
        write_rankings(job.ballots, decision.rankings)
    decision.result.write(job.out)
    return decision


def _warn_of_truncation(
    model: "RewardModel",
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    features: str,
) -> None:
    """Warn of texts that lose their beginning, where the features stand, because they are too long."""
    from rlchf.train.models.text import encode_responses
    from rlchf.train.reward.backbone import positions_of

    truncated = 0
    for prompt_id, texts in responses.items():
        if prompt_id in prompts:
            prompt, listed = with_annotator(prompts[prompt_id], features), list(texts.values())
            truncated += encode_responses(model.tokenizer, prompt, listed, model.max_length)[1]
    if truncated:
        more = positions_of(model.model)[1] == model.max_length
        longer = "choose a model with more positions" if more else "train with a larger max_length"
        warnings.warn(
            f"{truncated} responses with their prompts are longer than {model.max_length} tokens and lose "
            f"the annotator's features, which stand first; {longer}",
            stacklevel=3,
        )
