"""PPO from files to a folder: what the command does."""

import json
import tomllib
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf import io
from rlchf.jobs.ppo_rewards import Rewards, check_model
from rlchf.jobs.progress import stage
from rlchf.options import fitting, function_named
from rlchf.prompts import Prompt
from rlchf.train.ppo.config import PPOConfig

if TYPE_CHECKING:
    from rlchf.train.ppo.rewards import LoggedReward
    from rlchf.train.ppo.shaping import Measure, Reward

TINY = "tiny"
BEGUN = {"job.json", "ppo_config.json", "metrics.jsonl", "samples.jsonl", "checkpoint"}
"""What a run leaves that stopped before its first checkpoint."""
REWARD_OF = "reward of "
"""What the figures of one of several rewards are called, before its name."""


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and by which reward.

    Attributes
    ----------
    policy
        A name as in `rlchf.train.models.load.model_folder`, or "tiny" for a small Llama of random weights,
        to try a reward out with.
    prompts
        The prompts file.
    rewards
        The reward of a response.
    measures
        For each name, the function of a text, as ``module:function``, that tells a trait whose share of
        the responses is followed.
    critic
        Folder of the reward model from which the critic starts; empty for one that shares the
        policy's trunk.
    """

    policy: str
    prompts: str
    rewards: Rewards
    measures: Mapping[str, str] = field(default_factory=dict)
    critic: str = ""


def settings(given: Mapping[str, Any], file: str = "") -> PPOConfig:
    """A `PPOConfig` from settings that a user wrote, which go before those of a TOML file.

    The file holds settings by name, or has a table ``[ppo]`` that does, as a run file has.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such file or setting, or a value does not fit.
    """
    found = fitting(PPOConfig, _table(file), f"{file}: ") if file else {}
    return PPOConfig(**found | fitting(PPOConfig, given))


def _table(file: str) -> dict[str, Any]:
    try:
        raw = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a TOML file: {error}") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"no settings file {file}") from None
    table = raw.get("ppo")
    if not isinstance(table, dict):
        return raw
    return {key: raw[key] for key in ("seed",) if key in raw} | table


def tune_files(
    job: Job, config: PPOConfig, out: str | Path, *, resume: bool = False, plot: bool = False
) -> list[dict[str, Any]]:
    """Fine-tune a policy by PPO and leave all of it in one folder.

    Parameters
    ----------
    out
        As `rlchf.train.ppo.loop.ppo` writes it, with ``job.json``; it must be empty, unless the run goes on.
    resume
        Go on with the run that was stopped.
    plot
        Draw the figures over the updates, ``metrics.png``.

    Returns
    -------
    The figures of each update, as in ``metrics.jsonl``; nothing on processes other than the main one.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, ``out`` is there already, or there is no run to go on with;
        nothing has been written then.
    KeyboardInterrupt, FloatingPointError
        As `rlchf.train.ppo.loop.ppo` raises them.
    """
    out = Path(out)
    _check_folder(out, job, resume)
    job.rewards.check(config.responses_per_prompt)
    if job.critic:
        check_model(job.critic, "critic")
        if config.advantages != "gae":
            raise ValueError(
                f"advantages is '{config.advantages}', which takes no critic; leave --critic out"
            )
    prompts = io.read_prompts(job.prompts)
    traits = {name: _trait(name, test) for name, test in job.measures.items()}
    from rlchf.train.models.load import quieten_transformers
    from rlchf.train.ppo.loop import PPO, Setup
    from rlchf.train.ppo.trackers import make_accelerator
    from rlchf.train.reward.model import RewardModel

    quieten_transformers()
    policy, tokenizer = _policy(job.policy, prompts, config.seed)
    names = [f"{job.prompts}: prompt {prompt_id!r}" for prompt_id in prompts]
    accelerator = make_accelerator(config.report_to, out)
    rewards = job.rewards.load(accelerator.device)
    of_each = _of_each(rewards) if job.rewards.combine else {}
    reward = job.rewards.combined(rewards | of_each)
    critic = _critic(job, policy, tokenizer, rewards) if job.critic else None
    setup = Setup(
        policy, tokenizer, list(prompts.values()), reward, config, out, critic=critic,
        measure=_measure(traits, of_each), accelerator=accelerator, prompt_names=names,
    )  # fmt: skip
    run = PPO(setup)
    main = accelerator.is_main_process
    accelerator.wait_for_everyone()  # all have seen the folder as it was
    if main:
        out.mkdir(parents=True, exist_ok=True)
        (out / "job.json").write_text(json.dumps(asdict(job), indent=2) + "\n", encoding="utf-8")
    try:
        with stage(f"PPO, {config.updates} updates") if main else nullcontext() as tick:
            run.train(resume=resume, progress=tick)
    finally:  # a run that was stopped is looked at, too
        rows = _figures(out) if main else []
        if plot and rows:
            _draw(out / "metrics.png", rows, [name for name in traits if name in rows[0]])
    for name, own in rewards.items():
        if isinstance(own, RewardModel) and own.truncated:
            warnings.warn(
                f"{own.truncated} texts were longer than the reward model {name} reads, and were "
                "scored without their beginning",
                stacklevel=2,
            )
    return rows


def _figures(out: Path) -> list[dict[str, Any]]:
    """The figures of each update so far."""
    file = out / "metrics.jsonl"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.split("\n") if line]


def _check_folder(out: Path, job: Job, resume: bool) -> None:
    """Refuse a folder that holds something else, or another job's run."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; choose a folder for --out")
    names = {path.name for path in out.iterdir()} if out.exists() else set()
    saved = any((out / "checkpoint").glob("*")) if out.exists() else False
    if not resume and (saved or names - BEGUN):
        raise ValueError(
            f"{out} is there already; choose another folder for --out, or go on with --resume"
        )
    if resume and not names & BEGUN:
        raise ValueError(
            f"{out} holds no run to go on with; give the --out of one that was stopped, or leave "
            "--resume out to begin"
        )
    if not saved or not (out / "job.json").exists():
        return
    before = json.loads((out / "job.json").read_text(encoding="utf-8"))
    now = json.loads(json.dumps(asdict(job)))
    for name in now:
        if before.get(name, "") != now[name]:
            raise ValueError(
                f"{out} was run with {name} {_said(before.get(name, ''))} and cannot go on with "
                f"{_said(now[name])}; give the same, or another folder for --out"
            )


def _said(value: Any) -> str:
    if not isinstance(value, dict):
        return repr(value)
    return ", ".join(f"{name}={own!r}" for name, own in value.items() if own) or "none"


def _policy(name: str, prompts: Mapping[str, Prompt], seed: int) -> tuple[Any, Any]:
    if name != TINY:
        from rlchf.train.models.load import load_policy, load_tokenizer

        return load_policy(name), load_tokenizer(name)
    from rlchf.train.models.tiny import tiny_llama

    return tiny_llama([str(prompt) for prompt in prompts.values()], seed=seed)


def _critic(job: Job, policy: Any, tokenizer: Any, rewards: "Mapping[str, Reward]") -> Any:
    """The model from which the critic starts."""
    from rlchf.train.ppo.actor_critic import check_critic
    from rlchf.train.reward.model import RewardModel

    loaded = rewards.get(job.critic)
    found = loaded if isinstance(loaded, RewardModel) else RewardModel.load(job.critic)
    where = f"--critic {job.critic} and --policy {job.policy} do not fit"
    try:
        check_critic(found.model, policy)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    own = found.tokenizer.get_vocab()
    if any(own.get(token) != number for token, number in tokenizer.get_vocab().items()):
        raise ValueError(
            f"{where}: their tokenizers number the tokens in different ways; give a reward model "
            "that was fitted from the policy's folder, or none"
        )
    return found.model


def _trait(name: str, test: str) -> Callable[[str], object]:
    return function_named(str(test), f"measure {name}")


def _of_each(rewards: "Mapping[str, Reward]") -> "dict[str, LoggedReward]":
    """Rewards that tell their means; those with a state are left alone."""
    from rlchf.train.ppo.rewards import LoggedReward

    plain = {name: own for name, own in rewards.items() if not hasattr(own, "load_state_dict")}
    return {name: LoggedReward(own) for name, own in plain.items()}


def _measure(
    traits: Mapping[str, Callable[[str], object]], rewards: "Mapping[str, LoggedReward]"
) -> "Measure":
    """The share of the responses that have each trait, and the mean of each reward."""
    from rlchf.train.ppo.shaping import share_of

    shares = [share_of(name, trait) for name, trait in traits.items()]

    def measure(prompts: list[Prompt], responses: list[str]) -> dict[str, float]:
        found = {REWARD_OF + name: own.mean(prompts, responses) for name, own in rewards.items()}
        return found | {n: x for share in shares for n, x in share(prompts, responses).items()}

    return measure


def _draw(path: Path, rows: Sequence[dict[str, Any]], shares: Sequence[str]) -> None:
    from rlchf.plots.save import save
    from rlchf.plots.training import training_plot

    rewards = [name for name in rows[0] if name.startswith(REWARD_OF)]
    save(training_plot(rows, shares, rewards), path)
