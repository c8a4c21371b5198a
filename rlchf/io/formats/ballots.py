"""Ballots: each row or line is one whole ranking."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table, cell_text
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.profiles import parse_ballot


def read_ballots(table: Table, unranked: str) -> Entries:
    """Read columns ``prompt_id, annotator_id, ranking`` and optionally ``weight`` and ``ballot_id``.

    A ranking is text such as ``a > b = c`` or a list such as ``[["a"], ["b", "c"]]``, best first. An
    annotator has one ballot per prompt, or one per ``ballot_id``.
    """
    table.require("prompt_id", "annotator_id", "ranking")
    if "response_id" in table.names:
        raise ValueError(
            f"{table.source}: there are columns 'ranking' and 'response_id', but a ranking names the "
            "responses itself; rename 'ranking' to 'rank' if it holds one response's rank, or leave "
            "response_id out"
        )
    prompts, prompt = table.ids("prompt_id")
    annotators, annotator = table.ids("annotator_id")
    index: dict[str, int] = {}
    ballots: list[int] = []
    responses: list[int] = []
    ranks: list[int] = []
    for i, ranking in enumerate(table.values("ranking")):
        try:
            levels = [] if _is_blank(ranking) else ranking_levels(ranking)
        except ValueError as error:
            raise table.error(i, str(error)) from None
        for rank, level in enumerate(levels, start=1):
            for name in level:
                ballots.append(i)
                responses.append(index.setdefault(name, len(index)))
                ranks.append(rank)
    if max(ranks, default=0) == 1 and np.bincount(ballots).max() == 1:
        _warn_of_commas(table)
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=list(index),
        ballot_prompts=prompt,
        ballot_annotators=annotator,
        ballot_weights=table.weights(),
        ballot_parts=table.ids("ballot_id")[1] if "ballot_id" in table.names else None,
        entry_ballots=np.array(ballots, dtype=np.int64),
        entry_responses=np.array(responses, dtype=np.int64),
        entry_ranks=np.array(ranks, dtype=np.float64),
        source=table.source,
        locate=lambda entry: table.row(ballots[entry]),
        locate_ballot=table.row,
    )


def _is_blank(ranking: str | Sequence[object]) -> bool:
    """Whether a ranking, text or list, names nothing."""
    if isinstance(ranking, str):
        return not ranking.strip()
    return isinstance(ranking, list) and all(level == [] for level in ranking)


def _warn_of_commas(table: Table) -> None:
    """Where each ranking names one response, one with commas may be meant to name several."""
    for i, ranking in enumerate(table.values("ranking")):
        if isinstance(ranking, str) and "," in ranking:
            warnings.warn(
                f"{table.source}, {table.row(i)}: the ranking {shown(ranking)} is taken for one response, "
                "as no ranking of the file has a > or =; if it names several, write a > b = c",
                stacklevel=4,
            )
            return


def ranking_levels(ranking: str | Sequence[object]) -> list[list[str]]:
    """Split a ranking, text or list, into its levels, best first.

    Raises
    ------
    ValueError
        If it names no response, an empty one, or one twice, or its text is written in another way.

    Examples
    --------
    >>> ranking_levels("a > b = c"), ranking_levels([["a"], ["b", 3]])
    ([['a'], ['b', 'c']], [['a'], ['b', '3']])
    """
    if isinstance(ranking, str) and ranking.strip():
        levels = parse_ballot(ranking)
    elif isinstance(ranking, list) and any(level != [] for level in ranking):
        levels = [_names(level) for level in ranking]
    else:
        raise ValueError("the ranking is empty; name a response, or leave the ballot out")
    names = [name for level in levels for name in level]
    if not all(name.strip() for name in names):
        raise ValueError(f"the ranking {shown(ranking)} has an empty response id")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the ranking names response {twice!r} twice; name it once")
    return levels


def _names(level: object) -> list[str]:
    """The ids of one level: a list of tied responses, or a single one."""
    ids: list[Any] = level if isinstance(level, list) else [level]
    if all(type(name) is str for name in ids):
        return ids
    for name in ids:
        if not isinstance(name, str | int | float) or isinstance(name, bool):
            raise ValueError(
                f'the ranking has {shown(name)} for a response; write it as [["a"], ["b", "c"]]'
            )
    return [cell_text(name) for name in ids]


FORMAT = Format(
    name="ballots",
    shape="ranking",
    columns=("ranking", "ballot_id"),
    marks=("ranking",),
    read=read_ballots,
)
