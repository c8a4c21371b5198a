"""The ballots by which manipulators gain most, and what they do to the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.axioms.manipulation.ballots import own_orders, rearrangements, with_ballots
from rlchf.axioms.manipulation.outcomes import Criterion, Decision, agreement
from rlchf.axioms.manipulation.report import EXAMPLES, NEARLY, Example, Tries, order_text
from rlchf.numeric.chunks import chunks
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import offsets, ranges
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

BUDGET = 2**23
"""Ranks of the copies of prompts that are decided together."""


@dataclass(frozen=True)
class Cases:
    """Who manipulates together.

    Attributes
    ----------
    prompts
        (n,) the prompt of each case, as an index into the batch.
    owners, ballots
        (J,) the case and the ballot of each manipulator; those of a case lie together, and the first of them
        is the one whose order is rearranged.
    """

    prompts: np.ndarray
    owners: np.ndarray
    ballots: np.ndarray

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def leaders(self) -> np.ndarray:
        """(n,) the first ballot of each case."""
        return np.asarray(self.ballots[np.searchsorted(self.owners, np.arange(len(self)))])

    def part(self, cases: np.ndarray) -> "Cases":
        """Some of the cases."""
        counts = np.bincount(self.owners, minlength=len(self))
        members = ranges(offsets(counts)[:-1][cases], counts[cases])
        owners = np.repeat(np.arange(len(cases)), counts[cases])
        return Cases(self.prompts[cases], owners, self.ballots[members])


def best_orders(
    decision: Decision,
    profiles: Profiles,
    before: np.ndarray,
    cases: Cases,
    criterion: Criterion,
    *,
    alike: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The order that serves the manipulators of each case best, of those that are tried.

    Parameters
    ----------
    before
        (B, M) the outcomes without manipulation.
    alike
        Whether the manipulators may also cast the first one's order as it is.

    Returns
    -------
    (n,) by how much their agreement with the outcome rises, by weight, 0 if it does not; and (n, M) the
    order, the first one's own if it does not.
    """
    gains, orders = np.zeros(len(cases)), own_orders(profiles.ranks[:, cases.leaders])
    named = (profiles.ranks[:, cases.leaders] > 0).sum(axis=0)
    for m in np.unique(named).tolist():
        places = rearrangements(m)
        if alike:
            places = np.concatenate([np.arange(m)[None], places])
        places = np.hstack([
            places, np.tile(np.arange(m, orders.shape[1]), (len(places), 1))
        ])  # fmt: skip
        if not len(places):
            continue
        chosen = np.flatnonzero(named == m)
        size = profiles.ranks.size / profiles.n_prompts  # ranks of a copy of a prompt
        for chunk in chunks(len(chosen), min(len(places) * size, BUDGET), BUDGET):
            part = chosen[chunk]
            own = orders[part]
            for some in chunks(len(places), len(part) * size, BUDGET):
                tried = own[:, places[some]]  # (n, D, M)
                values = _gains(decision, profiles, before, cases.part(part), tried, criterion)
                best = values.argmax(axis=1)
                rows = np.arange(len(part))
                rises = values[rows, best] > gains[part] + NEARLY
                gains[part[rises]] = values[rows, best][rises]
                orders[part[rises]] = tried[rows, best][rises]
    return gains, orders


def _gains(
    decision: Decision,
    profiles: Profiles,
    before: np.ndarray,
    cases: Cases,
    tried: np.ndarray,
    criterion: Criterion,
) -> np.ndarray:
    """(n, D) by how much the agreement of each case's manipulators rises with each order."""
    n, D, M = tried.shape
    members = np.repeat(np.arange(len(cases.owners)), D)
    owners = (cases.owners[:, None] * D + np.arange(D)).ravel()
    ballots = cases.ballots[members]
    copies = with_ballots(
        profiles, np.repeat(cases.prompts, D), owners, ballots, tried.reshape(-1, M)[owners]
    )
    after = decision.ranks(copies)
    weights, ranks = profiles.weights, profiles.ranks
    own = agreement(ranks[:, cases.ballots], before[cases.prompts[cases.owners]], criterion)
    risen = agreement(ranks[:, ballots], after[owners], criterion) - own[members]
    total = np.bincount(owners, weights[ballots], n * D)
    return ratio(np.bincount(owners, weights[ballots] * risen, n * D), total).reshape(n, D)


def tries(
    decision: Decision,
    rankings: Rankings,
    prompts: np.ndarray,
    profiles: Profiles,
    before: np.ndarray,
    cases: Cases,
    found: tuple[np.ndarray, np.ndarray],
    criterion: Criterion,
) -> Tries:
    """What the best orders do to the people who do not manipulate.

    Parameters
    ----------
    prompts
        (B,) the prompts of the batch, as indices into those of the rankings.
    found
        What `best_orders` found.
    """
    gains, orders = found
    cast = with_ballots(profiles, cases.prompts, cases.owners, cases.ballots, orders[cases.owners])
    after = decision.ranks(cast)
    counts = np.diff(profiles.starts)[cases.prompts]
    columns = ranges(profiles.starts[cases.prompts], counts)
    owner = np.repeat(np.arange(len(cases)), counts)
    weights = profiles.weights[columns].copy()
    weights[
        offsets(counts)[cases.owners] + cases.ballots - profiles.starts[cases.prompts[cases.owners]]
    ] = 0
    total = np.bincount(owner, weights, len(cases))

    def others(outcomes: np.ndarray) -> np.ndarray:
        values = agreement(profiles.ranks[:, columns], outcomes[owner], criterion)
        return ratio(np.bincount(owner, weights * values, len(cases)), total)

    honest = others(before[cases.prompts])
    damage = honest - others(after)
    examples = []
    succeeded = np.flatnonzero(gains > NEARLY)
    for c in succeeded[np.argsort(-damage[succeeded], kind="stable")][:EXAMPLES].tolist():
        p, ballots = int(prompts[cases.prompts[c]]), cases.ballots[cases.owners == c]
        names = rankings.responses(rankings.prompt_ids[p])
        cell = offsets(counts)[c] + ballots[0] - profiles.starts[cases.prompts[c]]
        examples.append(
            Example(
                prompt=rankings.prompt_ids[p],
                who=[rankings.annotator_ids[a] for a in profiles.annotators[ballots]],
                honest=order_text(profiles.ranks[:, ballots[0]], names),
                cast=order_text(cast.ranks[:, cell], names),
                before=order_text(before[cases.prompts[c]], names),
                after=order_text(after[c], names),
                gain=float(gains[c]),
                damage=float(damage[c]),
            )
        )
    return Tries(gains, damage, honest, examples)


def drawn_prompts(rankings: Rankings, most: int, rng: np.random.Generator) -> np.ndarray:
    """Some prompts with at least two responses, drawn at random, in their order.

    Raises
    ------
    ValueError
        If there is none, or the number is below 1.
    """
    if most < 1:
        raise ValueError(f"prompts is {most}; give 1 or more")
    possible = np.flatnonzero(np.diff(rankings.response_starts) > 1)
    if not len(possible):
        raise ValueError(f"{rankings.source}: no prompt has two responses")
    return np.sort(rng.choice(possible, min(most, len(possible)), replace=False))


def nearest(profiles: Profiles, leader: int, size: int) -> np.ndarray:
    """A ballot and those of its prompt that disagree with it about the fewest pairs, ``size`` in all.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c", "c > b > a", "a > c > b"]])
    >>> nearest(profiles, 0, 2)
    array([0, 2])
    """
    prompt = int(np.searchsorted(profiles.starts, leader, side="right")) - 1
    ballots = np.arange(profiles.starts[prompt], profiles.starts[prompt + 1])
    ranks = profiles.ranks[:, ballots]
    outcome = np.where(profiles.ranks[:, leader] > 0, profiles.ranks[:, leader], ranks.max() + 1)
    alike = agreement(ranks, np.tile(outcome, (len(ballots), 1)), "pairs")
    alike[leader - ballots[0]] = 2
    return np.asarray(ballots[np.argsort(-alike, kind="stable")][:size])


def members_of(groups: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(J,) owners and ballots of several groups of ballots."""
    sizes = [len(group) for group in groups]
    return np.repeat(np.arange(len(groups)), sizes), np.concatenate(groups)
