"""PrefLib elections: soc, soi, toc, toi and cat (https://preflib.github.io/PrefLib-Jekyll/format)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlchf.entries import Entries
from rlchf.ids import clean_id
from rlchf.io.files import PREFLIB, bare_name, decode, display_name, read_bytes, shown

_HEADER = re.compile(r"#\s*([A-Z ]+?)\s*(\d+)?\s*:(.*)")
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

    The categories of a ``cat`` file are the levels of a weak order, empty ones left out. That an
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
        if header := _HEADER.match(line):
            facts[header[1], header[2]] = header[3].strip()
        elif line.strip() and not line.startswith("#"):
            orders.append((number, line))
    size = _number(facts, "NUMBER ALTERNATIVES", source)
    if size is None:
        raise ValueError(
            f"{source}: there is no line '# NUMBER ALTERNATIVES: ...'; give a file in the format "
            "that PrefLib has had since 2022"
        )
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
    own_name = bare_name(facts.get(("FILE NAME", None), "") or "election")[0]
    return Election(
        source=source,
        name=own_name if str(path) == "-" else bare_name(path)[0],
        alternatives=[facts.get(("ALTERNATIVE NAME", str(i)), str(i)) for i in range(1, size + 1)],
        counts=counts,
        lines=lines,
        orders=levels,
    )


def election_entries(elections: Sequence[Election], source: str) -> Entries:
    """Make each election a prompt and each distinct order a ballot that stands for its voters.

    Responses are the alternatives' numbers, in the order of the file, whether a ballot names them or
    not. The voters are not known: an order's annotator is named after the file and the order's number.
    """
    lines = [(e, line) for e, election in enumerate(elections) for line in election.lines]
    entries = [
        (ballot, alternative - 1, rank)
        for ballot, order in enumerate(order for e in elections for order in e.orders)
        for rank, level in enumerate(order, start=1)
        for alternative in level
    ]
    ballots, responses, ranks = np.array(entries, dtype=np.int64).T

    def locate(entry: int) -> str:
        e, line = lines[ballots[entry]]
        return f"{elections[e].name}, line {line}" if len(elections) > 1 else f"line {line}"

    sizes = [len(election.alternatives) for election in elections]
    return Entries(
        prompt_ids=[clean_id(election.name) for election in elections],
        annotator_ids=[f"{e.name}/order {n + 1}" for e in elections for n in range(len(e.counts))],
        response_ids=[str(i + 1) for i in range(max(sizes))],
        listed=np.array([(p, i) for p, size in enumerate(sizes) for i in range(size)]),
        ballot_prompts=np.array([e for e, _ in lines]),
        ballot_annotators=np.arange(len(lines)),
        ballot_counts=np.array([n for e in elections for n in e.counts], dtype=np.int64),
        entry_ballots=ballots,
        entry_responses=responses,
        entry_ranks=ranks.astype(np.float64),
        source=source,
        locate=locate,
        sort_responses=False,
    )


def read_folder(folder: str | Path) -> Entries:
    """Read all PrefLib files of a folder, in the order of their names, as one dataset.

    Raises
    ------
    ValueError
        If there is none, or two belong to the same election.
    """
    files = sorted(path for path in Path(folder).iterdir() if path.is_file())
    paths = [path for path in files if bare_name(path)[1] in PREFLIB]
    if not paths:
        names = ", ".join(path.name for path in files[:3]) + (", ..." if len(files) > 3 else "")
        raise ValueError(
            f"{folder}: a folder without PrefLib files ({', '.join(f'.{s}' for s in PREFLIB)}); "
            f"give a file{names and f', such as one of {names}'}"
        )
    for name, count in Counter(bare_name(path)[0] for path in paths).items():
        if count > 1:
            same = ", ".join(path.name for path in paths if bare_name(path)[0] == name)
            raise ValueError(
                f"{folder}: {same} would be the same prompt {name!r}; keep one of them"
            )
    return election_entries([read_election(path) for path in paths], str(folder))


def _number(facts: dict[tuple[str, str | None], str], name: str, source: str) -> int | None:
    text = facts.get((name, None))
    if text is None:
        return None
    if not text.isdecimal():
        raise ValueError(f"{source}: {name} is {shown(text)}; give a whole number")
    return int(text)


def _order(line: str, size: int) -> tuple[int, list[list[int]]]:
    """Parse ``5: 1,{2,3},{},4`` into its count and levels."""
    count, colon, order = line.partition(":")
    levels = _levels(order.strip()) if colon and count.strip().isdecimal() else None
    if levels is None:
        raise ValueError(f"cannot parse {shown(line)}; write an order such as '5: 1,{{2,3}},4'")
    named = [alternative for level in levels for alternative in level]
    if not named:
        raise ValueError("the order names no alternative; leave it out")
    for alternative in named:
        if not 1 <= alternative <= size:
            raise ValueError(f"there is no alternative {alternative}; choose from 1 to {size}")
    if len(set(named)) < len(named):
        twice = next(a for a in named if named.count(a) > 1)
        raise ValueError(f"the order names alternative {twice} twice; name it once")
    return int(count), levels


def _levels(order: str) -> list[list[int]] | None:
    if "{" not in order:
        numbers = [number.strip() for number in order.split(",")]
        return [[int(n)] for n in numbers] if all(n.isdecimal() for n in numbers) else None
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
            levels.append([int(n) for n in numbers])
        at, comma = level.end(), level[3]
    return levels
