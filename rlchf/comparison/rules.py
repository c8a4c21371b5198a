"""How far rules differ: distances, first places, training pairs that flip, prompts where they disagree."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.numeric.chunks import TABLE, chunks
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings

KNOWN = ("kemeny", "borda", "copeland", "plurality", "instant_runoff")
"""Rules that most readers have heard of."""


@dataclass(frozen=True, eq=False)
class Distances:
    """How far each two of R rules differ.

    Attributes
    ----------
    rules
        The rules' names, similar ones next to each other: the order of the leaves of a hierarchical
        clustering by ``distance`` (average linkage).
    distance
        (R, R) Kendall's distance as a share of the pairs of responses, the mean over prompts: a pair in
        opposite orders counts 1, one that only one of the two rules ties counts 1/2.
    tau_b
        (R, R) Kendall's tau-b, the mean over the prompts on which neither rule ties everything; NaN if there
        is none.
    same_first
        (R, R) share of the prompts with the same responses in first place.
    pairs
        Number of pairs of responses, two of the same prompt.
    strict
        (R,) number of pairs that each rule does not tie: the training pairs that it makes.
    flipped
        (R, R) number of training pairs of which one rule's chosen response is the other's rejected one.
    one_sided
        (R, R) number of pairs that are a training pair of one rule and tied by the other.
    disagreement
        (P,) mean of the rules' Kendall distances on each prompt, in the order of the rankings.
    first_places
        (P,) number of different sets of first-placed responses on each prompt.
    """

    rules: list[str]
    distance: np.ndarray
    tau_b: np.ndarray
    same_first: np.ndarray
    pairs: int
    strict: np.ndarray
    flipped: np.ndarray
    one_sided: np.ndarray
    disagreement: np.ndarray
    first_places: np.ndarray

    @property
    def flipped_share(self) -> np.ndarray:
        """(R, R) flipped pairs as a share of the training pairs of both rules; NaN if there is none."""
        both = (self.strict[:, None] + self.strict - self.one_sided) / 2
        return ratio(self.flipped.astype(np.float64), both)

    def classes(self) -> list[list[str]]:
        """The rules in classes that give the same rankings; the best-known one of each comes first."""
        classes: list[list[int]] = []
        for r in range(len(self.rules)):
            same = [one for one in classes if self.distance[one[0], r] == 0]
            same[0].append(r) if same else classes.append([r])
        named = [[self.rules[r] for r in one] for one in classes]
        return [sorted(one, key=lambda rule: (rule not in KNOWN, rule)) for one in named]

    def farthest(self) -> tuple[str, str]:
        """The two rules with the most flipped pairs."""
        i, j = np.unravel_index(np.argmax(self.flipped), self.flipped.shape)
        return self.rules[int(i)], self.rules[int(j)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the figures of prompts are not among them."""
        tables = ("distance", "tau_b", "same_first", "flipped", "flipped_share", "one_sided")
        return {
            "rules": self.rules,
            "pairs": self.pairs,
            "strict": self.strict.tolist(),
            **{name: getattr(self, name).tolist() for name in tables},
        }


def distances(rankings: Rankings, results: Mapping[str, Aggregation]) -> Distances:
    """Measure how far rules differ.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.

    References
    ----------
    R. Fagin, R. Kumar, M. Mahdian, D. Sivakumar, E. Vee, "Comparing and aggregating rankings with ties",
    2004: Kendall's distance with penalty parameter 1/2. M. G. Kendall, "The treatment of ties in ranking
    problems", 1945: tau-b.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [*[("p", f"a{n}", "a > b > c") for n in range(3)], ("p", "x", "b > c > a"),
    ...            ("p", "y", "b > c > a")]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> both = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "kemeny")}
    >>> [result.ranking("p") for result in both.values()]
    [[['b'], ['a'], ['c']], [['a'], ['b'], ['c']]]
    >>> measured = distances(rankings, both)
    >>> measured.distance.round(3)
    array([[0.   , 0.333],
           [0.333, 0.   ]])
    >>> int(measured.flipped[0, 1]), measured.pairs, float(measured.tau_b[0, 1].round(3))
    (1, 3, 0.333)
    """
    names = list(results)
    R, P = len(names), rankings.n_prompts
    sums = {name: np.zeros((R, R)) for name in ("distance", "tau_b", "known", "first")}
    counts = {name: np.zeros((R, R), np.int64) for name in ("flipped", "one_sided")}
    strict, pairs = np.zeros(R, np.int64), 0
    disagreement, first_places = np.zeros(P), np.zeros(P, np.int64)
    off_diagonal = ~np.eye(R, dtype=bool)
    for prompts, ranks in _rank_tables(rankings, results):
        signs = _signs(ranks)  # (B, R, pairs)
        size = signs.shape[2]
        decided = np.abs(signs)
        agreed = signs @ signs.swapaxes(
            1, 2
        )  # (B, R, R) pairs in the same order minus flipped ones
        both = decided @ decided.swapaxes(1, 2)
        of_rule = decided.sum(axis=2)  # (B, R)
        flipped, one_sided = (both - agreed) / 2, of_rule[:, :, None] + of_rule[:, None] - 2 * both
        distance = (flipped + one_sided / 2) / size
        root = np.sqrt(of_rule[:, :, None] * of_rule[:, None])
        same = _same_first(ranks)
        sums["distance"] += distance.sum(axis=0)
        sums["tau_b"] += ratio(agreed, root, 0.0).sum(axis=0)
        sums["known"] += (root > 0).sum(axis=0)
        sums["first"] += same.sum(axis=0)
        counts["flipped"] += flipped.sum(axis=0).astype(np.int64)
        counts["one_sided"] += one_sided.sum(axis=0).astype(np.int64)
        strict += of_rule.sum(axis=0).astype(np.int64)
        pairs += size * len(prompts)
        disagreement[prompts] = distance[:, off_diagonal].mean(axis=1)
        first_places[prompts] = (same.argmax(axis=2) == np.arange(R)).sum(axis=1)
    order = cluster_order(sums["distance"] / P)
    part = np.ix_(order, order)
    return Distances(
        rules=[names[r] for r in order],
        distance=sums["distance"][part] / P,
        tau_b=ratio(sums["tau_b"], sums["known"])[part],
        same_first=sums["first"][part] / P,
        pairs=pairs,
        strict=strict[order],
        flipped=counts["flipped"][part],
        one_sided=counts["one_sided"][part],
        disagreement=disagreement,
        first_places=first_places,
    )


def cluster_order(distance: np.ndarray) -> np.ndarray:
    """(R,) an order of the rules with similar ones next to each other.

    Examples
    --------
    >>> cluster_order(np.array([[0, 0.9, 0.1], [0.9, 0, 0.8], [0.1, 0.8, 0]])).tolist()
    [0, 2, 1]
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(distance) < 3:
        return np.arange(len(distance))
    condensed = squareform(np.round((distance + distance.T) / 2, 12), checks=False)
    order = np.asarray(leaves_list(linkage(condensed, "average", optimal_ordering=True)))
    return order if order[0] <= order[-1] else order[::-1]


def first_place_names(results: Mapping[str, Aggregation], prompt_id: str) -> dict[str, list[str]]:
    """The rules that put each response, or each tied set, first on a prompt.

    Examples
    --------
    >>> import rlchf
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "a > b")])
    >>> rules = ("borda", "kemeny")
    >>> first_place_names({rule: rlchf.aggregate(rankings, rule) for rule in rules}, "p")
    {'a': ['borda', 'kemeny']}
    """
    named: dict[str, list[str]] = {}
    for rule, result in results.items():
        named.setdefault(" = ".join(result.ranking(prompt_id)[0]), []).append(rule)
    return dict(sorted(named.items(), key=lambda item: -len(item[1])))


def _rank_tables(
    rankings: Rankings, results: Mapping[str, Aggregation]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Prompts, and the (B, R, M) ranks that the rules give, in parts that fit into memory."""
    sizes = np.diff(rankings.response_starts)
    ranks = np.stack([result.response_ranks for result in results.values()])  # (R, responses)
    for M in np.unique(sizes[sizes > 1]).tolist():
        of_size = np.flatnonzero(sizes == M)
        for part in chunks(len(of_size), len(ranks) * (M * M + len(ranks)), TABLE):
            prompts = of_size[part]
            cells = rankings.response_starts[prompts][:, None] + np.arange(M)
            yield prompts, ranks[:, cells].transpose(1, 0, 2)


def _signs(ranks: np.ndarray) -> np.ndarray:
    """(B, R, pairs) 1 where the first of two responses is ranked above the other, -1 below, 0 tied."""
    i, j = np.triu_indices(ranks.shape[2], 1)
    return np.asarray(np.sign(ranks[..., j] - ranks[..., i]), dtype=np.float32)


def _same_first(ranks: np.ndarray) -> np.ndarray:
    """(B, R, R) whether two rules put the same responses first."""
    first = (ranks == 1).astype(np.float32)
    both = first @ first.swapaxes(1, 2)
    number = first.sum(axis=2)
    return np.asarray((both == number[:, :, None]) & (both == number[:, None]))
