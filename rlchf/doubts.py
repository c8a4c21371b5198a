"""Rankings in text that are read as one response and seem to name several.

An id may have commas, blanks and most other characters, so that only the other ballots tell.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from rlchf.display import shortened
from rlchf.ids import clean_id

SEPARATORS = (",", ";", "|", "/", "\n", "\t", "→", "~", "<", "-", " ")
"""What may separate responses in other notations."""
RARE = (",", ";", "|", "\n", "\t", "→")
"""Those that are rare in ids."""
SURE = (*RARE, "~", "<")
"""Those that leave little doubt where two ids have the same two parts."""

MOST = 10_000
"""How many ids are looked at that one ballot alone has: enough to notice a notation."""

_ENDS = " .,;:!/|\\-–—'\"()[]{}#"
_SUSPICIOUS = re.compile(r"[\s,;|/→~<-]|^\W|\W$")
_NUMBER = re.compile(r"^\(?\d+[.):]\s*")


def check_notation(
    source: str,
    row: Callable[[int], str],
    texts: Sequence[str | None],
    ballot_prompts: np.ndarray,
    response_ids: Sequence[str],
    entries: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Refuse rankings in a notation that is not read, or warn where that is less sure.

    Parameters
    ----------
    source, row
        The dataset's name, and a function that names the position of a ballot.
    texts
        (N,) each ballot as it is written; None for a list.
    ballot_prompts
        (N,) codes of the prompts.
    response_ids
        The ids that the codes of the entries index.
    entries
        (E,) each: the ballot, the response and the rank of each entry.

    Raises
    ------
    ValueError
        If no ranking orders anything, and two have the same parts between separators.
    """
    if not any(texts):
        return
    if len(entries[2]) == 0 or entries[2].max() == 1:
        _check_unordered(source, row, texts)
    else:
        _check_ids(source, row, texts, ballot_prompts, response_ids, entries)


def _check_unordered(source: str, row: Callable[[int], str], texts: Sequence[str | None]) -> None:
    """No ranking has a >: each names one response, or they are written in another way."""
    first: dict[str, int] = {}
    for i, text in enumerate(texts):
        if text:
            first.setdefault(text, i)
    for separator in SEPARATORS:
        seen: dict[frozenset[str], tuple[list[str], int]] = {}
        moves = False
        positions: dict[str, int] = {}
        split = {text: _parts(text, separator) for text in first}
        for text, parts in split.items():
            if len(parts) < 2:
                continue
            order, other = seen.setdefault(frozenset(parts), (parts, first[text]))
            sure = len(parts) > 2 or separator in SURE  # 2-1 and 1-2 may be results of matches
            if sure and (order != parts or ("=" in text and first[text] != other)):
                raise ValueError(
                    f"{source}, {row(first[text])}: {_sentence(text)}, but {row(other)} has the same "
                    f"parts in {shortened(texts[other])!r}; write it best first, as "
                    f"{_rewritten(text, separator)}"
                )
            moves |= any(positions.setdefault(part, k) != k for k, part in enumerate(parts))
        everywhere = moves and all(len(parts) > 1 for parts in split.values())
        doubtful = next((text for text, parts in split.items() if len(parts) > 1), None)
        if doubtful is not None and (separator in RARE or everywhere):
            warnings.warn(
                f"{source}, {row(first[doubtful])}: {_sentence(doubtful)}, as no ranking has a >; if it "
                f"names several in this order, write {_rewritten(doubtful, separator)}",
                stacklevel=5,
            )
            return


def _sentence(text: str) -> str:
    read = "as a tie" if "=" in text else "for one response"
    return f"the ranking {shortened(text)!r} is taken {read}"


def _parts(text: str, separator: str) -> list[str]:
    """The parts of a text between separators and =, if each is something and comes once."""
    if separator not in text:
        return []
    parts = [clean_id(part) for piece in text.split(separator) for part in piece.split("=")]
    return parts if all(parts) and len(set(parts)) == len(parts) else []


def _rewritten(text: str, separator: str) -> str:
    levels = [" = ".join(map(clean_id, level.split("="))) for level in text.split(separator)]
    if separator == "<":
        levels.reverse()
    return shortened((" = " if separator == "~" else " > ").join(levels))


def _check_ids(
    source: str,
    row: Callable[[int], str],
    texts: Sequence[str | None],
    ballot_prompts: np.ndarray,
    response_ids: Sequence[str],
    entries: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Warn of an id that one ballot alone has, and that is made of responses of other ballots."""
    ballots, responses, _ = entries
    known = {name: code for code, name in enumerate(response_ids)}
    alone = np.flatnonzero(np.bincount(responses, minlength=len(response_ids)) == 1)
    names = ((code, response_ids[code]) for code in alone.tolist())
    suspects = (pair for pair in names if _SUSPICIOUS.search(pair[1]))
    for code, name in islice(suspects, MOST):
        for parts in _readings(name):
            if not all(part in known for part in parts):
                continue
            ballot = int(ballots[np.argmax(responses == code)])
            on_prompt = ballot_prompts[ballots] == ballot_prompts[ballot]
            others = set(responses[on_prompt & (ballots != ballot)].tolist())
            same = set(responses[ballots == ballot].tolist())
            codes = {known[part] for part in parts}
            if texts[ballot] and codes <= others and not codes & same:
                _warn_of_id(source, row(ballot), name, parts)
                return


def _readings(name: str) -> list[list[str]]:
    """The ids that an id may be made of, read in several ways."""
    bare = clean_id(_NUMBER.sub("", name).strip(_ENDS))
    readings = [[bare]] if bare and bare != name else []
    return readings + [parts for s in SEPARATORS if len(parts := _parts(name, s)) > 1]


def _warn_of_id(source: str, row: str, name: str, parts: Sequence[str]) -> None:
    if len(parts) == 1:
        meant = f"but {parts[0]!r} on others; if it is the same, write {shortened(parts[0])}"
    else:
        meant = (
            f"but {', '.join(map(repr, parts[:3]))} on others; if it names these in this order, write "
            f"{shortened(' > '.join(parts))}"
        )
    warnings.warn(
        f"{source}, {row}: there is a response {shortened(name)!r} on this ballot alone, {meant}",
        stacklevel=6,
    )
