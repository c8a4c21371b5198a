"""What is learned from in the supervised stage: revisions of some rounds, and helpful samples among them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from rlchf.constitution.revising import Step

Item = TypeVar("Item")


def parsed_rounds(text: str) -> tuple[int, ...] | None:
    """The rounds that a setting lists; None for ``all`` and ``last``, which depend on the revisions.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> parsed_rounds("0,2"), parsed_rounds("last")
    ((0, 2), None)
    """
    if text in ("all", "last"):
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ValueError(f"rounds is {text!r}; give all, last, or numbers such as 0,1,2")
    return tuple(sorted({int(part) for part in parts}))


def of_rounds(steps: Sequence[Step], rounds: str) -> list[Step]:
    """The steps of some rounds: ``all`` from 1, the ``last`` of each prompt, or those that are listed.

    Raises
    ------
    ValueError
        If there is no step of a round that is listed, or none is left.

    Examples
    --------
    >>> steps = [Step("p1", n, "", "", f"text {n}", True, "Hi") for n in range(3)]
    >>> [[step.round for step in of_rounds(steps, rounds)] for rounds in ("all", "last", "0,2")]
    [[1, 2], [2], [0, 2]]
    """
    known = sorted({step.round for step in steps})
    listed = parsed_rounds(rounds)
    missing = [number for number in listed or () if number not in known]
    if missing:
        raise ValueError(
            f"rounds is {rounds!r}, and the revisions have no round {missing[0]}; choose from "
            f"{', '.join(map(str, known))}"
        )
    last: dict[str, int] = {}
    for step in steps:
        last[step.prompt_id] = max(step.round, last.get(step.prompt_id, 0))
    if rounds == "last":
        kept = [step for step in steps if step.round == last[step.prompt_id]]
    else:
        kept = [s for s in steps if (s.round > 0 if listed is None else s.round in listed)]
    if not kept:
        raise ValueError("the revisions have round 0 alone, the first responses; give --rounds 0")
    return kept


def mixed(
    revisions: Sequence[Item], helpful: Sequence[Item], ratio: float, seed: int
) -> tuple[list[Item], list[Item]]:
    """As many of both as there can be at a ratio of helpful samples to revisions; 0 takes all of both.

    What is left out is drawn at random; the others keep their order.

    Examples
    --------
    >>> revisions, helpful = mixed(list("abcdef"), list("xyz"), ratio=1.0, seed=0)
    >>> len(revisions), helpful
    (3, ['x', 'y', 'z'])
    """
    if not ratio:
        return list(revisions), list(helpful)
    counts = len(revisions), round(ratio * len(revisions))
    if counts[1] > len(helpful):
        counts = min(len(revisions), round(len(helpful) / ratio)), len(helpful)
    rng = np.random.default_rng((seed, 7))
    return _some(revisions, counts[0], rng), _some(helpful, counts[1], rng)


def _some(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[Item]:
    return [items[i] for i in sorted(rng.permutation(len(items))[:count].tolist())]
