"""Rank correlation between annotators: tau-b of every two of them, and Kendall's W of all together."""

import numpy as np

from rlchf.numeric.segments import offsets
from rlchf.people.votes import PairVotes
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

LOOKED_AT = 3_000
"""Prompts with ballots that leave out responses, on which tau-b is looked at; of more, so many are drawn."""

BALLOTS = 300
"""Ballots of such a prompt that are looked at, likewise."""


def tau_sums(
    votes: PairVotes, labels: np.ndarray | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The sums behind mean tau-b: of each annotator on each prompt with all others there.

    Tau-b of two ballots is over the responses that both rank, and is not defined if one of them ties all of
    these. Ballots of a prompt that rank the same responses are summed in closed form, others pair by pair; of
    prompts with the latter some are drawn if they are many.

    Parameters
    ----------
    labels
        (A,) groups of the annotators; given them, only members of one group are compared. Below 0 is none.

    Returns
    -------
    (C,) the sum over the others of weight times tau-b, and that of the weights; each times the weight of the
    ballot itself.

    References
    ----------
    M. G. Kendall, "The treatment of ties in ranking problems", 1945.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "b > a > c"), ("p", "eve", "a > b = c")]
    >>> sums, weights = tau_sums(PairVotes.of(Rankings.from_ballots(ballots)))
    >>> (sums / weights).round(3)
    array([0.575, 0.167, 0.408])
    """
    C = len(votes.cell_annotators)
    sizes = np.bincount(votes.cells, minlength=C)
    strict = np.bincount(votes.cells, np.abs(votes.sides), C)
    weights = np.bincount(votes.cells, votes.weights, C) / np.maximum(sizes, 1)
    groups = np.zeros(C, np.int64) if labels is None else labels[votes.cell_annotators]
    counted = (strict > 0) & (groups >= 0)
    places, place = np.unique(
        votes.cell_prompts * (groups.max(initial=0) + 1) + np.maximum(groups, 0),
        return_inverse=True,
    )
    same = _same_pairs(votes, sizes)[votes.cell_prompts]
    sums, wholes = _closed(
        votes, place, len(places), np.where(counted & same, weights, 0.0), strict
    )
    first = offsets(sizes)
    for cells in _cells_of_prompts(votes, np.flatnonzero(counted & ~same), seed):
        _pair_by_pair(votes, cells, first, weights, groups, (sums, wholes))
    return sums, wholes


def _same_pairs(votes: PairVotes, sizes: np.ndarray) -> np.ndarray:
    """(P,) whether all ballots of a prompt compare the same pairs."""
    voted = sizes > 0
    distinct = np.zeros(votes.n_pairs, dtype=bool)
    distinct[votes.pairs] = True
    prompt_of = np.zeros(votes.n_pairs, np.int64)
    prompt_of[votes.pairs] = votes.prompts
    n = np.bincount(prompt_of[distinct], minlength=votes.n_prompts)
    least = np.full(votes.n_prompts, np.iinfo(np.int64).max)
    np.minimum.at(least, votes.cell_prompts[voted], sizes[voted])
    return np.asarray(least >= n)


def _closed(
    votes: PairVotes, place: np.ndarray, n: int, weights: np.ndarray, strict: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The sums of cells whose ballots rank the same responses: tau-b is then a product of unit vectors."""
    C = len(place)
    unit = votes.sides / np.sqrt(np.maximum(strict, 1e-300))[votes.cells]
    w = weights[votes.cells]
    codes, code = np.unique(place[votes.cells] * votes.n_pairs + votes.pairs, return_inverse=True)
    of_pairs = np.bincount(code, w * unit, len(codes))
    own = weights / _people(votes)  # a person itself is left out
    totals = np.bincount(votes.cells, unit * of_pairs[code], C) - own
    wholes = np.bincount(place, weights, n)[place] - own
    alone = np.bincount(place, (weights > 0) * _people(votes), n)[place] < 1.5
    factor = np.where(alone, 0.0, weights)
    return factor * totals, factor * np.maximum(wholes, 0.0)


def _people(votes: PairVotes) -> np.ndarray:
    """(C,) the number of people for whom each cell stands."""
    people = np.ones(len(votes.cell_annotators))
    people[votes.cells] = votes.people
    return people


def _cells_of_prompts(votes: PairVotes, cells: np.ndarray, seed: int) -> list[np.ndarray]:
    """Cells by prompt, of some prompts and with some ballots of each if there are many."""
    rng = np.random.default_rng(seed)
    prompts = votes.cell_prompts[cells]
    order = np.argsort(prompts, kind="stable")
    parts = np.split(cells[order], np.flatnonzero(np.diff(prompts[order])) + 1)
    parts = [part for part in parts if len(part) > 1]
    if len(parts) > LOOKED_AT:
        parts = [parts[k] for k in np.sort(rng.choice(len(parts), LOOKED_AT, replace=False))]
    return [
        np.sort(rng.choice(part, BALLOTS, replace=False)) if len(part) > BALLOTS else part
        for part in parts
    ]


def _pair_by_pair(
    votes: PairVotes,
    cells: np.ndarray,
    first: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
    into: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add tau-b of every two cells of a prompt over the pairs that both compare."""
    sizes = first[cells + 1] - first[cells]
    rows = np.repeat(np.arange(len(cells)), sizes)
    k = np.concatenate([np.arange(first[c], first[c + 1]) for c in cells])
    _, column = np.unique(votes.pairs[k], return_inverse=True)
    sides = np.zeros((len(cells), int(column.max()) + 1), np.float32)
    compared = np.zeros_like(sides)
    sides[rows, column], compared[rows, column] = votes.sides[k], 1.0
    strict = np.abs(sides) @ compared.T  # [a, b]: strict pairs of a that b compares
    norms = np.sqrt(strict * strict.T)
    defined = (norms > 0) & (groups[cells][:, None] == groups[cells])
    np.fill_diagonal(defined, False)
    tau = np.where(defined, sides @ sides.T / np.where(defined, norms, 1.0), 0.0)
    w = weights[cells]
    into[0][cells] += w * (tau @ w)
    into[1][cells] += w * (defined @ w)


def kendalls_w(rankings: Rankings, annotators: np.ndarray | None = None) -> np.ndarray:
    """Kendall's coefficient of concordance W, with the correction for ties, of each prompt.

    Counted are ballots that rank all responses of their prompt, each once whatever its weight.

    Parameters
    ----------
    annotators
        (A,) bool, whose ballots count; by default everybody's.

    Returns
    -------
    (P,) from 0 to 1 (all ballots are the same); NaN where fewer than two such ballots are, or all of them tie
    all responses.

    References
    ----------
    M. G. Kendall, B. Babington Smith, "The problem of m rankings", 1939.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "b > a > c"), ("p", "eve", "a > b = c")]
    >>> kendalls_w(Rankings.from_ballots(ballots)).round(4)
    array([0.6364])
    """
    found = np.full(rankings.n_prompts, np.nan)
    for prompts, profiles in rankings.profiles(small=True):
        first, counts = rankings.ballot_starts[prompts], np.diff(profiles.starts)
        ballots = np.arange(int(counts.sum())) + np.repeat(first - profiles.starts[:-1], counts)
        m = rankings.ballot_counts[ballots] * (profiles.ranks > 0).all(axis=0)
        if annotators is not None:
            m = m * annotators[profiles.annotators]
        found[prompts] = _w(profiles, m.astype(float))
    return found


def _w(profiles: Profiles, m: np.ndarray) -> np.ndarray:
    """(B,) W, each ballot counted (K,) times."""
    ranks, M = profiles.ranks, profiles.n_responses
    owners = np.repeat(np.arange(profiles.n_prompts), np.diff(profiles.starts))

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(owners, m * values, profiles.n_prompts)

    squares, ties = np.zeros(profiles.n_prompts), np.zeros(len(m))
    for i in range(M):
        tied = (ranks == ranks[i]).sum(axis=0)  # itself included
        squares += sums((ranks < ranks[i]).sum(axis=0) + (tied + 1) / 2) ** 2
        ties += tied**2 - 1.0
    n = sums(np.ones(len(m)))
    part = 12 * squares - 3 * n**2 * M * (M + 1) ** 2
    whole = n**2 * M * (M**2 - 1) - n * sums(ties)
    found = np.full(profiles.n_prompts, np.nan)
    np.divide(part, whole, out=found, where=(n > 1.5) & (whole > 0.5))
    return found
