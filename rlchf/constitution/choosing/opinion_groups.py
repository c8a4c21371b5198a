"""Opinion groups by votes, about as Polis finds them: two principal components and k-means."""

from dataclasses import dataclass

import numpy as np

from rlchf.constitution.choosing.votes import Votes

LEAST_VOTES = 7
"""Voters with fewer votes are in no group, unless there are fewer statements."""
MOST_GROUPS = 5
STARTS = 10
ROUNDS = 100
SILHOUETTES = 2000
"""Voters, drawn at random, whose silhouettes are averaged."""


@dataclass(frozen=True, eq=False)
class OpinionGroups:
    """Groups of voters who vote alike.

    Attributes
    ----------
    labels
        (V,) each voter's group, numbered by size, the largest first; -1 for none.
    points
        (V, 2) the voters' coordinates.
    silhouette
        The mean silhouette, -1 to 1: near 0 there are no groups to speak of.
    """

    labels: np.ndarray
    points: np.ndarray
    silhouette: float


def opinion_groups(votes: Votes, seed: int = 0) -> OpinionGroups:
    """Divide voters into 2 to 5 groups, an approximation of what Polis does.

    A statement that a voter did not see counts as its mean vote. Voters are projected on the first two
    principal components, and moved away from the centre by the root of (statements / statements seen), so
    that few votes do not make somebody moderate. k-means from ten random starts divides those with seven
    votes or more; k is the one with the largest mean silhouette. Polis differs in that it divides a
    hundred small clusters rather than voters, and keeps its k until a better one lasts.

    Raises
    ------
    ValueError
        If fewer than four voters have enough votes, or they all vote the same.

    References
    ----------
    C. Small, M. Bjorkegren, T. Erkkilä, L. Shaw, C. Megill, "Polis: scaling deliberation by mapping high
    dimensional opinion spaces", 2021; P. J. Rousseeuw, "Silhouettes", 1987.

    Examples
    --------
    >>> left, right = {"a": 1, "b": 1, "c": -1}, {"a": -1, "b": -1, "c": 1}
    >>> votes = Votes.from_ballots({"p": left, "q": left, "r": left, "s": right, "t": right})
    >>> opinion_groups(votes).labels
    array([0, 0, 0, 1, 1])
    """
    V, M = votes.values.shape
    rng = np.random.default_rng(seed)
    points = _projected(votes)
    enough = np.flatnonzero(votes.seen.sum(axis=1) >= min(LEAST_VOTES, M))
    inside = points[enough]
    distinct = len(np.unique(inside.round(9), axis=0))
    if len(enough) < 4 or distinct < 2:
        raise ValueError(
            f"{votes.name or 'votes'}: {len(enough)} of {V} voters have {min(LEAST_VOTES, M)} votes or more, "
            f"with {distinct} different ways to vote, too few for opinion groups; give the groups with "
            "--annotators and --group"
        )
    sample = rng.permutation(len(inside))[:SILHOUETTES]
    best, best_score = np.zeros(len(inside), dtype=np.int64), -np.inf
    for k in range(2, min(MOST_GROUPS, distinct) + 1):
        labels = _best_of_starts(inside, k, rng)
        score = silhouette(inside[sample], labels[sample])
        if score > best_score + 1e-9:
            best, best_score = labels, score
    sizes = np.bincount(best)
    number = np.empty(len(sizes), dtype=np.int64)
    number[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    labels = np.full(V, -1)
    labels[enough] = number[best]
    return OpinionGroups(labels, points, float(best_score))


def _projected(votes: Votes) -> np.ndarray:
    """(V, 2) the voters on the first two principal components."""
    seen = votes.seen
    values = np.where(seen, votes.values, 0).astype(np.float64)
    counts = seen.sum(axis=0)
    means = values.sum(axis=0) / np.maximum(counts, 1)
    centred = np.where(seen, values - means, 0.0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    components = components[:2]
    signs = np.sign(components[np.arange(len(components)), np.abs(components).argmax(axis=1)])
    points = centred @ (components * signs[:, None]).T
    stretch = np.sqrt(values.shape[1] / np.maximum(seen.sum(axis=1), 1))
    points = points * stretch[:, None]
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))


def _best_of_starts(points: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """(N,) the labels of the start whose clusters are closest; clusters without a member are left out."""
    best, least = np.zeros(len(points), dtype=np.int64), np.inf
    for _ in range(STARTS):
        labels, distance = _k_means(points, k, rng)
        if distance < least - 1e-12:
            best, least = labels, distance
    return np.unique(best, return_inverse=True)[1].ravel()


def _k_means(points: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Labels (N,) and the sum of squared distances, from starts far apart (k-means++)."""
    centres = points[rng.integers(len(points))][None]
    while len(centres) < k:
        chances = _squares(points, centres).min(axis=1)
        centres = np.concatenate(
            [centres, points[rng.choice(len(points), 1, p=chances / chances.sum())]]
        )
    labels = np.full(len(points), -1)
    for _ in range(ROUNDS):
        squares = _squares(points, centres)
        nearest = squares.argmin(axis=1)
        if (nearest == labels).all():
            break
        labels = nearest
        sizes = np.bincount(labels, minlength=k)
        sums = np.stack([np.bincount(labels, column, k) for column in points.T], axis=1)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    return labels, float(squares.min(axis=1).sum())


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(N, k) squared distances."""
    squares: np.ndarray = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
    return squares


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """The mean silhouette of (N, 2) points: 1 where clusters are far apart; 0 for a point that is alone.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0], [9.0, 1.0]])
    >>> round(silhouette(points, np.array([0, 0, 1, 1])), 3)
    0.889
    """
    names, labels = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        return -1.0
    distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))  # (N, N)
    member = np.eye(len(names))[labels.ravel()]  # (N, G)
    sizes = member.sum(axis=0)
    sums = distances @ member
    rows = np.arange(len(points))
    own = sizes[labels]
    within = sums[rows, labels] / np.maximum(own - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    nearest = means.min(axis=1)
    longer = np.maximum(within, nearest)
    values = np.where(
        (own > 1) & (longer > 0), (nearest - within) / np.maximum(longer, 1e-300), 0.0
    )
    return float(values.mean())


def split(votes: Votes, groups: dict[str, str]) -> dict[str, np.ndarray]:
    """Each group's members, (V,) bool, by name; sorted by size, the largest first.

    Raises
    ------
    ValueError
        If the groups name no voter.
    """
    names = [groups.get(voter, "") for voter in votes.voters]
    members = {name: np.array([one == name for one in names]) for name in sorted(set(names) - {""})}
    if not members:
        raise ValueError(
            f"{votes.name or 'votes'}: the groups name none of the voters, such as {votes.voters[0]!r}"
        )
    return dict(sorted(members.items(), key=lambda item: -int(item[1].sum())))
