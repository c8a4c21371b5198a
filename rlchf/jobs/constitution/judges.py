"""Judges by name: language models on this machine, models behind endpoints, functions."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judge_examples import JudgeExample
from rlchf.constitution.questions import Judge
from rlchf.jobs.constitution.judge_settings import JudgeJob
from rlchf.jobs.settings import TINY
from rlchf.options import function_named, naming_errors

ENDPOINT = "openai:"
"""What the name of a model behind an endpoint begins with."""
TINY_POSITIONS = 1 << 16
"""Positions of a tiny model, whose tokens are short: room for a question."""


def is_function(name: str) -> bool:
    """Whether a judge's name is that of a function.

    Examples
    --------
    >>> is_function("my_judges:kind"), is_function("openai:gpt-4o"), is_function("smollm2")
    (True, False, False)
    """
    return ":" in name and not name.startswith(ENDPOINT) and not Path(name).exists()


def is_local(name: str) -> bool:
    """Whether a judge's name is that of a language model on this machine, which needs torch."""
    return not is_function(name) and not name.startswith(ENDPOINT)


def check_judges(names: Sequence[str], job: JudgeJob, config: JudgeConfig) -> None:
    """Refuse settings that none of the judges heeds.

    Raises
    ------
    ValueError
        If there is one.
    """
    if not all(map(is_function, names)):
        return
    given = [("examples", job.examples), ("chain_of_thought", config.chain_of_thought)]
    given += [("method", config.method != "logprobs"), ("cannot_tell", config.cannot_tell)]
    for name, value in given:
        if value:
            raise ValueError(
                f"{name} is for language models, and the judge {names[0]!r} is a function, which gives its "
                f"answers itself; leave {name} out"
            )


def load_judge(
    name: str,
    job: JudgeJob,
    config: JudgeConfig,
    examples: Sequence[JudgeExample],
    texts: list[str],
) -> Judge:
    """The judge of a name.

    Parameters
    ----------
    texts
        What the tokenizer of a tiny model is made of.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such judge.
    """
    if is_function(name):
        function: Any = function_named(name, "judge", "my_module:my_judge")
        return (
            naming_errors(function, f"judge {name!r}") if inspect.isroutine(function) else function
        )
    return _local(name, job, config, examples, texts)


def _local(
    name: str,
    job: JudgeJob,
    config: JudgeConfig,
    examples: Sequence[JudgeExample],
    texts: list[str],
) -> Judge:
    from rlchf.train.constitution.judge import LocalJudge
    from rlchf.train.models.arguments import in_precision
    from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
    from rlchf.train.models.loading import check_four_bits
    from rlchf.train.models.tiny import tiny_llama
    from rlchf.train.ppo.trackers import make_accelerator

    quieten_transformers()
    accelerator = make_accelerator("none", Path())
    if accelerator.num_processes > 1:
        raise ValueError(
            f"judging works in one process, not in {accelerator.num_processes}; start it without torchrun"
        )
    if name == TINY:
        check_four_bits(job, 1, made=True)
        model, tokenizer = tiny_llama(texts, seed=config.seed, max_length=TINY_POSITIONS)
        model = in_precision(model, job)
    else:
        try:
            model = load_policy(name, job.loading)
        except ValueError as error:
            hint = str(error).startswith("unknown model")
            more = f", {ENDPOINT}MODEL for one behind an endpoint, or a function as module:function"
            raise ValueError(f"{error}{more if hint else ''}") from None
        tokenizer = load_tokenizer(name, trust_remote_code=job.trust_remote_code)
    model = model.to(accelerator.device)
    return LocalJudge(model, tokenizer, config, examples, accelerator.autocast)
