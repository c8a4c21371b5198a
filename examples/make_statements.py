"""Make the example of votes on statements: an export of Polis, with made-up votes of two camps.

    python examples/make_statements.py

Of 120 voters 60 % are careful and 40 % frank; both agree with five statements, and each with ten of its own.
Voters see 35 to 80 % of the statements, but few see the one that asks whether a user is a child.
"""

import csv
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "statements"
COMMON = [
    "The assistant should tell the truth, and say so when it does not know.",
    "The assistant should never help anybody to hurt another person.",
    "The assistant should treat people alike, whatever they look like or believe.",
    "The assistant should explain hard things in plain words.",
    "The assistant should own up to its mistakes.",
    "The assistant should tell the truth and say so when it does not know!",
]
CAREFUL = [
    "The assistant should warn of dangers, even when nobody asks.",
    "The assistant should rather refuse once too often than help with something harmful.",
    "The assistant should send people to a doctor or a lawyer instead of advising them.",
    "The assistant should stay out of politics.",
    "The assistant should never use swear words.",
    "The assistant should check whether a user could be a child.",
    "The assistant should not joke about religion.",
    "The assistant should remind people to ask a friend before a big decision.",
    "The assistant should avoid gory details, even in stories.",
    "The assistant should speak gently to those who sound sad.",
]
FRANK = [
    "The assistant should answer the question without a lecture.",
    "The assistant should treat adults as adults, and let them take risks of their own.",
    "The assistant should say openly which side of an argument is weaker.",
    "The assistant should write dark stories if a writer wants them.",
    "The assistant should give a straight opinion when it is asked for one.",
    "The assistant should help with anything that the law allows.",
    "The assistant should criticise a bad idea, even if that hurts.",
    "The assistant should be funny, also about serious things.",
    "The assistant should leave warnings out unless somebody asks for them.",
    "The assistant should swear back if that is how somebody talks.",
]
VOTERS, FRANK_FROM = 120, 72


def made_up_votes(rng: np.random.Generator, camp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Votes (V, M) of 1, 0 and -1, and (V, M) bool whether they were cast."""
    V, M = len(camp), len(COMMON + CAREFUL + FRANK)
    rate = np.empty((2, M))
    rate[:, :6] = 0.9
    rate[0, 6:16], rate[1, 6:16] = 0.85, 0.12
    rate[0, 16:], rate[1, 16:] = 0.15, 0.85
    rate = (rate + rng.normal(0, 0.04, rate.shape)).clip(0.03, 0.97)
    seen = rng.random((V, M)) < rng.uniform(0.35, 0.8, (V, 1))
    seen[:, 11] &= rng.random(V) < 0.08
    agree = rng.random((V, M)) < rate[camp]
    votes = np.where(agree, 1, np.where(rng.random((V, M)) < 0.3, 0, -1))
    votes[:, 5] = votes[:, 0]  # the same statement twice
    return votes, seen


def main() -> None:
    """Write the three files of the export."""
    rng, texts = np.random.default_rng(7), COMMON + CAREFUL + FRANK
    camp = (np.arange(VOTERS) >= FRANK_FROM).astype(int)
    votes, seen = made_up_votes(rng, camp)
    order = rng.permutation(len(texts)).tolist()
    FOLDER.mkdir(exist_ok=True)
    head = ["participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree"]
    with (FOLDER / "participants-votes.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*head, *range(len(texts))])
        for n, v in enumerate(rng.permutation(VOTERS).tolist()):
            cells = [int(votes[v, m]) if seen[v, m] else "" for m in order]
            cast = [cell for cell in cells if cell != ""]
            writer.writerow([n, camp[v], 0, len(cast), cast.count(1), cast.count(-1), *cells])
    with (FOLDER / "comments.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["comment-id", "author-id", "agrees", "disagrees", "moderated", "comment-body"]
        )
        for n, m in enumerate(order):
            cast = votes[seen[:, m], m].tolist()
            writer.writerow([n, 0, cast.count(1), cast.count(-1), 1, texts[m]])
    (FOLDER / "summary.csv").write_text(
        "topic,How should an assistant behave?\n"
        "conversation-description,Votes made up for this example.\n"
    )


if __name__ == "__main__":
    main()
