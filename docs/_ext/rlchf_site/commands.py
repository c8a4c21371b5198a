"""One page per command, made from its options."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import typer

from rlchf.cli.main import COMMANDS, GROUPS, app
from rlchf.settings import LARGEST_SEED, Range
from rlchf_site.markup import directive, literal, page, plain, table, title, toctree

MOST_PAGES = 6
"""Pages of the guide that a command's page lists."""


class Option(NamedTuple):
    """An option or argument as ``--help`` shows it."""

    panel: str
    names: str
    value: str
    default: str
    meaning: str
    allowed: str


def command_pages(docs: Path) -> dict[str, str]:
    """The page of every command, and the index of all.

    Parameters
    ----------
    docs
        The folder of the documentation, whose pages are searched for the commands.
    """
    used = pages_by_command(docs)
    pages = {file_of(name): command_page(name, used.get(name, [])) for name in COMMANDS}
    return pages | {"index": index_page()}


def file_of(command: str) -> str:
    """The name of a command's page.

    Examples
    --------
    >>> file_of("constitution judge")
    'constitution-judge'
    """
    return command.replace(" ", "-")


def click_command(name: str) -> tuple[Any, Any]:
    """A command as typer makes it, and the context in which it has its full name."""
    command = typer.main.get_command(app)
    context = command.context_class(command, info_name="rlchf", help_option_names=["-h", "--help"])
    for word in name.split():
        command = command.commands[word]  # type: ignore[attr-defined]  # of a group
        context = command.context_class(command, info_name=word, parent=context)
    return command, context


def options_of(name: str) -> list[Option]:
    """The arguments and options of a command, in the order and with the words of ``--help``.

    Examples
    --------
    >>> options_of("rules")[0].names, options_of("aggregate")[1].default
    ('NAME', '')
    """
    command, context = click_command(name)
    ranges = ranges_of(name)
    shown = []
    for one in command.get_params(context):
        record = one.get_help_record(context)
        if record is not None:
            names, _, value = record[0].partition(" <")
            text, _, note = record[1].partition("  [")
            is_argument = one.param_type_name == "argument"
            panel = getattr(one, "rich_help_panel", None) or (
                "Arguments" if is_argument else "Options"
            )
            default, _, limits = note.rstrip("]").removeprefix("default: ").partition("; ")
            allowed = ranges.get(one.name or "", "") or limits.replace("x>=0", "0 or more")
            value = f"<{value}" if value else ""
            shown.append(Option(panel, names, value, default, text, allowed))
    return sorted(shown, key=lambda option: option.default != "required")


def ranges_of(name: str) -> dict[str, str]:
    """The numbers that the settings of a command may be, in words."""
    function, _ = COMMANDS[name]
    return {
        one.name: range_text(one.metadata["range"])
        for kind in getattr(function, "settings", ())
        for one in fields(kind)
        if "range" in one.metadata
    }


def range_text(allowed: Range) -> str:
    """The numbers that are allowed, in words; empty if all are.

    Examples
    --------
    >>> range_text(Range(at_least=0, below=1)), range_text(Range(above=0)), range_text(Range())
    ('0 or more, below 1', 'above 0', '')
    """
    ends = (
        ("above {:,.10g}", allowed.above), ("{:,.10g} or more", allowed.at_least),
        ("below {:,.10g}", allowed.below), ("{:,.10g} at most", allowed.at_most),
    )  # fmt: skip
    return ", ".join(text.format(end) for text, end in ends if end not in (None, LARGEST_SEED))


def command_page(name: str, used: list[str]) -> str:
    """A command's page; ``used`` are the pages of the guide that show it."""
    command, context = click_command(name)
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    parts = [
        title(f"rlchf {name}"),
        plain(command.help or ""),
        directive("code-block", "text", usage),
        f"For example:\n\n{directive('code-block', 'console', '$ ' + COMMANDS[name][1])}",
    ]
    by_panel: dict[str, list[Option]] = {"Arguments": [], "Options": []}
    for option in options_of(name):
        by_panel.setdefault(option.panel, []).append(option)
    for panel, options in by_panel.items():
        if options:
            parts += [title(panel, "-"), options_table(options)]
    if used:
        lines = "\n".join(f"- :doc:`/{target}`" for target in used)
        parts += [title("Pages that show it", "-"), lines]
    return page(*parts)


def options_table(options: list[Option]) -> str:
    """Options as a table."""
    rows = [
        (
            each_literal(option.names),
            value_text(option.value),
            f"**{option.default}**" if option.default == "required" else literal(option.default),
            plain(option.meaning) + (f" ({option.allowed})" if option.allowed else ""),
        )
        for option in options
    ]
    return table(rows, ("name", "value", "default", "meaning"), kind="rlchf-options")


def each_literal(names: str) -> str:
    """The names of an option, each set as code, so that a line may end between them.

    Examples
    --------
    >>> each_literal("--join / --no-join"), each_literal("-o, --option NAME=VALUE")
    ('``--join`` / ``--no-join``', '``-o``, ``--option`` ``NAME=VALUE``')
    """
    return re.sub(r"[^\s,/]+", lambda name: literal(name[0]), names)


def value_text(value: str) -> str:
    """What an option takes, in words.

    Examples
    --------
    >>> value_text("<int>"), value_text("<local|ray>"), value_text("")
    ('whole number', '``local``, ``ray``', '')
    """
    words = {
        "str": "text",
        "int": "whole number",
        "int range": "whole number",
        "float": "number",
        "list[str]": "text",
    }
    choices = value.strip("<>").split("|") if value else []
    return ", ".join(words.get(choice, literal(choice)) for choice in choices)


def pages_by_command(docs: Path) -> dict[str, list[str]]:
    """The pages of the tutorials and the guide that show each command, those that show it most first."""
    counts: dict[str, dict[str, int]] = {}
    names = sorted(COMMANDS, key=len, reverse=True)
    pattern = re.compile(rf"\brlchf ({'|'.join(names)})\b")
    for path in sorted([*docs.glob("tutorials/*.md"), *docs.glob("guide/*/*.md")]):
        target = path.relative_to(docs).with_suffix("").as_posix()
        for name in pattern.findall(path.read_text(encoding="utf-8")):
            row = counts.setdefault(name, {})
            row[target] = row.get(target, 0) + 1
    return {name: _most(row) for name, row in counts.items()}


def _most(row: Mapping[str, int]) -> list[str]:
    return sorted(row, key=lambda target: -row[target])[:MOST_PAGES]


def index_page() -> str:
    """All commands with their first sentence."""
    rows = [
        (f":doc:`rlchf {name} <{file_of(name)}>`", plain(first_sentence(name))) for name in COMMANDS
    ]
    groups = [f"``rlchf {name}``: {text}" for name, text in GROUPS.items()]
    return page(
        title("Commands"),
        "``rlchf COMMAND --help`` prints what stands on the command's page.",
        table(rows, ("command", "what it does")),
        *groups,
        title("Exit codes", "-"),
        table(_exit_codes(), ("code", "meaning")),
        toctree([f"{name} <{file_of(name)}>" for name in COMMANDS], hidden=""),
    )


def first_sentence(name: str) -> str:
    """What a command does."""
    return str(click_command(name)[0].help or "").partition("\n\n")[0]


def _exit_codes() -> Iterator[tuple[str, str]]:
    yield "0", "the command is done"
    yield "1", "an error in rlchf, with its traceback"
    yield "2", "bad input or usage, with one sentence that says what was found and what would work"
    yield "130, 143", "the command was stopped, by Ctrl-C or by SIGTERM"
    yield "141", "the reader of the output has gone, such as ``head``"
