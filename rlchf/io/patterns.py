"""Several columns of a table, named at once."""

import re
from collections.abc import Sequence


def selected(names: Sequence[str], pattern: str, source: str) -> dict[str, str]:
    """The columns that a user means by ``A|B|C`` or by a pattern with a star, and a name for each.

    What the star stands for is the name; without a star a column keeps its own.

    Raises
    ------
    ValueError
        If a column is not there, fewer than two are, or two would have the same name.

    Examples
    --------
    >>> selected(["Q5_1", "Q5_2", "Progress"], "Q5_*", "votes.csv")
    {'Q5_1': '1', 'Q5_2': '2'}
    >>> selected(["A", "B", "C"], "A|C", "votes.csv")
    {'A': 'A', 'C': 'C'}
    """
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in pattern.split("|"))):
        fits = [(name, _match(name, part)) for name in names]
        hits = {name: star for name, star in fits if star is not None}
        if not hits:
            raise ValueError(
                f"{source}: there is no column {part!r}; found {', '.join(names)}; name several as "
                "A|B|C, or with a star for what differs, as in Q5_*"
            )
        chosen |= hits
    if len(chosen) < 2:
        raise ValueError(
            f"{source}: {pattern!r} names the column {next(iter(chosen))!r} only; name two"
        )
    if len(set(chosen.values())) < len(chosen):
        twice = next(star for star in chosen.values() if list(chosen.values()).count(star) > 1)
        same = [name for name, star in chosen.items() if star == twice]
        raise ValueError(f"{source}: by {pattern!r} {' and '.join(same)} would both be {twice!r}")
    return chosen


def _match(name: str, part: str) -> str | None:
    """What the star of a pattern stands for in a name; the name itself without a star."""
    if "*" not in part:
        return name if name == part else None
    hit = re.fullmatch("(.+)".join(map(re.escape, part.split("*"))), name, re.DOTALL)
    return None if hit is None else " ".join(hit.groups())
