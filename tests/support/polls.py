"""Votes on statements with known answers, and files that hold them."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rlchf.constitution.choosing.votes import Votes

Ballots = dict[str, dict[str, int]]
SAYINGS = (
    "truth", "care", "freedom", "order", "work", "rest", "music", "silence", "speed", "patience", "cities",
    "forests", "rivers", "roads", "books", "games", "bread", "salt", "winter", "summer",
)  # fmt: skip


def two_camps(large: int = 60, small: int = 40, each: int = 10, against: int = 0) -> Ballots:
    """Two camps, each of which agrees with statements of its own; ``against`` is its vote on the others'."""
    ballots: Ballots = {}
    for v in range(large + small):
        camp = int(v >= large)
        ballots[f"v{v:03}"] = {
            f"{'ab'[side]}{n}": 1 if side == camp else against
            for side in (0, 1)
            for n in range(each)
        }
    return ballots


def texts_of(ballots: Ballots) -> dict[str, str]:
    """A text of its own for each statement."""
    statements = sorted({s for votes in ballots.values() for s in votes})
    return {s: f"Answers should praise {SAYINGS[n]}." for n, s in enumerate(statements)}


def hidden(ballots: Ballots, share: float, seed: int = 0) -> Ballots:
    """The same votes, a share of which was never cast."""
    rng = np.random.default_rng(seed)
    return {
        voter: {s: vote for s, vote in votes.items() if rng.random() >= share}
        for voter, votes in ballots.items()
    }


def camps_of(votes: Votes, large: int = 60) -> dict[str, np.ndarray]:
    """The camps of `two_camps` as opinion groups."""
    members = np.array([int(voter[1:]) < large for voter in votes.voters])
    return {"large": members, "small": ~members}


def polis_export(
    folder: Path, ballots: Ballots, texts: Mapping[str, str], groups: Mapping[str, str]
) -> Path:
    """An export of Polis; statements are numbered in the order of the texts."""
    folder.mkdir(parents=True)
    number = {s: str(n) for n, s in enumerate(texts)}
    with (folder / "participants-votes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        head = ["participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree"]
        writer.writerow([*head, *number.values()])
        for n, (voter, votes) in enumerate(ballots.items()):
            values = list(votes.values())
            counts = [len(values), values.count(1), values.count(-1)]
            cells = [votes.get(s, "") for s in number]
            writer.writerow([n, groups.get(voter, ""), 0, *counts, *cells])
    with (folder / "comments.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["comment-id", "author-id", "agrees", "disagrees", "moderated", "comment-body"]
        )
        for s, text in texts.items():
            cast = [votes[s] for votes in ballots.values() if s in votes]
            writer.writerow([number[s], 0, cast.count(1), cast.count(-1), 1, text])
    return folder
