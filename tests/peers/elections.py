"""The elections in ``tests/peers/elections.json``, and what pref_voting and abcvoting say of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from rlchf import Profiles
from tests.peers.notation import levels_of, numbers
from tests.support.profiles import Case, together

FILE = Path(__file__).parent / "elections.json"
KINDS = ("strict", "weak", "approvals", "grades")


@dataclass(frozen=True)
class Election:
    """The ballots as they are written, as arrays, and what the peers say: an answer by column."""

    text: str
    case: Case
    answers: dict[str, str | None]
    scores: np.ndarray | None = None  # (M, V)


def election(kind: str, text: str, answers: dict[str, str | None]) -> Election:
    parts = [part.rpartition("*") for part in text.split()]
    counts = np.array([float(count or 1) for count, _, _ in parts])
    ballots = [ballot for _, _, ballot in parts]
    if kind == "grades":
        scores = np.array([numbers(ballot) for ballot in ballots], dtype=np.float64).T
        ranks = np.stack([np.unique(-one, return_inverse=True)[1] + 1 for one in scores.T], axis=1)
        return Election(text, Case(ranks.astype(np.int16), counts), answers, scores)
    levels = [[numbers(b)] if kind == "approvals" else levels_of(b) for b in ballots]
    m = 1 + max(i for ballot in levels for level in ballot for i in level)
    ranks = np.zeros((m, len(ballots)), dtype=np.int16)
    for v, ballot in enumerate(levels):
        for rank, level in enumerate(ballot, 1):
            ranks[level, v] = rank
    return Election(text, Case(ranks, counts), answers)


@cache
def elections(kind: str) -> list[Election]:
    part = json.loads(FILE.read_text())[kind]
    return [
        election(kind, text, dict(zip(part["columns"], answers, strict=True)))
        for text, *answers in part["rows"]
    ]


def batches(kind: str) -> Iterator[tuple[list[Election], Profiles]]:
    """The elections of one kind, those with equally many responses together.

    The kind "filled" is "weak" with what a ballot does not rank tied behind what it ranks.
    """
    if kind == "filled":
        for group, profiles in batches("weak"):
            last = profiles.ranks.max(axis=0) + np.int16(1)
            yield group, replace(profiles, ranks=np.where(profiles.ranks, profiles.ranks, last))
        return
    for m in sorted({one.case.m for one in elections(kind)}):
        group = [one for one in elections(kind) if one.case.m == m]
        profiles = together([one.case for one in group])
        if kind == "grades":
            parts = [one.scores for one in group if one.scores is not None]
            profiles = replace(profiles, scores=np.concatenate(parts, axis=1))
        yield group, profiles
