"""How the texts of a run's stages compare with the first ones, by principles."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.principles import Constitution, Principle
from rlchf.constitution.revising import Step
from rlchf.io.constitutions import write_constitution
from rlchf.io.json import read_jsonl, write_jsonl
from rlchf.jobs.constitution.judge import run_judge
from rlchf.jobs.constitution.judge_settings import JudgeJob
from rlchf.jobs.partial import partial_file
from rlchf.prompts import Prompt

FIRST, LATER = "1-first", "2-later"
"""Ids of the first response and of a later one."""
Texts = dict[str, dict[str, str]]


def stage_texts(
    prompts: Mapping[str, Prompt],
    steps: Sequence[Step],
    samples: Sequence[Mapping[str, Any]],
    *,
    supervised: bool,
) -> Texts:
    """The first text of each prompt at each stage, by the stage's name and the prompt's id.

    Parameters
    ----------
    steps
        First responses and revisions; those of prompts that are not among ``prompts`` are left out.
    samples
        Rows with ``stage`` (before or after PPO), ``prompt`` and ``response``.
    supervised
        Whether the policy before PPO was fine-tuned on the revisions.

    Examples
    --------
    >>> steps = [Step("p", 0, "", "", "Go away.", True, "Hi"), Step("p", 1, "kind", "", "Hello.", True, "Hi")]
    >>> samples = [{"stage": "before", "prompt": "Hi", "response": "Hello!"}]
    >>> stage_texts({"p": "Hi"}, steps, samples, supervised=True)
    {'first response': {'p': 'Go away.'}, 'revision 1': {'p': 'Hello.'}, 'fine-tuned': {'p': 'Hello!'}}
    """
    stages: Texts = {}
    for step in sorted(steps, key=lambda one: one.round):
        if step.prompt_id in prompts:
            name = f"revision {step.round}" if step.round else "first response"
            stages.setdefault(name, {})[step.prompt_id] = step.revision
    ids: dict[str, str] = {}
    for prompt_id, prompt in prompts.items():
        ids.setdefault(json.dumps(prompt), prompt_id)
    names = {"before": "fine-tuned" if supervised else "before PPO", "after": "after PPO"}
    for row in samples:
        prompt_id = ids.get(json.dumps(row["prompt"]), "")
        if prompt_id:
            stages.setdefault(names[row["stage"]], {}).setdefault(prompt_id, row["response"])
    return stages


def compared(
    prompts: Mapping[str, Prompt],
    texts: Texts,
    principles: Sequence[Principle],
    job: Callable[..., JudgeJob],
    config: JudgeConfig,
    folder: Path,
) -> dict[str, list[dict[str, Any]]]:
    """The texts of each stage, with the probability that the judge prefers each to the first response.

    Parameters
    ----------
    texts
        As `stage_texts` returns them; the first stage has the first responses, which get one half.
    principles
        The principles to judge by; without any, the texts stand alone.
    job
        Gives the judge's job for files of ``responses``, ``prompts`` and a ``constitution``.
    folder
        Where the judgements are kept.
    """
    if not principles:
        return {
            name: [{"prompt_id": prompt_id, "text": text} for prompt_id, text in stage.items()]
            for name, stage in texts.items()
        }
    file = folder / "constitution.toml"
    write_constitution(file, Constitution(tuple(principles)))
    names = [one.name for one in principles]
    config = replace(config, pairs="all", sample_one=False)
    first = next(iter(texts.values()))
    rows: dict[str, list[dict[str, Any]]] = {}
    for stage_name, stage in texts.items():
        differing = {
            prompt_id: (first[prompt_id], text)
            for prompt_id, text in stage.items()
            if prompt_id in first and text != first[prompt_id]
        }
        asking = partial(job, constitution=str(file))
        path = folder / stage_name.replace(" ", "-")
        soft = _judged(prompts, differing, path, asking, config) if differing else {}
        rows[stage_name] = [
            {"prompt_id": prompt_id, "text": text}
            | {name: soft.get((prompt_id, name), 0.5) for name in names}
            for prompt_id, text in stage.items()
            if prompt_id in first
            and all(prompt_id not in differing or (prompt_id, name) in soft for name in names)
        ]
    return rows


def _judged(
    prompts: Mapping[str, Prompt],
    pairs: Mapping[str, tuple[str, str]],
    path: Path,
    job: Callable[..., JudgeJob],
    config: JudgeConfig,
) -> dict[tuple[str, str], float]:
    """The probability that the later text is preferred, by prompt and principle."""
    responses, asked, out = (f"{path}-{what}.jsonl" for what in ("pairs", "prompts", "judgements"))
    write_jsonl(asked, ({"prompt_id": one, "prompt": prompts[one]} for one in pairs))
    rows = (
        {"prompt_id": prompt_id, "response_id": response_id, "text": text}
        for prompt_id, both in pairs.items()
        for response_id, text in zip((FIRST, LATER), both, strict=True)
    )
    write_jsonl(responses, rows)
    if not Path(out).exists():
        judging = job(responses=responses, prompts=asked)
        run_judge(judging, config, out, resume=partial_file(out).exists())
    return {
        (row["prompt_id"], row["annotator_id"]): row["probability"]
        if row["chosen"] == LATER
        else 1 - row["probability"]
        for row in read_jsonl(out)
    }
