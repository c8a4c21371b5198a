"""Scores of a reward model, from files to a file."""

import warnings
from pathlib import Path

from rlchf.display import counted
from rlchf.io import read_prompts
from rlchf.io.json import write_jsonl
from rlchf.io.texts import read_texts
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import ScoreJob
from rlchf.jury.conditioning import FILE as CONDITIONING
from rlchf.train.lora import ADAPTER


def score_files(job: ScoreJob) -> int:
    """Score every line of a jsonl file with a reward model, and write the lines with their scores.

    A line of the output has ``score`` and, where the model has one, ``spread``.

    Returns
    -------
    The number of lines.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong; nothing has been written then.
    """
    check_paths([job.texts, job.prompts], [job.out])
    if not any((Path(job.model) / file).exists() for file in ("config.json", ADAPTER)):
        raise ValueError(
            f"{job.model!r} is no folder of a reward model; give one that rlchf reward wrote"
        )
    if (Path(job.model) / CONDITIONING).exists():
        warnings.warn(
            f"{job.model} was conditioned on annotator features, and scores these texts without any; "
            "rlchf jury scores them for annotators",
            stacklevel=2,
        )
    from rlchf.train.models.devices import check_device
    from rlchf.train.models.load import quieten_transformers
    from rlchf.train.models.pretrained import check_attention_name
    from rlchf.train.reward.model import RewardModel

    check_device(job.device, "device")
    check_attention_name(job)
    known = read_prompts(job.prompts) if job.prompts else None
    rows, prompts, responses = read_texts(job.texts, known)
    quieten_transformers()
    model = RewardModel.load(job.model, **job.reading)
    with stage(f"score {len(rows)} responses", quiet=True):
        outputs = model.outputs(prompts, responses)
        columns = {"score": model.readout.reward(outputs).tolist()}
        if model.model.config.num_labels > 1:
            columns["spread"] = model.readout.moments(outputs)[1].tolist()
    if model.truncated:
        warnings.warn(
            f"{model.truncated} of {counted(len(rows), 'text')} are longer than the {model.max_length} "
            f"tokens that {job.model} reads, and were scored without their beginning",
            stacklevel=2,
        )
    scored = (
        row | {name: values[n] for name, values in columns.items()} for n, row in enumerate(rows)
    )
    return write_jsonl(job.out, scored)
