"""What the names of columns say, and several columns named at once."""

import re
from collections.abc import Sequence

PEOPLE = ("prompt_id", "prompt", "annotator_id", "weight", "count")
"""The columns that are not those of responses or places."""
TOOLS = {
    # LimeSurvey
    "id", "submitdate", "lastpage", "startlanguage", "seed", "startdate", "datestamp", "token",
    # Qualtrics
    "enddate", "status", "progress", "duration (in seconds)", "finished", "recordeddate", "responseid",
    "recipientlastname", "recipientfirstname", "recipientemail", "externalreference",
    "locationlatitude", "locationlongitude", "distributionchannel", "userlanguage", "ipaddress",
    # Google Forms
    "timestamp",
    # people's own
    "nr", "no", "no.", "number", "#", "index", "row", "n", "age", "gender", "sex", "year", "date", "time",
    # Polis
    "group-id", "n-comments", "n-votes", "n-agree", "n-disagree",
}  # fmt: skip
"""Columns that survey tools add, in lower case; some of them hold numbers."""

_PLACE = re.compile(
    r"(?:rank|ranking|choice|place|preference|pref|position)[ _\-#]*[\[(]?(?:rank )?(\d+)[\])]?"
    r"|(\d+)(?:st|nd|rd|th)[ _\-]*(?:choice|place|preference|rank)?"
)


def place_number(name: str) -> int | None:
    """The place that a column's name states, if it states one.

    Examples
    --------
    >>> [place_number(name) for name in ("rank1", "2nd choice", "Choice 3", "Rank[4]", "Q5_1")]
    [1, 2, 3, 4, None]
    """
    hit = _PLACE.fullmatch(name.strip().lower())
    return None if hit is None else int(hit[1] or hit[2])


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
    return None if hit is None else " ".join(" ".join(hit.groups()).split())
