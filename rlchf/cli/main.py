"""The command line: arguments in, library call, screen out."""

import json
import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from rlchf.cli.audit import command as audit
from rlchf.cli.console import wide_console
from rlchf.cli.ppo import command as ppo
from rlchf.cli.reward import app as reward
from rlchf.options import parsed_pairs

app = typer.Typer(
    help="Reinforcement learning from collective human feedback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Unranked = Literal["missing", "last"]

# The base class of what typer raises on bad usage: typer brings click, or a copy of its own.
UsageProblem: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def _print_version(wanted: bool) -> None:
    if wanted:
        from rlchf import __version__

        print(f"rlchf {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Reinforcement learning from collective human feedback."""


@app.command(epilog="Example: rlchf aggregate rankings.csv --rule kemeny --out aggregated.jsonl")
def aggregate(
    rankings: Annotated[str, typer.Argument(help="Ranking file or PrefLib folder; - for stdin.")],
    rule: Annotated[str, typer.Option(help="Voting rule; see rlchf rules.")] = "borda",
    out: Annotated[
        str, typer.Option(help="jsonl, csv, tsv or parquet file; - for jsonl on stdout.")
    ] = "-",
    format: Annotated[str, typer.Option(help="Format of the ranking file.")] = "auto",
    unranked: Annotated[
        Unranked, typer.Option(help="What a response means that a ballot does not name.")
    ] = "missing",
    annotators: Annotated[
        str, typer.Option(help="csv with annotator_id and weight, to weigh the ballots by.")
    ] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the rule, as name=value.")
    ] = None,
    ties: Annotated[
        str, typer.Option(help="keep, lexicographic, random or a second rule; see the rule's page.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of random choices, by the rule or among ties.")] = 0,
    threads: Annotated[int, typer.Option(help="Work on so many parts at a time; 0: all.")] = 0,
) -> None:
    """Turn everybody's rankings of each prompt's responses into one collective ranking."""
    from rlchf.aggregation import aggregate as run
    from rlchf.aggregation import check_options
    from rlchf.io import read_annotators, read_rankings
    from rlchf.io.tables import table_format
    from rlchf.jobs.progress import stage

    options = parsed_pairs(option or [])
    for name in sorted({"ties", "seed", "threads"} & set(options)):
        raise ValueError(f"write --{name} {options[name]} instead of -o {name}={options[name]}")
    if threads < 0:
        raise ValueError(f"--threads is {threads}; give how many, or 0 for all")
    check_options(rule, options, ties or None)
    table_format(out)  # refuse an ending that we do not write before the work, not after
    if out != "-" and rankings != "-" and Path(out).resolve() == Path(rankings).resolve():
        raise ValueError(f"{out} is the input; choose another file for --out")
    ballots = read_rankings(rankings, format, unranked)
    if annotators:
        weights = read_annotators(annotators).weights
        if weights is None or not set(weights) & set(ballots.annotator_ids):
            problem = (
                "has no column 'weight'" if weights is None else "names none of the annotators"
            )
            raise ValueError(f"{annotators} {problem}; give annotator_id and weight")
        ballots = ballots.weighted(weights)
    prompts = "1 prompt" if ballots.n_prompts == 1 else f"{ballots.n_prompts} prompts"
    with stage(f"aggregate {prompts} by {rule}", quiet=True) as tick:
        tick(0, ballots.n_prompts)
        choices: dict[str, Any] = {"ties": ties or None, "seed": seed, "threads": threads or None}
        result = run(ballots, rule, progress=tick, **options | choices)
    result.write(out)


app.command(
    "audit",
    epilog="Example: rlchf audit rankings.csv aggregated.jsonl --annotators people.csv --group region",
)(audit)
app.add_typer(reward, name="reward")
app.command(
    "ppo",
    epilog="Example: rlchf ppo --policy smollm2 --reward reward/ --prompts prompts.jsonl --out policy/",
)(ppo)


@app.command(epilog="Example: rlchf rules kemeny")
def rules(
    name: Annotated[str, typer.Argument(help="Show this rule's page.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List the voting rules, or show one."""
    from rlchf.cli import rulebook
    from rlchf.rules import list_rules

    if name:
        print(rulebook.page(name))
    elif as_json:
        print(json.dumps(rulebook.records(), indent=2, ensure_ascii=False))
    else:
        console = wide_console()
        console.print(rulebook.table(console.width))
        console.print("\n" + rulebook.legend(), markup=False)
    if not name:
        for card in list_rules().values():
            if card.broken:
                _show_warning(card.line)


@app.command(epilog="Example: rlchf run examples/emoji.toml --rule perpetual_pav")
def run(
    file: Annotated[str, typer.Argument(help="Run file (TOML).")] = "",
    rule: Annotated[str, typer.Option(help="Take this rule instead of the file's.")] = "",
    data: Annotated[
        str, typer.Option(help="Folder in which the run file's data lies, instead of its own.")
    ] = "",
    out: Annotated[str, typer.Option(help="Run folder; by default one in runs/.")] = "",
    resume: Annotated[str, typer.Option(help="Go on with the stopped run in this folder.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Do a whole run: aggregate, fit a reward model, fine-tune by PPO, report the shares."""
    if bool(file) == bool(resume):
        raise ValueError("give either a run file or --resume with a run folder")
    if resume and (rule or data or out):
        raise ValueError(
            "--resume takes everything from the run folder; leave the other options out"
        )
    try:
        from rlchf.jobs import run as pipeline
    except ModuleNotFoundError as error:
        missing = error.name if find_spec("torch") else "torch"  # the largest piece says most
        raise ValueError(
            f"a run needs what trains models, and {missing!r} is not installed; "
            "install all of it with: pip install 'rlchf[train]'"
        ) from None

    work = (
        pipeline.resume(resume)
        if resume
        else pipeline.start(file, rule=rule or None, out=out or None, data_folder=data or None)
    )
    try:
        summary = work()
    except KeyboardInterrupt:
        print(f"stopped; go on with: rlchf run --resume {work.folder}", file=sys.stderr)
        raise
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    _print_summary(summary, work.run.trait.name)
    print(f"run folder: {work.folder}")


def _print_summary(summary: dict[str, Any], trait: str) -> None:
    console = wide_console()
    if summary["shares"]:
        table = Table("stage", "measured on", f"{trait} share", "95 % interval", "n", box=None)
        for row in summary["shares"]:
            interval = f"{row['low']:.3f} - {row['high']:.3f}"
            table.add_row(
                row["stage"], row["measure"], f"{row['share']:.3f}", interval, str(row["n"])
            )
        console.print(table)
    accuracy = summary["reward_accuracy"]
    if accuracy:
        table = Table("reward model agrees with", "on held-out pairs", box=None)
        table.add_row("the collective ranking", f"{accuracy['collective_ranking']:.3f}")
        table.add_row("all ballots", f"{accuracy['ballots']:.3f}")
        for kind in ("groups", "annotators"):
            for name, value in accuracy[kind].items():
                if kind == "groups" or not accuracy["groups"]:
                    table.add_row(name, f"{value:.3f}")
        console.print()
        console.print(table)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"rlchf: warning: {message}", file=sys.stderr)


def _say(problem: str) -> None:
    """Print what went wrong; processes of `torchrun` other than the first put their rank before it."""
    rank = os.environ.get("RANK", "0")
    print(problem if rank == "0" else f"[rank {rank}] {problem}", file=sys.stderr)


def main() -> None:
    """Run the command line: 0 done, 2 bad input or usage, 130 stopped, 1 a bug (with its traceback)."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("ignore", FutureWarning)  # about the libraries' own future
    try:
        code = app(standalone_mode=False)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, say head
        sys.exit(1)
    except (UsageProblem, ValueError, OSError, FloatingPointError) as error:
        message = error.format_message() if isinstance(error, UsageProblem) else str(error)
        message = "; ".join([message, *getattr(error, "__notes__", [])])
        _say(message if message.startswith("Usage:") else f"rlchf: {message}")
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code or 0)  # typer returns the code when it has dealt with an interrupt itself


if __name__ == "__main__":
    main()
