"""Whether what a page names exists: commands with their options, rules, names in the code."""

import shlex
from functools import cache
from typing import Any

import typer.main

from rlchf.cli.main import COMMANDS, app
from rlchf.rules import list_rules
from tests.support.pages import ROOT


@cache
def options() -> dict[str, frozenset[str]]:
    """Every command, and each option that it has."""
    root: Any = typer.main.get_command(app)
    found = {"": frozenset(option for one in root.params for option in one.opts)}
    for name in COMMANDS:
        command = root
        for word in name.split():
            command = command.commands[word]
        flags = [option for one in command.params for option in (*one.opts, *one.secondary_opts)]
        found[name] = frozenset([*flags, "--help", "-h"])
    return found


@cache
def source() -> str:
    """All of the code."""
    files = [
        path
        for folder in ("rlchf", "rules")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.stat().st_size < 200_000
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def unknown_in_command(line: str) -> list[str]:
    """What does not exist of a line such as ``rlchf audit --group region``: the command, or options of it.

    >>> unknown_in_command("rlchf constitution judge --judge tiny")
    []
    >>> unknown_in_command("rlchf audit --groups region")
    ['--groups']
    """
    words = shlex.split(line.replace("...", ""), comments=True)[1:]
    last = next((n for n, word in enumerate(words) if word in ("|", ">", "2>", "&&")), len(words))
    words = words[:last]
    first = next((n for n, word in enumerate(words) if word.startswith("-")), len(words))
    names = [name for name in COMMANDS if words[:first][: len(name.split())] == name.split()]
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    if not names:
        known = not words[:first] or (words[0] in groups and first == 1)
        return [] if known else words[:1]
    flags = options()[max(names, key=len)]
    return [
        word.split("=")[0]
        for word in words
        if word.startswith("-") and word != "-" and not word[1:2].isdigit()
        and word.split("=")[0] not in flags
    ]  # fmt: skip


def is_somewhere(name: str) -> bool:
    """Whether a name in backticks is a rule, an option of a command, or a word of the code."""
    if name.startswith("-"):
        word, _, value = name.partition(" ")
        if word == "-o":
            return f"{value.partition('=')[0]}:" in source()
        return any(word.partition("=")[0] in flags for flags in options().values())
    return name in list_rules() or name in source()
