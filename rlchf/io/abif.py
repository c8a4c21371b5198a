"""ABIF elections, the Aggregated Ballot Information Format (https://electowiki.org/wiki/ABIF)."""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from rlchf.entries import Entries
from rlchf.io.elections import Kind, Levels, Orders, election_name, whole_number
from rlchf.io.files import decode, display_name, shown

_COMMENT = re.compile(r'((?:[^#"\[]|"[^"]*"|\[[^\]]*\])*?)#.*')
# Possessive quantifiers, *+ and ++, take what they match and never give it back: no line takes for ever.
_METADATA = re.compile(r"\{\s*+[\"']?(\w[\w\s]*+)[\"']?\s*+:\s*+(.*)\}")
_CANDIDATE = re.compile(r'=\s*+(?:\[([^\]]*+)\]|"([^"]*+)"|([^:"\[\]]++))\s*+:\s*+\[?([^\]]*+)\]?')
_VOTES = re.compile(r"(\d+)\s*:(.*)")
_PART = re.compile(
    r'\s*+(?:\[([^\]]*+)\]|"([^"]*+)"|([A-Za-z0-9_\-]++))\s*+(?:/\s*+(\d++(?:\.\d++)?))?\s*+([>=,]|$)'
)
_BARE = re.compile(r"[A-Za-z0-9_\-]+")


@dataclass
class _Election:
    """What has been read of a file."""

    names: dict[str, int] = field(default_factory=dict)
    title: str = ""
    blank: int = 0
    counts: list[int] = field(default_factory=list)
    levels: list[Levels] = field(default_factory=list)
    scores: list[dict[int, float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    order_says_more: bool = False
    """Whether a ballot orders responses that have equal scores."""


def abif_entries(data: bytes, path: str | Path) -> Entries:
    """Read an ABIF file: a prompt whose id is the title, responses whose ids are the candidates' tokens.

    Ballots have scores if each candidate on each ballot has one.
    """
    return parse_abif(data, path).entries(display_name(path))


def parse_abif(data: bytes, path: str | Path) -> Orders:
    r"""Parse the bytes of an ABIF file.

    Raises
    ------
    ValueError
        If a line cannot be parsed, or its order and its scores contradict each other; the message names
        it.

    Examples
    --------
    >>> orders = parse_abif(b"# tea\n=c:[Mint]\n4: a > b = c\n2: c\n", "tea.abif")
    >>> orders.title, orders.names, orders.levels, orders.weights
    ('tea', ['c', 'a', 'b'], [((1,), (2, 0)), ((0,),)], [4.0, 2.0])
    """
    source = display_name(path)
    election = _Election()
    for number, line in enumerate(re.split(r"\r\n|\n|\r", decode(data, source)), start=1):
        comment = _COMMENT.fullmatch(line)
        text = (comment[1] if comment else line).strip()
        try:
            _read(election, text, number)
        except ValueError as error:
            raise ValueError(f"{source}, line {number}: {error}") from None
    if election.blank:
        warnings.warn(
            f"{source}: {election.blank:,} ballots name nobody and are left out", stacklevel=2
        )
    if not election.levels:
        raise ValueError(f"{source}: there is no ballot in it")
    return Orders(
        election.title or election_name(path),
        list(election.names),
        election.levels,
        [float(count) for count in election.counts],
        _scores(election, source),
        election.lines,
    )


def _read(election: _Election, text: str, number: int) -> None:
    """Read a line without its comment."""
    if not text:
        return
    if metadata := _METADATA.fullmatch(text):
        if metadata[1].strip() == "title":
            election.title = metadata[2].strip().strip("\"'")
    elif candidate := _CANDIDATE.fullmatch(text):
        token = next(one for one in candidate.groups()[:3] if one is not None).strip()
        election.names.setdefault(token, len(election.names))
    elif votes := _VOTES.fullmatch(text):
        _vote(election, whole_number(votes[1]), votes[2].strip(), number)
    else:
        raise ValueError(f"cannot parse {shown(text)}; write a ballot such as '5: a > b = c'")


def _vote(election: _Election, count: int, text: str, number: int) -> None:
    if not text or count == 0:
        election.blank += count
        return
    parts = _parts(text)
    named = [token for token, _, _ in parts]
    if len(set(named)) < len(named):
        twice = next(token for token in named if named.count(token) > 1)
        raise ValueError(f"the ballot names {shown(twice)} twice; name it once")
    for token in named:
        election.names.setdefault(token, len(election.names))
    candidates = [election.names[token] for token in named]
    scores = {c: score for c, (_, score, _) in zip(candidates, parts, strict=True)}
    marks = [mark for _, _, mark in parts[:-1]]
    known = {c: score for c, score in scores.items() if score is not None}
    if "," in marks:
        if set(marks) != {","} or len(known) < len(scores):
            raise ValueError(
                f"cannot parse {shown(text)}; between commas there should be scores, 'a/5, b/3'"
            )
        by_score = sorted(set(known.values()), reverse=True)
        levels = [[c for c in candidates if known[c] == score] for score in by_score]
    else:
        levels = [[candidates[0]]]
        for mark, candidate in zip(marks, candidates[1:], strict=True):
            if mark == "=":
                levels[-1].append(candidate)
            else:
                levels.append([candidate])
        _check_scores(election, levels, known)
    election.counts.append(count)
    election.levels.append(tuple(map(tuple, levels)))
    election.scores.append(known)
    election.lines.append(number)


def _parts(text: str) -> list[tuple[str, float | None, str]]:
    """Each candidate's token, its score and the mark behind it."""
    parts: list[tuple[str, float | None, str]] = []
    at, mark = 0, ">"
    while mark:
        part = _PART.match(text, at)
        token = part and next((one for one in part.groups()[:3] if one is not None), "").strip()
        if part is None or not token:
            raise ValueError(
                f"cannot parse {shown(text[at:])}; write a ballot such as 'a > b = c', and a name that "
                "has other characters than letters, digits, _ and - in square brackets"
            )
        score, mark = (None if part[4] is None else float(part[4])), part[5]
        parts.append((token, score, mark))
        at = part.end()
    return parts


def _check_scores(election: _Election, levels: list[list[int]], scores: dict[int, float]) -> None:
    """Refuse scores that contradict the order, and remember whether the order says more than they do."""
    before: float | None = None
    for level in levels:
        of_level = {scores[one] for one in level if one in scores}
        if len(of_level) > 1 or (of_level and before is not None and max(of_level) > before):
            raise ValueError("the order and the scores contradict each other; correct one of them")
        if of_level:
            election.order_says_more |= before == min(of_level)
            before = min(of_level)


def _scores(election: _Election, source: str) -> list[dict[int, float]] | None:
    """The scores if all candidates on all ballots have one; a warning if they are left out."""
    pairs = zip(election.scores, election.levels, strict=True)
    complete = all(len(scores) == sum(map(len, levels)) for scores, levels in pairs)
    if complete and not election.order_says_more:
        return election.scores
    number = sum(map(len, election.scores))
    if number:
        reason = "the orders say more" if complete else "not every candidate on a ballot has one"
        warnings.warn(f"{source}: {number:,} scores are left out, since {reason}", stacklevel=3)
    return None


def abif_text(orders: Orders) -> str:
    """An election as the text of an ABIF file; scores are written if all are whole numbers from 0.

    Raises
    ------
    ValueError
        If a name has square brackets with quotation marks or a line break, or a weight is no whole number.

    Examples
    --------
    >>> print(abif_text(Orders("Tea", ["a", "b c"], [((1,), (0,)), ((0, 1),)], [2.0, 1.0])))
    {title: "Tea"}
    =a:[a]
    =[b c]:[b c]
    2: [b c] > a
    1: a = [b c]
    <BLANKLINE>
    """
    tokens = [_token(name, orders.title) for name in orders.names]
    if any(mark in orders.title for mark in '"{}#') or len(orders.title.splitlines()) > 1:
        raise ValueError(f"ABIF cannot hold the title {shown(orders.title)}; rename the prompt")
    lines = [f'{{title: "{orders.title}"}}']
    lines += [f"={token}:[{name}]" for token, name in zip(tokens, orders.names, strict=True)]
    scores = orders.scores if holds_scores(orders) else None
    for n, weight in enumerate(orders.whole_weights("abif")):
        named = [
            [tokens[one] + (f"/{scores[n][one]:.0f}" if scores else "") for one in level]
            for level in orders.levels[n]
        ]
        lines.append(f"{weight}: {' > '.join(' = '.join(level) for level in named)}")
    return "\n".join(lines) + "\n"


def holds_scores(orders: Orders) -> bool:
    """Whether ABIF can hold the scores: whole numbers from 0."""
    values = [score for scores in orders.scores or [] for score in scores.values()]
    return bool(values) and all(score >= 0 and score.is_integer() for score in values)


def holds_name(name: str) -> bool:
    """Whether ABIF can hold a name: it is one line without square brackets and quotation marks.

    Examples
    --------
    >>> holds_name("Ann O'Hara"), holds_name("Ann [1]")
    (True, False)
    """
    special = any(mark in name for mark in '[]"')
    return not special and len(name.splitlines()) == 1 and name == name.strip()


def _token(name: str, title: str) -> str:
    if _BARE.fullmatch(name):
        return name
    if not holds_name(name):
        raise ValueError(
            f"prompt {title!r}: ABIF cannot hold the name {shown(name)}; rename it without square "
            "brackets, quotation marks and line breaks"
        )
    return f"[{name}]"


ABIF = Kind("abif", ("abif",), lambda orders: "abif", abif_text, holds_name, holds_scores)
