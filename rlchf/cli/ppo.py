"""The command `rlchf ppo`."""

import json
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from rlchf.cli.console import wide_console
from rlchf.cli.reward import need_torch
from rlchf.jobs.ppo import REWARD_OF, Job, settings, tune_files
from rlchf.jobs.ppo_rewards import Rewards
from rlchf.options import parsed_pairs
from rlchf.train.ppo.config import Advantages, PPOConfig
from rlchf.train.ppo.rewards import Combine

DEFAULT = {field.name: field.default for field in fields(PPOConfig)}
FLAGS = (
    "updates", "batch_size", "minibatch_size", "responses_per_prompt", "max_new_tokens",
    "learning_rate",
    "kl_coef", "advantages", "lora_rank", "checkpoint_every", "report_to", "seed",
)  # fmt: skip
"""Settings that are options of their own."""
OTHERS = ", ".join(name for name in DEFAULT if name not in FLAGS)
SHOWN = {"reward_mean": "reward", "kl": "KL, nats per response", "response_length": "tokens"}


def _setting(name: str, help: str) -> Any:
    """An option for a setting; left out, it is that of --config, or the default."""
    return typer.Option(help=help, show_default=str(DEFAULT[name]))


def command(
    policy: Annotated[
        str, typer.Option(help="Folder of a model, tiny, smollm2, or owner/model on the Hub.")
    ],
    reward: Annotated[
        list[str],
        typer.Option(help="Folder of a reward model, or module:function; repeat it for several."),
    ],
    prompts: Annotated[str, typer.Option(help="jsonl with prompt_id and prompt.")],
    out: Annotated[str, typer.Option(help="Folder for the policy, its figures and samples.")],
    combine: Annotated[Combine | None, typer.Option(help="How several rewards become one.")] = None,
    weights: Annotated[
        str, typer.Option(help="Of the rewards or voters, in their order, such as 0.7,0.3.")
    ] = "",
    rule: Annotated[str, typer.Option(help="Voting rule of --combine vote; see rlchf rules.")] = "",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Option of the rule or of --combine, name=value."),
    ] = None,
    critic: Annotated[
        str, typer.Option(help="Folder of the reward model that the critic starts as a copy of.")
    ] = "",
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=module:function: follow the share of texts of which it is true; repeatable."
        ),
    ] = None,
    updates: Annotated[int | None, _setting("updates", "Number of PPO updates.")] = None,
    batch_size: Annotated[int | None, _setting("batch_size", "Responses per update.")] = None,
    minibatch_size: Annotated[int | None, _setting("minibatch_size", "Responses per step.")] = None,
    responses_per_prompt: Annotated[
        int | None, _setting("responses_per_prompt", "Responses to each prompt.")
    ] = None,
    max_new_tokens: Annotated[int | None, _setting("max_new_tokens", "Longest response.")] = None,
    learning_rate: Annotated[
        float | None, _setting("learning_rate", "Learning rate of the policy.")
    ] = None,
    kl_coef: Annotated[float | None, _setting("kl_coef", "KL coefficient (beta).")] = None,
    advantages: Annotated[Advantages | None, _setting("advantages", "Advantage estimator.")] = None,
    lora_rank: Annotated[int | None, _setting("lora_rank", "0 trains all weights.")] = None,
    checkpoint_every: Annotated[
        int | None, _setting("checkpoint_every", "Updates between checkpoints.")
    ] = None,
    report_to: Annotated[
        str | None, _setting("report_to", "Where else figures go: tensorboard, wandb.")
    ] = None,
    seed: Annotated[int | None, _setting("seed", "Of samples, prompts and new weights.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help=f"Another setting of PPOConfig, name=value; repeatable: {OTHERS}."
        ),
    ] = None,
    config: Annotated[
        str, typer.Option(help="TOML file of settings, or a run file with a table [ppo].")
    ] = "",
    resume: Annotated[bool, typer.Option(help="Go on with the run that was stopped.")] = False,
    plot: Annotated[bool, typer.Option(help="Draw the figures into metrics.png.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Fine-tune a language model by PPO on reward models, on functions, or on a vote among them."""
    told = {name: value for name, value in locals().items() if name in FLAGS and value is not None}
    need_torch("PPO needs")
    given = parsed_pairs(setting or [])
    for name in given:
        if name in FLAGS:
            flag = name.replace("_", "-")
            raise ValueError(f"write --{flag} {given[name]} instead of --set {name}={given[name]}")
    rewards = Rewards(tuple(reward), combine, _numbers(weights), rule, parsed_pairs(option or []))
    job = Job(policy, prompts, rewards, parsed_pairs(measure or []), critic)
    try:
        rows = tune_files(job, settings(told | given, config), out, resume=resume, plot=plot)
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0" and Path(out, "job.json").exists():
            print("stopped; the same command with --resume goes on", file=sys.stderr)
        raise
    if not rows:
        return  # another process of the same run
    first, last = rows[0], rows[-1]
    if as_json:
        summary = {"policy": out, "first": first, "last": last}
        print(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    table = Table("", f"update {first['update']}", f"update {last['update']}", box=None)
    each = [name for name in first if name.startswith(REWARD_OF)]
    shown = SHOWN | {n: n for n in each} | {n: f"{n} share" for n in job.measures}
    for name, label in shown.items():
        if name in first:  # not where the library began the run, without this measure
            table.add_row(label, f"{first[name]:.3g}", f"{last[name]:.3g}")
    console = wide_console()
    console.print(table)
    console.print(f"policy: {out}", markup=False, soft_wrap=True)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(
            f"--weights is {text!r}; write a number for each reward, such as 0.7,0.3"
        ) from None
