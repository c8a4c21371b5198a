"""The commands `rlchf reward`, `rlchf reward score` and `rlchf reward jury`."""

import json
import sys
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from rlchf.cli.console import wide_console
from rlchf.options import parsed_pairs
from rlchf.rankings import Unranked
from rlchf.train.reward.config import Head, LearnFrom, Loss, RewardConfig

DEFAULT = RewardConfig()


class _FitFirst(typer.core.TyperGroup):
    """`rlchf reward FILE ...` means `rlchf reward fit FILE ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {*self.commands, "--help", *ctx.help_option_names}
        if args and args[0] not in known:
            args = ["fit", *args]
        found: list[str] = super().parse_args(ctx, args)
        return found


app = typer.Typer(
    cls=_FitFirst,
    no_args_is_help=True,
    help="Fit a reward model to rankings, or score responses with one.\n\n"
    "rlchf reward rankings.csv --prompts prompts.jsonl --responses responses.jsonl --rule kemeny "
    "--model PATH --out reward/ does the whole job; rlchf reward fit --help names all options.",
)


@app.command(
    epilog="Example: rlchf reward rankings.csv --prompts prompts.jsonl --responses responses.jsonl "
    "--rule kemeny --model smollm2 --out reward/"
)
def fit(
    rankings: Annotated[str, typer.Argument(help="Ranking file.")],
    prompts: Annotated[str, typer.Option(help="jsonl with prompt_id and prompt.")],
    responses: Annotated[str, typer.Option(help="jsonl with prompt_id, response_id and text.")],
    model: Annotated[
        str, typer.Option(help="Folder of a model, tiny, smollm2, or owner/model on the Hub.")
    ],
    out: Annotated[str, typer.Option(help="Folder for the checkpoint and its figures.")],
    rule: Annotated[str, typer.Option(help="Voting rule; see rlchf rules.")] = "kemeny",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the rule, name=value.")
    ] = None,
    ties: Annotated[str, typer.Option(help="keep, lexicographic, random, or a rule.")] = "",
    learn: Annotated[LearnFrom, typer.Option(help="What is learned.")] = DEFAULT.learn_from,
    loss: Annotated[Loss, typer.Option(help="How it is learned.")] = DEFAULT.loss,
    head: Annotated[Head, typer.Option(help="A score, or a distribution.")] = DEFAULT.head,
    epochs: Annotated[float, typer.Option(help="Passes over the prompts.")] = DEFAULT.epochs,
    learning_rate: Annotated[float, typer.Option(help="At its peak.")] = DEFAULT.learning_rate,
    batch_size: Annotated[int, typer.Option(help="Prompts per step.")] = DEFAULT.batch_size,
    max_length: Annotated[int, typer.Option(help="Tokens of a text.")] = DEFAULT.max_length,
    lora_rank: Annotated[int, typer.Option(help="0 trains all weights.")] = DEFAULT.lora_rank,
    held_out: Annotated[float, typer.Option(help="Share of the prompts.")] = DEFAULT.held_out,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting of the training, name=value."),
    ] = None,
    annotators: Annotated[
        str, typer.Option(help="csv with annotator_id, optional weight, and columns for --group.")
    ] = "",
    group: Annotated[
        list[str] | None, typer.Option(help="Column to tell groups by; repeat it for several.")
    ] = None,
    unseen: Annotated[
        float, typer.Option(help="Share of the annotators whose ballots are not learned from.")
    ] = 0.0,
    feature: Annotated[
        list[str] | None,
        typer.Option(help="Column to tell the model who judges by; repeat it for several."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the rule and the training.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on with the training that was stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    format: Annotated[str, typer.Option(help="Format of the ranking file.")] = "auto",
    unranked: Annotated[
        Unranked, typer.Option(help="What a response means that a ballot does not name.")
    ] = "missing",
) -> None:
    """Aggregate, fit a reward model, and measure it on the prompts held out."""
    from rlchf.cli.tables.evaluation import conditioned_tables, tables
    from rlchf.jobs.reward import Job, fit_files, settings

    need_torch()

    given = parsed_pairs(setting or [])
    flags = {
        "learn_from": learn, "loss": loss, "head": head, "epochs": epochs,
        "learning_rate": learning_rate, "batch_size": batch_size, "max_length": max_length,
        "lora_rank": lora_rank, "held_out": held_out, "seed": seed,
    }  # fmt: skip
    for name in given:
        if name in flags:
            flag = "learn" if name == "learn_from" else name.replace("_", "-")
            raise ValueError(f"write --{flag} {given[name]} instead of --set {name}={given[name]}")
    job = Job(
        rankings, prompts, responses, annotators, rule, parsed_pairs(option or []), ties, seed,
        tuple(group or ()), unseen, tuple(feature or ()), format, unranked,
    )  # fmt: skip
    config = settings(flags | given)
    try:
        found = fit_files(job, config, model, out, resume=resume)
    except KeyboardInterrupt:
        print("stopped; the same command with --resume goes on", file=sys.stderr)
        raise
    if as_json:
        print(json.dumps(_plain(found), indent=2, ensure_ascii=False))
        return
    console = wide_console()
    shown = (found.held_out, "held-out prompts"), (found.unseen, "annotators never seen")
    for measured, what in shown:
        if measured is not None:
            console.print(f"\n{what}\n", markup=False)
            for part in tables(measured):
                console.print(part, markup=False)
    if found.people is not None:
        for part in conditioned_tables(found.people):
            console.print(part, markup=False)
    console.print(f"\nreward model: {out}", markup=False)


def _plain(found: Any) -> dict[str, Any]:
    parts = {"held_out": found.held_out, "unseen_annotators": found.unseen}
    measured = {name: part.to_dict() for name, part in parts.items() if part is not None}
    if found.people is not None:
        measured = found.people.to_dict()
    return {"figures": found.figures, **measured}


@app.command(epilog="Example: rlchf reward score reward/ texts.jsonl --out scored.jsonl")
def score(
    model: Annotated[str, typer.Argument(help="Folder of a reward model.")],
    texts: Annotated[
        str,
        typer.Argument(help="jsonl with prompt and response, or prompt_id and text; - for stdin."),
    ],
    prompts: Annotated[str, typer.Option(help="jsonl with prompt_id and prompt.")] = "",
    out: Annotated[str, typer.Option(help="The lines with their scores; - for stdout.")] = "-",
) -> None:
    """Score responses with a reward model."""
    need_torch()
    from rlchf.jobs.reward import score_files

    score_files(model, texts, out, prompts)


@app.command(
    epilog="Example: rlchf reward jury reward/ --prompts prompts.jsonl --responses responses.jsonl "
    "--annotators people.csv --rule perpetual_pav --out collective.jsonl"
)
def jury(
    model: Annotated[str, typer.Argument(help="Folder of a model fitted with --feature.")],
    prompts: Annotated[str, typer.Option(help="jsonl with prompt_id and prompt.")],
    responses: Annotated[str, typer.Option(help="jsonl with prompt_id, response_id and text.")],
    annotators: Annotated[str, typer.Option(help="csv with who can be on the panel.")],
    rule: Annotated[str, typer.Option(help="Voting rule; see rlchf rules.")] = "kemeny",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the rule, name=value.")
    ] = None,
    size: Annotated[int, typer.Option(help="Members of the panel; 0 takes everybody.")] = 0,
    by: Annotated[
        list[str] | None, typer.Option(help="Column whose shares the panel keeps; repeatable.")
    ] = None,
    noisy: Annotated[bool, typer.Option(help="Draw ballots as unsure as people are.")] = False,
    ballots: Annotated[str, typer.Option(help="Write the simulated ballots to this file.")] = "",
    out: Annotated[str, typer.Option(help="The collective rankings; - for stdout.")] = "-",
    seed: Annotated[int, typer.Option(help="Of the panel, the noise and the rule.")] = 0,
) -> None:
    """Let a simulated jury rank responses: draw a panel, predict its ballots, aggregate them."""
    need_torch()
    from rlchf.jobs.jury import JuryJob, run_jury

    run_jury(
        JuryJob(
            model=model, prompts=prompts, responses=responses, annotators=annotators, out=out,
            ballots=ballots, rule=rule, option=parsed_pairs(option or []), size=size,
            by=tuple(by or ()), noisy=noisy, seed=seed,
        )
    )  # fmt: skip


def need_torch(what: str = "reward models need") -> None:
    """Refuse with a sentence if what trains models is not installed."""
    missing = [part for part in ("torch", "transformers", "accelerate") if not find_spec(part)]
    if missing:
        raise ValueError(
            f"{what} what trains models, and {missing[0]!r} is not installed; "
            "install all of it with: pip install 'rlchf[train]'"
        )
