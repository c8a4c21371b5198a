"""Judges by name: language models on this machine, models behind endpoints, functions."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judge_examples import JudgeExample
from rlchf.constitution.judges.settings import EndpointSettings
from rlchf.constitution.questions import Judge
from rlchf.jobs.constitution.judge_settings import JudgeJob
from rlchf.jobs.settings import TINY
from rlchf.options import function_named, naming_errors

if TYPE_CHECKING:
    from rlchf.constitution.judges.endpoint import EndpointJudge

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
    return ":" in name and not is_endpoint(name) and not Path(name).exists()


def is_endpoint(name: str) -> bool:
    """Whether a judge's name is that of a model behind an endpoint."""
    return name.startswith(ENDPOINT)


def is_local(name: str) -> bool:
    """Whether a judge's name is that of a language model on this machine, which needs torch."""
    return not is_function(name) and not is_endpoint(name)


@dataclass(frozen=True)
class Asking:
    """How all judges of a job are asked.

    Attributes
    ----------
    job, config, endpoint
        The settings.
    examples
        Questions with their answers, for language models.
    replies
        SQLite file that keeps the replies of endpoints, unless the settings name one.
    """

    job: JudgeJob
    config: JudgeConfig
    endpoint: EndpointSettings
    examples: Sequence[JudgeExample] = ()
    replies: str = ""

    def check(self, names: Sequence[str]) -> None:
        """Refuse settings that none of the judges of these names heeds.

        Raises
        ------
        ValueError
            If there is one.
        """
        if ENDPOINT in names:
            raise ValueError(f"judge is {ENDPOINT!r}; name the model, as in {ENDPOINT}gpt-4o-mini")
        for one in fields(self.endpoint):
            if getattr(self.endpoint, one.name) != one.default and not any(map(is_endpoint, names)):
                raise ValueError(
                    f"{one.name} is for a judge behind an endpoint, and the judge is {names[0]!r}; give "
                    f"{ENDPOINT}MODEL, or leave {one.name} out"
                )
        config = self.config
        for setting, given in (
            ("examples", self.job.examples), ("method", config.method != "logprobs"),
            ("chain_of_thought", config.chain_of_thought), ("cannot_tell", config.cannot_tell),
        ):  # fmt: skip
            if given and all(map(is_function, names)):
                raise ValueError(
                    f"{setting} is for language models, and the judge {names[0]!r} is a function, which "
                    f"gives its answers itself; leave {setting} out"
                )

    def find(self, names: Sequence[str]) -> None:
        """Refuse judges that are not there, without loading a language model or asking an endpoint.

        Raises
        ------
        ValueError, FileNotFoundError
            If a function or a model's folder is missing, or an endpoint cannot be asked from here.
        """
        for name in dict.fromkeys(names):
            if is_function(name):
                self.load(name, ())
            elif is_endpoint(name):
                _behind_endpoint(name.removeprefix(ENDPOINT), replace(self, replies="")).close()
            elif name != TINY:
                _check_model(name)

    def load(self, name: str, texts: Sequence[str]) -> Judge:
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
            judge: Any = function_named(name, "judge", "my_module:my_judge")
            return naming_errors(judge, f"judge {name!r}") if inspect.isroutine(judge) else judge
        if is_endpoint(name):
            return _behind_endpoint(name.removeprefix(ENDPOINT), self)
        return _local(name, self.job, self.config, self.examples, texts)


def _behind_endpoint(model: str, asking: Asking) -> "EndpointJudge":
    from rlchf.constitution.judges.endpoint import EndpointJudge
    from rlchf.constitution.judges.requests import SHORT

    config = asking.config
    return EndpointJudge(
        model, asking.endpoint, method=config.method, cannot_tell=config.cannot_tell,
        samples=config.samples if config.method == "samples" else 1,
        chain_of_thought=config.chain_of_thought, max_tokens=config.max_new_tokens + SHORT,
        temperature=config.temperature, seed=config.seed, cache_path=asking.replies,
        examples=asking.examples,
    )  # fmt: skip


def _check_model(name: str) -> None:
    """Refuse the name of a language model that is none."""
    from rlchf.train.models.load import model_folder

    try:
        model_folder(name)
    except ValueError as error:
        hint = str(error).startswith("unknown model")
        more = f", {ENDPOINT}MODEL for one behind an endpoint, or a function as module:function"
        raise ValueError(f"{error}{more if hint else ''}") from None


def _local(
    name: str,
    job: JudgeJob,
    config: JudgeConfig,
    examples: Sequence[JudgeExample],
    texts: Sequence[str],
) -> Judge:
    from rlchf.train.constitution.judge import LocalJudge
    from rlchf.train.models.arguments import as_loaded
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
        model = as_loaded(model, job)
    else:
        _check_model(name)
        model = load_policy(name, job.loading)
        tokenizer = load_tokenizer(name, trust_remote_code=job.trust_remote_code)
    model = model.to(accelerator.device)
    return LocalJudge(model, tokenizer, config, examples, accelerator.autocast)
