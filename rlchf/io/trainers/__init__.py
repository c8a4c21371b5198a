"""The shapes of preference data that other trainers read, one file each.

A module of this folder that defines ``TARGET`` adds a trainer: `rlchf.io.preference_pairs.write_pairs` and
``rlchf pairs --to`` take it by its name.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from rlchf.options import listed
from rlchf.pairs import Pair, RankedResponses
from rlchf.prompts import Prompt

Row = dict[str, Any]

NUMBERS = {
    "probability": (1.0, "soft label"),
    "weight": (1.0, "weight"),
    "margin": (0.0, "margin"),
}
"""What a pair has beside its texts: the value that goes without saying, and the name in words."""


@dataclass(frozen=True)
class Layout:
    """What is written to a folder.

    Attributes
    ----------
    folder
        The folder's name, as the user wrote it.
    files
        The name of the file of each part, "train" and perhaps "test".
    rows
        The rows of all parts.
    rule
        Name of the voting rule; empty if unknown.
    """

    folder: str
    files: Mapping[str, str]
    rows: Sequence[Row]
    rule: str


@dataclass(frozen=True)
class Target:
    """A trainer, and the rows that its own reader takes.

    Attributes
    ----------
    name
        The name that users write.
    reader
        What reads the rows.
    rows
        A function from pairs, and the names of the numbers to write with them, to one row for each.
    holds
        What rows can hold beside a prompt and two responses: names of `NUMBERS`, "tie", and "text" where
        a prompt need not be chat messages.
    kinds
        Endings of the files that it reads; those in a folder have the first.
    is_folder
        Whether it needs further files beside the rows.
    files
        A function from what is written to a folder to the text of each further file.
    ranking
        A function from all responses to a prompt, and the names of the numbers to write with them, to one
        row; None where rows hold two responses.
    takes
        A function that says whether rows can hold a prompt.
    prompts
        The prompts that it takes, in words.
    of_ties
        What users should know if there are ties in the rows.
    """

    name: str
    reader: str
    rows: Callable[[Sequence[Pair], Sequence[str]], list[Row]]
    holds: frozenset[str]
    kinds: tuple[str, ...] = ("jsonl",)
    is_folder: bool = False
    files: Callable[[Layout], Mapping[str, str]] = lambda layout: {}
    ranking: Callable[[RankedResponses, Sequence[str]], Row] | None = None
    takes: Callable[[Prompt], bool] = lambda prompt: True
    prompts: str = ""
    of_ties: str = ""


@cache
def targets() -> dict[str, Target]:
    """The trainers by their names.

    Examples
    --------
    >>> sorted(targets()["trl"].holds)
    ['margin', 'text']
    """
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    modules = [
        importlib.import_module(f"{__name__}.{name}")
        for name in sorted(names)
        if not name.startswith("_")
    ]
    for module in modules:
        if not isinstance(getattr(module, "TARGET", None), Target):
            raise ValueError(f"{module.__file__} defines no TARGET, so it is no trainer")
    return {module.TARGET.name: module.TARGET for module in modules}


def get_target(name: str) -> Target:
    """The trainer of a name.

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.
    """
    if name not in targets():
        raise ValueError(f"unknown trainer {name!r}; choose from {listed(targets(), name)}")
    return targets()[name]
