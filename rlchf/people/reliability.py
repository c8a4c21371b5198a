"""Each annotator: agreement with others, intransitive triples, repeats, positions and time.

None of these figures says that somebody is unreliable: people of a minority agree less with others because
they have another taste.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.auditing.estimates import NONE, Estimate
from rlchf.auditing.groups import Grouping
from rlchf.numeric.chunks import chunks
from rlchf.numeric.ratios import ratio
from rlchf.people._cells import CellSums, clustered
from rlchf.people.agreement import Agreements
from rlchf.people.shown import Shown
from rlchf.people.votes import PairVotes, ballot_votes, pair_responses
from rlchf.rankings import Rankings

Texts = Mapping[str, Mapping[str, str]]
"""The texts of the responses, by prompt id and response id."""


@dataclass(frozen=True, eq=False)
class Shares:
    """A share for each annotator, as columns (A,), with a 95 % interval for other prompts.

    NaN where there is nothing to measure; an interval needs two prompts.

    Attributes
    ----------
    value, low, high
        The share and the ends of its interval.
    count
        Number of votes, pairs or triples behind it.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray


@dataclass(frozen=True, eq=False)
class Reliability:
    """Figures of each annotator, as columns (A,).

    Attributes
    ----------
    ballots, weight
        Number of ballots, and share of the weight of all ballots.
    with_others
        Share of the votes of other people that are the same as the annotator's, on the same pair.
    own_group, other_groups
        For each division into groups the same with other members of the annotator's group, and with everybody
        outside of it.
    intransitive
        Share of intransitive triples (a above b, b above c, c above a) among the triples of which the
        annotator compares all three pairs in comparisons of two. Of random comparisons it is 1/4.
    consistent
        Share of repeated votes that are the same: on pairs that the annotator compares on several ballots, of
        one prompt or of prompts with equal texts.
    first
        Share of the strict votes for the response that was shown first, where positions are known.
    seconds
        Median time of a ballot; NaN if it is not known.
    overall
        ``intransitive``, ``consistent`` and ``first`` over all annotators, with intervals for other
        annotators and other prompts.

    References
    ----------
    M. G. Kendall, B. Babington Smith, "On the method of paired comparisons", 1940, for triples.
    """

    ballots: np.ndarray
    weight: np.ndarray
    with_others: Shares
    own_group: dict[str, Shares]
    other_groups: dict[str, Shares]
    intransitive: Shares
    consistent: Shares
    first: Shares
    seconds: np.ndarray
    overall: dict[str, Estimate]


def reliability(
    agreements: Agreements,
    groupings: Mapping[str, Grouping] | None = None,
    *,
    prompts: Mapping[str, object] | None = None,
    texts: Texts | None = None,
    shown: Shown | None = None,
) -> Reliability:
    """The figures of each annotator.

    Parameters
    ----------
    groupings
        Divisions of the annotators by name.
    prompts, texts
        The prompts, and the texts of the responses; given both, prompts with equal texts count as one.
    shown
        Positions and times, where they are known.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "ann", "b > c"), ("p", "ann", "c > a")]
    >>> ballots += [("p", "bob", "a > b > c")]
    >>> found = reliability(Agreements(Rankings.from_ballots(ballots, repeats="all")))
    >>> found.intransitive.value, found.with_others.value.round(3)
    (array([ 1., nan]), array([0.667, 0.667]))
    """
    rankings, votes = agreements.rankings, agreements.votes
    own, others = {}, {}
    for title, grouping in (groupings or {}).items():
        within, outside = agreements.against_groups(grouping)
        own[title], others[title] = _same(votes, within), _same(votes, outside)
    pairs, ballots, sides, _ = ballot_votes(rankings)
    counted = ~rankings.is_reverse[ballots]
    pairs, ballots, sides = pairs[counted], ballots[counted], sides[counted]
    figures = {
        "intransitive": _triples(votes, rankings),
        "consistent": _repeats(rankings, pairs, ballots, sides, prompts, texts),
        "first": _first(rankings, pairs, ballots, sides, shown),
    }
    shares = {name: _shares(*rows, votes.n_annotators) for name, rows in figures.items()}
    counts = np.where(rankings.ballot_counts > 0, rankings.ballot_counts, 0)
    return Reliability(
        ballots=np.bincount(rankings.ballot_annotators, counts, votes.n_annotators).astype(
            np.int64
        ),
        weight=agreements.weights,
        with_others=_same(votes, agreements.sums),
        own_group=own,
        other_groups=others,
        **shares,
        seconds=np.full(votes.n_annotators, np.nan) if shown is None else shown.seconds,
        overall={name: _overall(*rows) for name, rows in figures.items()},
    )


def _same(votes: PairVotes, sums: CellSums) -> Shares:
    """The share of votes that are the same, by annotator."""
    met = np.bincount(votes.cells, minlength=len(votes.cell_annotators)) * (sums.weight > 0)
    agreed = ratio(sums.weight - sums.disagreed, sums.weight, 0.0) * met
    return _shares(votes.cell_annotators, votes.cell_prompts, agreed, met, votes.n_annotators)


def _shares(
    annotators: np.ndarray, prompts: np.ndarray, part: np.ndarray, whole: np.ndarray, n: int
) -> Shares:
    """Shares by annotator of rows, with intervals for other prompts: those of a ratio of sums by prompt."""
    from scipy.special import stdtrit

    keys, place = np.unique(
        annotators * (int(prompts.max(initial=0)) + 1) + prompts, return_inverse=True
    )
    owner = keys // (int(prompts.max(initial=0)) + 1)
    parts, wholes = np.bincount(place, part, len(keys)), np.bincount(place, whole, len(keys))
    sums, totals = np.bincount(owner, parts, n), np.bincount(owner, wholes, n)
    value = ratio(sums, totals)
    P = np.bincount(owner, wholes > 0, n)
    residuals = (parts - np.nan_to_num(value)[owner] * wholes) ** 2
    factor = ratio(P.astype(float), P - 1.0)
    # Half a prompt for and half a prompt against, so that a share of 0 or 1 has an interval too.
    spread = ratio(np.bincount(owner, residuals, n), totals**2) * factor + 0.25 * ratio(
        np.ones(n), P.astype(float) ** 2
    )
    reach = stdtrit(np.maximum(P - 1.0, 1.0), 0.975) * np.sqrt(spread)
    return Shares(
        value, np.clip(value - reach, 0, 1), np.clip(value + reach, 0, 1),
        np.round(totals).astype(np.int64),
    )  # fmt: skip


def _overall(
    annotators: np.ndarray, prompts: np.ndarray, part: np.ndarray, whole: np.ndarray
) -> Estimate:
    """The share over all rows, with its interval."""
    n = float(whole.sum())
    if not n > 0:
        return NONE
    value = float(part.sum()) / n
    z = (part - value * whole) / n
    return clustered(value, z, z, annotators, prompts, whole > 0, share=True)


Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Annotators, prompts, and the two terms of a share."""


def _triples(votes: PairVotes, rankings: Rankings) -> Rows:
    """Intransitive triples, and triples, of each annotator and prompt with comparisons of two."""
    A = len(rankings.annotator_ids)
    keys = votes.cell_prompts * A + votes.cell_annotators  # sorted
    cell_of = np.searchsorted(keys, rankings.ballot_prompts * A + rankings.ballot_annotators)
    cell_of = np.minimum(cell_of, len(keys) - 1)
    longest = np.zeros(len(keys), np.int64)
    np.maximum.at(longest, cell_of, np.diff(rankings.entry_starts))
    ballots = np.bincount(cell_of, ~rankings.is_reverse, len(keys))
    if rankings.unranked == "last":
        longest[:] = 3  # every ballot ranks all responses
    cells = np.flatnonzero((longest == 2) & (ballots > 2))
    part, whole = np.zeros(len(cells)), np.zeros(len(cells))
    sizes = np.diff(rankings.response_starts)[votes.cell_prompts[cells]]
    for M in np.unique(sizes).tolist():
        of_size = np.flatnonzero(sizes == M)
        for chunk in chunks(len(of_size), M * M, 2**22):
            rows = of_size[chunk]
            part[rows], whole[rows] = _count_triples(votes, rankings, cells[rows], M)
    return votes.cell_annotators[cells], votes.cell_prompts[cells], part, whole


def _count_triples(
    votes: PairVotes, rankings: Rankings, cells: np.ndarray, M: int
) -> tuple[np.ndarray, np.ndarray]:
    """(B,) intransitive triples and triples of cells, by products of their (M, M) tables of wins."""
    place = np.full(len(votes.cell_annotators), -1)
    place[cells] = np.arange(len(cells))
    k = np.flatnonzero((place[votes.cells] >= 0) & (votes.sides != 0))
    first, second = (
        side[votes.pairs[k]] - rankings.response_starts[votes.prompts[k]]
        for side in pair_responses(rankings)
    )
    wins = np.zeros((len(cells), M, M))
    above = votes.sides[k] > 0
    wins[place[votes.cells[k]], np.where(above, first, second), np.where(above, second, first)] = 1
    both = wins + wins.transpose(0, 2, 1)
    cyclic, complete = (np.einsum("bij,bji->b", table @ table, table) for table in (wins, both))
    return cyclic / 3, complete / 6


def _repeats(
    rankings: Rankings,
    pairs: np.ndarray,
    ballots: np.ndarray,
    sides: np.ndarray,
    prompts: Mapping[str, object] | None,
    texts: Texts | None,
) -> Rows:
    """Repeated votes that are the same, and repeated votes, of each annotator."""
    code = _codes(rankings, prompts, texts)
    first, second = (code[side[pairs]] for side in pair_responses(rankings))
    flipped = first > second
    low, high = np.where(flipped, second, first), np.where(flipped, first, second)
    annotators = rankings.ballot_annotators[ballots]
    R = len(code)
    units, place = np.unique((annotators * R + low) * R + high, return_inverse=True)
    different = low != high  # two responses of a prompt may have one text
    values = np.where(flipped, -sides, sides).astype(np.int64) + 1
    counts = np.bincount(place[different] * 3 + values[different], minlength=3 * len(units))
    counts = counts.reshape(-1, 3).astype(float)
    n = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / 2
    again = np.flatnonzero(n > 1)
    owner = units // (R * R)
    prompt = np.zeros(len(units), np.int64)
    prompt[place] = rankings.ballot_prompts[ballots]
    return owner[again], prompt[again], same[again], (n * (n - 1) / 2)[again]


def _codes(
    rankings: Rankings, prompts: Mapping[str, object] | None, texts: Texts | None
) -> np.ndarray:
    """(R,) a number for each response, the same for equal texts under prompts with equal texts."""
    if prompts is None or texts is None:
        return np.arange(len(rankings.response_ids))
    numbers: dict[tuple[str, str], int] = {}
    codes, r = [], 0
    for p, prompt_id in enumerate(rankings.prompt_ids):
        prompt = repr(prompts[prompt_id]) if prompt_id in prompts else f"id {prompt_id}"
        of_prompt = texts.get(prompt_id, {})
        for r in range(int(rankings.response_starts[p]), int(rankings.response_starts[p + 1])):
            response_id = rankings.response_ids[r]
            text = (
                repr(of_prompt[response_id])
                if response_id in of_prompt
                else f"id {prompt_id} {response_id}"
            )
            codes.append(numbers.setdefault((prompt, text), len(numbers)))
    return np.array(codes, np.int64)


def _first(
    rankings: Rankings,
    pairs: np.ndarray,
    ballots: np.ndarray,
    sides: np.ndarray,
    shown: Shown | None,
) -> Rows:
    """Strict votes for the response shown first, and strict votes on pairs whose positions are known."""
    if shown is None or len(shown.keys) == 0:
        empty = np.zeros(0)
        return empty.astype(np.int64), empty.astype(np.int64), empty, empty
    annotators = rankings.ballot_annotators[ballots]
    one, other = (shown.position(annotators, side[pairs]) for side in pair_responses(rankings))
    k = np.flatnonzero((sides != 0) & ~np.isnan(one) & ~np.isnan(other) & (one != other))
    chose = (sides[k] > 0) == (one[k] < other[k])
    return (
        annotators[k],
        rankings.ballot_prompts[ballots[k]],
        chose.astype(float),
        np.ones(len(k)),
    )
