"""BLT elections, the files of software for the single transferable vote (Hill, Wichmann and Woodall 1987)."""

import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from rlchf.entries import Entries
from rlchf.io.elections import Kind, Levels, Orders, check_number, election_name
from rlchf.io.files import decode, display_name, shown

_TOKEN = re.compile(r'"[^"]*"|#.*|[^\s"#]+|"')
SEATS = 1
"""The number of seats that is written, since rankings name none."""


def blt_entries(data: bytes, path: str | Path) -> Entries:
    """Read a BLT file: a prompt whose id is the title, responses whose ids are the candidates' names.

    Candidates are numbered instead if two have the same name. Those that have withdrawn are left out.
    """
    return parse_blt(data, path).entries(display_name(path))


def parse_blt(data: bytes, path: str | Path) -> Orders:
    r"""Parse the bytes of a BLT file.

    Raises
    ------
    ValueError
        If a line cannot be parsed; the message names it.

    Examples
    --------
    >>> orders = parse_blt(b'3 1\n4 1 2=3 0\n2 3 0\n0\n"a"\n"b"\n"c"\n"Tea"\n', "tea.blt")
    >>> orders.title, orders.names, orders.levels, orders.weights
    ('Tea', ['a', 'b', 'c'], [((0,), (1, 2)), ((2,),)], [4.0, 2.0])
    """
    source = display_name(path)
    lines = [(n, words) for n, words in _lines(decode(data, source), source) if words]
    if not lines or not all(word.isdecimal() for word in lines[0][1][:2]) or len(lines[0][1]) < 2:
        raise ValueError(
            f"{source}: there is no first line with the numbers of candidates and seats"
        )
    size = check_number(_header_number(lines[0][1][0]), source)
    lines[0] = lines[0][0], lines[0][1][2:]
    words = [(n, word) for n, line in lines for word in line]
    withdrawn: set[int] = set()
    while words and words[0][1].startswith("-") and words[0][1][1:].isdecimal():
        withdrawn.add(_header_number(words.pop(0)[1][1:]))
    ballots, rest = _ballots(words, size, source)
    texts = [word.strip('"') for word in rest]
    if 0 < len(texts) < size:
        raise ValueError(f"{source}: there are {len(texts)} names for {size} candidates")
    names = texts[:size]
    if len(set(names)) < size or not all(name.strip() for name in names):
        names = [str(n + 1) for n in range(size)]
    title = texts[size] if len(texts) > size and texts[size].strip() else election_name(path)
    return _without(withdrawn, Orders(title, names, *_columns(ballots)), source)


def _header_number(digits: str) -> int:
    """A number of candidates; one that is too long is larger than all."""
    return int(digits[:20])


def _lines(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """The words of each line, without comments; a quoted text is one word."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        words = [word for word in _TOKEN.findall(line) if not word.startswith("#")]
        if '"' in words:
            raise ValueError(f"{source}, line {number}: a quotation mark is not closed")
        yield number, words


Ballot = tuple[int, float, Levels]
"""A ballot's line, its weight and its order."""


def _ballots(
    words: list[tuple[int, str]], size: int, source: str
) -> tuple[list[Ballot], list[str]]:
    """The ballots before the zero that ends them, and the texts behind it."""
    ballots: list[Ballot] = []
    closed: set[bool] = set()  # whether ballots end in 0, or with their lines
    at = 0
    while at < len(words):
        line, word = words[at]
        if word == "0":
            return ballots, [text for _, text in words[at + 1 :]]
        end = at + 1
        while end < len(words) and words[end][0] == line and words[end][1] != "0":
            end += 1
        has_zero = end < len(words) and words[end] == (line, "0")
        closed.add(has_zero)
        if len(closed) > 1:
            raise ValueError(
                f"{source}, line {line}: some ballots end in 0 and others do not; end all of them in 0, "
                "each on its own line"
            )
        preferences = [one for _, one in words[at + 1 : end] if one != "-"]  # - skips a rank
        order = _order(preferences, size, f"{source}, line {line}")
        ballots.append((line, _weight(word, f"{source}, line {line}"), order))
        at = end + has_zero
    raise ValueError(f"{source}: no 0 ends the ballots; fetch the file again if it was cut off")


def _weight(word: str, line: str) -> float:
    try:
        weight = float(word)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        raise ValueError(f"{line}: the weight is {shown(word)}; give a number that is 0 or more")
    return weight


def _order(preferences: list[str], size: int, line: str) -> Levels:
    levels = []
    for preference in preferences:
        numbers = preference.split("=")
        for number in numbers:
            if not number.isdecimal() or not 1 <= _header_number(number) <= size:
                raise ValueError(
                    f"{line}: {shown(preference)} is no candidate; give numbers from 1 to {size}, tied "
                    "ones as 1=2"
                )
        levels.append(tuple(int(number) - 1 for number in numbers))
    named = [candidate for level in levels for candidate in level]
    if len(set(named)) < len(named):
        twice = next(one for one in named if named.count(one) > 1)
        raise ValueError(f"{line}: the ballot names candidate {twice + 1} twice; name it once")
    return tuple(levels)


def _columns(
    ballots: list[Ballot],
) -> tuple[list[Levels], list[float], None, list[int]]:
    return [b[2] for b in ballots], [b[1] for b in ballots], None, [b[0] for b in ballots]


def _without(withdrawn: set[int], orders: Orders, source: str) -> Orders:
    """The election without candidates who have withdrawn, and without ballots that name nobody else."""
    for number in withdrawn:
        if not 1 <= number <= len(orders.names):
            raise ValueError(f"{source}: candidate -{number} has withdrawn, and does not exist")
    standing = [n for n in range(len(orders.names)) if n + 1 not in withdrawn]
    index = {old: new for new, old in enumerate(standing)}
    lines = orders.lines or []
    rows = []
    blank = 0.0
    for levels, weight, line in zip(orders.levels, orders.weights, lines, strict=True):
        kept = tuple(tuple(index[one] for one in level if one in index) for level in levels)
        kept = tuple(level for level in kept if level)
        if kept and weight > 0:
            rows.append((kept, weight, line))
        else:
            blank += weight
    if blank:
        warnings.warn(f"{source}: {blank:g} ballots name nobody and are left out", stacklevel=3)
    if not rows:
        raise ValueError(f"{source}: there is no ballot in it")
    return Orders(
        orders.title,
        [orders.names[n] for n in standing],
        *([row[0] for row in rows], [row[1] for row in rows], None, [row[2] for row in rows]),
    )


def blt_text(orders: Orders) -> str:
    """An election as the text of a BLT file.

    Raises
    ------
    ValueError
        If a name has a quotation mark or a line break, which the format cannot hold.

    Examples
    --------
    >>> print(blt_text(Orders("Tea", ["a", "b"], [((1,), (0,)), ((0, 1),)], [2.0, 0.5])))
    2 1
    2 2 1 0
    0.5 1=2 0
    0
    "a"
    "b"
    "Tea"
    <BLANKLINE>
    """
    for name in (*orders.names, orders.title):
        if not holds_name(name):
            raise ValueError(
                f"prompt {orders.title!r}: BLT cannot hold the name {shown(name)}; rename it without a "
                "quotation mark or a line break"
            )
    lines = [f"{len(orders.names)} {SEATS}"]
    for levels, weight in zip(orders.levels, orders.weights, strict=True):
        order = " ".join("=".join(str(one + 1) for one in level) for level in levels)
        lines.append(f"{int(weight) if weight.is_integer() else repr(weight)} {order} 0")
    lines += ["0", *(f'"{name}"' for name in (*orders.names, orders.title))]
    return "\n".join(lines) + "\n"


def holds_name(name: str) -> bool:
    """Whether BLT can hold a name: it is one line without a quotation mark.

    Examples
    --------
    >>> holds_name("Ann O'Hara"), holds_name('"Ann"')
    (True, False)
    """
    return '"' not in name and len(name.splitlines()) == 1 and bool(name.strip())


BLT = Kind("blt", ("blt",), lambda orders: "blt", blt_text, holds_name)
