"""The memory that a job needs, before anything is loaded, and the settings that would lower it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.jobs.aggregate import check_rule
from rlchf.jobs.inputs import read_inputs
from rlchf.jobs.ppo import read_and_hold_out
from rlchf.jobs.ppo_checks import check_job
from rlchf.jobs.settings import TINY, PPOJob, RewardJob
from rlchf.prompts import Prompt
from rlchf.train.memory.plan import CARDS, GB, Plan
from rlchf.train.models.loading import check_four_bits
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.reward.config import RewardConfig

if TYPE_CHECKING:
    from rlchf.train.memory.ppo import RewardShape

WITH_THE_POLICY = ("", "auto", "cuda", "cuda:0")
"""Devices of reward models that are taken to be the policy's."""
LORA_RANK = 16
"""The rank that is tried where all weights are trained."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Advice:
    """A setting that would lower the peak, and the peak with it and all those before it."""

    setting: str
    peak: int


@dataclass(frozen=True)
class Planned:
    """A plan, the GPU that is there, and what would help if it does not fit.

    Attributes
    ----------
    subject
        What was counted: the model and the lengths of the texts.
    gpu
        Name and bytes of the GPU; None if there is none.
    """

    subject: str
    plan: Plan
    gpu: tuple[str, int] | None
    advice: Sequence[Advice]

    @property
    def cards(self) -> list[tuple[str, bool]]:
        """The cards that are looked at, and whether the plan fits on each."""
        if self.gpu:
            name, size = self.gpu
            return [(f"{name}, {size / GB:.0f} GB", self.plan.fits(size))]
        return [(f"a GPU of {size} GB", self.plan.fits(size * GB)) for size in CARDS]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "subject": self.subject,
            **self.plan.to_dict(),
            "fits": dict(self.cards),
            "advice": [{"setting": one.setting, "peak_bytes": one.peak} for one in self.advice],
        }


def plan_ppo_job(
    job: PPOJob, config: PPOConfig, prompt_tokens: int = 0, progress: Progress | None = None
) -> Planned:
    """Count what `rlchf ppo` would hold with these settings, from the config of each model.

    Parameters
    ----------
    prompt_tokens
        Tokens of the longest prompt; 0 reads the prompts with the policy's tokenizer. With a number, the
        job needs no prompts, unless its policy is made for them.

    Raises
    ------
    ValueError, FileNotFoundError
        If a model or a file is missing, or the run would be refused.
    """
    from rlchf.train.memory.fakes import counted
    from rlchf.train.memory.models import gpu
    from rlchf.train.models.load import quieten_transformers

    quieten_transformers()
    check_job(job, config)
    policy, prompt_tokens = _policy(job, config, prompt_tokens)

    def plan(one: PPOJob, settings: PPOConfig) -> Plan:
        with counted(job.policy, one.dtype):
            return _ppo(one, settings, policy, prompt_tokens)

    first = plan(job, config)
    steps = _helpful_for_ppo(job, config)
    advice = _advice(first, job, config, steps, plan, gpu(), progress)
    subject = (
        f"{job.policy}, prompts of {prompt_tokens} and responses of {config.max_new_tokens} tokens"
    )
    return Planned(subject, first, gpu(), advice)


def _policy(job: PPOJob, config: PPOConfig, prompt_tokens: int) -> tuple[Any, int]:
    """The config of the policy, and the tokens of the longest prompt that it reads."""
    from rlchf.train.memory.models import Tiny, config_named, longest_prompt, tokenizer_named
    from rlchf.train.ppo.prompts import fit_length

    prompts = _prompts(job, config.seed)
    if job.policy == TINY:
        if not prompts:
            raise ValueError("policy is 'tiny', which is made for its prompts; give --prompts")
        tiny = Tiny.of([str(prompt) for prompt in prompts.values()], config.seed)
        policy, tokenizer = tiny.config, tiny.tokenizer
    else:
        policy, tokenizer = config_named(job.policy, job.trust_remote_code), None
    if prompt_tokens:
        return policy, fit_length(
            policy, prompt_tokens, config.max_new_tokens,
            max_prompt_length=config.max_prompt_length, long_prompts=config.long_prompts,
        )  # fmt: skip
    if not prompts:
        raise ValueError("there are no prompts to measure; give --prompts or --prompt-tokens")
    tokenizer = tokenizer or tokenizer_named(job.policy, job.trust_remote_code)
    return policy, longest_prompt(policy, tokenizer, prompts, config)


def _prompts(job: PPOJob, seed: int) -> dict[str, Prompt]:
    """All prompts of a run, by what messages call them; none if the job names none."""
    if not job.prompts:
        return {}
    prompts, held_out = read_and_hold_out(job.prompts, job.held_out, seed)
    named = {f"{job.prompts}: prompt {name!r}": prompt for name, prompt in prompts.items()}
    return named | {f"{job.held_out}: prompt {name!r}": one for name, one in held_out.items()}


def plan_reward_job(
    job: RewardJob, config: RewardConfig, responses: int = 0, progress: Progress | None = None
) -> Planned:
    """Count what `rlchf reward` would hold with these settings, from the config of its model.

    Texts are taken to be as long as ``max_length`` allows.

    Parameters
    ----------
    responses
        Number of responses to each prompt; 0 takes that of the prompt with most. With a number, the job
        needs no files, unless its model is made for them.

    Raises
    ------
    ValueError, FileNotFoundError
        If a model or a file is missing, or the training would be refused.
    """
    from rlchf.train.memory.fakes import counted
    from rlchf.train.memory.models import gpu, precision
    from rlchf.train.memory.reward import plan_reward
    from rlchf.train.models.load import quieten_transformers

    quieten_transformers()
    model, responses = _backbone(job, config, responses)
    positions = getattr(model, "max_position_embeddings", None) or config.max_length

    def plan(one: RewardJob, settings: RewardConfig) -> Plan:
        with counted(job.model, one.dtype):
            return plan_reward(
                settings, model, responses, min(settings.max_length, positions),
                dtype=precision(one.dtype), four_bits=one.load_in_4bit,
            )  # fmt: skip

    first = plan(job, config)
    steps = _helpful_for_rewards(job, config)
    advice = _advice(first, job, config, steps, plan, gpu(), progress)
    subject = (
        f"{job.model}, {config.batch_size} prompts of {responses} responses, "
        f"{min(config.max_length, positions)} tokens each"
    )
    return Planned(subject, first, gpu(), advice)


def _backbone(job: RewardJob, config: RewardConfig, responses: int) -> tuple[Any, int]:
    """The config of the model that a reward model starts from, and the number of responses to a prompt."""
    from rlchf.train.memory.models import Tiny, config_named
    from rlchf.train.models.architectures import check_classifier
    from rlchf.train.models.pretrained import check_attention_name

    check_rule(job)
    check_four_bits(job, config.lora_rank, made=job.model == TINY)
    check_attention_name(job)
    if job.model != TINY:
        model = config_named(job.model, job.trust_remote_code)
        check_classifier(model, job.model)
        if responses:
            return model, responses
    if not job.rankings:
        raise ValueError(
            "model is 'tiny', which is made for its texts; give rankings, --prompts and --responses"
        )
    inputs = read_inputs(job)
    responses = responses or max(
        len(inputs.rankings.responses(prompt_id)) for prompt_id in inputs.rankings.prompt_ids
    )
    if job.model == TINY:
        texts = [str(prompt) for prompt in inputs.prompts.values()]
        texts += [text for by_id in inputs.responses.values() for text in by_id.values()]
        model = Tiny.of(texts, config.seed).config
    return model, responses


def _ppo(job: PPOJob, config: PPOConfig, policy: Any, prompt_tokens: int) -> Plan:
    from rlchf.train.memory.models import precision, reward_shape
    from rlchf.train.memory.ppo import plan_ppo

    tokens = prompt_tokens + config.max_new_tokens
    stored, rows = job.reward_dtype, job.reward_batch_size
    limit = job.reward_max_length or tokens

    def shape(name: str) -> "RewardShape":
        return reward_shape(name, min(tokens, limit), stored, rows, job.trust_remote_code)

    elsewhere = job.reward_device not in WITH_THE_POLICY
    models = [name for name in job.reward if Path(name).is_dir() and not elsewhere]
    plan = plan_ppo(
        config, policy, prompt_tokens,
        dtype=precision(job.dtype),
        four_bits=job.load_in_4bit,
        rewards={name: shape(name) for name in models},
        critic=shape(job.critic) if job.critic else None,
    )  # fmt: skip
    functions = [name for name in job.reward if not Path(name).is_dir()]
    notes = tuple(f"what the function {name} holds is not counted" for name in functions)
    if elsewhere:
        notes += (f"the reward models are on the device {job.reward_device} and not counted",)
    return replace(plan, notes=plan.notes + notes)


Step = tuple[str, Any]
"""A setting of the job or of the training, by name, and the value that takes less memory."""


def _helpful_for_ppo(job: PPOJob, config: PPOConfig) -> Iterator[Step]:
    """What takes less memory, first what costs least of everything else."""
    if not config.lora_rank:
        yield "lora_rank", LORA_RANK
    yield "dtype", "bfloat16"
    if any(Path(name).is_dir() for name in job.reward):
        yield "reward_dtype", "bfloat16"
        yield "reward_batch_size", 4
    yield "gradient_checkpointing", True
    if config.forward_size > 4:
        yield "forward_size", 4
    if config.sample_size > 16:
        yield "sample_size", 16
    if config.forward_size > 1:
        yield "forward_size", 1
    yield "load_in_4bit", True


def _helpful_for_rewards(job: RewardJob, config: RewardConfig) -> Iterator[Step]:
    if not config.lora_rank:
        yield "lora_rank", LORA_RANK
    yield "dtype", "bfloat16"
    yield "gradient_checkpointing", True
    if config.batch_size > 1:
        yield "batch_size", 1
    yield "load_in_4bit", True


def _advice(
    plan: Plan,
    job: Any,
    config: Any,
    steps: Iterator[Step],
    plan_of: Callable[[Any, Any], Plan],
    gpu: tuple[str, int] | None,
    progress: Progress | None,
) -> list[Advice]:
    """Settings, one after the other, until the plan fits: on the GPU, or on the smallest card."""
    size = gpu[1] if gpu else CARDS[0] * GB
    advice: list[Advice] = []
    listed = list(steps)
    for number, (name, value) in enumerate(listed):
        if progress is not None:
            progress(number, len(listed))
        if plan.fits(size):
            break
        changed = [_with(one, name, value) for one in (job, config)]
        if changed == [job, config]:
            continue
        try:
            before, plan = plan, plan_of(*changed)
        except ValueError:  # it cannot be counted so, and is no advice
            continue
        job, config = changed
        if plan.peak < before.peak:
            shown = "" if value is True else f" {value}"
            advice.append(Advice(f"--{name.replace('_', '-')}{shown}", plan.peak))
    return advice


def _with(settings: Any, name: str, value: Any) -> Any:
    """The settings with another value, or as they are where there is no such setting or it does not fit."""
    if name not in {one.name for one in fields(settings)}:
        return settings
    try:
        return replace(settings, **{name: value})
    except ValueError:
        return settings
