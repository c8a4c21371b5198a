"""The scores of the responses on a ballot: the annotators' scores, or points read off a ranking.

Where ballots came as rankings, a ballot gives each response that it ranks one point for each response
that it ranks below, and half a point for each other response that it ties with it. A missing score, or a
response that a ballot does not rank, is no opinion.
"""

from dataclasses import dataclass

import numpy as np

from rlchf.numeric.arrays import (
    Array,
    array_namespace,
    device_of,
    is_torch_array,
    segment_sum,
    to_numpy,
)
from rlchf.numeric.integer_weights import LARGEST
from rlchf.profiles import Profiles
from rlchf.rules._parts.exact_sums import NEARLY, exact_sums, round_inexact

MULTIPLES = (2, 4, 10, 100, 1000, *range(3, 65), 80, 96, 120, 125, 10_000, 100_000, 1_000_000)
CLOSE = 1e-14  # relative error of a decimal after a few operations as a float
FINE_BITS = 40
FEW = 64  # up to this number of levels, and four per response, scores are not sorted


@dataclass(frozen=True)
class Utilities:
    """Scores as integers, so that sums are exact.

    Attributes
    ----------
    whole
        (M, K) integers in float64, 0 where there is no opinion: the scores times the unit.
    given
        (M, K) bool: where a ballot has an opinion. Ballots without votes have none.
    unit
        (B,) an integer or a power of two.
    exact
        (B,) bool: whether neither scores nor votes were rounded.
    """

    whole: Array
    given: Array
    unit: Array
    exact: Array


def utilities(profiles: Profiles) -> Utilities:
    """Read the scores of a batch as multiples of a unit that the scores on a prompt have in common.

    Whole scores stay as they are; scores in tenths or thirds become whole. Scores without a common unit
    are rounded to 2^-40 of the largest.

    Examples
    --------
    >>> scores = utilities(Profiles.from_ballots([["a > b = c"]]))
    >>> (scores.whole / scores.unit).T
    array([[2. , 0.5, 0.5]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    voting, exact = profiles.integer_weights > 0, profiles.is_exact
    if profiles.scores is None:
        given = (profiles.ranks > 0) & voting
        two = xp.full((profiles.n_prompts,), 2.0, dtype=xp.float64, device=device)
        return Utilities(_points(profiles.ranks) * given, given, two, exact)
    given = ~xp.isnan(profiles.scores) & voting
    scores = xp.where(given, profiles.scores, xp.zeros_like(profiles.scores))
    arrays = _whole_scores(to_numpy(scores), profiles.starts)
    whole, unit, common = (xp.asarray(array, device=device) for array in arrays)
    return Utilities(whole, given, unit, exact & common)


def _points(ranks: Array) -> Array:
    """(M, K) two points per response ranked below, one per other response tied."""
    xp = array_namespace(ranks)
    ranked = ranks > 0
    # From -1, since the response itself counts as tied below.
    points = xp.zeros(ranks.shape, dtype=xp.int16, device=device_of(ranks)) - 1
    for j in range(ranks.shape[0]):
        below, level = ranks < ranks[j], ranks <= ranks[j]
        points += (xp.astype(below, xp.int16) + xp.astype(level, xp.int16)) * ranked[j]
    return xp.astype(points, xp.float64)


def _whole_scores(
    scores: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integers (M, K), their units (B,) and whether they are exact (B,)."""
    first, counts = starts[:-1], np.diff(starts)
    unit, exact = np.ones(len(counts)), np.ones(len(counts), dtype=bool)
    broken = ((np.rint(scores) != scores) | (np.abs(scores) >= LARGEST)).any(axis=0)
    todo = np.logical_or.reduceat(broken, first)
    if not todo.any():
        return scores, unit, exact
    for multiple in MULTIPLES:
        prompts = np.flatnonzero(todo)
        fits = np.zeros(len(counts), dtype=bool)
        # The first ballot of a prompt shows most misfits.
        fits[prompts[_near(scores[:, first[prompts]] * multiple)]] = True
        ballots = np.flatnonzero(np.repeat(fits, counts))
        off = np.zeros(scores.shape[1], dtype=bool)
        off[ballots] = ~_near(scores[:, ballots] * multiple)
        fits &= ~np.logical_or.reduceat(off, first)
        unit[fits] = multiple
        todo &= ~fits
    most = np.maximum.reduceat(np.abs(scores).max(axis=0), first)
    unit[todo] = np.ldexp(1.0, np.minimum(FINE_BITS - np.frexp(most[todo])[1], 1000))
    scaled = scores * np.repeat(unit, counts)
    whole = np.rint(scaled)
    exact[todo] = ~np.logical_or.reduceat((whole != scaled).any(axis=0), first)[todo]
    return whole, unit, exact


def _near(scaled: np.ndarray) -> np.ndarray:
    """(K,) whether all numbers in a column of (M, K) are nearly whole, and not too large."""
    size = np.abs(scaled)
    whole = (np.abs(scaled - np.rint(scaled)) <= CLOSE * size) & (size < LARGEST)
    near: np.ndarray = whole.all(axis=0)
    return near


def sums(profiles: Profiles, scores: Utilities, opinions: Array | None = None) -> Array:
    """(B, M) sums of the scores over the votes; means if ``opinions``, the votes per response, are given."""
    xp, unit = array_namespace(scores.whole), scores.unit[:, None]
    added = exact_sums(profiles, [scores.whole], 53, unit if opinions is None else unit * opinions)
    if bool(xp.all(scores.exact)):
        return added
    most = xp.max(xp.abs(scores.whole), axis=0)  # (K,)
    largest = segment_sum(most * profiles.integer_weights, profiles.starts)
    if opinions is not None:
        largest = largest / xp.clip(profiles.totals, min=1)
    return round_inexact(added, scores.exact, largest / scores.unit)


def leads(profiles: Profiles) -> Array:
    """For each level, the share of votes that score a response at the level or higher, minus the others.

    Levels are the scores in use on a prompt, from the lowest up. Shares are of the votes that have an
    opinion on the response. A response without opinions is below all levels: its leads are -1.

    Returns
    -------
    (L, M, B) float64. Quotients of whole numbers are rounded once, so equal shares are equal.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b", "a > b", "a > b", "b > a"]])
    >>> leads(profiles)[:, :, 0].T
    array([[ 1. ,  0.5],
           [ 1. , -0.5]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    scores = utilities(profiles)
    levels, L = _levels(scores, profiles)
    M, B = profiles.n_responses, profiles.n_prompts
    counts = xp.zeros((M, L * B), dtype=xp.float64, device=device)
    for i in range(M):
        votes = profiles.integer_weights * scores.given[i]
        cells = levels[i] * B + profiles.owners
        if is_torch_array(counts):
            counts[i].index_add_(0, cells, votes)
        else:
            counts[i] = np.bincount(cells, weights=votes, minlength=L * B)
    counts = xp.permute_dims(xp.reshape(counts, (M, L, B)), (1, 0, 2))
    counts = counts[xp.any(counts > 0, axis=(1, 2))]  # levels in use on some prompt
    if counts.shape[0] == 0:
        return -xp.ones((1, M, B), dtype=xp.float64, device=device)
    reached = xp.cumulative_sum(counts, axis=0)
    total = reached[-1]
    lead = (total - 2 * (reached - counts)) / xp.where(total > 0, total, xp.ones_like(total))
    lead = xp.where(total > 0, lead, -xp.ones_like(lead))
    if bool(xp.all(scores.exact)):
        return lead
    return xp.where(scores.exact, lead, xp.round(lead / NEARLY) * NEARLY)


def _levels(scores: Utilities, profiles: Profiles) -> tuple[Array, int]:
    """(M, K) int64 level of each score on its prompt, higher for more, and the number of levels."""
    xp = array_namespace(scores.whole)
    low = min(float(xp.min(scores.whole)), 0.0)
    span = int(float(xp.max(scores.whole)) - low) + 1
    if span <= FEW + 4 * profiles.n_responses:
        return xp.astype(scores.whole - low, xp.int64), span
    whole, owners = to_numpy(scores.whole), np.repeat(to_numpy(profiles.owners), len(scores.whole))
    values = whole.T.ravel()
    order = np.lexsort((values, owners))
    new = np.diff(values[order], prepend=np.nan) != 0
    new[profiles.starts[:-1] * len(whole)] = False
    steps = np.cumsum(new)
    levels = np.empty(len(order), dtype=np.int64)
    levels[order] = steps - steps[profiles.starts[:-1] * len(whole)][owners[order]]
    laid_out = np.ascontiguousarray(levels.reshape(whole.T.shape).T)
    return xp.asarray(laid_out, device=device_of(scores.whole)), int(levels.max()) + 1


def number_behind(better: Array) -> Array:
    """(B, M) the number of responses ranked below; ``better`` is (M, M, B), positive for i over j."""
    xp = array_namespace(better)
    return xp.sum(xp.astype(better > 0, xp.float64), axis=1).T
