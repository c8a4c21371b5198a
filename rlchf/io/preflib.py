"""PrefLib elections: soc, soi, toc, toi and cat (https://preflib.github.io/PrefLib-Jekyll/format)."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlchf.entries import Entries
from rlchf.ids import clean_id
from rlchf.io.elections import Kind, Orders, check_number, check_total, file_stem, whole_number
from rlchf.io.files import (
    PREFLIB,
    STANDARD_STREAM,
    bare_name,
    decode,
    display_name,
    read_bytes,
    shown,
)

_FACT = re.compile(r"[A-Z][A-Z ]*")
_LEVEL = re.compile(r"\s*(?:\{([\d,\s]*)\}|(\d+))\s*(,|$)")


@dataclass(frozen=True, eq=False)
class Election:
    """One PrefLib file: ``N`` distinct orders of numbered alternatives.

    Attributes
    ----------
    source, name
        The file's name for messages, and without folder and suffix.
    alternatives
        (M,) names of the alternatives, in file order; two may have the same name.
    counts, lines
        (N,) the number of voters who gave the order, and the order's line in the file.
    orders
        (N,) the levels of each order, best first; alternatives are numbered from 1.
    """

    source: str
    name: str
    alternatives: list[str]
    counts: list[int]
    lines: list[int]
    orders: list[list[list[int]]]


def read_election(path: str | Path) -> Election:
    """Read one PrefLib file.

    The categories of a ``cat`` file are the levels of a weak order, empty ones left out. An order that names
    no alternative is kept, as a blank ballot. That an
    order has the ties or the length that the suffix promises is not checked.

    Raises
    ------
    ValueError
        If a line cannot be parsed or names an unknown alternative, or if the counts do not add up
        to the number of voters in the header: a sign that the file was cut off.
    """
    return parse_election(read_bytes(path), path)


def parse_election(data: bytes, path: str | Path) -> Election:
    """Parse the bytes of a PrefLib file.

    Examples
    --------
    >>> text = b"# NUMBER ALTERNATIVES: 3\\n# ALTERNATIVE NAME 1: Tea\\n5: 1,{2,3}\\n2: 3"
    >>> election = parse_election(text, "drinks.toi")
    >>> election.alternatives, election.counts, election.orders
    (['Tea', '2', '3'], [5, 2], [[[1], [2, 3]], [[3]]])
    """
    source = display_name(path)
    facts: dict[tuple[str, str | None], str] = {}
    orders: list[tuple[int, str]] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", decode(data, source)), start=1):
        if line.startswith("#"):
            _add_fact(facts, line)
        elif line.strip():
            orders.append((number, line))
    size = _number(facts, "NUMBER ALTERNATIVES", source)
    if size is None:
        raise ValueError(
            f"{source}: there is no line '# NUMBER ALTERNATIVES: ...'; give a file in the format "
            "that PrefLib has had since 2022"
        )
    check_number(size, source)
    counts: list[int] = []
    lines: list[int] = []
    levels: list[list[list[int]]] = []
    for number, line in orders:
        try:
            count, order = _order(line, size)
        except ValueError as error:
            raise ValueError(f"{source}, line {number}: {error}") from None
        if count > 0:  # some files list orders that nobody gave
            counts.append(count)
            lines.append(number)
            levels.append(order)
    if not counts:
        raise ValueError(f"{source}: there is no order in it")
    voters = _number(facts, "NUMBER VOTERS", source)
    if voters is not None and voters != sum(counts):
        raise ValueError(
            f"{source}: the header counts {voters} voters, the orders {sum(counts)}; "
            "fetch the file again if it was cut off, or correct the header"
        )
    check_total(sum(counts), source)
    return Election(
        source=source,
        name=_name(path, facts),
        alternatives=[facts.get(("ALTERNATIVE NAME", str(i)), str(i)) for i in range(1, size + 1)],
        counts=counts,
        lines=lines,
        orders=levels,
    )


def _name(path: str | Path, facts: Mapping[tuple[str, str | None], str]) -> str:
    """What an election is called: as its file, whose name may be a form of the title without a slash."""
    if str(path) == STANDARD_STREAM:
        return bare_name(facts.get(("FILE NAME", None), "") or "election")[0]
    stem, title = bare_name(path)[0], facts.get(("TITLE", None), "")
    return title if title and file_stem(title) == stem else stem


def election_entries(elections: Sequence[Election], source: str) -> Entries:
    """Make each election a prompt and each distinct order a ballot that stands for its voters.

    Responses are the alternatives' numbers, in the order of the file, whether a ballot names them or
    not. The voters are not known: an order's annotator is named after the file and the order's number.

    Raises
    ------
    ValueError
        If two are named alike.
    """
    for name, count in Counter(election.name for election in elections).items():
        if count > 1:
            same = [Path(one.source).name for one in elections if one.name == name]
            raise ValueError(
                f"{source}: {', '.join(same)} would be the same prompt {name!r}; keep one of them"
            )
    lines = [(e, line) for e, election in enumerate(elections) for line in election.lines]
    rows = [
        (ballot, alternative - 1, rank)
        for ballot, order in enumerate(order for e in elections for order in e.orders)
        for rank, level in enumerate(order, start=1)
        for alternative in level
    ]
    ballots, responses, ranks = np.array(rows, dtype=np.int64).reshape(-1, 3).T

    def locate(ballot: int) -> str:
        e, line = lines[ballot]
        return f"{elections[e].name}, line {line}" if len(elections) > 1 else f"line {line}"

    sizes = [len(election.alternatives) for election in elections]
    return Entries(
        prompt_ids=[clean_id(election.name) for election in elections],
        annotator_ids=[f"{e.name}/order {n + 1}" for e in elections for n in range(len(e.counts))],
        response_ids=[str(i + 1) for i in range(max(sizes))],
        listed=np.array([(p, i) for p, size in enumerate(sizes) for i in range(size)]),
        listed_names=[name for election in elections for name in election.alternatives],
        ballot_prompts=np.array([e for e, _ in lines]),
        ballot_annotators=np.arange(len(lines)),
        ballot_counts=np.array([n for e in elections for n in e.counts], dtype=np.int64),
        entry_ballots=ballots,
        entry_responses=responses,
        entry_ranks=ranks.astype(np.float64),
        source=source,
        locate=lambda entry: locate(int(ballots[entry])),
        locate_ballot=locate,
        sort_responses=False,
    )


def _add_fact(facts: dict[tuple[str, str | None], str], line: str) -> None:
    """Read ``# NAME 7: text``; other comments say nothing that is read."""
    name, colon, text = line[1:].partition(":")
    name = name.strip()
    words = name.rstrip("0123456789")
    if colon and _FACT.fullmatch(words):
        facts[words.strip(), name[len(words) :] or None] = text.strip()


def _number(facts: dict[tuple[str, str | None], str], name: str, source: str) -> int | None:
    text = facts.get((name, None))
    if text is None:
        return None
    if not text.isdecimal():
        raise ValueError(f"{source}: {name} is {shown(text)}; give a whole number")
    try:
        return whole_number(text)
    except ValueError as error:
        raise ValueError(f"{source}: {name}: {error}") from None


def _order(line: str, size: int) -> tuple[int, list[list[int]]]:
    """Parse ``5: 1,{2,3},{},4`` into its count and levels."""
    count, colon, order = line.partition(":")
    levels = None
    if colon and count.strip().isdecimal():
        levels = _levels(order.strip()) if order.strip() else []
    if levels is None:
        raise ValueError(f"cannot parse {shown(line)}; write an order such as '5: 1,{{2,3}},4'")
    named = [alternative for level in levels for alternative in level]
    for alternative in named:
        if not 1 <= alternative <= size:
            raise ValueError(f"there is no alternative {alternative}; choose from 1 to {size}")
    if len(set(named)) < len(named):
        twice = next(a for a in named if named.count(a) > 1)
        raise ValueError(f"the order names alternative {twice} twice; name it once")
    return whole_number(count.strip()), levels


def _levels(order: str) -> list[list[int]] | None:
    if "{" not in order:
        numbers = [number.strip() for number in order.split(",")]
        return [[whole_number(n)] for n in numbers] if all(n.isdecimal() for n in numbers) else None
    levels: list[list[int]] = []
    at, comma = 0, ","
    while at < len(order) or comma:
        level = _LEVEL.match(order, at)
        if level is None or level.end() == at:
            return None
        numbers = [n.strip() for n in (level[1] if level[2] is None else level[2]).split(",")]
        if numbers == [""]:
            numbers = []
        if not all(n.isdecimal() for n in numbers):
            return None
        if numbers:
            levels.append([whole_number(n) for n in numbers])
        at, comma = level.end(), level[3]
    return levels


def preflib_suffix(orders: Orders) -> str:
    """The suffix of an election: whether its orders are complete, and whether they have ties.

    Examples
    --------
    >>> preflib_suffix(Orders("tea", ["a", "b"], [((1,), (0,))], [2.0]))
    'soc'
    """
    ties = any(len(level) > 1 for levels in orders.levels for level in levels)
    complete = all(sum(map(len, levels)) == len(orders.names) for levels in orders.levels)
    return ("to" if ties else "so") + ("c" if complete else "i")


def preflib_text(orders: Orders) -> str:
    """An election as the text of a PrefLib file.

    Raises
    ------
    ValueError
        If a name has a line break, or a weight is no whole number.

    Examples
    --------
    >>> text = preflib_text(Orders("tea", ["a", "b", "c"], [((1,), (0, 2)), ((0,),)], [2.0, 1.0]))
    >>> parse_election(text.encode(), "tea.toi").orders
    [[[2], [1, 3]], [[1]]]
    """
    for name in (*orders.names, orders.title):
        if not holds_name(name):
            raise ValueError(
                f"prompt {orders.title!r}: PrefLib cannot hold the name {shown(name)}; rename it without "
                "a line break"
            )
    weights, suffix = orders.whole_weights("preflib"), preflib_suffix(orders)
    facts = {
        "FILE NAME": f"{orders.title}.{suffix}",
        "TITLE": orders.title,
        "DESCRIPTION": "",
        "DATA TYPE": suffix,
        "MODIFICATION TYPE": "original",
        "RELATES TO": "",
        "RELATED FILES": "",
        "PUBLICATION DATE": "",
        "MODIFICATION DATE": "",
        "NUMBER ALTERNATIVES": len(orders.names),
        "NUMBER VOTERS": sum(weights),
        "NUMBER UNIQUE ORDERS": len(orders.levels),
    }
    facts |= {f"ALTERNATIVE NAME {n}": name for n, name in enumerate(orders.names, start=1)}
    lines = [f"# {name}: {value}".rstrip() for name, value in facts.items()]
    for levels, weight in zip(orders.levels, weights, strict=True):
        parts = [",".join(str(one + 1) for one in level) for level in levels]
        order = ",".join(
            f"{{{part}}}" if len(level) > 1 else part
            for part, level in zip(parts, levels, strict=True)
        )
        lines.append(f"{weight}: {order}")
    return "\n".join(lines) + "\n"


def holds_name(name: str) -> bool:
    """Whether PrefLib can hold a name: it is one line."""
    return len(name.splitlines()) == 1


PREFLIB_KIND = Kind("preflib", PREFLIB[:4], preflib_suffix, preflib_text, holds_name)
