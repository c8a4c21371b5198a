"""A flood of near-clones of one response."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rlchf.axioms.manipulation.outcomes import Criterion, Decision, agreement
from rlchf.axioms.manipulation.report import (
    EXAMPLES,
    NEARLY,
    Example,
    Manipulation,
    Tries,
    order_text,
    summary,
)
from rlchf.axioms.manipulation.search import drawn_prompts
from rlchf.numeric.ranks import dense_ranks
from rlchf.numeric.ratios import ratio
from rlchf.options import checked
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings, as_rankings
from rlchf.rules import Rule


def clone_flood(
    rankings: Rankings | Any,
    rule: str | Rule = "kemeny",
    *,
    copies: int = 3,
    noise: float = 0.1,
    criterion: Criterion = "pairs",
    prompts: int = 200,
    ties: str | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Manipulation:
    """How often near-clones of a response raise it, and what that does to the voters.

    On each prompt a response that is not the only first one is drawn. Its copies stand next to it on every
    ballot that names it, in random order; with the probability ``noise`` a copy is one place further up or
    down. Afterwards the best of the response and its copies counts as the response. Here the manipulator is
    the author of the response, who gains if more of the other responses are below it ("pairs"), or if its
    share of first place rises ("first"); all voters are the others.

    Parameters
    ----------
    copies
        Number of copies.
    noise
        Probability that a copy is a place away.
    rankings, rule, criterion, prompts, ties, seed, progress, options
        As for `rlchf.axioms.manipulation.one_voter`.

    References
    ----------
    T. N. Tideman, "Independence of clones as a criterion for voting rules", 1987.

    Examples
    --------
    >>> ballots = ["a > b > c"] * 3 + ["b > c > a"] * 2
    >>> poll = Rankings.from_ballots([("p", k, ballot) for k, ballot in enumerate(ballots)])
    >>> found = clone_flood(poll, "borda", noise=0.0, criterion="first", seed=1)
    >>> found.examples[0].who, found.examples[0].before, found.examples[0].after
    (['a'], 'b > a > c', 'a > b > c')
    """
    rankings = as_rankings(rankings)
    decision = Decision.by(rule, ties, seed, options)
    checked(Criterion, criterion, "criterion")
    if not 1 <= copies <= 1000:
        raise ValueError(f"copies is {copies}; give a number from 1 to 1000")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise is {noise}; give a number from 0 to 1")
    rng = np.random.default_rng((seed, 23))
    rankings = rankings.subset(drawn_prompts(rankings, prompts, rng))
    batches, parts = list(rankings.profiles()), []
    for done, (numbers, profiles) in enumerate(batches, start=1):
        before = decision.ranks(profiles)
        copied = _losers(before, rng)
        flooded = with_clones(profiles, copied, copies, noise, rng)
        after = _joined(decision.ranks(flooded), copied, profiles.n_responses)
        parts.append(_tries(rankings, numbers, profiles, (before, after), copied, criterion))
        if progress is not None:
            progress(done, len(batches))
    return summary(Tries.joined(parts), decision.name, "clones", criterion)


def with_clones(
    profiles: Profiles, copied: np.ndarray, copies: int, noise: float, rng: np.random.Generator
) -> Profiles:
    """The batch with copies of one response of each prompt, behind its other responses.

    Parameters
    ----------
    copied
        (B,) the response.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c", "c > b"]])
    >>> ranks = with_clones(profiles, np.array([0]), 1, 0.0, np.random.default_rng(0)).ranks
    >>> sorted(ranks[[0, 3], 0].tolist()), ranks[:, 1].tolist()
    ([1, 2], [0, 2, 1, 0])
    """
    ranks = profiles.ranks
    M, K = ranks.shape
    owners = np.asarray(profiles.owners)
    rows = copied[owners], np.arange(K)
    away = np.where(rng.random((copies, K)) < noise, rng.choice([-1.0, 1.0], (copies, K)), 0.0)
    places = ranks[rows] + away + rng.uniform(-0.45, 0.45, (copies, K))
    keys = np.concatenate([ranks.astype(np.float64), np.where(ranks[rows] > 0, places, 0.0)])
    left_out = keys.T == 0
    keys = np.where(left_out, np.inf, keys.T)  # (K, M + copies)
    dense = dense_ranks(np.arange(0, keys.size + 1, M + copies), [-keys.ravel()])
    dense = np.where(left_out, 0, dense.reshape(keys.shape))

    def copy(values: np.ndarray | None) -> np.ndarray | None:
        return (
            None if values is None else np.concatenate([values, np.tile(values[rows], (copies, 1))])
        )

    return replace(
        profiles,
        ranks=np.ascontiguousarray(dense.T.astype(np.int16)),
        scores=copy(profiles.scores),
        approvals=copy(profiles.approvals),
    )


def _losers(before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B,) a response of each prompt that is not the only first one, drawn at random."""
    alone = (before == 1) & ((before == 1).sum(axis=1, keepdims=True) == 1)
    return np.asarray(np.where(alone, -1.0, rng.random(before.shape)).argmax(axis=1))


def _joined(after: np.ndarray, copied: np.ndarray, M: int) -> np.ndarray:
    """(B, M) the outcome on the responses, where the best copy stands for the one that is copied."""
    B, rows = len(copied), np.arange(len(copied))
    joined = after[:, :M].copy()
    joined[rows, copied] = np.minimum(after[rows, copied], after[:, M:].min(axis=1))
    ranks = dense_ranks(np.arange(0, B * M + 1, M), [-joined.ravel().astype(np.float64)])
    return ranks.reshape(B, M)


def _standing(outcomes: np.ndarray, copied: np.ndarray, criterion: Criterion) -> np.ndarray:
    """(B,) how well an outcome serves the author of a response, from 0 to 1."""
    own = outcomes[np.arange(len(copied)), copied][:, None]
    if criterion == "first":
        return np.asarray((own[:, 0] == 1) / (outcomes == 1).sum(axis=1))
    others = outcomes.shape[1] - 1
    below, tied = (outcomes > own).sum(axis=1), (outcomes == own).sum(axis=1) - 1
    return np.asarray((below + tied / 2) / others)


def _tries(
    rankings: Rankings,
    prompts: np.ndarray,
    profiles: Profiles,
    outcomes: tuple[np.ndarray, np.ndarray],
    copied: np.ndarray,
    criterion: Criterion,
) -> Tries:
    before, after = outcomes
    gains = _standing(after, copied, criterion) - _standing(before, copied, criterion)
    owners, weights = np.asarray(profiles.owners), profiles.weights
    total = np.bincount(owners, weights, len(copied))

    def voters(outcome: np.ndarray) -> np.ndarray:
        values = agreement(profiles.ranks, outcome[owners], criterion)
        return ratio(np.bincount(owners, weights * values, len(copied)), total)

    honest = voters(before)
    damage = honest - voters(after)
    examples = []
    succeeded = np.flatnonzero(gains > NEARLY)
    for b in succeeded[np.argsort(-damage[succeeded], kind="stable")][:EXAMPLES].tolist():
        names = rankings.responses(rankings.prompt_ids[prompts[b]])
        texts = [order_text(ranks[b], names) for ranks in outcomes]
        examples.append(
            Example(
                prompt=rankings.prompt_ids[prompts[b]],
                who=[names[copied[b]]],
                honest="",
                cast="",
                before=texts[0],
                after=texts[1],
                gain=float(gains[b]),
                damage=float(damage[b]),
            )
        )
    return Tries(gains, damage, honest, examples)
