"""How a ballot is written: as text such as ``a > b = c``, or as nested lists."""

import ast
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import numpy as np

from rlchf.display import shortened
from rlchf.ids import cell_text, clean_id
from rlchf.parsing import json_value

ABOVE = "≻⪼＞"
"""Characters that read as >, wherever they stand."""
ARROWS = "→⟶➔➜➝➞➡⇒⟹"
"""Characters that read as > between blanks; without blanks they may belong to an id."""
TIED = "~∼≈≃≅⩬＝"
"""Characters that read as = between blanks."""
LISTS = 'write it as [["a"], ["b", "c"]]'

_UNUSUAL = re.compile(rf"[{ABOVE}{ARROWS}{TIED}≥≤≽≼≿≾⪰⪯≺←<&\[\]{{}}()\"'＜]|[-–—−]>|>=|=>")
_ARROW = re.compile(rf"[-–—−]+>|(?<=\s)[{ARROWS}](?=\s)|[{ABOVE}]")
_TIE = re.compile(rf"(?<=\s)[{TIED}](?=\s)|＝")
_UNCLEAR = re.compile(r"[≽≿⪰]|>=|=>|(?<=\s)[≥⩾](?=\s)")
_UPWARDS = re.compile(r"[≺＜≼≾⪯]|(?<=\s)(?:[<≤←⟵]|<[-–—=]+)(?=\s)")
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"()\s*(>|=|$)')
_QUOTED_OR_BARE = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^"<>=]+?))\s*(>|=|$)')
_BRACES = re.compile(r"\s*(?:\{([^{}]*)\}|([^{},]+?))\s*(?:,|$)")
_NUMBERED = re.compile(r"\s*1[.):]\s.*\s2[.):]\s", re.DOTALL)
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def parse_ballot(ballot: str) -> list[list[str]]:
    """The levels of a ballot such as ``a > b = c``, best first; none of an empty one.

    Also read are ``a -> b``, ``a → b`` and ``a ≻ b``; ``a > b ~ c``; ``a > (b = c)``; ids in double quotes;
    ``a &gt; b``; lists written as text, such as ``["a", ["b", "c"]]``; and PrefLib's ``a,{b,c}``.

    Raises
    ------
    ValueError
        If a response id is empty, as in ``a >> b``, or the text is written in a way whose meaning is not
        clear, such as ``a >= b`` or ``a < b``.

    Examples
    --------
    >>> parse_ballot("a > b = c"), parse_ballot('["a", ["b", "c"]]')
    ([['a'], ['b', 'c']], [['a'], ['b', 'c']])
    """
    text = ballot.strip()
    if not text:
        return []
    if text[0] == "1" and ">" not in text and _NUMBERED.match(text):
        raise ValueError(f"{_ranking(text)} is a numbered list; write it best first, as a > b = c")
    return _parse_unusual(text) if _UNUSUAL.search(text) else _split(text)


def _ranking(text: object) -> str:
    return f"the ranking {shortened(text)!r}"


def _split(text: str) -> list[list[str]]:
    levels = [[clean_id(name) for name in level.split("=")] for level in text.split(">")]
    _refuse_empty(text, levels)
    return levels


def _refuse_empty(text: str, levels: list[list[str]]) -> None:
    if not all(name for level in levels for name in level):
        raise ValueError(
            f"{_ranking(text)} has an empty response id; name one on each side of > and ="
        )


def _parse_unusual(text: str) -> list[list[str]]:
    """The same for a text with brackets, quotes or other signs than > and =."""
    if ">" not in text and "&" in text:
        text = _unescaped(text)
    written = _written_list(text)
    if written is not None:
        return ranking_levels(written)
    levels = _quoted_ids(text, _QUOTED) or _braces(text)
    if levels is None:
        plain = _plain_signs(text)
        levels = _quoted_ids(plain, _QUOTED_OR_BARE) or _grouped(plain)
    _refuse_empty(text, levels)
    return levels


def _unescaped(text: str) -> str:
    """Text in which > is written ``&gt;``, as in web pages, once or twice; other text as it is."""
    once = html.unescape(text)
    for candidate in (once, html.unescape(once)):
        if ">" in candidate or " < " in candidate:
            return candidate
    return text


def _written_list(text: str) -> Any:
    """A list or dictionary that JSON or Python wrote as text; None if the text is none."""
    if text[0] not in "[({" or text[-1] not in "])}":
        return None
    value = None
    try:
        value = json_value(text)
    except (ValueError, RecursionError):
        quoted = re.search(r"""['"][])},:]""", text) and not re.search(r"""['"]\s+['"]""", text)
        if quoted or (text[0] == "{" and ":" in text):
            try:
                value = ast.literal_eval(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                value = None
    if value is None and text[0] == "[" and ">" not in text and "=" not in text:
        raise ValueError(f"{_ranking(text)} is no list; {LISTS}, or a > b = c")
    return value


def _quoted_ids(text: str, pattern: re.Pattern[str]) -> list[list[str]] | None:
    """The levels of ids in double quotes, which may hold > and =; None if the text is written otherwise."""
    if '"' not in text:
        return None
    levels: list[list[str]] = [[]]
    end, sign = 0, ""
    while end < len(text):
        match = pattern.match(text, end)
        if match is None or match.end() == end:
            return None
        quoted, bare, sign = match.groups()
        levels[-1].append(clean_id(bare if quoted is None else quoted.replace('""', '"')))
        if sign == ">":
            levels.append([])
        end = match.end()
    return levels if sign == "" else None


def _braces(text: str) -> list[list[str]] | None:
    """The levels of PrefLib's ``a,{b,c},d``; None if the text is written otherwise."""
    if ">" in text or "{" not in text or "," not in text:
        return None
    levels, end = [], 0
    while end < len(text):
        match = _BRACES.match(text, end)
        if match is None or match.end() == end:
            return None
        tied, single = match.groups()
        level = [single] if tied is None else tied.split(",")
        levels.append([clean_id(name) for name in level])
        end = match.end()
    return levels if text[-1] != "," else None


def _plain_signs(text: str) -> str:
    """The text with > and = for other signs that mean the same.

    Raises
    ------
    ValueError
        If a sign is not clear or means the other direction, or several mean >.
    """
    if sign := _UPWARDS.search(text):
        raise ValueError(f"{_ranking(text)} has a {sign[0]!r}; write it best first, as a > b = c")
    if sign := _UNCLEAR.search(text):
        raise ValueError(
            f"{_ranking(text)} has {sign[0]!r}, which may be a tie or not; write > or ="
        )
    if ">" not in text and re.search(rf"\S[{ARROWS}]\S", text):
        raise ValueError(
            f"{_ranking(text)} has an arrow without blanks around it; write it best first, as a > b = c, or "
            "put an id with an arrow in double quotes"
        )
    arrow = _ARROW.search(text)
    if arrow:
        if ">" in _ARROW.sub("", text):
            raise ValueError(
                f"{_ranking(text)} has both {arrow[0]!r} and '>'; write > wherever one is above another"
            )
        text = _ARROW.sub(">", text)
    return _TIE.sub("=", text)


def _grouped(text: str) -> list[list[str]]:
    """The levels of a text where ties may be in brackets, as in ``a > (b = c)`` or ``a > {b, c}``."""
    levels = []
    for level in text.split(">"):
        inner = _without_brackets(level.strip())
        names = inner.split("=") if "=" in inner else [inner]
        if inner != level.strip() and "=" not in inner:
            names = inner.split(",")
        levels.append([clean_id(name) for name in names])
    ids = [name for names in levels for name in names]
    if any(map(_opens, ids)) and any(map(_closes, ids)):
        raise ValueError(
            f"{_ranking(text)} has brackets around several responses; use brackets for ties only, as in "
            "a > (b = c), or leave them out"
        )
    return levels


def _without_brackets(level: str) -> str:
    """A level without brackets around ties; brackets that belong to an id stay."""
    if len(level) < 2 or _PAIRS.get(level[0]) != level[-1]:
        return level
    depth = np.cumsum([(c == level[0]) - (c == level[-1]) for c in level])
    encloses = bool((depth[:-1] > 0).all())
    is_tie = "=" in level or (level[0] == "{" and "," in level)
    return level[1:-1] if encloses and is_tie else level


def _opens(name: str) -> bool:
    """Whether a name begins with a bracket that it does not close."""
    return name[:1] in _PAIRS and _PAIRS[name[0]] not in name and name[1:2].isalnum()


def _closes(name: str) -> bool:
    """Whether a name ends with a bracket that it does not open."""
    opened = (begin in name for begin, end in _PAIRS.items() if name.endswith(end))
    return not next(opened, True) and name[-2:-1].isalnum()


def is_blank(ranking: object) -> bool:
    """Whether a ranking, text or list, names nothing.

    Examples
    --------
    >>> is_blank(" "), is_blank([[]]), is_blank(["a"])
    (True, True, False)
    """
    if isinstance(ranking, str):
        return not clean_id(ranking)
    return isinstance(ranking, list | tuple) and all(
        isinstance(level, list | tuple) and len(level) == 0 for level in ranking
    )


def ranking_levels(ranking: object) -> list[list[str]]:
    """Split a ranking, text or list, into its levels, best first.

    Lists, tuples, arrays and generators are read in their order; a level may be a set.

    Raises
    ------
    ValueError
        If it names no response, an empty one, or one twice, it has no order, or its text is written in
        another way.

    Examples
    --------
    >>> ranking_levels("a > b = c"), ranking_levels([["a"], {"c", "b"}, 3])
    ([['a'], ['b', 'c']], [['a'], ['b', 'c'], ['3']])
    """
    if isinstance(ranking, str):
        levels = parse_ballot(ranking)
    else:
        levels = [_level(level) for level in _in_order(ranking)]
    names = [name for level in levels for name in level]
    if not names:
        raise ValueError("the ranking is empty; name a response, or leave the ballot out")
    if not all(names):
        raise ValueError(f"{_ranking(ranking)} has an empty response id; name it, or leave it out")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the ranking names response {twice!r} twice; name it once")
    return levels


def _in_order(ranking: object) -> Iterable[object]:
    """The levels of a ranking in any container that has an order."""
    if isinstance(ranking, list | tuple | Iterator):
        return ranking
    if isinstance(ranking, Mapping) or _is_labelled(ranking):
        raise ValueError(
            f"{_ranking(ranking)} is a dictionary, which has no order; give levels best first, as "
            '[["a"], ["b", "c"]], or a table with a column rank or score to Rankings.from_frame'
        )
    if isinstance(ranking, Set):
        raise ValueError(f"{_ranking(ranking)} is a set, which has no order; {LISTS}, best first")
    values = _listed(ranking)
    if values is None:
        raise ValueError(f"{_ranking(ranking)} is neither text nor a list; {LISTS}, best first")
    return values


def _is_labelled(values: object) -> bool:
    """Whether values are a pandas Series whose index has names: places or scores by id."""
    index = getattr(values, "index", None)
    if not hasattr(values, "items") or not hasattr(index, "tolist"):
        return False
    return any(isinstance(label, str) for label in index.tolist())  # type: ignore[union-attr]


def _listed(values: object) -> list[object] | None:
    """The values of an array, a Series or the like as a list; None if they are none."""
    listed = values.tolist() if hasattr(values, "tolist") else None
    return listed if isinstance(listed, list) else None


def _level(level: object) -> list[str]:
    """The ids of one level: tied responses, or a single one."""
    if isinstance(level, list | tuple | Iterator):
        return [_response(name) for name in level]
    if isinstance(level, Set):
        return sorted(map(_response, level))
    values = _listed(level)
    return [_response(level)] if values is None else [_response(name) for name in values]


def _response(value: object) -> str:
    if type(value) is str:
        return clean_id(value)
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value != value:
        raise ValueError(f"the ranking has {shortened(repr(value))} for a response; {LISTS}")
    return clean_id(cell_text(value))
