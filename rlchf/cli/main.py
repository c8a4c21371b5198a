"""The command line: arguments in, one function of `rlchf.jobs`, screen out."""

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from rlchf.cli import (
    aggregate,
    audit,
    axioms,
    bench,
    compare,
    convert,
    jury,
    mix,
    pairs,
    panel,
    ppo,
    reward,
    rules,
    run,
    sample,
    score,
    simulate,
    tasks,
    weigh,
)
from rlchf.cli.constitution import choose, judge, revise, sft, show
from rlchf.cli.constitution import convert as convert_constitution
from rlchf.cli.constitution import report as constitution_report
from rlchf.cli.settings import SettingsCommand
from rlchf.display import clipped, printable

app = typer.Typer(
    help="Reinforcement learning from collective human feedback.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "aggregate": (
        aggregate.command,
        "rlchf aggregate rankings.csv --rule kemeny --out aggregated.jsonl",
    ),
    "audit": (
        audit.command,
        "rlchf audit rankings.csv aggregated.jsonl --annotators people.csv --group region",
    ),
    "axioms": (axioms.command, "rlchf axioms --rules borda,kemeny rankings.csv"),
    "compare": (
        compare.command,
        "rlchf compare rankings.csv --annotators people.csv --group region --out report.html",
    ),
    "convert": (
        convert.command,
        "rlchf convert comparisons.jsonl --from coval --out coval/",
    ),
    "mix": (mix.command, "rlchf mix human/ ai/ --ratio 3:1 --by pairs --out mixed/"),
    "rules": (rules.command, "rlchf rules kemeny"),
    "sample": (
        sample.command,
        "rlchf sample --policy smollm2 --prompts prompts.jsonl -n 4 --method system_prompts "
        "--out responses.jsonl",
    ),
    "reward": (
        reward.command,
        "rlchf reward rankings.csv --prompts prompts.jsonl --responses responses.jsonl --rule kemeny "
        "--model smollm2 --out reward/",
    ),
    "score": (score.command, "rlchf score reward/ texts.jsonl --out scored.jsonl"),
    "jury": (
        jury.command,
        "rlchf jury reward/ --prompts prompts.jsonl --responses responses.jsonl --annotators people.csv "
        "--rule perpetual_pav --out collective.jsonl",
    ),
    "pairs": (
        pairs.command,
        "rlchf pairs aggregated.jsonl --prompts prompts.jsonl --responses responses.jsonl --to trl "
        "--out pairs.jsonl",
    ),
    "ppo": (
        ppo.command,
        "rlchf ppo --policy smollm2 --reward reward/ --prompts prompts.jsonl --out policy/",
    ),
    "simulate": (
        simulate.command,
        "rlchf simulate --culture mallows -o phi=0.7 --prompts 1000 --annotators 20 --responses 5 --seed 1 "
        "--out rankings.parquet",
    ),
    "tasks": (
        tasks.command,
        "rlchf tasks responses.jsonl --prompts prompts.jsonl --to potato --annotators 12 --out project/",
    ),
    "weigh": (
        weigh.command,
        "rlchf weigh annotators.csv --to population.csv --trim 5 --out weighted.csv",
    ),
    "panel": (
        panel.command,
        "rlchf panel annotators.csv --quotas quotas.toml --size 100 --out panel.csv",
    ),
    "bench rewardbench2": (
        bench.rewardbench2,
        "rlchf bench rewardbench2 reward-bench-2.parquet --reward reward/ --out bench/",
    ),
    "run": (run.command, "rlchf run examples/emoji.toml --rule phragmen_credit"),
    "constitution convert": (
        convert_constitution.command,
        "rlchf constitution convert principles.json --out constitution.toml",
    ),
    "constitution choose": (
        choose.command,
        "rlchf constitution choose export/ -k 16 --out constitution.toml",
    ),
    "constitution show": (show.command, "rlchf constitution show default"),
    "constitution judge": (
        judge.command,
        "rlchf constitution judge responses.jsonl --prompts prompts.jsonl --judge smollm2 "
        "--constitution default --out rankings.jsonl",
    ),
    "constitution revise": (
        revise.command,
        "rlchf constitution revise --policy smollm2 --constitution default --prompts prompts.jsonl "
        "--out revisions.jsonl",
    ),
    "constitution sft": (
        sft.command,
        "rlchf constitution sft revisions.jsonl --policy smollm2 --helpful helpful.jsonl --out model/",
    ),
    "constitution report": (
        constitution_report.command,
        "rlchf constitution report rankings.jsonl --constitution default --out report.html",
    ),
}
"""Each command's function and an example; a name of two words is a command of a group."""
GROUPS = {
    "bench": "Public benchmarks of reward models.",
    "constitution": "Constitutional AI: principles judge responses and vote.",
}
"""What `--help` says of each group of commands."""


def _add_commands() -> None:
    parents = {"": app}
    for group, help in GROUPS.items():
        parents[group] = typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)
    for name, (function, example) in COMMANDS.items():
        group, _, last = name.rpartition(" ")
        add = parents[group].command(last, cls=SettingsCommand, epilog=f"Example: {example}")
        add(function)
        if group and group not in {one.name for one in app.registered_groups}:
            app.add_typer(parents[group], name=group)


_add_commands()

# typer raises click's exceptions, of click itself or of a copy that it brings.
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


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"rlchf: warning: {message}")


def _say(problem: str) -> None:
    """Print a sentence on one line, which no name in it can break or make endless."""
    lines = "\n" if problem.startswith("Usage:") else ""
    print(clipped(printable(problem.strip(), keep=lines)), file=sys.stderr)


def _refuse(problem: str) -> None:
    """Say what went wrong; processes of `torchrun` other than the first put their rank before it."""
    rank = os.environ.get("RANK", "0")
    _say(problem if rank == "0" else f"[rank {rank}] {problem}")


def _open_streams() -> None:
    """Refuse to work where results would go nowhere, and give the number of a closed stream to no file."""
    closed = sys.stdout is None
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None and name != "stdin":
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # what is closed would be the number of the next file that is opened
    os.close(number)
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):  # with PYTHONUNBUFFERED
        # Python would lose what a pipe does not take at once.
        whole = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(whole, sys.stdout.encoding, line_buffering=True)
    if closed:
        _refuse("rlchf: standard output is closed; give it a file, such as > /dev/null")
        sys.exit(2)


def _note_termination() -> None:
    """Let SIGTERM end the program as Ctrl-C does, so that no file is left half written."""

    def stop(number: int, frame: object) -> None:
        raise _TerminatedError

    def again(unraisable: "sys.UnraisableHookArgs") -> None:
        """Send a signal again that came while Python ran a callback, as of a weak reference, and was lost."""
        numbers = {_TerminatedError: signal.SIGTERM, KeyboardInterrupt: signal.SIGINT}
        number = numbers.get(unraisable.exc_type)
        if number is None:
            sys.__unraisablehook__(unraisable)
            return
        later = threading.Timer(0.05, os.kill, (os.getpid(), number))
        later.daemon = True
        later.start()

    sys.unraisablehook = again
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, stop)


def _end_without_reader() -> NoReturn:
    """End as SIGPIPE would end the program: the reader of our output has gone, say head."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is still in the buffer
    sys.exit(141)


class _TerminatedError(BaseException):
    """SIGTERM has come."""


def main() -> None:
    """Run the command line.

    It ends with 0 when it is done, 2 for bad input or usage, 130 and 143 when it was stopped, 141 when the
    reader of its output has gone, and 1 for a bug (with its traceback).
    """
    _open_streams()
    if threading.current_thread() is threading.main_thread():
        _note_termination()
    warnings.showwarning = _show_warning
    warnings.simplefilter("ignore", FutureWarning)  # about the libraries' own future
    try:
        code = app(standalone_mode=False, prog_name="rlchf")
        sys.stdout.flush()
    except BrokenPipeError:
        _end_without_reader()
    except SystemExit:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # so typer notes a broken pipe
            _end_without_reader()
        raise
    except (UsageProblem, ValueError, OSError, FloatingPointError) as error:
        message = error.format_message() if isinstance(error, UsageProblem) else str(error)
        message = message.replace("Value error, ", "")  # which typer writes before what is wrong
        message = "; ".join([message, *getattr(error, "__notes__", [])])
        _refuse(message if message.startswith("Usage:") else f"rlchf: {message}")
        sys.exit(2)
    except MemoryError as error:
        _refuse(
            f"rlchf: there is not enough memory{str(error) and f': {error}'}; give less at once"
        )
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except _TerminatedError:
        sys.exit(143)
    sys.exit(code or 0)  # typer returns the code when it has dealt with an interrupt itself


if __name__ == "__main__":
    main()
