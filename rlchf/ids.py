"""Ids of prompts, annotators, responses and groups: how values become text, and which texts are one id."""

import hashlib
import unicodedata

_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
_WIDTHS = "".join(
    map(chr, range(0x2000, 0x2010))
)  # blanks of many widths, none, marks of direction
ENDS = _BLANKS + _WIDTHS + "\u00ad\u2060\ufeff"  # and soft hyphens, joiners, byte-order marks
"""What does not belong to an id at its ends."""


def clean_id(text: str) -> str:
    """An id without blanks and invisible characters at its ends, in Unicode's composed form (NFC).

    Examples
    --------
    >>> clean_id(" x\\u00a0"), clean_id("cafe\\u0301") == "caf\\u00e9", clean_id("a  b")
    ('x', True, 'a  b')
    """
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text.strip(ENDS))


def cell_text(value: object) -> str:
    """Write a value as text: whole numbers without a fraction, nothing as an empty text.

    Examples
    --------
    >>> [cell_text(value) for value in ("007", 7, 7.0, 7.5, True, None)]
    ['007', '7', '7', '7.5', 'true', '']
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def id_number(text: str) -> int:
    """A number below 2**64 that stands for an id, for seeds of random draws; the same on every machine.

    Examples
    --------
    >>> id_number("p1")
    17745680053102999587
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
